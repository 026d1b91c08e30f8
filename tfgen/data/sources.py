"""A data set as arrays with random access over rows.

Random access is what makes the order of examples a pure function of (seed, step): nothing is ever
"the next example of a stream".
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tfgen.construct import NUMBER_CLASSES, label_fix
from tfgen.data import levels

MAX_CHANNELS = 4
_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True, eq=False)
class Source:
    """One split of one data set.

    Args:
        name: What it was asked for as, such as "mnist-5k".
        split: "train", "test", "all", or a split of tensorflow-datasets.
        arrays: Name -> array or read-only memory map, all with one first axis: `image` (N, H, W, C)
            uint8 in 0 .. 255 or float32 in [-1, 1], perhaps `label` (N,) int32, perhaps others.
        fingerprint: SHA-256 over the arrays' contents, in hexadecimal.
        class_names: One name a label, or None.
        notes: What a reader of a run should know, such as pictures that could not be read.
        second: A second domain, whose images come as `image_b` in an order of their own; size and
            order of this source are those of the first.
    """

    name: str
    split: str
    arrays: Mapping[str, np.ndarray]
    fingerprint: str
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    second: "Source | None" = None

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.arrays["image"])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.arrays["image"].shape[1:]

    @property
    def num_classes(self) -> int | None:
        """Number of classes: of the names, else the largest label + 1; None without labels."""
        if self.class_names is not None:
            return len(self.class_names)
        return int(self.arrays["label"].max()) + 1 if "label" in self.arrays else None

    @property
    def training(self) -> bool:
        """Whether this is (a part of) the training split, and so shuffled by default."""
        return self.split.startswith("train")


def array(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    name: str = "array",
    split: str = "train",
    class_names: Sequence[str] | None = None,
    value_range: tuple[float, float] | None = None,
    **others,
) -> Source:
    """A `Source` from plain arrays.

    Args:
        images: (N, H, W, C) or (N, H, W); uint8 in 0 .. 255, floats in [-1, 1], or any numbers with
            `value_range`.
        labels: (N,) non-negative integers, or None.
        name: Name for reports.
        split: "train" (shuffled by default) or another name (in order by default).
        class_names: One name a label.
        value_range: The values of black and white, such as (0, 1) for masks or (0, 4095) for 12
            bits; None for 0 and 255 of uint8, -1 and 1 of floats.
        **others: Further arrays by name with N rows, which come with each batch as they are.

    Raises:
        ValueError: Wrong shape or dtype, no images, NaN, values outside the range, floats that
            never go below 0, uint8 of 0 and 1 only, or labels that do not fit the images.
    """
    class_names = _named(class_names)
    image = _images(_array(images), value_range)
    arrays = {"image": image}
    if labels is not None:
        arrays["label"] = _labels(np.asarray(labels), len(image), class_names)
    for key, value in others.items():
        arrays[key] = _rows(key, np.asarray(value), len(image))
    return build(name, split, arrays, class_names, range_known=value_range is not None)


def build(
    name: str,
    split: str,
    arrays: dict[str, np.ndarray],
    class_names: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    known_fingerprint: str | None = None,
    range_known: bool = False,
) -> Source:
    """A `Source` over arrays already in their final form, which become read-only views.

    Every source passes here, and its values are looked at once as a whole, unless `range_known`:
    they were, or the user has named black and white.

    Raises:
        ValueError: There are no examples, or as `tfgen.data.levels.examine`.
    """
    if len(arrays["image"]) == 0:
        raise ValueError(f"Data set {name!r}, split {split!r}: it is empty (0 images).")
    if not range_known:
        levels.examine(name, arrays["image"])
    views = {}
    for key, value in arrays.items():
        views[key] = value.view()
        views[key].flags.writeable = False
    digest = known_fingerprint or fingerprint(views)
    return Source(name, split, MappingProxyType(views), digest, _named(class_names), tuple(notes))


def _named(class_names):
    """The names as a tuple, each once."""
    if class_names is None:
        return None
    names = () if isinstance(class_names, str) else tuple(class_names)
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"`class_names` must be one text a class, such as ['cat', 'dog']. "
            f"Received: {class_names!r}."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"`class_names` must differ. More than one class is {twice[0]!r}.")
    return names


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and contents, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        value = arrays[name]
        digest.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        rows = max(1, _CHUNK_BYTES // max(1, value[:1].nbytes))
        for first in range(0, len(value), rows):
            part = np.ascontiguousarray(value[first : first + rows])
            # Object arrays hold pointers, not contents.
            plain = part.dtype.kind != "O"
            digest.update(part.data.cast("B") if plain else repr(part.tolist()).encode())
    return digest.hexdigest()


def _images(images, value_range):
    if images.ndim == 3 and images.shape[-1] in (1, 3, 4) and len(images) > 4:
        raise ValueError(
            f"Images must have shape (N, H, W, C). Received: {images.shape}, which looks like one "
            "picture: pass images[np.newaxis]; for narrow grey ones images[..., np.newaxis]."
        )
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise ValueError(
            "Images must have shape (N, H, W, C) or, for grey ones, (N, H, W). "
            f"Received: {images.shape}."
        )
    if len(images) == 0:
        raise ValueError(f"There are no images: the array has shape {images.shape}.")
    if images.shape[-1] > MAX_CHANNELS:
        raise ValueError(
            f"Images must have their channels last, at most {MAX_CHANNELS} of them. Received shape "
            f"{images.shape}; if channels come first, pass images.transpose(0, 2, 3, 1)."
        )
    if images.dtype.kind not in "fuib":
        raise ValueError(
            "Images must be uint8 in 0 .. 255 or floats in [-1, 1]. "
            f"Received dtype {images.dtype}: pass an array of numbers."
        )
    if value_range is not None:
        _refuse_infinite(images)
        try:
            dtype = np.uint8 if images.dtype == np.uint8 else np.float32
            return levels.scaled(images, levels.pair(value_range), dtype)
        except ValueError as error:
            raise ValueError(f"Images: {str(error).removesuffix('.')}.") from error
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        low, high = int(images.min()), int(images.max())
        fix = levels.remedy(low, high)
        if low >= 0 and high <= 255 and (high == 0 or high >= levels.DARK):
            fix = "if 0 is black and 255 white, pass images.astype('uint8'), else " + fix
        raise ValueError(
            "Images must be uint8 in 0 .. 255 or floats in [-1, 1]. "
            f"Received dtype {images.dtype} with values {low} .. {high}: {fix}."
        )
    return _in_range(images)


def _array(images):
    """The array of what is given as pictures."""
    if isinstance(images, np.ma.MaskedArray) and np.ma.is_masked(images):
        raise ValueError("Images are a masked array: say what is there, images.filled(value).")
    try:
        return np.asarray(images)
    except ValueError as error:
        raise ValueError(
            "Images have different shapes: bring them to one and np.stack them, or put their files "
            f"into a folder and use 'folder:PATH' with image_size ({error})."
        ) from error


def _refuse_infinite(images):
    flat = images.reshape(len(images), -1)
    unusable = ~np.isfinite(flat).all(axis=1)
    if unusable.any():
        raise ValueError(
            f"{unusable.sum()} of {len(images)} images hold NaN or infinity, the first is image "
            f"{unusable.argmax()}. Remove or repair them."
        )


def _in_range(images):
    _refuse_infinite(images)
    flat = images.reshape(len(images), -1)
    outside = (np.abs(flat) > 1).any(axis=1)
    if outside.any():
        low, high = flat.min(), flat.max()
        fix = levels.remedy(low, high)
        if low >= 0 and levels.DARK <= high <= 255:
            fix = f"pass them as uint8, or images / 127.5 - 1; else {fix}"
        elif low < 0:
            fix = f"scale them first, or {fix}"
        raise ValueError(
            f"Float images must lie in [-1, 1]. Received values from {low:g} to {high:g}; "
            f"{outside.sum()} of {len(images)} images go outside: {fix}."
        )
    return images.astype(np.float32, copy=False)


def _labels(labels, count, class_names):
    fix = label_fix(labels.dtype.kind, labels.shape)
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"Labels must be integers 0, 1, 2, .... Received dtype {labels.dtype}: {fix}."
        )
    if labels.ndim != 1:
        raise ValueError(f"Labels must have shape (N,). Received: {labels.shape}: {fix}.")
    labels = class_numbers(_rows("label", labels, count))
    if class_names is not None and labels.max() >= len(class_names):
        raise ValueError(
            f"The largest label is {labels.max()}, but there are {len(class_names)} class names."
        )
    return labels


def class_numbers(labels: np.ndarray) -> np.ndarray:
    """Labels of any type of integers as int32, in which no class becomes another.

    Raises:
        ValueError: One below 0, or past what int32 can hold.
    """
    if labels.min() < 0:
        raise ValueError(f"Labels must not be negative. Received a smallest one of {labels.min()}.")
    if labels.max() > np.iinfo(np.int32).max:
        raise ValueError(
            f"Labels must be class numbers below 2^31. Received a largest one of {labels.max()}: "
            f"{NUMBER_CLASSES}."
        )
    return labels.astype(np.int32, copy=False)


def _rows(name, value, count):
    if value.ndim < 1 or len(value) != count:
        raise ValueError(
            f"{name!r} must have one row an image, {count} rows. Received shape: {value.shape}."
        )
    return value
