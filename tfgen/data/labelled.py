"""Which examples keep their labels, where few are to have one, and their own batches."""

import numpy as np

from tfgen.data.augmentation import subkey


def kept_rows(label: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """Row numbers of the examples that keep their labels, by `seed`; all for None. (count,)"""
    if count is None:
        return np.arange(len(label))
    words = subkey(seed, "data/labelled")
    generator = np.random.RandomState([words & 0xFFFFFFFF, words >> 32])
    return balanced_draw(label, count, generator)


def kept_labels(label: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Labels with -1 for all but these rows. (N,)"""
    kept = np.full_like(label, -1)
    kept[rows] = label[rows]
    return kept


def check_batch(batch_size: int, labelled: int) -> None:
    """ValueError for a batch of labelled examples that cannot be filled."""
    whole = isinstance(batch_size, int) and not isinstance(batch_size, bool)
    if not whole or not 1 <= batch_size <= labelled:
        raise ValueError(
            f"labelled_batch_size must lie in 1 .. {labelled}, the number of examples with "
            f"labels. Received: {batch_size!r}."
        )


def balanced_draw(
    y: np.ndarray, labels: int | None, generator: np.random.RandomState
) -> np.ndarray:
    """Row numbers of labelled points: the classes in turn, each in random order.

    Args:
        y: (N,) classes.
        labels: Number of points; None for all.
        generator: A `numpy.random.RandomState`.

    Raises:
        ValueError: Fewer than two for each class, or more than there are.
    """
    classes = np.unique(y)
    if labels is None:
        labels = len(y)
    elif not 2 * len(classes) <= labels <= len(y):
        raise ValueError(
            f"`labels` must lie in {2 * len(classes)} .. {len(y)}: two for each of "
            f"{len(classes)} classes, at most all. Received: {labels}."
        )
    orders = [generator.permutation(np.flatnonzero(y == c)) for c in classes]
    turns = [(turn, c) for c, rows in enumerate(orders) for turn in range(len(rows))]
    return np.array([orders[c][turn] for turn, c in sorted(turns)[:labels]])
