"""Fréchet distance against closed forms, scipy's matrix root and naive leaving out."""

import numpy as np
import pytest
from scipy import linalg

from tfgen.metrics import frechet
from tfgen.metrics.intervals import group_rows


def naive(x, y):
    difference = x.mean(0) - y.mean(0)
    s, t = np.cov(x.T), np.cov(y.T)
    return difference @ difference + np.trace(s + t - 2 * linalg.sqrtm(s @ t).real)


def two_sets(rows=400, features=8):
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(features, features))
    x = generator.normal(size=(rows, features))
    return x, generator.normal(size=(rows + 30, features)) @ mixing + 0.3


def test_closed_form_of_gaussians():
    mean_x, mean_y = np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 5.0])
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 1.0, 0.0])
    expected = 5.0 + np.square(np.sqrt(a) - np.sqrt(b)).sum()  # Commuting covariances.
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    s, t = (rotation @ np.diag(v) @ rotation.T for v in (a, b))
    # t is singular: the root of a rounding error of 1e-16 is 1e-8.
    assert frechet.frechet_from_moments(mean_x, s, mean_y, t) == pytest.approx(expected, rel=1e-7)
    assert frechet.frechet_from_moments(mean_x, s, mean_x, s) == pytest.approx(0.0, abs=1e-9)


def test_equals_the_matrix_root_of_scipy():
    x, y = two_sets()
    assert frechet.frechet_distance(x, y) == pytest.approx(naive(x, y), rel=1e-8)
    assert frechet.frechet_distance(y, x) == pytest.approx(naive(x, y), rel=1e-8)


def test_moments_of_batches_are_those_of_all():
    x = two_sets()[0] + 1e6  # Plain sums of squares would cancel.
    moments = frechet.Moments()
    for part in np.array_split(x, 7):
        moments.add(part)
    assert moments.count == len(x)
    np.testing.assert_allclose(moments.mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(x.T), rtol=1e-6, atol=1e-8)
    with pytest.raises(ValueError, match="2 samples"):
        _ = frechet.Moments(x[:1]).covariance
    with pytest.raises(ValueError, match="must be"):
        moments.add(x[:, :2])


def test_left_out_groups_are_left_out():
    x, y = two_sets(100)
    total, without = frechet.left_out(x, y, groups=5)
    groups = [group_rows(len(a), 5, n) for n, a in enumerate((x, y))]
    expected = [naive(np.delete(x, p, 0), np.delete(y, q, 0)) for p, q in zip(*groups, strict=True)]
    np.testing.assert_allclose(without, expected, rtol=1e-8)
    assert total == pytest.approx(naive(x, y), rel=1e-8)


def test_extrapolation_takes_the_bias_away():
    generator = np.random.default_rng(0)
    plain, infinite = [], []
    for _ in range(10):
        x, y = generator.normal(size=(2, 500, 16))
        plain.append(frechet.frechet_distance(x, y))
        infinite.append(frechet.frechet_infinity(x, y, points=8))
    assert np.mean(plain) > 0.2 and abs(np.mean(infinite)) < 0.1 * np.mean(plain)


def test_too_few_samples_and_bad_input():
    x, y = np.random.default_rng(0).normal(size=(2, 8, 16))
    with pytest.warns(UserWarning, match="meaningless"):
        assert np.isfinite(frechet.frechet_distance(x, y))
    assert frechet.frechet_distance(np.ones((9, 3)), np.ones((9, 3))) == 0.0
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match="the first is sample 3"):
        frechet.frechet_distance(x, y)
    for shapes in (((5, 3), (5, 4)), ((5,), (5,)), ((1, 2), (5, 2)), ((5, 2, 2), (5, 2, 2))):
        with pytest.raises(ValueError):
            frechet.frechet_distance(*(np.zeros(s) for s in shapes))
    with pytest.raises(ValueError, match="`smallest`"):
        frechet.frechet_infinity(np.zeros((20, 2)), np.zeros((20, 2)), smallest=20)
