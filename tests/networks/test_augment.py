"""Differentiable augmentation against what each transformation promises."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.networks import augment
from tfgen.step import Draws, _scope


@pytest.fixture(autouse=True)
def running_step():
    """As inside a training step."""
    _scope.draws = Draws(0, tf.constant(0, tf.int64), "train")
    yield
    _scope.draws = None


def images(rows=256, side=8, channels=3, seed=0):
    values = np.random.default_rng(seed).uniform(-1, 1, size=(rows, side, side, channels))
    return tf.constant(values, tf.float32)


def test_translation_moves_by_whole_pixels_and_fills_with_zero():
    x = images(300, 16).numpy()
    seen = set()
    for before, after in zip(x, augment.translation(tf.constant(x)).numpy(), strict=True):
        moves = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if np.array_equal(after, moved(before, dy, dx))
        ]
        assert len(moves) == 1
        seen.add(moves[0])
    assert len(seen) == 25  # Each of the 5 x 5 shifts of up to an eighth of 16.


def moved(image, dy, dx):
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    return padded[2 + dy : 18 + dy, 2 + dx : 18 + dx]


def test_cutout_zeroes_one_square_of_half_the_side():
    x = images() + 2.0  # No zeros of its own.
    holes = (augment.cutout(x).numpy() == 0.0).all(-1)
    assert holes.any((1, 2)).all()
    sizes = holes.any(2).sum(1), holes.any(1).sum(1)
    assert max(sizes[0]) == max(sizes[1]) == 4
    np.testing.assert_array_equal(holes.sum((1, 2)), sizes[0] * sizes[1])
    assert len(np.unique(holes.reshape(len(holes), -1), axis=0)) > 30


def test_color_keeps_structure():
    x = images()
    y = augment.color(x)
    grey = tf.reduce_mean(x, -1) - tf.reduce_mean(x, (1, 2, 3))[:, None, None]
    after = tf.reduce_mean(y, -1) - tf.reduce_mean(y, (1, 2, 3))[:, None, None]
    # Saturation leaves the grey picture, contrast scales it about its mean.
    factor = tf.reduce_sum(after * grey, (1, 2)) / tf.reduce_sum(grey * grey, (1, 2))
    np.testing.assert_allclose(after, factor[:, None, None] * grey, atol=1e-5)
    assert 0.5 <= factor.numpy().min() < 0.55 and 1.45 < factor.numpy().max() < 1.5
    shift = tf.reduce_mean(y - x, (1, 2, 3)).numpy()
    assert -0.5 <= shift.min() < -0.45 and 0.45 < shift.max() <= 0.5


@pytest.mark.parametrize("name", augment.AUGMENTATIONS)
def test_gradients_pass_and_draws_are_fresh(name):
    x = images(8)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = augment.augmented((name,), x)
        energy = tf.reduce_sum(y * y)
    assert y.shape == x.shape
    assert float(tf.reduce_sum(tf.abs(tape.gradient(energy, x)))) > 0
    assert not np.array_equal(y, augment.augmented((name,), x))


def test_names_are_checked():
    assert augment.known(["color"]) == ("color",)
    assert np.array_equal(augment.augmented((), images()), images())
    with pytest.raises(ValueError, match="Unknown augmentation 'flip'. Known: color"):
        augment.known(("flip",))
