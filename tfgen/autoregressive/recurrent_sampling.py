"""Sampling from PixelRNN out of its recurrent state, every computation done once.

A `_Row` or `_Diagonal` is one recurrent layer in the two loops of `raster.sample`. Pixels of a
row leave h and c behind. The rows of a Row LSTM are finished one by one in any case; of a
Diagonal BiLSTM, the first direction advances with the pixels, and the second, which comes from the
right but reaches a pixel a row later, runs through a row as soon as it is complete.
"""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfgen.autoregressive import raster
from tfgen.autoregressive.masked_convolution import channel_groups
from tfgen.autoregressive.recurrent import RowLSTM, lstm, scan

if TYPE_CHECKING:
    import keras


def sample(
    network: "keras.Model",
    u: tf.Tensor,
    condition: tf.Tensor | None = None,
    given: tuple[tf.Tensor, tf.Tensor] | None = None,
) -> tf.Tensor:
    """Pictures from uniform numbers, (B, H, W, C) in [-1, 1].

    Args:
        network: The `RecurrentStack` of a PixelRNN.
        u: Uniform numbers in [0, 1), (B, H, W, C), one a sub-pixel.
        condition: One-hot label (B, Y), or None.
        given: (known bool (B, H, W, C), image (B, H, W, C)): where known, the image is kept.
    """
    width = u.shape[2]
    u, given = _with_empty_columns(u, given, network.extra)
    size, channels = tf.shape(u)[0], u.shape[3]
    kind = _Row if isinstance(network.recurrent[0], RowLSTM) else _Diagonal
    layers = [kind(layer, condition) for layer in network.recurrent]
    first = raster.row_weights(network.first.masked_kernel()[:-1])
    written = [channels] + [layer.written for layer in layers]

    def row(y, memory, above):
        values, *parts = tf.split(above, written, -1)
        pictures = raster.shifted(values, memory[0])  # (W, B, 3 C)
        window = tf.tensordot(raster.neighbours(pictures, 7), first, 1) + network.first.bias
        rest, contexts = kind.row(layers, y, memory[1:], parts)
        return [pictures, *rest], tf.concat([window, *contexts], -1)

    columns = u.shape[2]
    picture = raster.sample(
        u,
        network.levels,
        row,
        _pixel(network, layers),
        memory=[tf.zeros((columns, size, 3 * channels)), *kind.memory(layers, columns, size)],
        left=[tf.zeros((size, n)) for n in (3 * channels, *(layer.left for layer in layers))],
        written=(sum(written), slice(0, channels)),
        sizes=[len(m) for m in raster.maps_of(network.first)]
        + [n for layer in layers for n in layer.context],
        given=given,
    )
    return picture[:, :, :width]


def _with_empty_columns(u, given, extra):
    """The network's empty columns on the right, as pixels that are given and 0."""
    if not extra:
        return u, given
    known, image = given or (tf.zeros_like(u), tf.zeros_like(u))
    padding = [[0, 0], [0, 0], [0, extra], [0, 0]]
    known = tf.pad(tf.cast(known, u.dtype), padding, constant_values=1.0)
    return tf.pad(u, padding), (known, tf.pad(image, padding))


def _pixel(network, layers):
    """The `pixel` of `raster.sample`: every layer at one pixel, colour by colour."""
    channels = network.channels
    first = raster.PixelLayer(network.first, use_bias=False)
    widen = [raster.PixelLayer(layer) for layer in network.widen]
    head = [raster.PixelLayer(layer) for layer in network.head]

    def pixel(context, left, draw):
        starts, parts, at = context[:channels], [], channels
        for layer in layers:
            parts.append(context[at : at + len(layer.context)])
            at += len(layer.context)
        updates = [
            layer.pixel(part, beside)
            for layer, part, beside in zip(layers, parts, left[1:], strict=True)
        ]
        values, hidden, tops = [], [[] for _ in layers], [[] for _ in head]
        for c in range(channels):
            x = starts[c] + first(c, values, left[0])
            for update, back, maps in zip(updates, widen, hidden, strict=True):
                maps.append(update(c, x))
                x += back(c, maps)
            for layer, maps in zip(head, tops, strict=True):
                maps.append(tf.nn.relu(x))
                x = layer(c, maps)
            values.append(draw(c, x))
        window = tf.concat([left[0][:, channels:], *values], -1)
        states = [update.state() for update in updates]
        left = [window] + [new for new, _ in states]
        return left, tf.concat([*values, *(part for _, part in states)], -1)

    return pixel


class _Layer:
    """What both kinds share: maps colour by colour, and the biases of the gates.

    Attributes:
        written, left: Numbers that a pixel leaves to the next row, and to the next pixel.
        context: Widths of the parts that a row gives to a pixel.
    """

    def __init__(self, layer, condition):
        self.units, self.channels = layer.units, layer.channels
        convolution = layer.input_to_state
        self.inputs = raster.PixelLayer(convolution, use_bias=False)
        self.width = convolution.masked_kernel().shape[2]
        self.gates = raster.maps_of(convolution)
        self.order = np.concatenate(self.gates)  # Gates colour by colour.
        groups = channel_groups(self.units, self.channels)
        self.sizes = [int(np.sum(groups == c)) for c in range(self.channels)]
        self.kernel = tf.convert_to_tensor(layer.kernel)
        self.bias = self.total_bias(convolution, layer.label_weights, condition)

    @staticmethod
    def total_bias(convolution, weights, condition):
        """Bias and what the label adds, (4h,) or (B, 4h)."""
        bias = tf.convert_to_tensor(convolution.bias)
        return bias if condition is None else bias + tf.matmul(condition, weights)

    def by_colour(self, x):
        """The gates in the last axis reordered so that a colour's lie together."""
        return x if self.channels == 1 else tf.gather(x, self.order, axis=-1)


