"""Kernel two-sample test, Gretton et al. 2012, "A kernel two-sample test", JMLR 13, section 5.

Whether two sets of points come from one distribution: the maximum mean discrepancy under a Gaussian
kernel, against its values when the points change sides at random.
"""

import numpy as np


def mmd_test(
    x: np.ndarray, y: np.ndarray, permutations: int = 200, seed: int = 0
) -> tuple[float, float]:
    """The squared maximum mean discrepancy and its p-value by permutation.

    The kernel is exp(-|a - b|^2 / (2 s^2)) with s the median distance of the points. The estimate
    is the unbiased one (lemma 6), so it may be negative.

    Args:
        x: Points (N, D), N >= 2.
        y: Points (M, D), M >= 2.
        permutations: Number of random exchanges.
        seed: Of the exchanges.

    Returns:
        (mmd squared, p): p is the fraction of exchanges, the given one included, whose discrepancy
        is at least as large; uniform in (0, 1] where both distributions are the same.

    Raises:
        ValueError: Points of two lengths, fewer than two, or equal points only.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(
            "Two sets of at least 2 points of one length are needed, (N, D) and (M, D). "
            f"Received: {x.shape} and {y.shape}."
        )
    both = np.concatenate([x, y])
    squares = np.square(both).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2.0 * both @ both.T, 0.0)
    scale = np.median(distances[np.triu_indices(len(both), 1)])
    if not scale > 0:
        raise ValueError("All points are the same, so no kernel width can be chosen.")
    kernel = np.exp(-0.5 * distances / scale)
    generator = np.random.default_rng(seed)
    orders = [np.arange(len(both))]
    orders += [generator.permutation(len(both)) for _ in range(permutations)]
    values = np.array([_discrepancy(kernel, order[: len(x)]) for order in orders])
    return float(values[0]), float(np.mean(values >= values[0] - 1e-15))


def _discrepancy(kernel, rows):
    first = np.zeros(len(kernel))
    first[rows] = 1.0
    second = 1.0 - first
    n, m = first.sum(), second.sum()
    left, right = kernel @ first, kernel @ second
    within = (first @ left - n) / (n * (n - 1)) + (second @ right - m) / (m * (m - 1))
    return within - 2.0 * (first @ right) / (n * m)
