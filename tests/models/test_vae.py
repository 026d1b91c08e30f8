import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.learning import arrays
from tfgen.metrics.likelihood import estimate
from tfgen.models import VAE

tfd = tfp.distributions
SMALL = dict(image_shape=(2, 2, 1), latent_dim=2, hidden=(5,), initial_stddev=0.7)
MIXTURE = {"name": "mixture", "means": [[-1.0, 0.0], [1.0, 0.5]], "stddev": 0.5}


def binary(rows, shape=(2, 2, 1), seed=0):
    return np.sign(np.random.default_rng(seed).normal(size=(rows, *shape))).astype("float32")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def all_binary_images():
    bits = np.arange(16)[:, None] >> np.arange(4) & 1
    return (2.0 * bits - 1.0).reshape(16, 2, 2, 1).astype("float32")


def test_parameter_count_is_the_papers():
    model = VAE()
    assert sum(w.numpy().size for w in model.trainable_variables) == 815_824


def test_first_step_of_the_papers_adagrad_is_its_rate():
    # Sums of squared gradients begin at 0, so the first step is rate * g / |g|.
    model = VAE(**SMALL)
    model.compile(run_eagerly=True)
    bias = model.decoder.trainable_variables[-1]
    before = bias.numpy()
    model.fit(binary(4), batch_size=4, verbose=0)
    np.testing.assert_allclose(np.abs(bias.numpy() - before), 0.02, rtol=1e-3)


