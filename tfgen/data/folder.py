"""One's own pictures: a flat folder, or one folder a class."""

import hashlib
import os
import struct
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tfgen.data import levels
from tfgen.data.layout import EXTENSIONS, Listing, split_listing
from tfgen.data.picture import Form, fitted
from tfgen.data.picture import depth as picture_depth
from tfgen.data.sources import Source, build
from tfgen.data.store import Chunk, store

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


def folder(path: str, split: str, form: Form, limit: int) -> Source:
    """The pictures below `path`, in sorted order.

    Pictures directly in the folder have no labels. Otherwise each sub-folder with pictures is a
    class, numbered in sorted order, and has all its pictures in one place.

    Sub-folders train, val (valid, validation) and test, in any letter case, are splits: the split
    names one, and "all" is train and test, or all where one of these lacks. Classes are numbered as
    in the training split; one that it lacks is refused. Sub-folders trainA, trainB, testA, testB
    are splits of two domains. Without sub-folders that are splits,
    `RandomState(0).permutation` of the sorted files decides which tenth is "test".

    Links are followed. Hidden files are passed over; pictures that are of another kind than
    `EXTENSIONS`, too large, or cannot be decoded are left out and listed in `notes`.

    Args:
        path: The folder.
        split: "train", "test" or "all", or a sub-folder beside `train` and `test`, in any case.
        form: Size and channels; RGB where it leaves the channels open.
        limit: Bytes of decoded images past which they are kept in the cache folder.

    Raises:
        FileNotFoundError: No such folder.
        ValueError: Unknown split, sub-folders that may be splits or classes, no pictures, none
            that can be decoded, or pictures of several sizes without `image_size`.
    """
    root = Path(path).expanduser()
    name = f"folder:{path}"
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(f"Data set {name!r}: the folder {root} {what}.")
    form = replace(form, channels=form.channels or 3)
    listing = split_listing(root, name, split)
    if not listing.paths:
        seen = (
            f", {len(listing.passed)} passed over ({listing.passed[0]})" if listing.passed else ""
        )
        raise ValueError(
            f"Data set {name!r}, split {split!r}: no pictures found{seen}. Expected files ending "
            f"in {' '.join(EXTENSIONS)}, directly in the folder or in one folder a class."
        )
    stored = loaded(root, listing, form, limit, name)
    return build(
        name,
        split,
        stored.arrays,
        listing.class_names,
        (*listing.passed, *stored.failures),
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


def _key(root, listing, form):
    digest = hashlib.sha256(repr((str(root.resolve()), form, listing.class_names)).encode())
    for path in listing.paths:
        status = path.stat()
        # The time of change too: a copy may keep the size and the time of modification.
        times = (status.st_mtime_ns, status.st_ctime_ns)
        entry = (os.path.relpath(path, root), status.st_size, times)
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
                shown = os.path.relpath(paths[row], root)
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
