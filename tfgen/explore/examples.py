"""The real pictures of a run's data set, as arrays that an experiment can take."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfgen import data
from tfgen.data import Source

ROWS = 500  # Pictures prepared at a time.


@dataclass(frozen=True)
class Examples:
    """Pictures of one split, in the order of the data set.

    Args:
        arrays: "image" (N, H, W, C) float32 in [-1, 1] and, where there are some, "label" (N,)
            int32, "attributes" (N, K), "text" and what else the data set has.
        class_names: One a label, or None.
    """

    arrays: dict[str, np.ndarray]
    class_names: tuple[str, ...] | None = None

    @property
    def images(self) -> np.ndarray:
        """(N, H, W, C)"""
        return self.arrays["image"]

    @property
    def labels(self) -> np.ndarray | None:
        """(N,), or None for a data set without labels."""
        return self.arrays.get("label")

    def name(self, label: int) -> str:
        """What a class is called."""
        return self.class_names[label] if self.class_names else str(label)

    def label(self, text: str) -> int:
        """The number of a class given by its name or number.

        Raises:
            ValueError: There is no such class, or no labels at all.
        """
        if self.labels is None:
            raise ValueError(f"{text!r}: the data set has no labels. Give seeds, as seeds:0,1,2.")
        numbers = np.unique(self.labels).tolist()
        known = [self.name(number) for number in numbers]
        if text in known:
            return numbers[known.index(text)]
        if text.isdigit() and int(text) in numbers:
            return int(text)
        raise ValueError(f"There is no class {text!r}. Known: {', '.join(known)}.")


def of(source: Source, limit: int | None = None) -> Examples:
    """The first pictures of a source.

    Args:
        source: Of a split.
        limit: How many; by default all.
    """
    return Examples(_arrays(source, limit), source.class_names)


def mixed(source: Source, limit: int, seed: int = 0) -> Examples:
    """So many pictures of a source, drawn from all of it by `seed`, each once."""
    rows = np.random.default_rng(seed).permutation(source.size)[:limit]
    arrays = {name: value[np.sort(rows)] for name, value in source.arrays.items()}
    return of(dataclasses.replace(source, arrays=arrays, second=None))


def prepared(
    source: Source,
    binarize: str | None = None,
    crop: int | tuple[int, int] | None = None,
    seed: int = 0,
) -> Source:
    """A source whose pictures are binarized, and cut from the middle, as a run's training does.

    Args:
        source: As read.
        binarize, crop, seed: As of `tfgen.data.batches`.
    """
    if binarize is None and crop is None:
        return source
    arrays = _arrays(source, None, binarize=binarize, crop=crop, seed=seed)
    second = source.second and prepared(source.second, binarize, crop, seed)
    return dataclasses.replace(source, arrays=arrays, second=second)


def _arrays(source, limit, **preparation):
    source = dataclasses.replace(source, second=None)
    wanted = source.size if limit is None else min(limit, source.size)
    plain: dict[str, Any] = {"shuffle": False, "drop_remainder": False, "crop_at": "center"}
    stream = data.batches(source, min(ROWS, wanted), **plain, **preparation)
    parts: dict[str, list] = {}
    for batch in stream.from_step(0).take(-(-wanted // ROWS)).as_numpy_iterator():
        for name, value in batch.items():
            parts.setdefault(name, []).append(value)
    return {name: np.concatenate(values)[:wanted] for name, values in parts.items()}