def test_elbo_is_what_the_formulas_say():
    model = VAE(**SMALL)
    x, eps = binary(3), noise(3, 2)
    mean, log_var = (v.numpy() for v in model.posterior(x))
    z = mean + np.exp(log_var / 2) * eps
    probability = (model.decode(z)["image"].numpy() + 1) / 2
    mass = np.where(x > 0, probability, 1 - probability)
    kl = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum(1)
    expected = np.log(mass).sum((1, 2, 3)) - kl
    np.testing.assert_allclose(model.elbo(x, eps)["elbo"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prior", ["standard_normal", MIXTURE])
def test_importance_weights_sum_to_the_exact_likelihood(prior):
    """p(x) of all 16 images by quadrature over z, against the importance-sampled one."""
    model = VAE(**{**SMALL, "initial_stddev": 0.2}, prior=prior)
    for weight in model.decoder.trainable_variables:  # A wide q(z|x) has weights of low variance.
        weight.assign(6.0 * weight)
    images = all_binary_images()
    side = np.linspace(-6, 6, 121)
    z = np.stack(np.meshgrid(side, side), -1).reshape(1, -1, 2).astype("float32")
    prior_mass = np.exp(model.latent_prior.log_prob(z).numpy()) * (side[1] - side[0]) ** 2
    z = np.tile(z, (16, 1, 1))
    exact = (np.exp(-model.nll(images, z).numpy()) * prior_mass).sum(1)
    assert exact.sum() == pytest.approx(1.0, abs=1e-3)
    weights = np.exp(model.log_weights(images, noise(16, 100_000, 2)).numpy())
    np.testing.assert_allclose(weights.mean(1), exact, rtol=0.05)


def test_tfp_prior_equals_its_closed_form():
    """KL by Monte Carlo agrees with the closed form, and the importance weights exactly."""
    closed = VAE(**SMALL)
    sampled = VAE(**SMALL, prior=tfd.MultivariateNormalDiag([0.0, 0.0], [1.0, 1.0]))
    x, eps = binary(4), noise(4, 100_000, 2)
    np.testing.assert_allclose(
        closed.log_weights(x, eps), sampled.log_weights(x, eps), rtol=1e-4, atol=1e-4
    )
    kl = sampled.bound(*sampled.terms(x, eps))["kl"]
    np.testing.assert_allclose(kl, closed.bound(*closed.terms(x, eps))["kl"], rtol=0.01)


@pytest.mark.parametrize(
    "changes", [{}, {"importance_samples": 4}, {"prior": MIXTURE}, {"likelihood": "gaussian"}]
)
def test_gradient_against_finite_differences_under_common_noise(changes):
    model = VAE(**SMALL, **changes)
    x, eps = binary(6), noise(6, model.importance_samples, 2)
    network = model.encoder  # Its gradient is the one that passes through the samples.
    kernel = network.trainable_variables[-2]
    with tf.GradientTape() as tape:
        loss = model.objective(*model.terms(x, eps))
    gradient = tape.gradient(loss, kernel).numpy()
    initial, step = kernel.numpy(), 1e-2
    for index in np.ndindex(initial.shape):
        values = []
        for sign in (1, -1):
            moved = initial.copy()
            moved[index] += sign * step
            kernel.assign(moved)
            values.append(float(model.objective(*model.terms(x, eps))))
        difference = (values[0] - values[1]) / (2 * step)
        assert gradient[index] == pytest.approx(difference, rel=0.02, abs=2e-3)
    kernel.assign(initial)


def test_importance_weighted_bound_is_tighter():
    x = binary(50)
    elbo = VAE(**SMALL)
    tight = VAE(**SMALL, importance_samples=64)
    eps = noise(50, 64, 2)
    bound = -float(tight.objective(*tight.terms(x, eps)))
    assert bound > -float(elbo.objective(*elbo.terms(x, eps)))


def test_beta_and_free_bits():
    x, eps = binary(20), noise(20, 1, 2)
    plain, weighted, free = (VAE(**SMALL, **c) for c in ({}, {"beta": 4.0}, {"free_bits": 100.0}))
    nll, kl, _ = plain.terms(x, eps)
    by_dimension = kl.numpy().mean(0)
    loss = float(weighted.objective(*weighted.terms(x, eps)))
    assert loss == pytest.approx(nll.numpy().mean() + 4 * by_dimension.sum(), rel=1e-5)
    loss = float(free.objective(*free.terms(x, eps)))
    assert loss == pytest.approx(nll.numpy().mean() + 200.0, rel=1e-5)
    between = VAE(**SMALL, free_bits=float(by_dimension.mean()))
    loss = float(between.objective(*between.terms(x, eps)))
    expected = nll.numpy().mean() + np.maximum(by_dimension, by_dimension.mean()).sum()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_seeds_give_prior_samples():
    model = VAE(**SMALL, prior=MIXTURE, likelihood={"name": "discretized_logistic", "levels": 5})
    z = model.latent_prior.sample(range(6))
    feeds = model.signatures()["generate"].draw(range(6))
    np.testing.assert_allclose(model.generate(**feeds)["image"], model.decode(z)["image"])
    drawn = model.sample(range(6), signature="draw")
    assert set(np.unique(drawn)) <= {-1.0, -0.5, 0.0, 0.5, 1.0}


@pytest.mark.slow
def test_linear_gaussian_reaches_the_exact_marginal_likelihood_and_never_exceeds_it():
    """Probabilistic PCA (Tipping and Bishop 1999): its marginal is a Gaussian, and q is exact."""
    generator = np.random.default_rng(0)
    directions = generator.normal(size=(2, 4))
    x01 = 0.5 + 0.06 * generator.normal(size=(2000, 2)) @ directions
    x01 += 0.05 * generator.normal(size=x01.shape)
    images = (2 * np.clip(x01, 0, 1) - 1).reshape(-1, 2, 2, 1).astype("float32")
    likelihood = {"name": "gaussian", "squashed": False, "stddev": 0.05}
    model = VAE((2, 2, 1), 2, likelihood, hidden=(), initial_stddev=0.1)
    data = tf.data.Dataset.from_tensor_slices(images).batch(500).cache()
    measured, exact = [], []
    for rate, epochs in ((3e-2, 10), (3e-2, 70), (5e-3, 40)):
        model.compile(keras.optimizers.Adam(rate))
        model.fit(data, epochs=epochs, verbose=0)
        result = estimate(model, images[:500], samples=200)
        kernel, bias = (w.numpy().astype(np.float64) for w in model.decoder.trainable_variables)
        covariance = kernel.T @ kernel + 0.05**2 * np.eye(4)
        centred = (images[:500].reshape(-1, 4) + 1) / 2 - bias
        quadratic = (centred @ np.linalg.inv(covariance) * centred).sum(1)
        log_p = -0.5 * (quadratic + np.linalg.slogdet(covariance)[1] + 4 * np.log(2 * np.pi))
        measured.append(result)
        exact.append(log_p.mean())
    for result, value in zip(measured, exact, strict=True):
        assert result.elbo < value + 2e-3  # Sampling error of 100,000 log weights.
        assert result.elbo <= result.log_likelihood < value + 0.01
    assert measured[-1].elbo > exact[-1] - 0.05


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"latent_dim": 0}, "latent_dim"),
        ({"importance_samples": 0}, "importance_samples"),
        ({"beta": -1.0}, "negative"),
        ({"beta": 2.0, "importance_samples": 2}, "no KL term"),
        ({"free_bits": 0.1, "prior": MIXTURE}, "closed form"),
        ({"prior": "swiss_roll"}, "density"),
        ({"prior": "gaussian_mixture", "latent_dim": 3}, "latent_dim must be 2"),
        ({"prior": tfd.MultivariateNormalDiag([0.0] * 3)}, "latent_dim = 2"),
        ({"likelihood": "poisson"}, "bernoulli"),
        ({"network": "transformer"}, "mlp, conv"),
        ({"network": "conv", "image_shape": (7, 7, 1)}, "multiples"),
    ],
)
def test_bad_input_is_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        VAE(**{**SMALL, **arguments})


