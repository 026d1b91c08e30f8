"""The real pictures that a model is measured against, read in batches as often as needed."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen import data
from tfgen.construct import parameters
from tfgen.data.sources import Source
from tfgen.step import as_batch


@dataclass(frozen=True)
class Reference:
    """One split of real pictures, always in the same order.

    Args:
        name, split, fingerprint, size: As of a `tfgen.data.Source`.
        image_shape: (H, W, C).
        keys: What a batch holds: "image", perhaps "label" and others.
        make: Batch size -> an iterator of dict batches of arrays; images float32 in [-1, 1].
        preparation: What was done to the pictures, such as {"binarize": "threshold"}.
        source: The source itself, where there is one.
        second: The second domain, where there is one.
    """

    name: str
    split: str
    fingerprint: str
    size: int
    image_shape: tuple[int, ...]
    keys: tuple[str, ...]
    make: Callable[[int], Iterator[dict[str, np.ndarray]]]
    preparation: dict = field(default_factory=dict)
    source: Source | None = None
    second: "Reference | None" = None

    def batches(self, batch_size: int = 250) -> Iterator[dict[str, np.ndarray]]:
        """Dict batches of arrays, from the first picture to the last."""
        return self.make(batch_size)

    def rows(self, *keys: str, limit: int | None = None) -> list[np.ndarray]:
        """The arrays of these keys of the first `limit` pictures."""
        parts, count = {key: [] for key in keys}, 0
        for batch in self.batches():
            for key in keys:
                parts[key].append(batch[key])
            count += len(batch["image"])
            if limit is not None and count >= limit:
                break
        return [np.concatenate(parts[key])[:limit] for key in keys]

    @cached_property
    def binary(self) -> bool:
        """Whether every value of every picture is -1 or 1."""
        if self.preparation.get("binarize"):
            return True
        return all((np.abs(batch["image"]) == 1.0).all() for batch in self.batches())

    def stamp(self) -> dict:
        """What a figure's stamp says about its data."""
        found = {k: getattr(self, k) for k in ("name", "split", "fingerprint", "size")}
        made = {k: v for k, v in self.preparation.items() if v not in (None, False)}
        return {**found, "image_shape": list(self.image_shape), "preparation": made}


def of(given: Any, split: str = "test", **preparation) -> Reference:
    """A Reference from a data set's name, a `Source`, batches as `fit` takes them, or arrays.

    Args:
        given: "digits", a `Source`, a finite `tf.data.Dataset`, (N, H, W, C) images, (images,
            labels), or a dict of arrays.
        split: Of a name; arrays are called by it.
        **preparation: Options of `tfgen.data.source` (for a name) and of `tfgen.data.batches`.

    Raises:
        ValueError: Something else, or a data set without end.
    """
    if isinstance(given, Reference):
        return given
    if isinstance(given, str):
        known = parameters(data.source)
        own = {k: preparation.pop(k) for k in list(preparation) if k in known}
        return of_source(data.source(given, split, **own), **preparation)
    if isinstance(given, Source):
        return of_source(given, **preparation)
    if isinstance(given, tf.data.Dataset):
        return _of_dataset(given)
    if isinstance(given, dict):
        others = {k: v for k, v in given.items() if k not in ("image", "label")}
        source = data.array(given["image"], given.get("label"), split=split, **others)
    elif isinstance(given, tuple | list) and len(given) == 2:
        source = data.array(*given, split=split)
    else:
        source = data.array(np.asarray(given), split=split)
    return of_source(source, **preparation)


def of_source(
    source: Source,
    binarize: str | None = None,
    crop: int | tuple[int, int] | None = None,
    seed: int = 0,
) -> Reference:
    """A Reference over a source, pictures prepared as for training but for chance.

    Args:
        source: The examples; of two domains, each is a Reference of its own.
        binarize: As of `tfgen.data.batches`; "stochastic" draws once, by `seed`.
        crop: Cut from the middle.
        seed: Of the binarization.
    """
    second = None
    if source.second is not None:
        second = of_source(source.second, binarize, crop, seed)
        source = dataclasses.replace(source, second=None)
    options: dict[str, Any] = {"binarize": binarize, "crop": crop}
    plain: dict[str, Any] = {"shuffle": False, "drop_remainder": False}
    plain |= {"crop_at": "center", "seed": seed}

    def make(batch_size):
        stream = data.batches(source, batch_size, **plain, **options)
        # `from_step`: every pass is the same epoch, so "stochastic" draws do not change.
        stream = stream.from_step(0).take(stream.steps_per_epoch)
        return stream.as_numpy_iterator()

    shape = tuple(int(side) for side in source.image_shape)
    if crop is not None:
        sides = (crop, crop) if isinstance(crop, int) else tuple(crop)
        shape = (*sides, shape[-1])
    return Reference(
        source.name,
        source.split,
        source.fingerprint,
        source.size,
        shape,
        tuple(source.arrays),
        make,
        {**options, "binarize_seed": seed if binarize in ("stochastic", "fixed") else None},
        source,
        second,
    )


def _of_dataset(dataset):
    """Batches that someone has made: read as they come."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("The data set has no end. Give one pass, such as dataset.take(steps).")
    whole = dataset
    if hasattr(dataset, "from_step"):
        whole = dataset.from_step(0).take(dataset.steps_per_epoch)
    digest, size, first = hashlib.sha256(), 0, None
    for batch in whole:
        batch = as_batch(batch)
        images = np.ascontiguousarray(batch["image"])
        digest.update(f"{images.dtype.str} {images.shape[1:]}".encode())
        digest.update(images.data.cast("B"))
        size, first = size + len(images), first or batch
    if not size:
        raise ValueError("The data set is empty (0 images).")

    def make(batch_size):
        return ({k: np.asarray(v) for k, v in as_batch(batch).items()} for batch in whole)

    source = getattr(dataset, "source", None)
    return Reference(
        source.name if source else "batches",
        source.split if source else "as given",
        digest.hexdigest(),
        size,
        tuple(int(side) for side in first["image"].shape[1:]),
        tuple(first),
        make,
        {"batches": "as given"},
        source,
    )
