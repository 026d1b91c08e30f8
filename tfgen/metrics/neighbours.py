"""Nearest training neighbours of samples: do they copy?

Authenticity: Alaa et al. 2022, https://arxiv.org/abs/2102.08921, section 3.3. A sample counts as a
copy where it lies closer to its nearest training point than that point lies to any other training
point. Distances are Euclidean, of pixels or of features.

New data of the training distribution is not at 1: with one density everywhere about half of it is
closer. Compare the share of held-out pictures, not 1.
"""

from pathlib import Path

import numpy as np

from tfgen import pictures
from tfgen.metrics.manifold import ROWS, squared_distances


def nearest(train: np.ndarray, images: np.ndarray, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """The nearest training points of each sample, the closest first.

    Args:
        train: Training points (N, ...): features, or pictures.
        images: Samples (M, ...).
        count: Neighbours of each; at most N.

    Returns:
        (indices (M, count) into `train`, distances (M, count)).

    Raises:
        ValueError: Points of two shapes, fewer training points than `count`, NaN or infinity.
    """
    train, images = _points(train, images)
    if not 1 <= count <= len(train):
        raise ValueError(f"`count` must lie in 1 .. {len(train)}. Received: {count}.")
    indices, distances = [], []
    for start in range(0, len(images), ROWS):
        block = images[start : start + ROWS]
        squares = squared_distances(block, train)
        rows = np.argpartition(squares, count - 1, axis=1)[:, :count]
        # Anew from the differences: the expanded square does not give 0 for a copy.
        exact = np.sqrt(np.square(train[rows] - block[:, None]).sum(axis=-1))  # (B, count)
        order = np.argsort(exact, axis=1, kind="stable")
        indices.append(np.take_along_axis(rows, order, axis=1))
        distances.append(np.take_along_axis(exact, order, axis=1))
    return np.concatenate(indices), np.concatenate(distances)


def authentic(train: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """Whether each sample is no copy, (M,) bool; see the module.

    Args:
        train: Training points (N, ...), N >= 2.
        fake: Samples (M, ...).

    Raises:
        ValueError: As `nearest`, or a single training point.
    """
    train, fake = _points(train, fake)
    if len(train) < 2:
        raise ValueError("Authenticity needs 2 training points or more. Received: 1.")
    indices, distances = (part[:, 0] for part in nearest(train, fake, 1))
    used, where = np.unique(indices, return_inverse=True)
    # A training point's own neighbour: the second, since the first is itself (or its twin).
    own = nearest(train, train[used], 2)[1][:, 1]
    return distances > own[where]


def authenticity(train: np.ndarray, fake: np.ndarray) -> float:
    """Share of samples that are no copies; arguments and errors as `authentic`."""
    return float(authentic(train, fake).mean())


def neighbours_picture(
    path: Path | str,
    train: np.ndarray,
    images: np.ndarray,
    count: int = 5,
    by: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Writes a PNG: each row a sample, and right of it its nearest training pictures.

    Args:
        path: The file.
        train: Training pictures (N, H, W, C) in [-1, 1].
        images: Samples (M, H, W, C), each a row.
        count: Neighbours of each.
        by: (features of `train`, features of `images`) to measure distances by; None for pixels.
    """
    indices, _ = nearest(*(by or (train, images)), count)
    rows = np.concatenate([np.asarray(images)[:, None], np.asarray(train)[indices]], axis=1)
    pictures.save(path, pictures.grid(rows.reshape(-1, *rows.shape[2:]), columns=count + 1))


def _points(train, images):
    sets = [np.asarray(x, np.float64) for x in (train, images)]
    if any(x.ndim < 2 or not len(x) for x in sets) or sets[0].shape[1:] != sets[1].shape[1:]:
        raise ValueError(
            "Training points and samples must have shapes (N, ...) and (M, ...) with the same "
            f"(...). Received: {sets[0].shape} and {sets[1].shape}."
        )
    for x in sets:
        if not np.isfinite(x).all():
            raise ValueError(
                "Training points and samples must be finite. Received NaN or infinity."
            )
    return [x.reshape(len(x), -1) for x in sets]
