import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from tfgen.metrics import sliced_wasserstein as slices


def noise(number=60, side=32, channels=1, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (number, side, side, channels)).astype("f")


def test_points_moved_by_a_vector():
    points = np.random.default_rng(0).normal(size=(200, 6))
    move = np.array([1.0, -2.0, 0.0, 0.5, 0.0, 3.0])
    vectors = np.random.default_rng(3).normal(size=(6, 64))
    vectors /= np.linalg.norm(vectors, axis=0)
    expected = np.abs(move @ vectors).mean()  # Each projection is moved as a whole.
    assert slices.sliced(points, points + move, 64, seed=3) == pytest.approx(expected, rel=1e-9)
    assert slices.sliced(points, points[::-1].copy(), 64) == 0.0


def test_one_direction_is_the_distance_of_scipy():
    a, b = np.random.default_rng(0).normal(size=(2, 100, 4))
    vector = np.random.default_rng(5).normal(size=(4, 1))
    vector /= np.linalg.norm(vector)
    expected = wasserstein_distance((a @ vector)[:, 0], (1.5 * b @ vector)[:, 0])
    assert slices.sliced(a, 1.5 * b, 1, seed=5) == pytest.approx(expected, rel=1e-9)


def test_levels():
    assert list(slices.sliced_wasserstein(noise(side=64), noise(side=64, seed=1))) == [64, 32, 16]
    assert list(slices.sliced_wasserstein(noise(side=28), noise(side=28, seed=1))) == [28]
    assert list(slices.sliced_wasserstein(noise(side=8), noise(side=8, seed=1))) == [8]


def test_pyramid_is_complete():
    images = noise(4, 64, 3)
    *fine, rest = slices.pyramid(images)
    for level in reversed(fine):
        up = np.zeros_like(level)
        up[:, ::2, ::2] = rest
        rest = level + slices._filtered(up, 4.0)
    np.testing.assert_allclose(rest, images, atol=1e-5)
    flat = slices.pyramid(np.full((1, 32, 32, 1), 0.4, np.float32))
    np.testing.assert_allclose(flat[0], 0.0, atol=1e-6)
    np.testing.assert_allclose(flat[1], 0.4, atol=1e-6)


def test_same_moved_and_other_pictures():
    images = np.tanh(np.cumsum(noise(200, 24), axis=1))
    same = slices.sliced_wasserstein(images, images)[24]
    moved = slices.sliced_wasserstein(images, np.roll(images, 3, axis=2))[24]
    other = slices.sliced_wasserstein(images, noise(200, 24, seed=1))[24]
    assert same == 0.0 and moved < 0.3 * other


def test_sets_of_two_sizes_and_bad_input():
    found = slices.sliced_wasserstein(noise(50, 16), noise(80, 16))
    assert 0 < found[16] < 0.2
    with pytest.raises(ValueError, match="constant"):
        slices.sliced_wasserstein(noise(side=16), np.zeros((60, 16, 16, 1), "f"))
    with pytest.raises(ValueError, match="7x7"):
        slices.sliced_wasserstein(noise(side=6), noise(side=6))
    with pytest.raises(ValueError, match="one \\(H, W, C\\)"):
        slices.sliced_wasserstein(noise(side=16), noise(side=16, channels=3))
