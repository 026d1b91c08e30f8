"""The causal convolution: one that sees no later sub-pixel.

Order is raster order, and within a pixel R, then G, then B. Maps are split into C groups of
contiguous channels (`channel_groups`), the same way in every layer (van den Oord et al. 2016,
https://arxiv.org/abs/1601.06759, section 3.4 and figure 2).
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


def channel_groups(width: int, channels: int, pieces: int = 1) -> np.ndarray:
    """The colour (0, 1, ..) that each of `width` maps belongs to, an int array (width,).

    Contiguous blocks, as equal as the width allows; of each piece, where the maps are `pieces`
    stacked tensors (the two halves of a gate, the four of an LSTM).

    Raises:
        ValueError: Fewer maps than colours, or a width that is no multiple of `pieces`.
    """
    if width % pieces or width // pieces < channels:
        raise ValueError(
            f"{width} maps cannot be cut into {pieces} pieces of {channels} colour groups: give a "
            f"multiple of {pieces} and at least {pieces * channels}."
        )
    one = width // pieces
    return np.tile(np.arange(one) * channels // one, pieces)


def causal_mask(
    kernel_size: tuple[int, int], in_groups: np.ndarray, out_groups: np.ndarray, kind: str
) -> np.ndarray:
    """1 where a weight may act, float32 (rows, columns, in, out), for the rows that can act at all.

    Only the kernel's upper half with the centre row is given, and for a kernel of one row its left
    half with the centre: the rest sees later pixels only.

    Args:
        kernel_size: (rows, columns), both odd, of the whole kernel.
        in_groups, out_groups: `channel_groups` of the input and the output.
        kind: At the centre, "A" lets a colour see earlier ones, "B" itself as well.

    Raises:
        ValueError: Another kind, or an even kernel.
    """
    rows, columns = kernel_size
    if kind not in ("A", "B"):
        raise ValueError(f"A mask is of kind 'A' or 'B'. Received: {kind!r}.")
    if not (rows % 2 and columns % 2):
        raise ValueError(f"A masked kernel needs odd sides. Received: {tuple(kernel_size)}.")
    before, earlier = np.asarray(in_groups)[:, None], np.asarray(out_groups)[None, :]
    mask = np.ones((rows // 2 + 1, columns, len(in_groups), len(out_groups)), np.float32)
    mask[-1, columns // 2] = before < earlier if kind == "A" else before <= earlier
    mask[-1, columns // 2 + 1 :] = 0.0
    return mask if rows > 1 else mask[:, : columns // 2 + 1]


def _convolved(x, kernel, size):
    """x under the stored part of a kernel of `size`, with zeros above and at the sides."""
    rows, columns = size
    right = columns // 2 if rows > 1 else 0
    padding = [[0, 0], [rows // 2, 0], [columns // 2, right], [0, 0]]
    if rows == columns == 1:
        return tf.nn.conv2d(x, kernel, 1, "SAME")
    if max(rows, columns) <= 3:
        # Faster backwards than the same padding told to the convolution; for the large kernels of
        # a first layer it is the other way round.
        return tf.nn.conv2d(tf.pad(x, padding), kernel, 1, "VALID")
    return tf.nn.conv2d(x, kernel, 1, padding)


@keras.saving.register_keras_serializable("tfgen")
class MaskedConv2D(keras.layers.Layer):
    """A convolution that sees no later sub-pixel. (B, H, W, I) -> (B, H, W, filters)

    The weight is multiplied by the mask in every pass (van den Oord et al. 2016, section 3.4). The
    rows and columns of the kernel that the mask would empty altogether are not stored.

    Args:
        filters: Number of output maps.
        kernel_size: An odd side, or (rows, columns).
        kind: Mask "A" (the first layer) or "B".
        channels: Colours of the picture.
        pieces: The output is this many tensors stacked, each with its own colour groups.
        use_bias: Whether a bias is added.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        kind: str,
        channels: int = 1,
        pieces: int = 1,
        use_bias: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size, kernel_size)
        rows, columns = kernel_size
        self.kernel_size = (rows, columns)
        self.filters = filters
        self.kind = kind
        self.channels = channels
        self.pieces = pieces
        self.use_bias = use_bias

    def build(self, input_shape: tuple):
        ins = channel_groups(input_shape[-1], self.channels)
        outs = channel_groups(self.filters, self.channels, self.pieces)
        self.mask = causal_mask(self.kernel_size, ins, outs, self.kind)
        self.kernel = self.add_weight(name="kernel", shape=self.mask.shape)
        self.bias: Any = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def masked_kernel(self):
        """The weights that act, (rows, columns, I, filters)."""
        return self.kernel * tf.cast(self.mask, self.kernel.dtype)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        kernel = tf.cast(self.masked_kernel(), self.compute_dtype)
        y = _convolved(x, kernel, self.kernel_size)
        return y if self.bias is None else y + tf.cast(self.bias, y.dtype)

    def get_config(self):
        names = ("filters", "kernel_size", "kind", "channels", "pieces", "use_bias")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
