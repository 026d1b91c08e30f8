import numpy as np
import pytest
import tensorflow as tf

from tests.autoregressive import raster_truth as truth
from tfgen.autoregressive import masked_convolution
from tfgen.autoregressive.masked_convolution import MaskedConv2D


def test_colour_groups_are_contiguous_and_alike_in_each_piece():
    np.testing.assert_array_equal(masked_convolution.channel_groups(7, 3), [0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(masked_convolution.channel_groups(6, 3, 2), [0, 1, 2, 0, 1, 2])
    with pytest.raises(ValueError, match="colour groups"):
        masked_convolution.channel_groups(2, 3)


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
        masked_convolution.causal_mask((3, 3), [0], [0], "C")
    with pytest.raises(ValueError, match="odd"):
        masked_convolution.causal_mask((2, 3), [0], [0], "A")
