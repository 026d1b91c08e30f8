"""One's own pictures: a flat folder, or one folder a class."""

import hashlib
import os
import struct
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfgen.data import levels
from tfgen.data.picture import Form, fitted
from tfgen.data.picture import depth as picture_depth
from tfgen.data.sources import Source, build
from tfgen.data.store import Chunk, store

EXTENSIONS = (
    ".bmp .gif .jfif .jpeg .jpg .jp2 .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split()
)
_CHUNK = 256
# What Pillow raises for damaged files; a broken PNG chunk is a SyntaxError there.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class Listing(NamedTuple):
    """Files of pictures with their labels."""

    paths: list[Path]
    labels: np.ndarray | None
    class_names: tuple[str, ...] | None


def folder(path: str, split: str, form: Form, limit: int) -> Source:
    """The pictures below `path`, in sorted order.

    Pictures directly in the folder have no labels. Otherwise each sub-folder with pictures is a
    class, numbered in sorted order. Where `path` has the sub-folders `train` and `test`, the split
    names a sub-folder, and "all" is both; elsewhere `RandomState(0).permutation` of the sorted
    files decides which tenth is "test". Files without a picture's extension and hidden files are
    passed over; pictures that cannot be decoded are left out and listed in `notes`.

    Args:
        path: The folder.
        split: "train", "test" or "all", or a sub-folder beside `train` and `test`.
        form: Size and channels; RGB where it leaves the channels open.
        limit: Bytes of decoded images past which they are kept in the cache folder.

    Raises:
        FileNotFoundError: No such folder.
        ValueError: Unknown split, no pictures, none that can be decoded, or pictures of several
            sizes without `image_size`.
    """
    root = Path(path).expanduser()
    name = f"folder:{path}"
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(f"Data set {name!r}: the folder {root} {what}.")
    form = replace(form, channels=form.channels or 3)
    listing = _split_listing(root, name, split)
    if not listing.paths:
        raise ValueError(
            f"Data set {name!r}, split {split!r}: no pictures found. Expected files ending in "
            f"{' '.join(EXTENSIONS)}, directly in the folder or in one folder a class."
        )
    stored = loaded(root, listing, form, limit, name)
    return build(
        name,
        split,
        stored.arrays,
        listing.class_names,
        stored.failures,
        stored.fingerprint,
        form.value_range is not None,
    )


def loaded(root: Path, listing: Listing, form: Form, limit: int, name: str):
    """The pictures of a listing and their labels, as `tfgen.data.store.store` keeps them.

    Raises:
        ValueError: None can be decoded.
    """
    stored = store(
        _key(root, listing, form),
        len(listing.paths),
        lambda: _chunks(root, listing, form, name),
        limit,
        f"Decoding {name}",
    )
    if len(stored.arrays["image"]) == 0:
        raise ValueError(
            f"Data set {name!r}: none of the {len(listing.paths)} pictures could be decoded. "
            f"The first: {stored.failures[0]}."
        )
    return stored


def _split_listing(root, name, split):
    parts = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if {"train", "test"} <= set(parts):
        if split != "all" and split not in parts:
            raise ValueError(f"Data set {name!r} has no split {split!r}. Its splits: all, {parts}.")
        # One numbering of the classes for all splits.
        classes = _classes(root / "train") or _classes(root / "test")
        wanted = ["train", "test"] if split == "all" else [split]
        listings = [_listed(root / part, name, classes) for part in wanted]
        labels = [p.labels for p in listings]
        return Listing(
            [path for p in listings for path in p.paths],
            None if any(part is None for part in labels) else np.concatenate(labels),
            tuple(classes) or None,
        )
    if split not in ("train", "test", "all"):
        raise ValueError(
            f"Data set {name!r} has no split {split!r}. Its splits are: train, test, all; "
            "sub-folders named train and test would be used as such."
        )
    whole = _listed(root, name, _classes(root))
    if split == "all" or not whole.paths:
        return whole
    order = np.random.RandomState(0).permutation(len(whole.paths))
    num_train = len(order) - min(max(1, round(len(order) / 10)), len(order) - 1)
    rows = np.sort(order[:num_train] if split == "train" else order[num_train:])
    labels = None if whole.labels is None else whole.labels[rows]
    return Listing([whole.paths[row] for row in rows], labels, whole.class_names)


