import numpy as np
import pytest
import tensorflow as tf

from tfgen.explore import transposed_convolution as home


def test_two_by_two_becomes_five_by_five():
    found = home.transposed()
    assert np.shape(found.numbers["output"]) == (5, 5)
    # Where two or four stamps meet.
    overlaps = np.outer([1, 1, 2, 1, 1], [1, 1, 2, 1, 1])
    np.testing.assert_array_equal(found.numbers["overlaps"], overlaps)
    assert found.numbers["largest_difference_between_ways"] == 0
    assert len(found.figures["stamps"].frames) == 4
    assert found.figures["steps"].ndim == 3 and "5x5" in found.says


@pytest.mark.parametrize("side, kernel, stride", [(2, 3, 2), (3, 2, 3), (4, 5, 1), (1, 1, 4)])
def test_the_numbers_are_those_of_tensorflow(side, kernel, stride):
    found = home.transposed(side, kernel, stride, seed=1).numbers
    x, w, out = (np.float32(found[name]) for name in ("input", "kernel", "output"))
    shape = (1, *out.shape, 1)
    expected = tf.nn.conv2d_transpose(
        x[None, ..., None], w[..., None, None], shape, stride, "VALID"
    )
    np.testing.assert_array_equal(out, expected[0, ..., 0])


def test_sizes_out_of_range():
    with pytest.raises(ValueError, match="`side` must be 1 to 4. Received: 9"):
        home.transposed(side=9)
