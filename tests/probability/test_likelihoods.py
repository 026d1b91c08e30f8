"""Exact properties of the discretised logistic and of the mixture."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logsumexp

from tfgen.probability import likelihoods


def grid(levels):
    return np.linspace(-1.0, 1.0, levels).astype("float32")


EXTREMES = [
    (mean, log_scale)
    for mean in (-30.0, -1.5, -1.0, -0.31, 0.0, 0.0039, 0.999, 1.0, 4.0)
    for log_scale in (-50.0, -7.0, -5.0, -2.0, 0.0, 3.0, 9.0)
]


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_masses_sum_to_one(levels):
    generator = np.random.default_rng(0)
    random = np.stack([generator.normal(0, 1, 200), generator.uniform(-8, 4, 200)], 1)
    mean, log_scale = np.concatenate([np.array(EXTREMES), random]).T.astype("float32")
    log_mass = likelihoods.discretized_logistic(
        grid(levels), mean[:, None], log_scale[:, None], levels
    )
    assert np.isfinite(log_mass).all()
    np.testing.assert_allclose(np.exp(np.float64(log_mass)).sum(1), 1.0, atol=1e-5)


def test_masses_are_differences_of_the_logistic_distribution():
    levels, mean, log_scale = 17, 0.13, -1.7
    edges = np.concatenate([[-np.inf], grid(levels)[:-1] + 1.0 / (levels - 1), [np.inf]])
    expected = np.diff(expit((edges - mean) / np.exp(log_scale)))
    log_mass = likelihoods.discretized_logistic(grid(levels), mean, log_scale, levels)
    np.testing.assert_allclose(np.exp(log_mass), expected, rtol=1e-5)


def test_gradients_are_finite_far_out():
    x = tf.constant(grid(256)[:, None])
    mean, log_scale = map(tf.constant, np.array(EXTREMES, "float32").T)
    with tf.GradientTape() as tape:
        tape.watch([mean, log_scale])
        log_mass = likelihoods.discretized_logistic(x, mean, log_scale)
    for gradient in tape.gradient(log_mass, [mean, log_scale]):
        assert np.isfinite(gradient).all()


def test_far_tail_pulls_the_mean_and_narrow_scales_stay_put():
    mean, log_scale = tf.constant(-1.0), tf.constant(-9.0)
    with tf.GradientTape() as tape:
        tape.watch([mean, log_scale])
        log_mass = likelihoods.discretized_logistic(tf.constant(0.5), mean, log_scale)
    toward, floor = tape.gradient(log_mass, [mean, log_scale])
    assert float(log_mass) < -1000.0
    assert float(toward) == pytest.approx(np.exp(7.0), rel=1e-3)
    assert float(floor) == 0.0


def parameters(channels, mixtures, rows=5, seed=0, spread=1.0):
    width = likelihoods.mixture_width(channels, mixtures)
    return np.random.default_rng(seed).normal(0, spread, (rows, width)).astype("float32")


@pytest.mark.parametrize(("channels", "levels"), [(1, 256), (1, 2), (3, 5), (3, 2)])
@pytest.mark.parametrize("spread", [0.5, 3.0])
def test_mixture_sums_to_one_over_all_pixels(channels, levels, spread):
    pixels = np.array(list(itertools.product(grid(levels), repeat=channels)))  # (N, C)
    p = parameters(channels, 4, spread=spread)
    log_mass = likelihoods.mixture_of_logistics(pixels, p[:, None], levels)  # (rows, N)
    np.testing.assert_allclose(np.exp(np.float64(log_mass)).sum(1), 1.0, atol=1e-5)


def test_mixture_is_the_formula_of_the_paper():
    x = np.array([[-1.0, 0.5, 0.0]], "float32")
    p = parameters(3, 2, rows=1, seed=3)
    logits, m, s, c = p[0, :2], p[0, 2:8], p[0, 8:14], np.tanh(p[0, 14:])
    log_weights = logits - logsumexp(logits)
    total = []
    for k in range(2):
        red, green, blue = x[0]
        means = (m[k], m[2 + k] + c[k] * red, m[4 + k] + c[2 + k] * red + c[4 + k] * green)
        masses = [
            likelihoods.discretized_logistic(value, mean, s[2 * i + k], 5)
            for i, (value, mean) in enumerate(zip(x[0], means, strict=True))
        ]
        total.append(log_weights[k] + sum(float(mass) for mass in masses))
    received = likelihoods.mixture_of_logistics(x, p, 5)
    np.testing.assert_allclose(received, [logsumexp(total)], rtol=1e-5)


@pytest.mark.parametrize(("channels", "levels"), [(1, 256), (1, 17), (1, 16), (1, 2), (3, 4)])
def test_inversion_follows_the_exact_masses(channels, levels):
    """A fine grid of uniforms hits every pixel as often as its mass says."""
    steps = 20000 if channels == 1 else 60
    p = parameters(channels, 3, rows=1, seed=1)
    middles = (np.arange(steps) + 0.5) / steps
    u = np.array(list(itertools.product(middles, repeat=channels)), "float32")
    x = likelihoods.sample_mixture(tf.constant(np.repeat(p, len(u), 0)), tf.constant(u), levels)
    index = np.rint((x.numpy() + 1.0) * (levels - 1) / 2.0).astype(int)
    code = (index * levels ** np.arange(channels)).sum(1)
    counts = np.bincount(code, minlength=levels**channels) / len(u)
    pixels = np.array(list(itertools.product(grid(levels), repeat=channels)))[:, ::-1]
    expected = np.exp(likelihoods.mixture_of_logistics(pixels.copy(), p, levels))
    np.testing.assert_allclose(counts, expected, atol=2.0 / steps)


def test_given_channels_stay_and_steer_the_rest():
    p, u = parameters(3, 4, rows=64, seed=2), np.random.default_rng(0).random((64, 3))
    u = u.astype("float32")
    free = likelihoods.sample_mixture(p, u, 8).numpy()
    hidden = np.broadcast_to(np.array([True, False, True]), (64, 3))
    kept = likelihoods.sample_mixture(p, u, 8, -free, hidden).numpy()
    np.testing.assert_array_equal(kept[:, 0], free[:, 0])
    np.testing.assert_array_equal(kept[:, 1], -free[:, 1])
    assert (kept[:, 2] != free[:, 2]).any()


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match="1 or 3 channels"):
        likelihoods.mixture_of_logistics(np.zeros((1, 2)), np.zeros((1, 20)))
