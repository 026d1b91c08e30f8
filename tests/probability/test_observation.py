import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfgen import random
from tfgen.probability.observation import LIKELIHOODS, Gaussian, as_likelihood

SPECS = {
    "bernoulli": "bernoulli",
    "gaussian": "gaussian",
    "discretized_logistic": {"name": "discretized_logistic", "levels": 5},
}


def parameters(likelihood, rows, seed=0, spread=1.0):
    shape = (rows, 1, 1, likelihood.outputs)
    return np.random.default_rng(seed).normal(0, spread, shape).astype("float32")


def test_table_is_covered():
    assert set(SPECS) == set(LIKELIHOODS)


@pytest.mark.parametrize("name", ["bernoulli", "discretized_logistic"])
@pytest.mark.parametrize("spread", [1.0, 10.0])
def test_masses_of_all_levels_sum_to_one(name, spread):
    likelihood = as_likelihood(SPECS[name])
    outputs = parameters(likelihood, 50, spread=spread)
    levels = np.linspace(-1, 1, likelihood.levels).astype("float32")
    total = sum(
        np.exp(-likelihood.nll(tf.fill((50, 1, 1, 1), level), outputs).numpy()) for level in levels
    )
    np.testing.assert_allclose(total, 1.0, atol=1e-5)


@pytest.mark.parametrize("squashed", [True, False])
def test_gaussian_density_is_that_of_pixels_in_unit_range(squashed):
    likelihood = Gaussian(squashed)
    outputs = parameters(likelihood, 20)
    x = np.random.default_rng(1).uniform(-1, 1, (20, 1, 1, 1)).astype("float32")
    mean = outputs[..., :1]
    mean = 1 / (1 + np.exp(-mean)) if squashed else mean
    lowest = 2 * np.log(0.01)
    log_var = lowest + np.logaddexp(0, outputs[..., 1:] - lowest)
    expected = -stats.norm.logpdf((x + 1) / 2, mean, np.exp(log_var / 2)).reshape(-1)
    np.testing.assert_allclose(likelihood.nll(x, outputs), expected, rtol=1e-4, atol=1e-4)


def test_gaussian_variance_is_bounded_below():
    outputs = np.array([0.0, -1e4], np.float32).reshape(1, 1, 1, 2)
    nll = Gaussian(min_stddev=0.01).nll(tf.zeros((1, 1, 1, 1)), outputs)
    np.testing.assert_allclose(nll, 0.5 * np.log(2 * np.pi) + np.log(0.01), rtol=1e-5)


@pytest.mark.parametrize("name", SPECS)
def test_draws_follow_the_likelihood(name):
    likelihood = as_likelihood(SPECS[name])
    rows = 40_000
    outputs = np.array([0.4, -1.5][: likelihood.outputs], np.float32)
    outputs = np.tile(outputs, (rows, 1)).reshape(rows, 1, 1, -1)
    noise = likelihood.noise((1, 1, 1)).draw(
        random.namespace("numpy"), np.arange(rows), "pixel_noise"
    )
    x = likelihood.draw(outputs, noise).numpy()
    assert np.abs(x).max() <= 1
    if likelihood.levels:
        levels = np.linspace(-1, 1, likelihood.levels).astype("float32")
        seen = [np.isclose(x, level, atol=1e-5).mean() for level in levels]
        masses = [
            float(np.exp(-likelihood.nll(tf.fill((1, 1, 1, 1), v), outputs[:1]).numpy()[0]))
            for v in levels
        ]
        np.testing.assert_allclose(seen, masses, atol=0.01)
    else:
        mean, log_var = likelihood.moments(outputs[:1])
        inside = stats.norm(
            2 * float(mean.numpy().item()) - 1, 2 * np.exp(0.5 * log_var.numpy().item())
        )
        assert (x < 0.3).mean() == pytest.approx(inside.cdf(0.3), abs=0.01)


