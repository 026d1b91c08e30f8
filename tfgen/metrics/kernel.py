"""Kernel distance (KID), Binkowski et al. 2018, https://arxiv.org/abs/1801.01401.

The unbiased estimate of the squared maximum mean discrepancy (Gretton et al. 2012, lemma 6) under
the polynomial kernel k(a, b) = (a.b / F + 1)^3 of features of length F. It has no bias at any
number of samples, and so may be negative.
"""

import math
from typing import Any

import numpy as np

from tfgen.metrics import arrays

ROWS = 1000  # Of a kernel matrix at once: 80 MB against 10,000 others.
MOST_FEATURES = 256  # Of `KernelMoments`: 136 MB.


def kernel_distance(
    x: np.ndarray, y: np.ndarray, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, np.ndarray]:
    """The mean over random subsets, as the paper reports it.

    Args:
        x, y: Features (N, F), (M, F).
        subsets: Number of subsets.
        subset_size: Samples in each, drawn without replacement; at most N and M.
        seed: Of the subsets.

    Returns:
        (mean, (subsets,) values). The values share samples, so their standard deviation divided by
        sqrt(subsets) is no standard error; `unbiased_mmd_error` gives one.

    Raises:
        ValueError: Other shapes, NaN, or fewer samples than `subset_size`.
    """
    x, y = arrays.features(x, y)
    if not 2 <= subset_size <= min(len(x), len(y)) or subsets < 1:
        raise ValueError(
            f"`subset_size` must lie in 2 .. {min(len(x), len(y))} (the samples there are) and "
            f"`subsets` be positive. Received: {subset_size}, {subsets}."
        )
    generator = np.random.default_rng(seed)
    values = np.array(
        [
            _discrepancy(*(a[generator.choice(len(a), subset_size, replace=False)] for a in (x, y)))
            for _ in range(subsets)
        ]
    )
    return float(values.mean()), values


def unbiased_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """The estimate from all samples (N, F), (M, F) at once: the limit of many subsets.

    Raises:
        ValueError: Other shapes, fewer than two samples, NaN or infinity.
    """
    return _discrepancy(*arrays.features(x, y))


