"""The recurrent layers of PixelRNN (van den Oord et al. 2016, sections 3.1, 3.2 and 3.4).

Both compute the input-to-state part for the whole picture at once, as a masked convolution, and
then run an LSTM over rows (`RowLSTM`) or over diagonals (`DiagonalBiLSTM`), whole rows or columns
of cells at a time. The gates are, in this order, o, f, i (sigmoid) and g (tanh):

    c = f * c' + i * g,    h = o * tanh(c)            (equation 3)

State before the first row or pixel is 0.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfgen.autoregressive.masked_convolution import MaskedConv2D


def skew(x: tf.Tensor) -> tf.Tensor:
    """Row r moved r columns to the right, zeros elsewhere. (B, H, W, F) -> (B, H, W + H - 1, F)

    Diagonals become columns (section 3.2, figure 3).
    """
    height, width, maps = x.shape[1:]
    x = tf.pad(x, [[0, 0], [0, 0], [0, height], [0, 0]])
    x = tf.reshape(x, (-1, height * (width + height), maps))
    return tf.reshape(x[:, : height * (width + height - 1)], (-1, height, width + height - 1, maps))


def unskew(x: tf.Tensor) -> tf.Tensor:
    """The inverse of `skew`. (B, H, W + H - 1, F) -> (B, H, W, F)"""
    height, columns, maps = x.shape[1:]
    x = tf.pad(tf.reshape(x, (-1, height * columns, maps)), [[0, 0], [0, height], [0, 0]])
    return tf.reshape(x, (-1, height, columns + 1, maps))[:, :, : columns + 1 - height]


def shift_down(x: tf.Tensor) -> tf.Tensor:
    """Each row one lower, zeros in the first. (B, H, W, F) -> same shape"""
    return tf.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])[:, :-1]


def mirror(x: tf.Tensor) -> tf.Tensor:
    """Left and right exchanged. (B, H, W, F) -> same shape"""
    return tf.gather(x, np.arange(x.shape[2])[::-1], axis=2)


def lstm(gates: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One step: (..., 4 h), (..., h) -> h and c, (..., h) each."""
    o, f, i, g = tf.split(gates, 4, -1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def scan(
    inputs: tf.Tensor,
    state_to_gates: Callable[[tf.Tensor], tf.Tensor],
    units: int,
    reverse: bool = False,
) -> tf.Tensor:
    """An LSTM along the first axis. (T, ..., 4 h) -> (T, ..., h)

    Args:
        inputs: Input-to-state part of the gates.
        state_to_gates: Function of h, (..., h) -> (..., 4 h).
        units: Width of the state.
        reverse: Run from the last step to the first.
    """
    steps = inputs.shape[0]
    # An ONNX loop can write its results in the order of its turns only.
    order = np.arange(steps)[:: -1 if reverse else 1]
    inputs = tf.gather(inputs, order) if reverse else inputs
    zero = tf.zeros_like(inputs[0, ..., :units])

    def one(t, outputs, h, c):
        h, c = lstm(inputs[t] + state_to_gates(h), c)
        h, c = (tf.ensure_shape(new, zero.shape) for new in (h, c))
        return t + 1, outputs.write(t, h), h, c

    outputs = tf.TensorArray(inputs.dtype, steps, element_shape=zero.shape)
    start = (tf.constant(0), outputs, zero, zero)
    loop = tf.while_loop(lambda t, *_: t < steps, one, start, maximum_iterations=steps)
    outputs = loop[1].stack()
    return tf.gather(outputs, order) if reverse else outputs


@keras.saving.register_keras_serializable("tfgen")
class RowLSTM(keras.layers.Layer):
    """An LSTM from the top row down. (B, H, W, I) -> (B, H, W, units)

    Input to state: 3x1 along the row, mask B. State to state: 3x1 on the row above, no mask.
    A cell sees a triangle above it.

    Args:
        units: Width h of the state.
        channels: Colours of the picture.
        num_classes: Classes whose label moves the gates; None for none.
    """

    def __init__(self, units: int, channels: int = 1, num_classes: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.channels, self.num_classes = units, channels, num_classes
        policy = {"dtype": self.dtype_policy}
        self.input_to_state = MaskedConv2D(4 * units, (1, 3), "B", channels, 4, **policy)

    def build(self, input_shape: tuple):
        self.input_to_state.build(input_shape)
        shape = (3 * self.units, 4 * self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="orthogonal")
        _add_label_weights(self, ("label_weights",))
        self.built = True

    def call(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        gates = self.input_to_state(x)  # (B, H, W, 4h)
        if condition is not None:
            gates += _bias(self.label_weights, condition, gates.dtype)
        kernel = tf.cast(self.kernel, gates.dtype)
        kernel = tf.reshape(kernel, (3, self.units, 4 * self.units))

        def from_above(h):  # (B, W, h)
            return tf.nn.conv1d(h, kernel, 1, "SAME")

        rows = scan(tf.transpose(gates, (1, 0, 2, 3)), from_above, self.units)  # (H, B, W, h)
        return tf.transpose(rows, (1, 0, 2, 3))

    def get_config(self):
        return {**super().get_config(), **_config(self)}


@keras.saving.register_keras_serializable("tfgen")
class DiagonalBiLSTM(keras.layers.Layer):
    """Two LSTMs along the diagonals, from both upper corners. (B, H, W, I) -> (B, H, W, units)

    Input to state: 1x1, mask B. State to state: 2x1 down a column of the skewed picture, so that a
    cell gets h from the left and from above, and c from the left. The second one runs on the
    mirrored picture, and its output is moved down by a row, or it would show a pixel what lies to
    its right. Every cell sees all that is above it and to its left.

    Args:
        units: Width h of each state.
        channels: Colours of the picture.
        num_classes: Classes whose label moves the gates; None for none.
    """

    def __init__(self, units: int, channels: int = 1, num_classes: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.channels, self.num_classes = units, channels, num_classes
        policy = {"dtype": self.dtype_policy}
        self.input_to_state = MaskedConv2D(4 * units, 1, "B", channels, 4, **policy)
        self.mirrored_input_to_state = MaskedConv2D(4 * units, 1, "B", channels, 4, **policy)

    def build(self, input_shape: tuple):
        self.input_to_state.build(input_shape)
        self.mirrored_input_to_state.build(input_shape)
        # First the rows that meet the state above, then those that meet the state to the left.
        shape = (2 * self.units, 4 * self.units)
        for name in ("kernel", "mirrored_kernel"):
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer="orthogonal"))
        _add_label_weights(self, ("label_weights", "mirrored_label_weights"))
        self.built = True

    def call(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        gates = [self.input_to_state(x), self.mirrored_input_to_state(x)]  # (B, H, W, 4h) each
        if condition is not None:
            weights = (self.label_weights, self.mirrored_label_weights)
            gates = [g + _bias(w, condition, g.dtype) for g, w in zip(gates, weights, strict=True)]
        gates = tf.stack([skew(gates[0]), skew(mirror(gates[1]))])
        kernels = [tf.cast(k, gates.dtype) for k in (self.kernel, self.mirrored_kernel)]

        def from_above_and_left(h):  # (2, H, B, h)
            above = tf.pad(h, [[0, 0], [1, 0], [0, 0], [0, 0]])[:, :-1]
            both = tf.unstack(tf.concat([above, h], -1))
            # Not one batched product: oneDNN's corrupts memory when it is fused with a sum.
            return tf.stack([tf.tensordot(x, k, 1) for x, k in zip(both, kernels, strict=True)])

        columns = tf.transpose(gates, (3, 0, 2, 1, 4))  # (W + H - 1, 2, H, B, 4h)
        h = scan(columns, from_above_and_left, self.units)
        left, right = tf.unstack(tf.transpose(h, (1, 3, 2, 0, 4)))  # (B, H, W + H - 1, h) each
        return unskew(left) + shift_down(mirror(unskew(right)))

    def get_config(self):
        return {**super().get_config(), **_config(self)}


def _add_label_weights(layer, names):
    shape = (layer.num_classes, 4 * layer.units)
    for name in names:
        weight = layer.add_weight(name=name, shape=shape) if layer.num_classes else None
        setattr(layer, name, weight)


def _bias(weights, condition, dtype):
    """What the label adds to the gates, (B, 1, 1, 4h)."""
    return tf.matmul(tf.cast(condition, dtype), tf.cast(weights, dtype))[:, None, None]


def _config(layer):
    return {name: getattr(layer, name) for name in ("units", "channels", "num_classes")}
