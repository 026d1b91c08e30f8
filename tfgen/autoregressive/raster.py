"""Sampling in raster order with every computation done once, as one graph.

Two nested loops, over rows and over the pixels of a row. What the finished rows give to the next
one is computed for the whole row at once (large products); a pixel then costs one local update of
each layer. Activations are kept between rows as `memory` and between pixels as `left`. This is the
caching of Ramachandran et al. 2017, https://arxiv.org/abs/1704.06001.

Loop bodies must not capture eager tensors, which an ONNX file loses: variables and NumPy arrays.
"""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfgen.autoregressive.masked_convolution import channel_groups
from tfgen.probability.levels import draw_value

if TYPE_CHECKING:
    from tfgen.autoregressive.masked_convolution import MaskedConv2D

_one_group = ContextVar("one_group", default=False)


def sample(
    u: tf.Tensor,
    levels: int,
    row: Callable,
    pixel: Callable,
    memory: list,
    left: list,
    written: tuple[int, slice],
    sizes: Sequence[int],
    given: tuple[tf.Tensor, tf.Tensor] | None = None,
) -> tf.Tensor:
    """Pictures from uniform numbers, (B, H, W, C) in [-1, 1].

    Args:
        u: Uniform numbers in [0, 1), (B, H, W, C), one a sub-pixel.
        levels: Number of levels of a sub-pixel.
        row: (y, memory, above (W, B, N)) -> (memory, context (W, B, T)): what row y gets from the
            row above, of which `above` is what its pixels wrote; zeros for y = 0.
        pixel: (context, left, draw) -> (left, written (B, N)), with the context cut into `sizes`.
            It calls `draw(c, logits (B, K))` -> value (B, 1) for the colours in order.
        memory: What rows hand on to rows: a list of tensors.
        left: What pixels hand on to the next one, at the beginning of a row: a list of (B, n).
        written: (N, slice of N where the pixel's C values lie).
        sizes: Widths of the parts of a context.
        given: (known bool (B, H, W, C), image (B, H, W, C)): where known, the image is kept.
    """
    height, width, channels = u.shape[1:]
    plan = [u] if given is None else [u, tf.cast(given[0], u.dtype), given[1]]
    plan = tf.transpose(tf.concat(plan, -1), (1, 2, 0, 3))  # (H, W, B, C or 3 C)
    sizes = [1] * plan.shape[-1] + list(sizes)
    count, values = written

    def one_row(y, picture, memory, above):
        memory, context = row(y, memory, above)
        inputs = tf.concat([plan[y], context], -1)  # (W, B, sum of sizes)
        above = _row_of_pixels(inputs, sizes, left, levels, pixel, channels, given is not None)
        above.set_shape((width, None, count))
        return y + 1, picture.write(y, above[..., values]), memory, above

    above = tf.zeros((width, tf.shape(u)[0], count))
    start = (tf.constant(0), tf.TensorArray(tf.float32, height), list(memory), above)
    free = tf.TensorShape(None)
    shapes = (tf.TensorShape(()), free, [m.shape for m in memory], above.shape)
    picture = tf.while_loop(lambda y, *_: y < height, one_row, start, shapes)[1].stack()
    return tf.ensure_shape(tf.transpose(picture, (2, 0, 1, 3)), (None, *u.shape[1:]))


@contextmanager
def one_group():
    """Graphs traced in this context sample in one group.

    For formats whose loops run one turn after the other, where groups would only cost.
    """
    token = _one_group.set(True)
    try:
        yield
    finally:
        _one_group.reset(token)


