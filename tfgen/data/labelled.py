"""Which examples keep their labels, where few are to have one."""

import numpy as np


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
