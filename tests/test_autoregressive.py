import math

import numpy as np
import pytest
import tensorflow as tf

from tests import raster_truth as truth
from tfgen import autoregressive, raster
from tfgen.autoregressive import MaskedConv2D


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_levels_round_trip(levels):
    index = np.arange(levels).reshape(1, 1, -1, 1)
    image = autoregressive.level_value(index, levels)
    assert image.numpy().min() == -1.0 and image.numpy().max() == pytest.approx(1.0)
    np.testing.assert_array_equal(autoregressive.level_index(image, levels), index)


def test_eight_bit_pictures_have_256_levels():
    image = (np.arange(256) / 127.5 - 1.0).astype("float32").reshape(1, 16, 16, 1)
    index = autoregressive.level_index(image, 256)
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
        autoregressive.level_index(image, levels)
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        tf.function(lambda x: autoregressive.level_index(x, levels))(tf.constant(image))


def test_nearest_level():
    index = autoregressive.level_index(np.array([-0.9, -0.1, 0.2, 0.7]), 3, nearest=True)
    np.testing.assert_array_equal(index, [0, 1, 1, 2])


def test_likelihoods_against_numpy():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4, 2, 3, 3, 5)).astype("float32")
    index = generator.integers(0, 5, (4, 2, 3, 3))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log(np.take_along_axis(p, index[..., None], -1)).sum((1, 2, 3, 4))
    np.testing.assert_allclose(autoregressive.level_nll(index, logits), expected, rtol=1e-5)
    one = logits[..., :1]
    p = 1 / (1 + np.exp(-one[..., 0]))
    binary = index % 2
    expected = -np.log(np.where(binary == 1, p, 1 - p)).sum((1, 2, 3))
    np.testing.assert_allclose(autoregressive.level_nll(binary, one), expected, rtol=1e-5)


def test_bits_per_dim_of_the_uniform_model_is_eight():
    nats = 32 * 32 * 3 * math.log(256)
    assert autoregressive.bits_per_dim(nats, (32, 32, 3)) == pytest.approx(8.0)


@pytest.mark.parametrize("outputs", [1, 6])
def test_drawn_levels_have_their_frequencies(outputs):
    logits = np.random.default_rng(0).normal(size=outputs).astype("float32")
    p = np.exp(logits) / np.exp(logits).sum()
    if outputs == 1:
        p = np.array([1 / (1 + np.exp(logits[0])), 1 / (1 + np.exp(-logits[0]))])
    # Evenly spread numbers: every frequency is right to one part in their count.
    u = ((np.arange(4096) + 0.5) / 4096).astype("float32")
    index = autoregressive.draw_level(np.tile(logits, (4096, 1)), u)
    np.testing.assert_allclose(np.bincount(index, minlength=len(p)) / 4096, p, atol=1e-3)
    assert (np.diff(index) >= 0).all()
    levels = max(outputs, 2)
    value = autoregressive.draw_value(tf.constant(np.tile(logits, (4096, 1))), u[:, None], levels)
    np.testing.assert_array_equal(value[:, 0], autoregressive.level_value(index, levels))


def test_levels_of_probability_zero_are_never_drawn():
    logits = np.array([[-1e9, 0.0, -1e9, 0.0, -1e9]] * 2, "float32")
    u = np.array([0.0, 1 - 2**-23], "float32")
    np.testing.assert_array_equal(autoregressive.draw_level(logits, u), [1, 3])


def test_colour_groups_are_contiguous_and_alike_in_each_piece():
    np.testing.assert_array_equal(autoregressive.channel_groups(7, 3), [0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(autoregressive.channel_groups(6, 3, 2), [0, 1, 2, 0, 1, 2])
    with pytest.raises(ValueError, match="colour groups"):
        autoregressive.channel_groups(2, 3)


@pytest.mark.parametrize("kind", ["A", "B"])
@pytest.mark.parametrize("channels, size", [(1, 3), (3, 3), (3, 7), (3, (1, 3))])
def test_masked_convolution_sees_what_its_mask_says(kind, channels, size):
    shape = (4, 4, channels)
    layer = MaskedConv2D(channels, size, kind, channels)
    layer.build((None, *shape))
    generator = np.random.default_rng(0)
    layer.kernel.assign(generator.uniform(0.5, 1.0, layer.kernel.shape))
    x = tf.constant(generator.normal(size=(1, *shape)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    received = tape.jacobian(y, x).numpy().reshape(y.shape.num_elements(), -1) != 0
    if isinstance(size, int):
        expected = truth.reach(shape, size, kind)
    else:
        places = np.array(list(np.ndindex(shape)))
        rows = places[:, 0]
        expected = truth.reach(shape, size[1], kind) & (rows[:, None] == rows)
    np.testing.assert_array_equal(received, expected)


def test_bad_masks_are_refused():
    with pytest.raises(ValueError, match="'A' or 'B'"):
        autoregressive.causal_mask((3, 3), [0], [0], "C")
    with pytest.raises(ValueError, match="odd"):
        autoregressive.causal_mask((2, 3), [0], [0], "A")


def test_labels_are_checked():
    assert autoregressive.one_hot_label(None, None) is None
    for label, classes, said in (
        ([3, 10], 10, "0 .. 9"),
        (None, 10, "conditional"),
        ([1], None, "no labels"),
    ):
        with pytest.raises(ValueError, match=said):
            autoregressive.one_hot_label(label, classes)


def test_masks_of_completion_are_checked():
    image = np.zeros((2, 4, 5, 3), "float32")
    with pytest.raises(ValueError, match=r"\(2, 4, 5, 1\).*Received: \(2, 4, 5, 3\)"):
        autoregressive.given_part(image, np.zeros((2, 4, 5, 3), "int32"), 256)
    with pytest.raises(ValueError, match="1 .given. or 0"):
        autoregressive.given_part(image, np.full((2, 4, 5, 1), 2, "int32"), 256)
    # What is hidden may be anything, and grey is no level of two.
    known, shown = autoregressive.given_part(image, np.zeros((2, 4, 5, 1), "int32"), 2)
    assert not known.numpy().any() and (shown.numpy() == -1).all()


def test_bayes_rule():
    table = np.log(np.array([[0.1, 0.3], [0.2, 0.2]], "float32"))
    outputs = autoregressive.class_log_prob(
        lambda x, y: tf.gather_nd(table, tf.stack([tf.cast(x[:, 0], tf.int32), y], 1)),
        tf.constant([[0.0], [1.0]]),
        2,
    )
    np.testing.assert_allclose(np.exp(outputs["class_log_prob"]), [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(np.exp(outputs["log_prob"]), [0.2, 0.2], rtol=1e-6)


def test_windows_of_a_row():
    row = tf.reshape(tf.range(1.0, 5.0), (4, 1, 1))
    expected = [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]]
    np.testing.assert_array_equal(raster.neighbours(row, 3)[:, 0], expected)
