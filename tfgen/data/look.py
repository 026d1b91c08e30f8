"""What a folder of pictures holds, before anything is trained on it."""

import hashlib
import os
import statistics
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tfgen.data.folder import UNREADABLE
from tfgen.data.layout import EXTENSIONS, split_listing
from tfgen.data.picture import Form, fitted

THUMBNAIL = 48
SHOWN = 96
# A picture whose channels differ by this much at one pixel in a hundred has colours.
_TINT, _TINTED = 16, 0.01


@dataclass(frozen=True)
class Look:
    """What `look` found.

    Args:
        folder: As it was given.
        classes: Name -> number of pictures that can be read, in the order of their numbers; empty
            for a flat folder.
        count: Pictures that can be read.
        train: How many of them are in the split `train`.
        sizes: (width, height) -> how many pictures have it, as they are shown.
        coloured: Pictures that are not grey.
        broken: One line about each file that cannot be read or is passed over.
        copies: The file and the earlier one that has the same pixels, for each such pair.
        thumbnails: The first pictures of each class, (N, 48, 48, 3) uint8.
        thumbnail_labels: The class of each of these, (N,); zeros for a flat folder.
    """

    folder: str
    classes: dict[str, int]
    count: int
    train: int
    sizes: Counter
    coloured: int
    broken: tuple[str, ...]
    copies: tuple[tuple[str, str], ...]
    thumbnails: np.ndarray
    thumbnail_labels: np.ndarray

    @property
    def side(self) -> int:
        """The median of the shorter sides."""
        sides = [min(size) for size, number in self.sizes.items() for _ in range(number)]
        return int(statistics.median_low(sides))


def look(folder: str, progress: Callable[[int], object] | None = None) -> Look:
    """Reads every picture of a folder once; what is read is not kept but for some thumbnails.

    Args:
        folder: Flat, with a folder a class, or with these below `train` and `test`.
        progress: Called with 1 after each picture.

    Raises:
        FileNotFoundError: No such folder.
        ValueError: No picture that can be read, or a layout that `folder:` does not take.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(f"{folder}: {what}. Expected a folder of pictures.")
    whole = split_listing(root, f"folder:{folder}", "all")
    train = {*split_listing(root, f"folder:{folder}", "train").paths}
    if not whole.paths:
        raise ValueError(
            f"{folder}: there are no pictures here. Expected files ending in "
            f"{' '.join(EXTENSIONS)}, directly in the folder or in one folder a class."
        )
    labels = [0] * len(whole.paths) if whole.labels is None else whole.labels.tolist()
    seen: dict[bytes, str] = {}
    sizes: Counter = Counter()
    counts: Counter = Counter()
    broken, copies, kept = [*whole.passed], [], []
    in_train = coloured = 0
    most = max(1, SHOWN // max(1, len(set(labels))))
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        # The bound of `tfgen.data.picture` is an error, of which Pillow only warns.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for path, label, one in zip(whole.paths, labels, pool.map(_read, whole.paths), strict=True):
            name = path.relative_to(root).as_posix()
            if progress:
                progress(1)
            if isinstance(one, str):
                broken.append(f"{name}: {one}")
                continue
            size, digest, tinted, thumbnail = one
            sizes[size] += 1
            coloured += tinted
            in_train += path in train
            if digest in seen:
                copies.append((name, seen[digest]))
            seen.setdefault(digest, name)
            counts[label] += 1
            if counts[label] <= most:
                kept.append((thumbnail, label))
    if not kept:
        total = len(whole.paths)
        raise ValueError(f"{folder}: none of {total} pictures can be read. The first: {broken[0]}.")
    names = whole.class_names or ()
    return Look(
        folder,
        {name: counts[number] for number, name in enumerate(names)},
        sum(counts.values()),
        in_train,
        sizes,
        coloured,
        tuple(broken),
        tuple(copies),
        np.stack([thumbnail for thumbnail, _ in kept]),
        np.array([label for _, label in kept]),
    )


def _read(path):
    """(size, digest of the pixels, whether it has colours, thumbnail), or why it cannot be read."""
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            pixels = fitted(upright, Form(channels=3))
            thumbnail = fitted(Image.fromarray(pixels), Form(THUMBNAIL, 3))
    except UNREADABLE as error:
        return f"{type(error).__name__}: {error}".replace(str(path), path.name)
    digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
    spread = thumbnail.max(-1).astype(int) - thumbnail.min(-1)
    return upright.size, digest, bool((spread >= _TINT).mean() >= _TINTED), thumbnail
