"""Noise in its range, and penalties that are taken when they are due."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from tfgen import losses
from tfgen.networks.game import Game, Noise
from tfgen.signature import Signature
from tfgen.step import Draws, _scope


@contextlib.contextmanager
def step(number=0):
    """As inside the training step of this number."""
    _scope.draws = Draws(0, tf.convert_to_tensor(number, tf.int64), "train")
    try:
        yield
    finally:
        _scope.draws = None


def linear_critic(w):
    return lambda x: tf.reduce_sum(x * w, axis=(1, 2, 3), keepdims=True)


@pytest.mark.parametrize(
    ("latent", "low", "mean", "stddev"),
    [
        ("uniform", -1.0, 0.0, 1 / np.sqrt(3)),
        ("uniform", 0.0, 0.5, 1 / np.sqrt(12)),
        ("normal", -1.0, 0.0, 1.0),
    ],
)
def test_noise_of_a_step_and_of_a_sample_have_one_distribution(latent, low, mean, stddev):
    noise = Noise(latent, 3, low)
    with step():
        trained = noise("z of G", 20_000).numpy()
    served = Signature(None, {"z": noise.input}).draw(range(20_000))["z"]
    for z in (trained, served):
        assert z.shape == (20_000, 3) and z.dtype == np.float32
        np.testing.assert_allclose(z.mean(0), mean, atol=0.02)
        np.testing.assert_allclose(z.std(0), stddev, atol=0.02)
        if latent == "uniform":
            assert low <= z.min() < low + 0.01 and 0.99 < z.max() < 1.0


def test_terms_are_those_of_the_loss():
    game, named = Game("least_squares", 0.1), losses.adversarial("least_squares", 0.1)
    real, fake = tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [1.0]])
    assert float(game.discriminator(real, fake)) == float(named.discriminator(real, fake))
    assert float(game.generator(fake)) == float(named.generator(fake))


def test_no_penalty_is_0():
    with step():
        assert float(Game("hinge").penalty(None, None, None)) == 0.0


def test_penalties_of_a_linear_critic():
    generator = np.random.default_rng(0)
    w = tf.constant(generator.normal(size=(1, 4, 4, 3)), tf.float32)
    real, fake = (tf.constant(generator.normal(size=(5, 4, 4, 3)), tf.float32) for _ in "ab")
    norm = float(tf.norm(w))
    for name, expected in (("gradient_penalty", (norm - 1.0) ** 2), ("r1", 0.5 * norm**2)):
        with step():
            penalty = Game("hinge", penalty=name).penalty(linear_critic(w), real, fake)
        assert float(penalty) == pytest.approx(expected, rel=1e-5)


def test_gradient_penalty_is_taken_between_real_and_generated_images():
    # D(x) = |x|^2 / 2 has the norm of x for that of its gradient.
    seen = []

    def critic(x):
        seen.append(x.numpy())
        return 0.5 * tf.reduce_sum(x**2, axis=(1, 2, 3))

    real, fake = tf.ones((64, 1, 1, 1)), -tf.ones((64, 1, 1, 1))
    with step():
        penalty = Game("hinge", penalty="gradient_penalty").penalty(critic, real, fake)
    (x,) = seen
    assert -1.0 <= x.min() < -0.8 and 0.8 < x.max() < 1.0
    assert float(penalty) == pytest.approx(np.mean((np.abs(x) - 1.0) ** 2), rel=1e-5)


@pytest.mark.parametrize("name", ["gradient_penalty", "r1"])
def test_lazy_penalty_in_a_graph(name):
    game = Game("hinge", penalty=name, penalty_interval=3)
    w, x = tf.ones((1, 2, 2, 1)), tf.ones((3, 2, 2, 1))

    @tf.function
    def lazy(number):
        with step(number):
            return game.penalty(linear_critic(w), x, x)

    # The gradient is 1 at four places: its norm is 2, its square 4.
    every = {"gradient_penalty": (2.0 - 1.0) ** 2, "r1": 0.5 * 4.0}[name]
    values = [float(lazy(tf.constant(n, tf.int64))) for n in range(5)]
    assert values == pytest.approx([3 * every, 0.0, 0.0, 3 * every, 0.0], abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "hing"}, "Unknown adversarial loss 'hing'.*hinge"),
        ({"penalty": "gp"}, "Unknown penalty 'gp'.*r1"),
        ({"penalty_interval": 0}, "`penalty_interval` must be at least 1"),
        ({"label_smoothing": 0.1}, "The hinge loss has no label to smooth"),
        ({"augmentation": ("colour",)}, "Unknown augmentation 'colour'. Did you mean 'color'"),
        ({"penalty": "gradient_penalty", "normalization": "batch"}, "A gradient penalty is a"),
        ({"penalty": "r1", "penalty_interval": 2, "normalization": "batch"}, "A lazy penalty is a"),
        ({"instance_noise": -0.1}, "of 0 or more, or two of them.*Received: -0.1"),
        ({"instance_noise": (0.3, 0.2, 0.1)}, "the first and the last. Received"),
        ({"instance_noise": (0.3, 0.0)}, "`instance_noise_steps` belongs to a pair"),
        ({"instance_noise": 0.3, "instance_noise_steps": 9}, "`instance_noise_steps` belongs to"),
        ({"instance_noise": (0.3, 0.0), "instance_noise_steps": 0}, "must be at least 1"),
    ],
)
def test_games_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Game(**{"loss": "hinge", **arguments})


def test_unknown_noise_is_refused():
    with pytest.raises(ValueError, match="`latent` must be 'uniform' or 'normal'"):
        Noise("cauchy", 3)


@pytest.mark.parametrize(
    ("noise", "steps", "number", "expected"),
    [
        (0.3, None, 7, 0.3),
        ((0.4, 0.0), 100, 0, 0.4),
        ((0.4, 0.0), 100, 25, 0.3),
        ([0.1, 0.5], 100, 300, 0.5),
        ((0.4, 0.0), 100, 100, 0.0),
    ],
)
def test_instance_noise_has_its_spread_at_every_step(noise, steps, number, expected):
    game = Game("hinge", instance_noise=noise, instance_noise_steps=steps)
    image = tf.fill((256, 8, 8, 3), 0.25)
    with step(number):
        added = [game.augmented(image).numpy() - 0.25 for _ in "ab"]
    for drawn in added:
        assert drawn.std() == pytest.approx(expected, rel=0.02, abs=1e-7)
        assert abs(drawn.mean()) < 0.01
    assert np.array_equal(*added) == (expected == 0.0)  # Real and generated draw apart.


def test_instance_noise_comes_after_the_augmentation_and_in_a_graph():
    game = Game(
        "hinge", augmentation=("cutout",), instance_noise=(0.2, 0.1), instance_noise_steps=4
    )

    @tf.function
    def seen(number):
        with step(number):
            return game.augmented(tf.ones((32, 8, 8, 1)))

    for number, stddev in ((0, 0.2), (2, 0.15), (9, 0.1)):
        x = seen(tf.constant(number, tf.int64)).numpy()
        hole = x < 0.5
        assert 0.1 < hole.mean() < 0.3
        assert x[hole].std() == pytest.approx(stddev, rel=0.15)  # Holes are noisy too.


def test_no_instance_noise_draws_nothing():
    image = tf.ones((2, 4, 4, 1))
    assert Game("hinge").augmented(image) is image
