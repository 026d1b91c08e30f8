import math

import numpy as np
import pytest
import tensorflow as tf

from tfgen.probability.levels import (
    bits_per_dim,
    draw_level,
    draw_value,
    level_index,
    level_nll,
    level_value,
)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_levels_round_trip(levels):
    index = np.arange(levels).reshape(1, 1, -1, 1)
    image = level_value(index, levels)
    assert image.numpy().min() == -1.0 and image.numpy().max() == pytest.approx(1.0)
    np.testing.assert_array_equal(level_index(image, levels), index)


def test_eight_bit_pictures_have_256_levels():
    image = (np.arange(256) / 127.5 - 1.0).astype("float32").reshape(1, 16, 16, 1)
    index = level_index(image, 256)
    np.testing.assert_array_equal(tf.reshape(index, (-1,)), np.arange(256))


@pytest.mark.parametrize(
    "value, levels, said",
    [
        (0.0, 2, "`levels` = 2"),
        (0.1, 17, "data.binarize"),
        (1.2, 256, r"\[-1, 1\]"),
        (np.nan, 256, "finite"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(value, levels, said):
    image = np.full((2, 3, 3, 1), -1.0, "float32")
    image[1, 1, 1] = value
    with pytest.raises(ValueError, match=said):
        level_index(image, levels)
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        tf.function(lambda x: level_index(x, levels))(tf.constant(image))


def test_nearest_level():
    index = level_index(np.array([-0.9, -0.1, 0.2, 0.7]), 3, nearest=True)
    np.testing.assert_array_equal(index, [0, 1, 1, 2])


def test_likelihoods_against_numpy():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4, 2, 3, 3, 5)).astype("float32")
    index = generator.integers(0, 5, (4, 2, 3, 3))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log(np.take_along_axis(p, index[..., None], -1)).sum((1, 2, 3, 4))
    np.testing.assert_allclose(level_nll(index, logits), expected, rtol=1e-5)
    one = logits[..., :1]
    p = 1 / (1 + np.exp(-one[..., 0]))
    binary = index % 2
    expected = -np.log(np.where(binary == 1, p, 1 - p)).sum((1, 2, 3))
    np.testing.assert_allclose(level_nll(binary, one), expected, rtol=1e-5)


def test_bits_per_dim_of_the_uniform_model_is_eight():
    nats = 32 * 32 * 3 * math.log(256)
    assert bits_per_dim(nats, (32, 32, 3)) == pytest.approx(8.0)


@pytest.mark.parametrize("outputs", [1, 6])
def test_drawn_levels_have_their_frequencies(outputs):
    logits = np.random.default_rng(0).normal(size=outputs).astype("float32")
    p = np.exp(logits) / np.exp(logits).sum()
    if outputs == 1:
        p = np.array([1 / (1 + np.exp(logits[0])), 1 / (1 + np.exp(-logits[0]))])
    # Evenly spread numbers: every frequency is right to one part in their count.
    u = ((np.arange(4096) + 0.5) / 4096).astype("float32")
    index = draw_level(np.tile(logits, (4096, 1)), u)
    np.testing.assert_allclose(np.bincount(index, minlength=len(p)) / 4096, p, atol=1e-3)
    assert (np.diff(index) >= 0).all()
    count = max(outputs, 2)
    value = draw_value(tf.constant(np.tile(logits, (4096, 1))), u[:, None], count)
    np.testing.assert_array_equal(value[:, 0], level_value(index, count))


def test_levels_of_probability_zero_are_never_drawn():
    logits = np.array([[-1e9, 0.0, -1e9, 0.0, -1e9]] * 2, "float32")
    u = np.array([0.0, 1 - 2**-23], "float32")
    np.testing.assert_array_equal(draw_level(logits, u), [1, 3])
