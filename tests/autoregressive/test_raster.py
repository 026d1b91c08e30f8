import numpy as np
import tensorflow as tf

from tfgen.autoregressive import raster


def test_windows_of_a_row():
    row = tf.reshape(tf.range(1.0, 5.0), (4, 1, 1))
    expected = [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0]]
    np.testing.assert_array_equal(raster.neighbours(row, 3)[:, 0], expected)
