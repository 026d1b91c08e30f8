"""Precision, recall, density and coverage of features by nearest neighbours.

Precision and recall: Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991. Density and
coverage: Naeem et al. 2020, https://arxiv.org/abs/2002.09797. With r_k(z) the distance of z to its
k-th nearest neighbour in its own set,

    precision = share of fakes  y with |y - x| < r_k(x) for some real x
    recall    = share of reals  x with |x - y| < r_k(y) for some fake y
    density   = mean over fakes y of #{x: |y - x| < r_k(x)} / k       (1 for equal distributions)
    coverage  = share of reals  x with |y - x| < r_k(x) for some fake y

All depend on the number of samples, even on average: compare figures of one number only.

Repeated points: a ball is open (<), as in Naeem et al. and their `prdc`; Kynkäänniemi et al. count
its border (<=). A point with k copies or more in its own set has r_k = 0, and its ball holds
nothing, not even an equal point: fewer copies make the ball smaller. A model that draws a few
pictures again and again so loses recall, and repeated real points lose precision, density and
coverage. A warning says how many points are repeated.
"""

import warnings

import numpy as np

from tfgen.metrics import arrays

ROWS = 500  # Of a distance matrix at once: 40 MB against 10,000 others.
ROUNDING = 1e-13  # Squared distances below this share of the largest norm are rounding.


def precision_recall_density_coverage(
    real: np.ndarray, fake: np.ndarray, nearest: int = 5
) -> dict[str, float]:
    """The four figures, by blocks of the distance matrices.

    Args:
        real, fake: Features (N, F), (M, F).
        nearest: k; below N and M.

    Raises:
        ValueError: Other shapes, NaN, or no more samples than `nearest`.
    """
    found = figures(real, fake, nearest)
    for name, points in (("real", real), ("generated", fake)):
        warn_of_repeated(name, np.asarray(points))
    return found


def warn_of_repeated(name: str, points: np.ndarray) -> None:
    """Warns where some points (N, F) of a set are equal."""
    repeated = len(points) - len(np.unique(points, axis=0))
    if repeated:
        warnings.warn(
            f"{repeated} of {len(points)} {name} points repeat another: balls around repeated "
            "points are smaller or empty, which lowers the figures of neighbours.",
            stacklevel=3,
        )


def figures(real: np.ndarray, fake: np.ndarray, nearest: int) -> dict[str, float]:
    """`precision_recall_density_coverage` without its warning."""
    real, fake = arrays.features(real, fake)
    if not 1 <= nearest < min(len(real), len(fake)):
        raise ValueError(
            f"`nearest` must lie in 1 .. {min(len(real), len(fake)) - 1} (one less than the "
            f"samples). Received: {nearest}."
        )
    real_radii, fake_radii = _radii(real, nearest), _radii(fake, nearest)  # (N,), (M,)
    within_real = np.zeros(len(fake), np.int64)  # Balls of real samples around each fake.
    recalled = np.zeros(len(real), bool)
    closest = np.full(len(real), np.inf)
    for start in range(0, len(real), ROWS):
        rows = slice(start, start + ROWS)
        squares = squared_distances(real[rows], fake)  # (ROWS, M)
        within_real += (squares < real_radii[rows, None]).sum(axis=0)
        recalled[rows] = (squares < fake_radii).any(axis=1)
        closest[rows] = squares.min(axis=1)
    return {
        "precision": float((within_real > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(within_real.mean() / nearest),
        "coverage": float((closest < real_radii).mean()),
    }


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, F), (M, F) -> (N, M); by the expanded square, so equal rows may be a little apart.

    Around the mean of `b` and in float64: the expanded square cancels digits where points lie far
    from the origin, and rounding then decides which is nearest.
    """
    centre = b.mean(axis=0, dtype=np.float64)
    a, b = a - centre, b - centre
    # One product gives all three terms: passes over (N, M) are what takes the time.
    left = np.column_stack([-2.0 * a, np.square(a).sum(axis=1), np.ones(len(a), a.dtype)])
    right = np.column_stack([b, np.ones(len(b), b.dtype), np.square(b).sum(axis=1)])
    squares = left @ right.T
    return np.maximum(squares, 0.0, out=squares)


def _radii(x, nearest):
    """Squared distances to the `nearest`-th other sample of the set, (N,)."""
    parts = []
    for start in range(0, len(x), ROWS):
        squares = squared_distances(x[start : start + ROWS], x)
        own = np.arange(len(squares))
        squares[own, start + own] = np.inf  # Not its own neighbour, however rounding falls.
        squares.partition(nearest - 1, axis=1)
        parts.append(squares[:, nearest - 1].copy())  # A view would keep the whole block.
    radii = np.concatenate(parts)
    # Copies are at 0, which the expanded square misses by rounding.
    scale = np.square(x - x.mean(axis=0)).sum(axis=1).max()
    return np.where(radii < ROUNDING * scale, 0.0, radii)
