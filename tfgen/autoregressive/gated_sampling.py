"""Sampling from Gated PixelCNN, each activation computed once.

In the two loops of `raster.sample` the vertical stack moves a row at a time, as the row above is
complete, and the horizontal stack a pixel at a time, colour by colour.
"""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfgen.autoregressive import raster
from tfgen.autoregressive.gated import gate

if TYPE_CHECKING:
    import keras


def sample(
    network: "keras.layers.Layer",
    u: tf.Tensor,
    condition: tf.Tensor | None = None,
    given: tuple[tf.Tensor, tf.Tensor] | None = None,
) -> tf.Tensor:
    """Pictures from uniform numbers, (B, H, W, C) in [-1, 1].

    Args:
        network: The `TwoStacks` of a Gated PixelCNN.
        u: Uniform numbers in [0, 1), (B, H, W, C), one a sub-pixel.
        condition: One-hot label (B, Y), or None.
        given: (known bool (B, H, W, C), image (B, H, W, C)): where known, the image is kept.
    """
    size, width, channels = tf.shape(u)[0], *u.shape[2:]
    # The horizontal stack's input to each layer but the first, at the pixels to the left.
    reach, layers = network.horizontal[-1].kernel_size[1] // 2, len(network.horizontal)
    parts = [3 * channels] + [network.filters] * (reach * (layers - 1))
    heights = [layer.kernel.shape[0] for layer in network.vertical]
    widths = [channels] + [network.filters] * (layers - 1)
    return raster.sample(
        u,
        network.levels,
        _row(network, condition),
        _pixel(network, parts),
        memory=[tf.zeros((width, size, h * n)) for h, n in zip(heights, widths, strict=True)],
        left=[tf.zeros((size, sum(parts)))],
        written=(channels, slice(0, channels)),
        sizes=[len(m) for layer in network.horizontal for m in raster.maps_of(layer)],
        given=given,
    )


def _row(network, condition):
    """The `row` of `raster.sample`: the vertical stack at the row above, a row at a time."""
    rows = [raster.row_weights(layer.kernel) for layer in network.vertical]
    down = [layer.kernel[0, 0] for layer in network.across]
    biases = [network.biases(condition, n) for n in range(len(rows))]
    minus = [-layer.bias for layer in network.vertical]
    order = [np.concatenate(raster.maps_of(layer)) for layer in network.horizontal]

    def row(y, memory, above):
        v, kept, context = above, [], []
        # The stack has zeros, and not what it makes of them, above the picture.
        inside = tf.cast(y > 0, v.dtype)
        for n, (to_v, to_h) in enumerate(biases):
            kept.append(raster.shifted(v, memory[n]))
            windows = raster.neighbours(kept[n], network.vertical[n].kernel.shape[1])
            v = tf.tensordot(windows, rows[n], 1) - minus[n]  # (W, B, 2 filters)
            to_row = tf.tensordot(v, down[n], 1) * inside + to_h + network.horizontal[n].bias
            context.append(tf.gather(to_row, order[n], axis=-1))
            v = gate(v + to_v) * inside
        return kept, tf.concat(context, -1)

    return row


def _pixel(network, parts):
    """The `pixel` of `raster.sample`: the horizontal stack at one pixel, colour by colour."""
    channels = network.channels
    stack = [
        (raster.PixelLayer(horizontal, False), raster.PixelLayer(out))
        for horizontal, out in zip(network.horizontal, network.out, strict=True)
    ]
    head = [raster.PixelLayer(layer) for layer in network.head]
    later = len(stack) - 1

    def pixel(context, left, draw):
        window, *taps = tf.split(left[0], parts, -1)
        sides = [window] + [raster.joined(taps[n::later]) for n in range(later)]
        context = [context[i::channels] for i in range(channels)]
        # Of each layer, colour by colour: its input, its gate; of the head, its inputs.
        inputs, gates = [[] for _ in stack], [[] for _ in stack]
        tops, h = [[] for _ in head], None
        for c in range(channels):
            for n, (horizontal, out) in enumerate(stack):
                if n:
                    inputs[n].append(h)
                gates[n].append(gate(context[c][n] + horizontal(c, inputs[n], sides[n])))
                h = out(c, gates[n]) + h if n else out(c, gates[n])
            for layer, maps in zip(head, tops, strict=True):
                maps.append(tf.nn.relu(h))
                h = layer(c, maps)
            inputs[0].append(draw(c, h))
        values = raster.joined(inputs[0])
        newest = [maps for layer in inputs[1:] for maps in layer]
        kept = [window[:, channels:], values, *taps[later:], *newest]
        return [tf.concat(kept, -1)], values

    return pixel
