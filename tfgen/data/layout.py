"""How a folder of pictures is divided into splits and classes, and which files are passed over.

What is not understood is refused: two splits taken for two classes would train without a word.
"""

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

EXTENSIONS = (
    ".apng .avif .bmp .gif .j2k .jfif .jpe .jpeg .jpg .jp2 .pbm .pgm .png .pnm .ppm .tga .tif "
    ".tiff .webp"
).split()
SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")
_DOMAIN = re.compile(r"(train|val|test)[ab]", re.IGNORECASE)
_LIKE_SPLIT = re.compile(
    r"(.*[_\W])?(train(ing)?|val(id(ation)?)?|test(ing)?|dev|eval)([ab\d]|[_\W].*)?", re.IGNORECASE
)
# Pictures that nothing here reads.
_UNREAD = (
    ".ai .arw .cr2 .cr3 .dcm .dng .eps .exr .hdr .heic .heif .ico .jxl .jxr .nef .orf .psd .qoi "
    ".raf .raw .rw2 .svg .xcf"
).split()
# What lies beside pictures, and is none.
_BESIDE = ".csv .html .json .jsonl .log .md .ndjson .parquet .pdf .txt .xml .yaml .yml .zip".split()


class Listing(NamedTuple):
    """Files of pictures with their labels, and one line about each that is passed over."""

    paths: list[Path]
    labels: np.ndarray | None
    class_names: tuple[str, ...] | None
    passed: tuple[str, ...] = ()


def split_listing(root: Path, name: str, split: str) -> Listing:
    """The pictures of one split, as `tfgen.data.folder.folder` says.

    Raises:
        ValueError: There is no such split, or sub-folders that are neither clearly splits nor
            clearly classes.
    """
    parts = [p.name for p in _folders(root)]
    domains = [part for part in parts if _DOMAIN.fullmatch(part)]
    splits = [part for part in parts if part.lower() in SPLITS]
    splits.sort(key=lambda part: SPLITS.index(part.lower()))  # Training first.
    if domains or splits:
        return _of_parts(root, name, split, domains, splits, set(parts) - {*domains, *splits})
    if split not in ("train", "test", "all"):
        raise ValueError(
            f"Data set {name!r} has no split {split!r}. Its splits are: train, test, all; "
            "sub-folders named train, val and test would be used as such."
        )
    classes = _classes(root)
    like = [part for part in classes if _LIKE_SPLIT.fullmatch(part)]
    if like:
        raise ValueError(
            f"Data set {name!r}: {root} has the folders {like}, which look like splits and not "
            "like classes. Rename splits to train, val and test, and classes to other words."
        )
    whole = _listed(root, root, name, classes)
    if split == "all" or not whole.paths:
        return whole
    order = np.random.RandomState(0).permutation(len(whole.paths))
    num_train = len(order) - min(max(1, round(len(order) / 10)), len(order) - 1)
    rows = np.sort(order[:num_train] if split == "train" else order[num_train:])
    if not len(rows):
        raise ValueError(
            f"Data set {name!r} holds one picture, and split {split!r} none of it: use split 'all'."
        )
    labels = None if whole.labels is None else whole.labels[rows]
    if labels is not None and split == "train":
        lacking = [n for k, n in enumerate(classes) if k not in labels]
        if lacking:
            warnings.warn(
                f"Data set {name!r}: no picture of {lacking} is in split 'train', all of them are "
                "in the tenth that is 'test'. Add pictures, or make sub-folders train and test.",
                stacklevel=2,
            )
    return whole._replace(paths=[whole.paths[row] for row in rows], labels=labels)


def pictures(root: Path) -> list[Path]:
    """Pictures below `root`, hidden folders left out, in an order that no file system decides."""
    return _below(root, root)[0]


def _of_parts(root, name, split, domains, splits, others):
    """Of a folder whose sub-folders are splits, or the two domains of each split."""
    others = sorted(part for part in others if _holds_pictures(root / part))
    flat = sorted(p.name for p in root.iterdir() if _is_picture(p))
    beside = [*flat, *(others if len(splits) < 2 else []), *(splits if domains else [])]
    if beside:
        raise ValueError(
            f"Data set {name!r}: {root} has {(domains or splits)[0]!r}, which is a split, beside "
            f"{beside[0]!r}, which is none. Move one of them away, or rename it."
        )
    if domains and _DOMAIN.fullmatch(split) is None:
        raise ValueError(
            f"Data set {name!r} has two domains, {domains}. Write 'pairs:{name}' for both, or "
            f"one of them as the split. Received: {split!r}."
        )
    known: dict[str, str] = {}
    for part in domains + splits + others:
        if known.setdefault(part.lower(), part) != part:
            raise ValueError(
                f"Data set {name!r}: {part!r} and {known[part.lower()]!r} in {root} are one split."
            )
    if split.lower() not in known and split != "all":
        raise ValueError(
            f"Data set {name!r} has no split {split!r}. Its splits: all, {list(known.values())}."
        )
    # One numbering of the classes for all splits.
    found = {part: _classes(root / part) for part in domains + splits}
    classes = found[splits[0] if splits else known[split.lower()]]
    classes = classes or next((c for c in found.values() if c), [])
    for part in splits:
        extra = sorted(set(found[part]) - set(classes))
        if extra:
            raise ValueError(
                f"Data set {name!r}: {root / part} has the class folders {extra}, which the "
                f"training split lacks. It has {classes}."
            )
    tests = [part for part in splits if part.lower().startswith("test")]
    whole = [splits[0], *tests] if tests and splits[0] not in tests else splits
    wanted = whole if split == "all" else [known[split.lower()]]
    listings = []
    for part in wanted:
        own = found.get(part, _classes(root / part))
        listings.append(_listed(root, root / part, name, classes if own else []))
    unlabelled = [part for part, one in zip(wanted, listings, strict=True) if one.labels is None]
    if 0 < len(unlabelled) < len(wanted):
        raise ValueError(
            f"Data set {name!r}, split 'all': {unlabelled[0]!r} has no class folders and others "
            "have. Use the splits one by one."
        )
    return Listing(
        [path for one in listings for path in one.paths],
        None if unlabelled else np.concatenate([one.labels for one in listings]),
        None if unlabelled else tuple(classes),
        tuple(note for one in listings for note in one.passed),
    )