def unbiased_mmd_error(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(`unbiased_mmd`, its standard error); jackknife over the samples of each set in turn.

    The jackknife counts the variance of second order twice (Efron & Stein 1981), which is all there
    is where the distributions are equal; it is estimated without bias from the kernel matrices
    (Szekely & Rizzo 2014, section 3), and taken away once.

    Raises:
        ValueError: As `unbiased_mmd`, or fewer than four samples.
    """
    x, y = arrays.features(x, y, least=4)
    (within_x, squares_x), (within_y, squares_y) = _within(x), _within(y)
    across_x, across_y, squares = _across(x, y)
    n, m = len(x), len(y)
    sum_x, sum_y, sum_across = within_x.sum(), within_y.sum(), across_x.sum()
    total = sum_x / (n * (n - 1)) + sum_y / (m * (m - 1)) - 2.0 * sum_across / (n * m)
    variance = 0.0
    for within, across, whole, a, b in (
        (within_x, across_x, sum_x, n, m),
        (within_y, across_y, sum_y, m, n),
    ):
        # What changes when one sample is left out; the other set's own term stays.
        left = (whole - 2.0 * within) / ((a - 1) * (a - 2))
        left -= 2.0 * (sum_across - across) / ((a - 1) * b)
        variance += (a - 1) / a * np.square(left - left.mean()).sum()
    second = 2.0 * _centred(within_x, squares_x) / (n * (n - 1))
    second += 2.0 * _centred(within_y, squares_y) / (m * (m - 1))
    second += 4.0 * _centred_across(across_x, across_y, squares) / (n * m)
    return float(total), math.sqrt(max(variance - second, variance / 2.0))


class KernelMoments:
    """What the kernel distance needs of features that come in batches; no feature is kept.

    With u = (x / sqrt(F), 1) the kernel is (u.v)^3, the product of the third powers of u and v as
    tensors, so sums of kernels are products of sums of tensors, and the estimate is that of all
    samples at once, however they come.
    """

    def __init__(self):
        self.count = 0
        self._powers: Any = 0.0  # (F + 1, F + 1, F + 1), flat: the sum of u u u.
        self._own: Any = 0.0  # The sum of k(x, x).

    def add(self, features: np.ndarray) -> None:
        """Takes in a batch (N, F).

        Raises:
            ValueError: Another shape, NaN or infinity, or more than 256 features.
        """
        (x,) = arrays.features(features, least=1)
        if x.shape[1] > MOST_FEATURES:
            raise ValueError(f"At most {MOST_FEATURES} features. Received: {x.shape[1]}.")
        u = np.concatenate([x / math.sqrt(x.shape[1]), np.ones((len(x), 1))], axis=1)
        self._check(u.shape[1] ** 3)
        for start in range(0, len(u), ROWS // 4):
            part = u[start : start + ROWS // 4]
            squares = (part[:, :, None] * part[:, None, :]).reshape(len(part), -1)
            self._powers = self._powers + (squares.T @ part).ravel()
        self._own += float((np.square(u).sum(axis=1) ** 3).sum())
        self.count += len(u)

    def merge(self, other: "KernelMoments") -> None:
        """Takes in what another has taken in, in whatever order and parts it came.

        Raises:
            ValueError: Another number of features.
        """
        if other.count:
            self._check(len(other._powers))
            self._powers = self._powers + other._powers
            self._own += other._own
            self.count += other.count

    def _check(self, size):
        if self.count and len(self._powers) != size:
            known, received = (round(n ** (1 / 3)) - 1 for n in (len(self._powers), size))
            raise ValueError(f"Moments are of {known} features. Received: {received}.")

    def discrepancy(self, other: "KernelMoments") -> float:
        """`unbiased_mmd` of both sets.

        Raises:
            ValueError: Fewer than two samples in one of them, or another number of features.
        """
        if min(self.count, other.count) < 2:
            counts = f"{self.count} and {other.count}"
            raise ValueError(f"At least 2 samples are needed. Received: {counts}.")
        self._check(len(other._powers))
        within = sum(
            (float(one._powers @ one._powers) - one._own) / (one.count * (one.count - 1))
            for one in (self, other)
        )
        across = float(self._powers @ other._powers) / (self.count * other.count)
        return within - 2.0 * across


def _discrepancy(x, y):
    n, m = len(x), len(y)
    within = _within(x)[0].sum() / (n * (n - 1)) + _within(y)[0].sum() / (m * (m - 1))
    return float(within - 2.0 * _across(x, y)[0].sum() / (n * m))


def _within(x):
    """(N,) sums of k(x_i, x_j) over j != i, and the sum of all their squares."""
    rows, _, squares = _across(x, x)
    diagonal = (np.square(x).sum(axis=1) / x.shape[1] + 1.0) ** 3
    return rows - diagonal, squares - float(diagonal @ diagonal)


def _across(x, y):
    """Sums of the kernel matrix's rows (N,) and columns (M,), and of the squares of its entries."""
    rows, columns, squares = [], np.zeros(len(y)), 0.0
    for start in range(0, len(x), ROWS):
        base = x[start : start + ROWS] @ y.T / x.shape[1] + 1.0  # (ROWS, M)
        kernel = base * base * base
        rows.append(kernel.sum(axis=1))
        columns += kernel.sum(axis=0)
        squares += float(np.vdot(kernel, kernel))
    return np.concatenate(rows), columns, squares


def _centred(rows, squares):
    """Mean square of k(x, x') without its means over x and over x', which are different samples."""
    n = len(rows)
    total = squares - 2.0 * (rows @ rows) / (n - 2) + rows.sum() ** 2 / ((n - 1) * (n - 2))
    return max(float(total), 0.0) / (n * (n - 3))


def _centred_across(rows, columns, squares):
    """Mean square of k(x, y) without its means over x and over y."""
    n, m = len(rows), len(columns)
    total = squares - rows @ rows / m - columns @ columns / n + rows.sum() ** 2 / (n * m)
    return max(float(total), 0.0) / ((n - 1) * (m - 1))
