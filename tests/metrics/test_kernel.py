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


def test_error_is_the_jackknife():
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
    assert error == pytest.approx(np.sqrt(variance), rel=1e-9)


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