@pytest.mark.parametrize(
    "spec, message",
    [
        ("poisson", "bernoulli"),
        ({"name": "discretized_logistic", "levels": 1}, "at least 2"),
        ({"name": "gaussian", "min_stddev": 0.0}, "above 0"),
        ({"name": "gaussian", "levels": 1}, "`levels` must be at least 2"),
        ({"name": "bernoulli", "levels": 4}, "levels"),
    ],
)
def test_bad_input_is_explained(spec, message):
    with pytest.raises(ValueError, match=message):
        as_likelihood(spec)


def test_dequantized_gaussian_bounds_the_mass_of_each_level():
    """Against the exact mass of the cells; the bound is tight for a density that is nearly flat."""
    levels, count = 8, 4000
    likelihood = Gaussian(squashed=False, stddev=0.6, levels=levels)
    x = np.linspace(-1, 1, levels, dtype="float32")
    u = (np.arange(count, dtype="float32") + 0.5) / count
    grid, noise = np.meshgrid(x, u, indexing="ij")
    shape = (levels * count, 1, 1, 1)
    spread = likelihood.dequantized(grid.reshape(shape), noise.reshape(shape)).numpy()
    cells = (spread.reshape(levels, count) + 1) / 2
    edges = np.arange(levels + 1) / levels
    assert (cells > edges[:-1, None]).all() and (cells < edges[1:, None]).all()
    mean = np.full(shape, 0.5, "float32")
    bound = likelihood.nll(tf.constant(spread), mean).numpy().reshape(levels, count).mean(1)
    exact = -np.log(np.diff(stats.norm.cdf(edges, 0.5, 0.6)))
    assert (bound >= exact - 1e-5).all()
    np.testing.assert_allclose(bound, exact, atol=5e-3)


def test_dequantized_gaussian_is_right_in_bits_a_pixel():
    # A density of 1 on [0, 1] says nothing of 256 levels: 8 bits. A Gaussian of spread s has
    # 8 + log2(s sqrt(2 pi)) bits at its mean.
    likelihood = Gaussian(squashed=False, stddev=0.1, levels=256)
    at_mean = likelihood.nll(tf.zeros((1, 2, 3, 1)), tf.fill((1, 2, 3, 1), 0.5))
    bits = float(at_mean[0]) / (6 * np.log(2))
    np.testing.assert_allclose(bits, 8 + np.log2(0.1 * np.sqrt(2 * np.pi)), rtol=1e-5)


def test_dequantized_gaussian_draws_levels_and_their_means():
    likelihood = Gaussian(squashed=False, stddev=1e-4, levels=4)
    middles = np.array([0.125, 0.375, 0.625, 0.875], "float32").reshape(4, 1, 1, 1)
    expected = np.linspace(-1, 1, 4).reshape(4, 1, 1, 1)
    np.testing.assert_allclose(likelihood.mean(middles), expected, atol=1e-6)
    noise = np.random.default_rng(0).normal(size=(4, 1, 1, 1)).astype("float32")
    np.testing.assert_allclose(likelihood.draw(middles, noise), expected, atol=1e-6)
    far = likelihood.draw(np.array([-3.0, 3.0], "float32").reshape(2, 1, 1, 1), noise[:2])
    np.testing.assert_allclose(np.ravel(far), [-1.0, 1.0])


def test_a_gaussian_of_points_has_no_range():
    """Points (B, D): a fixed spread broadcasts, and a draw far away is not cut off."""
    fixed = as_likelihood({"name": "gaussian", "squashed": False, "stddev": 0.5})
    parameters = tf.constant([[0.5, 20.0]])
    drawn = fixed.draw(parameters, tf.constant([[0.0, 2.0]]))
    np.testing.assert_allclose(drawn, [[0.0, 2 * 21.0 - 1]])
    nll = fixed.nll(tf.constant([[0.0, 39.0]]), parameters)
    np.testing.assert_allclose(nll, [np.log(2 * np.pi * 0.25)], rtol=1e-6)
