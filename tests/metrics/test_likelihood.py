import numpy as np
import pytest
import tensorflow as tf

from tfgen.metrics.likelihood import estimate, grouped, nested
from tfgen.models import VAE

SMALL = dict(image_shape=(2, 2, 1), latent_dim=2, hidden=(5,), initial_stddev=0.5)


def binary(rows):
    return np.sign(np.random.default_rng(0).normal(size=(rows, 2, 2, 1))).astype("float32")


def test_groups_are_log_means_of_weights():
    weights = np.random.default_rng(0).normal(size=(3, 12))
    np.testing.assert_allclose(grouped(weights, 1), weights.mean(1))
    np.testing.assert_allclose(grouped(weights, 12), np.log(np.exp(weights).mean(1)))
    np.testing.assert_allclose(grouped(weights - 1e4, 4), grouped(weights, 4) - 1e4)


@pytest.mark.parametrize(
    "samples, chain",
    [(1, (1,)), (64, (1, 64)), (100, (1, 10, 100)), (5000, (1, 10, 100, 1000, 5000))],
)
def test_every_k_divides_the_next(samples, chain):
    assert nested(samples) == chain


def test_monotone_in_k_and_tight():
    model = VAE(**SMALL)
    result = estimate(model, binary(40), samples=1000)
    values = list(result.iwae.values())
    assert values == sorted(values) and values[0] < values[-1]
    assert result.elbo == values[0] and result.log_likelihood == values[-1]
    assert result.images == 40 and result.samples == 1000
    assert result.bits_per_dim[1000] == pytest.approx(-values[-1] / (4 * np.log(2)))
    assert result.kl == pytest.approx(sum(result.kl_per_dimension))
    assert result.as_dict()["log_likelihood"] == values[-1]


def test_the_same_numbers_for_any_chunk_and_batch():
    model, images = VAE(**SMALL), binary(23)
    expected = estimate(model, images, samples=120)
    batches = tf.data.Dataset.from_tensor_slices({"image": images}).batch(7)
    for data, decodes in ((images, 100), (batches, 10_000), (batches, 1)):
        result = estimate(model, data, samples=120, decodes=decodes)
        np.testing.assert_allclose(
            list(result.iwae.values()), list(expected.iwae.values()), rtol=1e-5
        )
        np.testing.assert_allclose(result.kl_per_dimension, expected.kl_per_dimension, rtol=1e-5)
    assert estimate(model, images, samples=120, seed=1).elbo != expected.elbo
    fewer = estimate(model, images, samples=1)
    assert fewer.elbo != expected.elbo


def test_collapsed_dimensions_are_counted():
    model = VAE(**SMALL)
    kernel, bias = model.encoder.trainable_variables[-2:]
    kernel.assign(kernel * [1.0, 0.0, 1.0, 0.0])  # Means, then log variances, of z[0] and z[1].
    bias.assign(tf.zeros(4))
    result = estimate(model, binary(50), samples=2)
    assert result.active_units == 1 and result.latent_dim == 2
    low, high = result.active_units_interval
    assert low <= 1 <= high and 0 < result.kl_standard_error < result.kl
    assert result.kl_per_dimension[1] == pytest.approx(0.0, abs=1e-6)
    assert result.kl_per_dimension[0] > 0.01


def test_densities_have_no_bits_and_other_priors_no_parts():
    mixture = {"name": "mixture", "means": [[-1.0, 0.0], [1.0, 0.0]]}
    model = VAE(**SMALL, likelihood="gaussian", prior=mixture)
    images = np.random.default_rng(0).uniform(-1, 1, (30, 2, 2, 1)).astype("float32")
    result = estimate(model, images, samples=200)
    assert result.bits_per_dim is None and result.kl_per_dimension is None
    nll, kl, _ = model.terms(
        images, np.random.default_rng(1).normal(size=(30, 5000, 2)).astype("f")
    )
    assert result.kl == pytest.approx(float(np.mean(kl)), rel=0.05)
    assert result.elbo == pytest.approx(-float(np.mean(nll) + np.mean(kl)), rel=0.05)


def test_bad_input_is_explained():
    model = VAE(**SMALL)
    with pytest.raises(ValueError, match="must be positive"):
        estimate(model, binary(3), samples=0)
    with pytest.raises(ValueError, match="binarize"):
        estimate(model, 0.5 * binary(3), samples=1)
    with pytest.raises(ValueError, match="no images"):
        estimate(model, binary(0), samples=1)
    logistic = VAE(**SMALL, likelihood={"name": "discretized_logistic", "levels": 3})
    with pytest.raises(ValueError, match="`levels`"):
        estimate(logistic, 0.5 * binary(3), samples=1)
