"""The game's value against its closed form, the paper's sizes, and learning on real digits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.learned import classifier, digits, flat, trained
from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen import losses
from tfgen.metrics.parzen import parzen
from tfgen.model import initial_weights
from tfgen.models import GAN
from tfgen.models.gan import discriminator
from tfgen.optimizers import built, descend


def density(x, mean, stddev):
    return np.exp(-0.5 * ((x - mean) / stddev) ** 2) / (stddev * np.sqrt(2 * np.pi))


def test_parameter_counts():
    model = GAN()
    assert model.generator.count_params() == 2_503_984
    assert model.discriminator.count_params() == 1_231_441


def test_noise_is_uniform_with_variance_1():
    z = GAN().signatures()["generate"].inputs["z"]
    assert z.distribution == "uniform"
    assert (z.low, z.high) == (-(3**0.5), 3**0.5)
    model = TINY["gan"].build(latent="uniform")
    (of_g,) = step_recorded(model, TINY["gan"].batch(512), "generator")
    assert len(of_g.calls) == 2
    for z in (np.asarray(latent) for latent, _ in of_g.calls):
        assert -1.7321 <= z.min() < -1.70 and 1.70 < z.max() <= 1.7321
        assert np.var(z) == pytest.approx(1.0, abs=0.1)
    normal = TINY["gan"].build(latent="normal").signatures()["generate"].inputs["z"]
    assert normal.distribution == "normal"
    with pytest.raises(ValueError, match="latent"):
        TINY["gan"].build(latent="cauchy")


# max_D V = 2 JSD(p, q) - log 4.
@pytest.mark.parametrize(
    ("p", "q", "value"),
    [
        ((0.0, 1.0), (0.0, 1.0), -1.38629),
        ((0.0, 1.0), (1.0, 1.0), -1.16345),
        ((0.0, 1.0), (2.0, 1.0), -0.71263),
        ((0.0, 1.0), (4.0, 1.0), -0.12085),
        ((0.0, 1.0), (0.0, 2.0), -1.20083),
        ((4.0, 0.5), (0.0, 1.0), -0.02255),
    ],
)
def test_discriminator_alone_reaches_the_value_of_the_game(p, q, value):
    game = losses.adversarial("minimax")
    with initial_weights(0):
        network = discriminator((1,), (64, 64), "leaky_relu", (0.0, 0.0), None)
    optimizer = built(keras.optimizers.Adam(3e-3), network)
    generator = np.random.default_rng(0)
    noise = tf.constant(generator.normal(size=(400, 2, 1024, 1)), tf.float32)

    @tf.function
    def train():
        for number in tf.range(400):
            real, fake = p[0] + p[1] * noise[number, 0], q[0] + q[1] * noise[number, 1]
            with tf.GradientTape() as tape:
                loss = game.discriminator(network(real), network(fake))
            optimizer.learning_rate.assign(3e-3 * (1.0 - tf.cast(number, tf.float32) / 400.0))
            descend(optimizer, tape, loss, network)

    train()
    x = np.linspace(-12.0, 12.0, 4801)
    logit = np.ravel(network(x[:, None].astype("float32"))).astype(np.float64)
    integrand = -np.logaddexp(0, -logit) * density(x, *p) - np.logaddexp(0, logit) * density(x, *q)
    reached = np.trapezoid(integrand, x)
    assert value - 0.01 < reached < value + 1e-3


@pytest.mark.slow
def test_learns_digits():
    """Every class, at a likelihood that no Gaussian reaches (6.5)."""
    (x, y), (real, _) = digits("train"), digits("test")
    model, _ = trained("gan_digits")
    samples = model.sample(range(5000), batch_size=500)
    likelihood, _, _ = parzen(samples, x[-300:], real)
    assert likelihood > 10.0
    shares = np.bincount(classifier(x, y).predict(flat(samples)), minlength=10) / 5000
    assert shares.min() > 0.02, shares
