"""The parts of Gated PixelCNN: its gate, and the convolution of its vertical stack.

Van den Oord et al. 2016, sections 2.1 and 2.2, https://arxiv.org/abs/1606.05328.
"""

import keras
import tensorflow as tf


def gate(x: tf.Tensor) -> tf.Tensor:
    """tanh of the first half of the maps times sigmoid of the second. (..., 2 F) -> (..., F)"""
    a, b = tf.split(x, 2, -1)
    return tf.tanh(a) * tf.sigmoid(b)


class RowsAbove(keras.layers.Layer):
    """A convolution that sees the row itself and those above. (B, H, W, I) -> (B, H, W, filters)

    Args:
        filters: Number of output maps.
        kernel_size: Side of the whole kernel, odd; its lower half is not there.
        width: Number of input maps.
        use_bias: Whether a bias is added.

    Raises:
        ValueError: An even `kernel_size`.
    """

    def __init__(self, filters: int, kernel_size: int, width: int, use_bias: bool = True):
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"`kernel_size` must be odd. Received: {kernel_size}.")
        self.reach = kernel_size // 2
        shape = (self.reach + 1, kernel_size, width, filters)
        self.kernel = self.add_weight(name="kernel", shape=shape)
        self.bias = None
        if use_bias:
            self.bias = self.add_weight(name="bias", shape=(filters,), initializer="zeros")
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        padding = [[0, 0], [self.reach, 0], [self.reach, self.reach], [0, 0]]
        y = tf.nn.conv2d(x, tf.cast(self.kernel, self.compute_dtype), 1, padding)
        return y if self.bias is None else y + tf.cast(self.bias, y.dtype)