def in_groups(sample: Callable, *arguments, rows: int = 32) -> tf.Tensor:
    """`sample(*arguments)` for groups of rows at the same time, one processor a group.

    The products of one pixel are too small to be shared out among processors. Rows do not depend
    on each other, so the pictures are the same.

    Args:
        sample: A function whose result has the rows of its first argument, float32.
        arguments: Tensors with the same first axis, None, or tuples of them.
        rows: A group has at least this many; fewer in all are one group.
    """
    if _one_group.get():
        return sample(*arguments)
    flat = tf.nest.flatten(arguments)
    size = tf.shape(flat[0])[0]
    groups = tf.maximum(size // rows, 1)
    filled = -(-size // groups) * groups

    def cut(x):
        x = tf.concat([x, x[: filled - size]], 0)
        return tf.reshape(x, (groups, -1, *x.shape[1:]))

    def sample_group(parts):
        parts = iter(parts)
        given = [None if x is None else next(parts) for x in flat]
        return sample(*tf.nest.pack_sequence_as(arguments, given))

    y = tf.map_fn(
        sample_group,
        tuple(cut(x) for x in flat if x is not None),
        fn_output_signature=tf.float32,
        parallel_iterations=64,
    )
    return tf.reshape(y, (-1, *y.shape[2:]))[:size]


def _row_of_pixels(inputs, sizes, left, levels, pixel, channels, completing):
    """What the pixels of one row write, (W, B, N)."""
    width, together = inputs.shape[0], _unrolled(inputs.shape[0], channels)
    shape = (width // together, together, tf.shape(inputs)[1], inputs.shape[2])
    inputs = tf.reshape(inputs, shape)

    def one_pixel(here, left):
        here = tf.split(here, sizes, -1)

        def draw(c, logits):
            value = draw_value(logits, here[c], levels)
            if completing:
                value = tf.where(here[channels + c] > 0.5, here[2 * channels + c], value)
            return value  # (B, 1)

        return pixel(here[3 * channels if completing else channels :], left, draw)

    def some_pixels(x, written, left):
        parts = []
        for here in tf.unstack(tf.gather(inputs, x)):
            left, part = one_pixel(here, left)
            parts.append(part)
        return x + 1, written.write(x, tf.stack(parts)), left

    start = (tf.constant(0), tf.TensorArray(tf.float32, shape[0]), list(left))
    free = tf.TensorShape(None)
    shapes = (tf.TensorShape(()), free, [tf.TensorShape((None, n.shape[-1])) for n in left])
    parts = tf.while_loop(lambda x, *_: x < shape[0], some_pixels, start, shapes)[1].stack()
    return tf.reshape(parts, (width, shape[2], parts.shape[-1]))


def _unrolled(width, channels):
    """Pixels in one turn of the loop: a turn hands on every captured weight, which takes time."""
    return 4 if channels == 1 and width >= 16 and width % 4 == 0 else 1


def shifted(newest: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
    """The window with its oldest part dropped and the newest appended, along the last axis."""
    return tf.concat([kept[..., newest.shape[-1] :], newest], -1)


def neighbours(row: tf.Tensor, columns: int) -> tf.Tensor:
    """Each pixel's window of its row, zeros outside. (W, B, n) -> (W, B, columns * n)"""
    reach, width = columns // 2, row.shape[0]
    padded = tf.pad(row, [[reach, reach], [0, 0], [0, 0]])
    return tf.concat([padded[shift : shift + width] for shift in range(columns)], -1)


def row_weights(kernel: tf.Tensor) -> tf.Tensor:
    """What a kernel (rows, columns, I, O) does with rows above, (columns * rows * I, O).

    It multiplies the `neighbours` of the rows, stacked in the last axis from the top.
    """
    return tf.reshape(tf.transpose(kernel, (1, 0, 2, 3)), (-1, kernel.shape[-1]))


class PixelLayer:
    """A `MaskedConv2D` at one pixel, in the pixel's own row, colour by colour.

    Args:
        layer: The layer.
        use_bias: Whether its bias is added here.
    """

    def __init__(self, layer: "MaskedConv2D", use_bias: bool = True):
        row = layer.masked_kernel()[-1]  # (columns, I, O)
        reach = layer.kernel_size[1] // 2
        left = tf.reshape(row[:reach], (-1, row.shape[-1]))  # (reach * I, O)
        ins = channel_groups(row.shape[1], layer.channels)
        self.weights, self.minus_bias = [], []
        for colour, maps in enumerate(maps_of(layer)):
            seen = int(np.sum(ins < colour if layer.kind == "A" else ins <= colour))
            whole = tf.concat([left, row[reach, :seen]], 0)
            self.weights.append(tf.gather(whole, maps, axis=1))
            self.minus_bias.append(tf.gather(-layer.bias, maps) if use_bias else None)

    def __call__(self, colour: int, maps: list[tf.Tensor], left: tf.Tensor | None = None):
        """The maps of one colour, piece by piece, (B, O / C).

        Args:
            colour: Its number.
            maps: The layer's input at this pixel, one tensor for each colour that it may see.
            left: The input at the pixels to the left, from the farthest, (B, reach * I).
        """
        x = joined(([] if left is None else [left]) + maps)
        y = tf.matmul(x, self.weights[colour])
        minus_bias = self.minus_bias[colour]
        # Subtracted, because TensorFlow fuses a sum with the product into an operation that takes
        # three times as long for a few rows.
        return y if minus_bias is None else y - minus_bias


def joined(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """Tensors side by side in the last axis."""
    return parts[0] if len(parts) == 1 else tf.concat(parts, -1)


def maps_of(layer: "MaskedConv2D") -> list[np.ndarray]:
    """The maps of each colour that a layer gives: a list of int arrays."""
    groups = channel_groups(layer.filters, layer.channels, layer.pieces)
    return [np.flatnonzero(groups == colour) for colour in range(layer.channels)]
