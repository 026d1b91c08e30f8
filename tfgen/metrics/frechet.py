"""Fréchet distance of two sets of features, Heusel et al. 2017, https://arxiv.org/abs/1706.08500.

The squared 2-Wasserstein distance of the Gaussians with the sets' means and covariances,

    |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2))

in float64. The trace of the root is the sum of the singular values of S_x^(1/2) S_y^(1/2), with
symmetric roots by eigendecomposition: it is real and right for singular covariances too.

The estimate is biased upwards by a term of order 1/N that depends on the distributions (Chong &
Forsyth 2020, https://arxiv.org/abs/1911.07023), so figures of different N do not compare;
`frechet_infinity` extrapolates it away.
"""

import warnings
from typing import Any

import numpy as np
from scipy import linalg

from tfgen.metrics import arrays
from tfgen.metrics.intervals import group_rows


class Moments:
    """Mean and covariance of features that come in batches; memory does not grow with them.

    Args:
        features: A first batch (N, F), or None.
    """

    def __init__(self, features: np.ndarray | None = None):
        self.count = 0
        self._mean: Any = 0.0
        self._scatter: Any = 0.0
        if features is not None:
            self.add(features)

    def add(self, features: np.ndarray) -> None:
        """Takes in a batch (N, F); Chan, Golub & LeVeque 1979.

        Raises:
            ValueError: Another shape, NaN or infinity.
        """
        (x,) = arrays.features(features, least=1)
        if self.count and x.shape[1] != len(self._mean):
            raise ValueError(f"Features must be (N, {len(self._mean)}). Received: {x.shape}.")
        mean = x.mean(axis=0)
        centered = x - mean
        self._join(len(x), mean, centered.T @ centered)

    def merge(self, other: "Moments") -> None:
        """Takes in what another has taken in, in whatever order and parts it came.

        Raises:
            ValueError: Another number of features.
        """
        if not other.count:
            return
        if self.count and len(other._mean) != len(self._mean):
            raise ValueError(
                f"Moments are of {len(self._mean)} features. Received: {len(other._mean)}."
            )
        self._join(other.count, other._mean, other._scatter)

    def _join(self, count, mean, scatter):
        total = self.count + count
        difference = mean - self._mean  # (F,)
        cross = np.outer(difference, difference) * (self.count * count / total)
        self._scatter = self._scatter + scatter + cross
        self._mean = self._mean + difference * (count / total)
        self.count = total

    @property
    def mean(self):
        """(F,) float64."""
        return np.array(self._mean)

    @property
    def covariance(self):
        """(F, F) float64, divided by N - 1.

        Raises:
            ValueError: Fewer than two samples came.
        """
        if self.count < 2:
            raise ValueError(f"A covariance needs 2 samples or more. Received: {self.count}.")
        return self._scatter / (self.count - 1)


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """The distance of features (N, F) and (M, F), float64.

    Warns where there are fewer samples than features: the covariance is then singular, the bias as
    large as the figure, and the figure meaningless.

    Raises:
        ValueError: Other shapes, fewer than two samples, NaN or infinity.
    """
    x, y = arrays.features(x, y)
    warn_if_few(x, y)
    x, y = Moments(x), Moments(y)
    return frechet_from_moments(x.mean, x.covariance, y.mean, y.covariance)


def frechet_from_moments(
    mean_x: np.ndarray, covariance_x: np.ndarray, mean_y: np.ndarray, covariance_y: np.ndarray
) -> float:
    """The distance from means (F,) and covariances (F, F)."""
    roots = _root(covariance_x) @ _root(covariance_y)
    spread = np.trace(covariance_x) + np.trace(covariance_y) - 2.0 * linalg.svdvals(roots).sum()
    difference = np.asarray(mean_x, np.float64) - mean_y
    return float(difference @ difference + max(spread, 0.0))  # Below 0 by rounding alone.


def frechet_infinity(
    x: np.ndarray, y: np.ndarray, points: int = 15, smallest: int | None = None, seed: int = 0
) -> float:
    """The distance at infinitely many samples, by extrapolation in 1/N.

    Chong & Forsyth 2020, section 3: the distance of `points` random subsets of regularly spaced
    sizes is fitted by a line in 1/N, whose intercept is returned. May be slightly negative.

    Differs from the paper: the same share of both sets is taken, because the bias comes from both;
    pseudo-random instead of quasi-random samples.

    Args:
        x, y: Features (N, F), (M, F).
        points: Number of sizes.
        smallest: Smallest size, of the smaller set; by default a quarter of it.
        seed: Of the subsets.

    Raises:
        ValueError: As `frechet_distance`, or a `smallest` that is not below the size.
    """
    x, y = arrays.features(x, y)
    size = min(len(x), len(y))
    smallest = max(2, size // 4) if smallest is None else smallest
    if points < 2 or not 2 <= smallest < size:
        raise ValueError(
            f"There must be 2 points or more, and `smallest` in 2 .. {size - 1}. "
            f"Received: {points}, {smallest}."
        )
    if smallest <= x.shape[1]:
        warn_if_few(x[:smallest], y[:smallest])
    generator = np.random.default_rng(seed)
    shares = np.linspace(smallest / size, 1.0, points)
    values = []
    for share in shares:
        moments = [
            Moments(a[generator.choice(len(a), round(share * len(a)), replace=False)])
            for a in (x, y)
        ]
        values.append(frechet_from_moments(*_flat(moments)))
    return float(np.polynomial.Polynomial.fit(1.0 / shares, values, 1).convert().coef[0])


def left_out(
    x: np.ndarray, y: np.ndarray, groups: int = 20, seed: int = 0
) -> tuple[float, np.ndarray]:
    """(distance of all, (groups,) distances without each random group of both sets)."""
    x, y = arrays.features(x, y)
    warn_if_few(x, y)
    without = zip(
        *(_moments_without(a, groups, seed + n) for n, a in enumerate((x, y))), strict=True
    )
    total = frechet_from_moments(*_flat([Moments(x), Moments(y)]))
    return total, np.array([frechet_from_moments(*a, *b) for a, b in without])


def warn_if_few(x: np.ndarray, y: np.ndarray) -> None:
    """Warns where a Fréchet distance of these features would be meaningless."""
    count, number = min(len(x), len(y)), x.shape[1]
    if count <= number:
        warnings.warn(
            f"Fréchet distance of {count} samples with {number} features: the covariance is "
            "singular and the bias as large as the figure, which is meaningless. Use more than "
            f"{number} samples, or the kernel distance, which has no bias.",
            stacklevel=3,
        )


def _moments_without(x, groups, seed):
    """(mean, covariance) without each group, from the groups' sums."""
    center = x.mean(axis=0)
    x = x - center
    parts = [x[rows] for rows in group_rows(len(x), groups, seed)]
    sums = [(len(p), p.sum(axis=0), p.T @ p) for p in parts]
    _, total, scatter = (sum(column) for column in zip(*sums, strict=True))
    for size, part_sum, part_scatter in sums:
        rest = len(x) - size
        mean = (total - part_sum) / rest
        covariance = (scatter - part_scatter - rest * np.outer(mean, mean)) / (rest - 1)
        yield mean + center, covariance


def _flat(moments):
    return [part for m in moments for part in (m.mean, m.covariance)]


def _root(covariance):
    values, vectors = linalg.eigh(np.asarray(covariance, np.float64))
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