def _is_picture(path):
    hidden = path.name.startswith(".")
    return not hidden and path.suffix.lower() in EXTENSIONS and path.is_file()


def pictures(root: Path) -> list[Path]:
    """Pictures below `root`, hidden folders left out, in an order that no file system decides."""
    found = [p for p in root.rglob("*") if _is_picture(p)]
    visible = [p for p in found if not any(s.startswith(".") for s in p.relative_to(root).parts)]
    return sorted(visible, key=lambda p: p.relative_to(root).as_posix())


def _classes(root):
    """Names of the sub-folders that hold pictures, sorted; empty for a flat folder."""
    folders = (p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    return sorted(p.name for p in folders if any(_is_picture(q) for q in p.rglob("*")))


def _listed(root, name, classes):
    flat = sorted(p for p in root.iterdir() if _is_picture(p))
    if flat and classes:
        raise ValueError(
            f"Data set {name!r}: {root} holds pictures ({flat[0].name}, ...) beside folders of "
            f"pictures ({classes[0]}, ...). Use either a flat folder or one folder a class."
        )
    if not classes:
        return Listing(flat, None, None)
    extra = sorted(set(_classes(root)) - set(classes))
    if extra:
        raise ValueError(
            f"Data set {name!r}: {root} has the class folders {extra}, which the training split "
            f"lacks. It has {classes}."
        )
    paths, labels = [], []
    for number, class_name in enumerate(classes):
        found = pictures(root / class_name) if (root / class_name).is_dir() else []
        paths += found
        labels += [number] * len(found)
    return Listing(paths, np.array(labels, np.int32), tuple(classes))


def _key(root, listing, form):
    digest = hashlib.sha256(repr((str(root.resolve()), form, listing.class_names)).encode())
    for path in listing.paths:
        status = path.stat()
        entry = (path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns)
        digest.update(repr(entry).encode())
    return f"folder-{digest.hexdigest()[:32]}"


def _chunks(root, listing, form, name) -> Iterator[Chunk]:
    """Decodes in parallel, in order, a bounded number of pictures at a time."""
    size, first_path, depths = None, None, []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(listing.paths), _CHUNK):
            paths = listing.paths[first : first + _CHUNK]
            images, rows, failures = [], [], []
            with warnings.catch_warnings():
                # The bound of `tfgen.data.picture` is an error, of which Pillow only warns.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                results = list(pool.map(lambda p: _decoded(p, form), paths))
            for row, (result, depth) in enumerate(results):
                shown = paths[row].relative_to(root).as_posix()
                depths += [] if depth is None else [depth]
                if result is None:
                    continue
                if isinstance(result, str):
                    failures.append(f"{shown}: {result}")
                    continue
                if size is None:
                    size, first_path = result.shape, shown
                if result.shape != size:
                    raise ValueError(
                        f"Pictures differ in size: {first_path} is {size[0]}x{size[1]}, {shown} is "
                        f"{result.shape[0]}x{result.shape[1]}. Pass image_size to bring them to "
                        "one."
                    )
                images.append(result)
                rows.append(first + row)
            labels = None if listing.labels is None else listing.labels[rows]
            none = np.empty((0, 1, 1, 1), np.uint8)
            yield Chunk(np.stack(images) if images else none, labels, failures)
    if form.value_range is None:
        levels.examine_depths(name, depths)


def _decoded(path, form):
    """(the image, or why there is none; its depth); no image where white is not known."""
    try:
        with Image.open(path) as picture:
            depth = picture_depth(picture)
            if depth is not None and depth.white is None and form.value_range is None:
                return None, depth
            return fitted(picture, form), depth
    except UNREADABLE as error:
        return f"{type(error).__name__}: {error}".replace(str(path), path.name), None
