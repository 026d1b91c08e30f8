"""The convolutions of PixelCNN++ (Salimans et al. 2017), with normalised weights.

They see no later pixel because their window ends at the pixel, not because a mask is multiplied.
Weights are a direction, a gain and a bias (Salimans and Kingma 2016, equation 2), in float32 under
any precision policy.
"""

import contextlib
import threading

import keras
import tensorflow as tf

_scope = threading.local()


@contextlib.contextmanager
def data_dependent_initialization():
    """Passes inside set gains and biases so that every output has mean 0 and a fixed spread.

    Salimans and Kingma 2016, section 3. Eager passes only.
    """
    _scope.initializing = True
    try:
        yield
    finally:
        _scope.initializing = False


@keras.saving.register_keras_serializable("tfgen")
class ShiftedConv2D(keras.layers.Layer):
    """A weight-normalised convolution of the window that ends in a pixel's own row.

    (B, H, W, I) -> (B, H / strides, W / strides, filters), sides rounded up.

    Args:
        filters: Number of output maps.
        kernel_size: (rows, columns); the last row is the pixel's own. An odd number of columns is
            centred ("u"), an even one ends at the pixel itself ("ul").
        strides: 1 or 2.
        init_scale: Initial gain, and the spread that data-dependent initialisation gives.
        use_bias: Whether a bias is added.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, int] = (1, 1),
        strides: int = 1,
        init_scale: float = 1.0,
        use_bias: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = tuple(kernel_size)
        self.strides = strides
        self.init_scale = init_scale
        self.use_bias = use_bias

    def build(self, input_shape: tuple):
        _add_weights(self, (*self.kernel_size, input_shape[-1], self.filters))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        rows, columns = self.kernel_size
        left, right = self.reach()
        x = tf.pad(x, [[0, 0], [rows - 1, 0], [left, right], [0, 0]])
        return _affine(self, x, lambda x, kernel: tf.nn.conv2d(x, kernel, self.strides, "VALID"))

    def reach(self):
        """Columns to the left and to the right of a pixel that its window covers."""
        columns = self.kernel_size[1]
        return (columns // 2, columns // 2) if columns % 2 else (columns - 1, 0)

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "init_scale", "use_bias")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("tfgen")
class ShiftedUpsampling2D(keras.layers.Layer):
    """The transposed counterpart of stride 2. (B, H / 2, W / 2, I) -> (B, H, W, filters)

    Pixel (i, j) reaches rows 2i and 2i + 1; columns 2j - 1 to 2j + 1 where there are three of the
    kernel ("u"), 2j and 2j + 1 where there are two ("ul").

    Args:
        filters: Number of output maps.
        kernel_size: (2, 3) or (2, 2).
        size: (H, W) of the output; the last row or column is cut off where it is odd.
    """

    def __init__(self, filters: int, kernel_size: tuple[int, int], size: tuple[int, int], **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = tuple(kernel_size)
        self.size = tuple(size)
        self.init_scale = 1.0
        self.use_bias = True

    def build(self, input_shape: tuple):
        _add_weights(self, (*self.kernel_size, input_shape[-1], self.filters))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return _affine(self, x, self.spread)[:, : self.size[0]]

    def spread(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The linear part, all rows of it, for a kernel (2, 2 or 3, I, O)."""
        rows, columns = x.shape[1:3]
        extra = self.kernel_size[1] - 2
        shape = (tf.shape(x)[0], 2 * rows, 2 * columns + extra, self.filters)
        kernel = tf.transpose(kernel, (0, 1, 3, 2))
        y = tf.nn.conv2d_transpose(x, kernel, shape, 2, "VALID")
        return y[:, :, extra : extra + self.size[1]]

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "size": self.size}
        return {**super().get_config(), **own}


def _add_weights(layer, shape):
    direction = keras.initializers.RandomNormal(0.0, 0.05)
    outputs = (layer.filters,)
    kept = {"autocast": False}
    layer.direction = layer.add_weight(name="direction", shape=shape, initializer=direction, **kept)
    gain = keras.initializers.Constant(layer.init_scale)
    layer.gain = layer.add_weight(name="gain", shape=outputs, initializer=gain, **kept)
    layer.bias = None
    if layer.use_bias:
        layer.bias = layer.add_weight(name="bias", shape=outputs, initializer="zeros", **kept)
    layer.built = True


def _affine(layer, x, linear):
    """gain * direction / |direction| applied to x, plus the bias."""
    if getattr(_scope, "initializing", False):
        unit = tf.math.l2_normalize(layer.direction.value, (0, 1, 2), 1e-12)
        y = linear(tf.cast(x, tf.float32), unit)
        mean, variance = tf.nn.moments(y, (0, 1, 2))
        scale = layer.init_scale * tf.math.rsqrt(variance + 1e-10)
        layer.gain.assign(scale)
        if layer.use_bias:
            layer.bias.assign(-mean * scale)
    y = linear(x, effective_kernel(layer))
    return y + tf.cast(layer.bias, y.dtype) if layer.use_bias else y


def effective_kernel(layer: keras.layers.Layer) -> tf.Tensor:
    """The normalised kernel, (rows, columns, I, O), in the layer's compute dtype."""
    unit = tf.math.l2_normalize(layer.direction.value, (0, 1, 2), 1e-12)
    return tf.cast(unit * layer.gain.value, layer.compute_dtype)