def _listed(top, root, name, classes):
    """Of a flat folder, or of one folder a class; `classes` number them."""
    flat = sorted(p for p in root.iterdir() if _is_picture(p))
    if flat and classes:
        raise ValueError(
            f"Data set {name!r}: {root} holds pictures ({flat[0].name}, ...) beside folders of "
            f"pictures ({classes[0]}, ...). Use either a flat folder or one folder a class."
        )
    passed = [note for p in sorted(root.iterdir()) for note in _passed(p, top)]
    if not classes:
        # What lies in folders without one picture that is read.
        passed += [note for p in _folders(root) for note in _below(p, top)[1]]
        return Listing(flat, None, None, tuple(passed))
    paths, labels = [], []
    for number, class_name in enumerate(classes):
        if not (root / class_name).is_dir():
            continue
        found, notes = _below(root / class_name, top)
        _refuse_nested(root / class_name, found, name)
        paths += found
        passed += notes
        labels += [number] * len(found)
    for other in _folders(root):
        passed += [] if other.name in classes else _below(other, top)[1]
    return Listing(paths, np.array(labels, np.int32), tuple(classes), tuple(passed))


def _refuse_nested(folder, found, name):
    inside = sorted({p.parent.relative_to(folder).as_posix() for p in found})
    steps = {step.lower() for place in inside for step in place.split("/")}
    if len(inside) > 1 or steps & set(SPLITS):
        shown = ", ".join(["itself" if place == "." else place for place in inside][:3])
        raise ValueError(
            f"Data set {name!r}: the class folder {folder} holds pictures in {len(inside)} places "
            f"({shown}). A class has one folder: move them into it, or give a folder further down "
            "as the data set if these are the classes or splits."
        )


def _below(folder, top) -> tuple[list[Path], list[str]]:
    """Pictures below a folder, in sorted order, and notes of what is passed over."""
    found, passed = [], []
    for path in _files(folder, top, passed):
        if _is_picture(path):
            found.append(path)
        else:
            passed += _passed(path, top)
    return sorted(found, key=lambda p: p.relative_to(folder).as_posix()), passed


def _files(folder, top, passed) -> Iterator[Path]:
    """Visible files below a folder, also by way of links, which never lead round in a circle."""
    for place, folders, files in os.walk(folder, followlinks=True):
        kept = []
        for one in sorted(folders):
            if one.startswith("."):
                continue
            if _leads_up(Path(place, one)):
                passed += _passed(Path(place, one), top)
            else:
                kept.append(one)
        folders[:] = kept
        yield from (Path(place, file) for file in sorted(files) if not file.startswith("."))


def _passed(path, top):
    """A line about a picture that is passed over; none about another file."""
    ending, shown = path.suffix.lower(), path.relative_to(top).as_posix()
    if path.name.startswith(".") or ending in _BESIDE or _is_picture(path):
        return []
    if path.is_dir():
        return [f"{shown}: a link that leads back up"] if _leads_up(path) else []
    if not path.is_file():
        return [f"{shown}: a link to a file that is not there"] if path.is_symlink() else []
    if ending not in _UNREAD:
        try:
            with Image.open(path):
                pass
        except Exception:  # Whatever a reader says of a file that is not its own.
            return []
    return [f"{shown}: files ending in {ending or 'nothing'} are not read, save it as PNG or JPEG"]


def _is_picture(path):
    hidden = path.name.startswith(".")
    return not hidden and path.suffix.lower() in EXTENSIONS and path.is_file()


def _holds_pictures(folder):
    return any(_is_picture(path) for path in _files(folder, folder, []))


def _classes(root):
    """Names of the sub-folders that hold pictures, sorted; empty for a flat folder."""
    return [p.name for p in _folders(root) if _holds_pictures(p)]


def _folders(root):
    """Visible sub-folders, sorted by name; links that lead back up are none."""
    folders = (p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    return sorted(p for p in folders if not _leads_up(p))


def _leads_up(path):
    if not path.is_symlink():
        return False
    real, here = os.path.realpath(path), os.path.realpath(path.parent)
    return os.path.commonpath([real, here]) == real
