"""Kernel distance against its definition by loops."""

import numpy as np
import pytest

from tfgen.metrics import kernel


def naive(x, y):
    def k(a, b):
        return (a @ b / len(a) + 1.0) ** 3

    n, m = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2.0 * np.mean([[k(a, b) for b in y] for a in x])


def two_sets(n=23, m=31):
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, 5)), 1.2 * generator.normal(size=(m, 5)) + 0.2


def test_definition(monkeypatch):
    x, y = two_sets()
    monkeypatch.setattr(kernel, "ROWS", 7)
    assert kernel.unbiased_mmd(x, y) == pytest.approx(naive(x, y), rel=1e-10)
    value, values = kernel.kernel_distance(x, y, subsets=3, subset_size=23, seed=0)
    assert values.shape == (3,) and value == pytest.approx(values.mean())
    whole, _ = kernel.kernel_distance(x, y[:23], subsets=1, subset_size=23)
    assert whole == pytest.approx(naive(x, y[:23]), rel=1e-10)


def second_order(x, y):
    """By loops: Szekely and Rizzo's unbiased centring within a set, and means across."""
    found = 0.0
    for a in (x, y):
        n = len(a)
        k = (a @ a.T / a.shape[1] + 1.0) ** 3
        np.fill_diagonal(k, 0.0)
        rows = k.sum(0)
        k = k - (rows[:, None] + rows) / (n - 2) + k.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(k, 0.0)
        found += 2 * np.square(k).sum() / (n * (n - 3)) / (n * (n - 1))
    k = (x @ y.T / x.shape[1] + 1.0) ** 3
    k = k - k.mean(0) - k.mean(1, keepdims=True) + k.mean()
    n, m = k.shape
    return found + 4 * np.square(k).sum() / ((n - 1) * (m - 1)) / (n * m)


def test_error_is_the_jackknife_without_the_second_order_that_it_counts_twice(monkeypatch):
    monkeypatch.setattr(kernel, "ROWS", 5)
    x, y = two_sets(9, 12)
    value, error = kernel.unbiased_mmd_error(x, y)
    assert value == pytest.approx(naive(x, y), rel=1e-10)
    variance = 0.0
    for a, leave in (
        (x, lambda i: naive(np.delete(x, i, 0), y)),
        (y, lambda i: naive(x, np.delete(y, i, 0))),
    ):
        left = np.array([leave(i) for i in range(len(a))])
        variance += (len(a) - 1) / len(a) * np.square(left - left.mean()).sum()
    second = second_order(x, y)
    assert error == pytest.approx(np.sqrt(max(variance - second, variance / 2)), rel=1e-9)


@pytest.mark.parametrize("distance", [0.0, 0.7])
def test_error_is_the_spread_over_repeats(distance):
    draws = [g.uniform(-1, 1, size=(2, 60, 6)) for g in np.random.default_rng(0).spawn(400)]
    found = np.array([kernel.unbiased_mmd_error(x, y + distance) for x, y in draws])
    ratio = np.sqrt(np.mean(found[:, 1] ** 2)) / found[:, 0].std()
    assert 0.9 < ratio < 1.25  # The jackknife alone is at 1.41 where the distance is 0.


def test_no_bias():
    generator = np.random.default_rng(0)
    values = [kernel.unbiased_mmd(*generator.normal(size=(2, 40, 4))) for _ in range(300)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    assert min(values) < 0


def test_bad_input():
    x, y = two_sets()
    with pytest.raises(ValueError, match="`subset_size`"):
        kernel.kernel_distance(x, y, subset_size=24)
    with pytest.raises(ValueError, match="one F"):
        kernel.unbiased_mmd(x, y[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        kernel.unbiased_mmd(x * np.inf, y)


def test_moments_give_the_estimate_of_all_samples_in_any_parts():
    x, y = two_sets(n=60, m=31)
    real, generator = kernel.KernelMoments(), np.random.default_rng(1)
    real.add(y)
    expected = kernel.unbiased_mmd(x, y)
    for cuts in ([0, 60], [0, 1, 60], [0, 7, 20, 59, 60]):
        parts = [kernel.KernelMoments() for _ in cuts[1:]]
        for part, first, last in zip(parts, cuts, cuts[1:], strict=False):
            part.add(x[first:last])
        total = kernel.KernelMoments()
        for number in generator.permutation(len(parts)):
            total.merge(parts[number])
        assert total.count == 60
        assert total.discrepancy(real) == pytest.approx(expected, rel=1e-10)
        assert real.discrepancy(total) == pytest.approx(expected, rel=1e-10)
    with pytest.raises(ValueError, match="of 5 features. Received: 4"):
        real.add(x[:, :4])
    with pytest.raises(ValueError, match="At most 256 features. Received: 257"):
        kernel.KernelMoments().add(np.zeros((2, 257)))
    with pytest.raises(ValueError, match="At least 2 samples are needed. Received: 31 and 0"):
        real.discrepancy(kernel.KernelMoments())
