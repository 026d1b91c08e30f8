"""Layers and maps of Progressive GAN: equalised learning rate, pixel norm, minibatch deviation.

Karras et al. 2017, sections 3 and 4.
"""

import math

import keras
import tensorflow as tf

LEAK = 0.2
GAIN = math.sqrt(2.0)  # He et al. 2015, for rectifiers.
GROUP = 4


class _Equalized(keras.layers.Layer):
    """Weights stored as N(0, 1) and multiplied by gain / sqrt(fan-in) whenever they are used.

    Adam's step does not depend on the scale of a weight; with the scale outside of the weight, all
    weights learn at one speed (section 4.1).
    """

    def __init__(self, gain=GAIN, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain

    def add(self, kernel_shape, outputs):
        self.scale = self.gain / math.sqrt(math.prod(kernel_shape[:-1]))
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel_shape,
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
        )
        self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")


class EqualizedDense(_Equalized):
    """An affine map with equalised learning rate. (B, X) -> (B, units)

    Args:
        units: Number of outputs.
        gain: Of the run-time scale gain / sqrt(fan-in).
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.add((input_shape[-1], self.units), self.units)

    def call(self, x):
        return tf.matmul(x, self.kernel.value * self.scale) + self.bias.value


class EqualizedProjection(_Equalized):
    """A code as a small picture with equalised learning rate. (B, Z) -> (B, side, side, maps)

    One bias a map, as of a convolution.

    Args:
        maps: Number of maps.
        side: Of the picture.
        gain: Of the run-time scale gain / sqrt(fan-in).
    """

    def __init__(self, maps, side=4, **kwargs):
        super().__init__(**kwargs)
        self.maps = maps
        self.side = side

    def build(self, input_shape):
        self.add((input_shape[-1], self.side * self.side * self.maps), self.maps)

    def call(self, z):
        x = tf.matmul(z, self.kernel.value * self.scale)
        return tf.reshape(x, (-1, self.side, self.side, self.maps)) + self.bias.value


class EqualizedConv2D(_Equalized):
    """A convolution of stride 1 with equalised learning rate. (B, H, W, X) -> (B, H, W, maps)

    Args:
        maps: Number of outputs.
        size: Side of the kernel.
        gain: Of the run-time scale gain / sqrt(fan-in).
    """

    def __init__(self, maps, size=3, **kwargs):
        super().__init__(**kwargs)
        self.maps = maps
        self.size = size

    def build(self, input_shape):
        self.add((self.size, self.size, input_shape[-1], self.maps), self.maps)

    def call(self, x):
        return tf.nn.conv2d(x, self.kernel.value * self.scale, 1, "SAME") + self.bias.value


def leaky(x):
    """Leaky ReLU of slope 0.2."""
    return tf.nn.leaky_relu(x, LEAK)


def pixel_norm(x):
    """x / sqrt(mean of x^2 over the last axis + 1e-8), section 4.2."""
    y = tf.cast(x, tf.float32)
    y = y * tf.math.rsqrt(tf.reduce_mean(tf.square(y), axis=-1, keepdims=True) + 1e-8)
    return tf.cast(y, x.dtype)


def with_deviation(x, group=GROUP):
    """Appends the minibatch standard deviation as one map. (B, H, W, C) -> (B, H, W, C + 1)

    Section 3: the deviation over a group for each feature and place, averaged over both to one
    number a group. Groups are rows that follow each other, so that replicas, which hold
    consecutive rows, form those of one device as long as their rows are a multiple of `group`.

    Args:
        x: Features.
        group: Rows in a group; where it does not divide the batch, the largest smaller number that
            does.
    """
    y = tf.cast(x, tf.float32)
    _, height, width, maps = y.shape
    size = _dividing(y, group)
    groups = tf.reshape(y, (-1, size, height, width, maps))  # (B / G, G, H, W, C)
    variance = tf.math.reduce_variance(groups, axis=1)  # (B / G, H, W, C)
    number = tf.reduce_mean(tf.sqrt(variance + 1e-8), axis=(1, 2, 3))  # (B / G,)
    number = tf.repeat(number, size)[:, tf.newaxis, tf.newaxis, tf.newaxis]  # (B, 1, 1, 1)
    plane = tf.ones_like(y[..., :1]) * number
    return tf.concat([x, tf.cast(plane, x.dtype)], axis=-1)


def _dividing(x, group):
    """The largest number up to `group` that divides the rows."""
    rows = x.shape[0]
    if rows is not None:
        return max(n for n in range(1, group + 1) if rows % n == 0)
    sizes = tf.range(1, group + 1)
    return tf.reduce_max(tf.where(tf.shape(x)[0] % sizes == 0, sizes, 1))


def doubled(x):
    """Each pixel as a square of four. (B, H, W, C) -> (B, 2H, 2W, C)"""
    _, height, width, maps = x.shape
    x = tf.reshape(x, (-1, height, 1, width, 1, maps))
    x = tf.tile(x, (1, 1, 2, 1, 2, 1))
    return tf.reshape(x, (-1, 2 * height, 2 * width, maps))


def shrunk(x, factor=2):
    """Means of squares of pixels. (B, H, W, C) -> (B, H / factor, W / factor, C)"""
    return x if factor == 1 else tf.nn.avg_pool2d(x, factor, factor, "VALID")


def blend(old, new, alpha):
    """old at alpha 0, new at alpha 1."""
    return old + (new - old) * tf.cast(alpha, old.dtype)