class _Row(_Layer):
    def __init__(self, layer, condition):
        super().__init__(layer, condition)
        self.written, self.left = 2 * self.units, self.width
        self.context = [len(maps) for maps in self.gates] + self.sizes

    @staticmethod
    def memory(layers, width, size):
        return []

    @staticmethod
    def row(layers, y, memory, parts):
        contexts = []
        for layer, part in zip(layers, parts, strict=True):
            h, c = tf.split(part, 2, -1)  # (W, B, h)
            gates = tf.tensordot(raster.neighbours(h, 3), layer.kernel, 1) + layer.bias
            contexts += [layer.by_colour(gates), c]
        return memory, contexts

    def pixel(self, context, left):
        return _RowUpdate(self, context, left)


class _RowUpdate:
    """A Row LSTM at one pixel. Called with the maps of each colour of its input in turn."""

    def __init__(self, layer, context, left):
        self.layer, self.beside = layer, left
        self.gates, self.cells = context[: layer.channels], context[layer.channels :]
        self.x, self.h, self.c = [], [], []

    def __call__(self, colour, x):
        self.x.append(x)
        gates = self.gates[colour] + self.layer.inputs(colour, self.x, self.beside)
        h, c = lstm(gates, self.cells[colour])
        self.h.append(h)
        self.c.append(c)
        return h

    def state(self):
        """What is left to the next pixel, and to the next row."""
        return raster.joined(self.x), tf.concat(self.h + self.c, -1)


class _Diagonal(_Layer):
    def __init__(self, layer, condition):
        super().__init__(layer, condition)
        # To the next row go h and the input, which the second direction runs over.
        self.written, self.left = self.units + self.width, 2 * self.units
        self.context = [len(maps) for maps in self.gates] + self.sizes
        self.above, beside = tf.split(self.kernel, 2)
        self.beside = [tf.gather(beside, maps, axis=1) for maps in self.gates]
        mirrored = layer.mirrored_input_to_state
        self.mirrored_inputs = mirrored.masked_kernel()[0, 0]
        self.mirrored_bias = self.total_bias(mirrored, layer.mirrored_label_weights, condition)
        self.mirrored_kernel = tf.convert_to_tensor(layer.mirrored_kernel)

    @staticmethod
    def memory(layers, width, size):
        """The second direction's h of the last row, for all layers, (W, L, B, h)."""
        return [tf.zeros((width, len(layers), size, layers[0].units))]

    @staticmethod
    def row(layers, y, memory, parts):
        kernels = tf.stack([layer.mirrored_kernel for layer in layers])  # (L, 2h, 4h)
        above, beside = (tf.unstack(part) for part in tf.split(kernels, 2, 1))

        def product(h, kernels):  # (.., L, B, h) by L matrices (h, 4h)
            # Not one batched product: oneDNN's, fused with the sum that follows, corrupts memory.
            parts = zip(tf.unstack(h, axis=-3), kernels, strict=True)
            return tf.stack([tf.tensordot(part, kernel, 1) for part, kernel in parts], -3)

        gates, contexts = [], []
        for layer, part in zip(layers, parts, strict=True):
            h, x = part[..., : layer.units], part[..., layer.units :]
            gates.append(tf.tensordot(x, layer.mirrored_inputs, 1) + layer.mirrored_bias)
            contexts.append(layer.by_colour(tf.tensordot(h, layer.above, 1) + layer.bias))
        gates = tf.stack(gates, 1) + product(memory[0], above)  # (W, L, B, 4h)
        right = scan(gates, lambda h: product(h, beside), layers[0].units, reverse=True)
        right *= tf.cast(y > 0, right.dtype)  # There is no row above the first.
        right = tf.ensure_shape(right, memory[0].shape)
        pairs = zip(contexts, tf.unstack(right, axis=1), strict=True)
        return [right], [part for pair in pairs for part in pair]

    def pixel(self, context, left):
        return _DiagonalUpdate(self, context, left)


class _DiagonalUpdate:
    """A Diagonal BiLSTM at one pixel. Called with the maps of each colour of its input in turn."""

    def __init__(self, layer, context, left):
        self.layer = layer
        self.gates, self.right = context[: layer.channels], context[layer.channels :]
        self.beside, *self.cells = tf.split(left, [layer.units, *layer.sizes], -1)
        self.x, self.h, self.c = [], [], []

    def __call__(self, colour, x):
        layer = self.layer
        self.x.append(x)
        gates = self.gates[colour] + layer.inputs(colour, self.x)
        gates += tf.matmul(self.beside, layer.beside[colour])
        h, c = lstm(gates, self.cells[colour])
        self.h.append(h)
        self.c.append(c)
        return h + self.right[colour]

    def state(self):
        """What is left to the next pixel, and to the next row."""
        return tf.concat(self.h + self.c, -1), tf.concat(self.h + self.x, -1)
