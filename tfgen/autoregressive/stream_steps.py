"""The layers of `tfgen.autoregressive.streams` one row or one pixel at a time, for sampling.

Kernels are normalised here once, when a step is made, outside the loops that call it.
"""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen.autoregressive.shifted import effective_kernel
from tfgen.autoregressive.streams import concat_elu

if TYPE_CHECKING:
    import keras


def bias_of(layer: "keras.layers.Layer") -> tf.Tensor:
    """The bias in the layer's compute dtype."""
    return tf.cast(layer.bias.value, layer.compute_dtype)


class RowConv:
    """A shifted convolution of the last rows of its input."""

    def __init__(self, layer: "keras.layers.Layer"):
        self.layer, self.kernel = layer, effective_kernel(layer)
        self.bias = bias_of(layer) if layer.use_bias else 0.0

    def rows(self, x: tf.Tensor) -> tf.Tensor:
        """The newest row of the output. (B, rows, W, I) -> (B, W / strides, O)"""
        x = tf.pad(x, [[0, 0], [0, 0], self.layer.reach(), [0, 0]])
        return tf.nn.conv2d(x, self.kernel, self.layer.strides, "VALID")[:, 0] + self.bias


class _Gate:
    """What a row and a pixel of a gated residual layer have in common."""

    def __init__(self, layer, label):
        self.first, self.second = RowConv(layer.first), RowConv(layer.second)
        self.skip: Any = effective_kernel(layer.skip)[0, 0] if layer.skip else None  # (skips 2F, F)
        self.skip_bias = bias_of(layer.skip) if layer.skip else 0.0
        self.label = tf.zeros((1, 1, 1), layer.compute_dtype)
        if label is not None:
            label = tf.matmul(label, layer.label_weights.value)[:, None]  # (B, 1, 2F)
            self.label = tf.cast(label, layer.compute_dtype)


class GateRow(_Gate):
    """A layer of stream u."""

    def __call__(self, x: tf.Tensor, old: tf.Tensor, skip: tf.Tensor | None = None):
        e1 = concat_elu(x)
        y = self.first.rows(tf.stack([old[0], e1], 1))
        if skip is not None:
            y += tf.tensordot(concat_elu(skip), self.skip, 1) + self.skip_bias
        e2 = concat_elu(y)
        y = self.second.rows(tf.stack([old[1], e2], 1)) + self.label
        a, b = tf.split(y, 2, -1)
        return x + a * tf.sigmoid(b), [e1, e2]


class GatePixel(_Gate):
    """A layer of stream ul."""

    def __init__(self, layer: "keras.layers.Layer", label: tf.Tensor | None):
        super().__init__(layer, label)
        self.both = [self.own_and_below(conv.kernel) for conv in (self.first, self.second)]
        self.from_u, self.from_ul = self.skip[: 2 * layer.filters], self.skip[2 * layer.filters :]

    @staticmethod
    def own_and_below(kernel: tf.Tensor) -> tf.Tensor:
        """(2, 2, I, O) -> (2 I, 2 O): from the left and the pixel to its own row and the next."""
        above, own = (tf.reshape(part, (-1, part.shape[-1])) for part in tf.unstack(kernel))
        return tf.concat([own, above], -1)

    def fed(self, u: tf.Tensor) -> tf.Tensor:
        """What a row of u gives, with all biases, (B, W, 3F)."""
        first = tf.tensordot(concat_elu(u), self.from_u, 1) + self.skip_bias + self.first.bias
        second = tf.zeros_like(first[..., :1]) + self.label + self.second.bias
        return tf.concat([first, second], -1)

    def __call__(
        self,
        x: tf.Tensor,
        left: tf.Tensor,
        first: tf.Tensor,
        second: tf.Tensor,
        skip: tf.Tensor | None = None,
    ):
        e1 = concat_elu(x)
        y, below1 = tf.split(tf.matmul(tf.concat([left[0], e1], -1), self.both[0]), 2, -1)
        y += first
        if skip is not None:
            y += tf.matmul(concat_elu(skip), self.from_ul)
        e2 = concat_elu(y)
        y, below2 = tf.split(tf.matmul(tf.concat([left[1], e2], -1), self.both[1]), 2, -1)
        a, b = tf.split(y + second, 2, -1)
        return x + a * tf.sigmoid(b), [e1, e2], [below1, below2]