@pytest.mark.slow
def test_learns_digits():
    """Test -ELBO 18.6 nats, against 25.3 of independent pixels, where a collapsed VAE lands."""
    train, test = arrays("digits", binary=True)
    model = VAE((8, 8, 1), 8, hidden=(128,), initial_stddev=None)
    model.compile(keras.optimizers.Adam(1e-3))
    batches = tf.data.Dataset.from_tensor_slices(train).shuffle(1297, seed=0).batch(100)
    model.fit(batches, epochs=300, verbose=0)
    result = estimate(model, test, samples=100)
    assert -result.elbo < 19.3
    assert -result.log_likelihood < -result.elbo - 0.3
    assert result.kl > 3 and result.active_units == 8


@pytest.mark.slow
def test_convolutions_train_stably_by_default():
    train, test = arrays("mnist-5k", binary=True)
    model = VAE(network="conv", filters=16)
    model.compile()
    history = model.fit(train, batch_size=100, epochs=8, verbose=0).history["negative_elbo"]
    assert all(after < before for before, after in zip(history, history[1:], strict=False))
    assert -estimate(model, test[:200], samples=10).elbo < 185  # 205 is independent pixels.


def test_dequantized_pixels():
    model = VAE(**SMALL, likelihood={"name": "gaussian", "levels": 4})
    x = np.random.default_rng(0).choice([-1.0, -1 / 3, 1 / 3, 1.0], (6, 2, 2, 1)).astype("float32")
    u = np.random.default_rng(1).uniform(size=x.shape).astype("float32")
    eps = noise(6, 2)
    # The bound of a VAE of numbers without a grid, at the spread pixels, and log 4 for each.
    plain = VAE(**SMALL, likelihood="gaussian")
    plain.set_weights(model.get_weights())
    spread = (2 * (np.round((x + 1) * 1.5) + u) / 4 - 1).astype("float32")
    mean, log_var = plain.posterior(x)
    nll = plain.nll(spread, (mean + tf.exp(log_var / 2) * eps)[:, None])[:, 0]
    kl = tf.reduce_sum(plain.latent_prior.kl(mean, log_var), 1)
    found = model.call_signature("elbo", {"image": x, "eps": eps, "u": u})["elbo"]
    np.testing.assert_allclose(found, -(nll + kl) - 4 * np.log(4), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="needs `u`"):
        model.log_weights(x, eps[:, None])

    model.compile(run_eagerly=True)
    history = model.fit(x, batch_size=6, verbose=0).history
    assert np.isfinite(history["negative_elbo"]).all()
    result = estimate(model, x, samples=10)
    nats = result.iwae[10]
    assert result.bits_per_dim[10] == pytest.approx(-nats / (4 * np.log(2)))
