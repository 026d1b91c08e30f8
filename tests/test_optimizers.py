"""The recipe's schedule and momentum, step by step."""

import keras
import numpy as np
import pytest

import tfgen
from tests.tiny import TINY
from tfgen.optimizers import GeometricDecay, RampedSGD


def test_decay_per_update_with_a_floor():
    schedule = GeometricDecay(0.1, 1.000004, 1e-6)
    assert np.isclose(float(schedule(0)), 0.1)
    assert np.isclose(float(schedule(100_000)), 0.1 / 1.000004**100_000, rtol=1e-3)
    assert np.isclose(float(schedule(10_000_000)), 1e-6)


def test_momentum_rises_linearly():
    optimizer = RampedSGD(0.1, 0.5, 0.7, ramp_steps=4)
    w = keras.Variable(np.zeros(1), dtype="float32")
    optimizer.build([w])
    velocity, expected = 0.0, 0.0
    for number in range(6):
        optimizer.apply([np.ones(1, "float32")], [w])
        velocity = (0.5 + 0.2 * min(number / 4, 1.0)) * velocity - 0.1
        expected += velocity
    np.testing.assert_allclose(w, [expected], rtol=1e-5)


def test_config_round_trip():
    optimizer = RampedSGD(GeometricDecay(0.2, 1.01, 1e-3), 0.4, 0.6, 7)
    copy = RampedSGD.from_config(optimizer.get_config())
    assert copy.get_config() == optimizer.get_config()


def test_float16_skips_no_first_update():
    """Keras's own loss scale overflows in InfoGAN's discriminator at this very step."""
    keras.config.set_dtype_policy("mixed_float16")
    model = tfgen.models.InfoGAN(image_shape=(28, 28, 1))
    model.compile(run_eagerly=True)
    images = np.random.default_rng(0).uniform(-1, 1, (16, 28, 28, 1)).astype("float32")
    for _ in range(2):
        model.train_step({"image": images})
    for optimizer in model.optimizers.values():
        assert int(optimizer.inner_optimizer.iterations) == 2
        assert float(optimizer.dynamic_scale) == 1024.0


@pytest.mark.parametrize(
    "name", ["conditionalgan_conv", "cyclegan", "dcgan", "infogan", "puzzlegan", "stargan"]
)
def test_epsilon_of_adam_is_the_authors(name):
    model = TINY[name].build()
    model.compile()
    assert {optimizer.epsilon for optimizer in model.optimizers.values()} == {1e-8}
