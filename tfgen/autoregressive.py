"""What models of p(x) = product of p(sub-pixel | earlier sub-pixels) share.

Order is raster order, and within a pixel R, then G, then B. Pictures are float32 (B, H, W, C) in
[-1, 1] whose values are `levels` equally spaced ones: 2 for black and white, 256 for 8 bits. Logits
are (B, H, W, C, K) with K = `head_outputs(levels)`: one for two levels (the log odds of the upper
one, a Bernoulli), otherwise one a level (a softmax).

    level_index(image, levels)      int32 0 .. levels - 1; an error where the picture does not fit
    level_value(index, levels)      back to [-1, 1]
    level_nll(index, logits)        nats of each image
    draw_level(logits, u)           inverse CDF: one uniform a sub-pixel
    draw_value(logits, u, levels)   the same as a value, for a loop over pixels
    bits_per_dim(nats, shape)       nats / (ln 2 * H * W * C)
    causal_mask, MaskedConv2D       convolutions that see no later sub-pixel
    one_hot_label(label, classes)   (B, classes), an error for a label out of range
    given_part(image, mask, levels) what `complete` starts from
    class_log_prob(log_prob, ...)   Bayes' rule with a uniform prior
    signatures(model)               generate, log_prob, complete, class_log_prob

Maps are split into C groups of contiguous channels (`channel_groups`), the same way in every layer
(van den Oord et al. 2016, https://arxiv.org/abs/1601.06759, section 3.4 and figure 2).
"""

import math

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses
from tfgen.signature import Input, Signature

# How far, in levels, a value may be from one: rounding of 8 bits to float32 gives about 1e-5.
_TOLERANCE = 0.02


def channel_groups(width, channels, pieces=1):
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


def causal_mask(kernel_size, in_groups, out_groups, kind):
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

    def __init__(self, filters, kernel_size, kind, channels=1, pieces=1, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        square = isinstance(kernel_size, int)
        self.kernel_size = (kernel_size, kernel_size) if square else tuple(kernel_size)
        self.filters = filters
        self.kind = kind
        self.channels = channels
        self.pieces = pieces
        self.use_bias = use_bias

    def build(self, input_shape):
        ins = channel_groups(input_shape[-1], self.channels)
        outs = channel_groups(self.filters, self.channels, self.pieces)
        self.mask = causal_mask(self.kernel_size, ins, outs, self.kind)
        self.kernel = self.add_weight(name="kernel", shape=self.mask.shape)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def masked_kernel(self):
        """The weights that act, (rows, columns, I, filters)."""
        return self.kernel * tf.cast(self.mask, self.kernel.dtype)

    def call(self, x):
        rows, columns = self.kernel_size
        right = columns // 2 if rows > 1 else 0
        padding = [[0, 0], [rows // 2, 0], [columns // 2, right], [0, 0]]
        kernel = tf.cast(self.masked_kernel(), self.compute_dtype)
        y = tf.nn.conv2d(x, kernel, 1, padding)
        return y if self.bias is None else y + tf.cast(self.bias, y.dtype)

    def get_config(self):
        names = ("filters", "kernel_size", "kind", "channels", "pieces", "use_bias")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def head_outputs(levels):
    """Logits of one sub-pixel.

    Raises:
        ValueError: Fewer than two levels.
    """
    if levels < 2:
        raise ValueError(f"`levels` must be at least 2. Received: {levels}.")
    return 1 if levels == 2 else levels


def level_index(image, levels, nearest=False):
    """The level of each sub-pixel, int32 0 .. levels - 1. (B, H, W, C) in [-1, 1], same shape

    Args:
        image: Values -1, -1 + 2 / (levels - 1), .., 1.
        levels: Number of levels.
        nearest: Take values between two levels to the nearer one; by default they are an error.

    Raises:
        ValueError: Values outside [-1, 1] or between the levels. In a graph it is an
            InvalidArgumentError with the same message; an ONNX file cannot raise.
    """
    image = tf.convert_to_tensor(image, tf.float32)
    # Written so that NaN fails too.
    largest = tf.reduce_max(tf.abs(image), axis=None)
    require(largest <= 1.001, "Images must be finite and lie in [-1, 1]. Largest |x|:", largest)
    place = (image + 1.0) * (0.5 * (levels - 1))
    index = tf.round(place)
    if not nearest:
        away = tf.reduce_max(tf.abs(place - index))
        require(
            away <= _TOLERANCE,
            f"The images do not have `levels` = {levels} equally spaced values in [-1, 1]; give "
            "the number that they have, or binarize them (data.binarize). A value is off by this "
            "part of a level:",
            away,
        )
    return tf.cast(index, tf.int32)


def level_value(index, levels):
    """The value in [-1, 1] of a level, float32, same shape."""
    return tf.cast(index, tf.float32) * np.float32(2.0 / (levels - 1)) - 1.0


def level_nll(index, logits):
    """-log p(x) in nats. (B, H, W, C), (B, H, W, C, K) -> (B,)"""
    logits = tf.cast(logits, tf.float32)
    if logits.shape[-1] == 1:
        return losses.bernoulli_nll(tf.cast(index, tf.float32), logits[..., 0])
    return losses.total(tf.nn.sparse_softmax_cross_entropy_with_logits(index, logits))


def draw_level(logits, u):
    """The level where the CDF first exceeds u, int32. (..., K), (...) in [0, 1) -> (...)

    A level of probability 0 is never drawn.
    """
    if logits.shape[-1] == 1:
        return tf.cast(u >= tf.sigmoid(-logits[..., 0]), tf.int32)
    mass = tf.cumsum(tf.exp(logits - tf.reduce_max(logits, -1, keepdims=True)), -1)  # (..., K)
    below = u[..., tf.newaxis] * mass[..., -1:] >= mass[..., :-1]
    return tf.reduce_sum(tf.cast(below, tf.int32), -1)


def draw_value(logits, u, levels):
    """The value in [-1, 1] of `draw_level`. (B, K), (B, 1) -> (B, 1)"""
    if levels == 2:  # Half the operations of the general case; they count in a loop over pixels.
        return tf.where(u >= tf.sigmoid(-logits), np.float32(1.0), np.float32(-1.0))
    return level_value(draw_level(logits, u[:, 0]), levels)[:, tf.newaxis]


def bits_per_dim(nats, image_shape):
    """Nats of an image as bits of a sub-pixel: divided by ln 2 and by H * W * C."""
    return nats / (math.log(2.0) * math.prod(image_shape))


def one_hot_label(label, num_classes):
    """The condition of p(x|y), float32 (B, num_classes); None for a model without labels.

    Raises:
        ValueError: A label that is missing, one that the model has no use for, or one outside
            0 .. num_classes - 1 (in a graph as in `level_index`).
    """
    if num_classes is None and label is None:
        return None
    if num_classes is None:
        raise ValueError("This model has no labels: build it with `num_classes`, or give none.")
    if label is None:
        raise ValueError(f"This model is conditional: give a label in 0 .. {num_classes - 1}.")
    label = tf.convert_to_tensor(label)
    wrong = tf.reduce_any((label < 0) | (label >= num_classes))
    require(~wrong, f"Labels must lie in 0 .. {num_classes - 1}. Received:", label)
    return tf.one_hot(label, num_classes)


def given_part(image, mask, levels):
    """The mask as bool (B, H, W, C), and the picture with its hidden part at -1.

    Args:
        image: (B, H, W, C) in [-1, 1]; where hidden, anything.
        mask: int32 (B, H, W, 1), 1 where the picture is given and 0 where it is to be filled in.
        levels: Number of levels; a given value between two is taken to the nearer one.

    Raises:
        ValueError: A mask of another shape or with other values.
    """
    image, mask = tf.convert_to_tensor(image, tf.float32), tf.convert_to_tensor(mask)
    expected = tf.TensorShape([*image.shape[:-1], 1])
    if not mask.shape.is_compatible_with(expected):
        raise ValueError(
            f"`mask` must have shape {expected}: 1 where a pixel is given. Received: {mask.shape}."
        )
    mask = tf.cast(mask, tf.int32)
    wrong = tf.reduce_any((mask < 0) | (mask > 1))
    require(~wrong, "`mask` must be 1 (given) or 0 (to be filled in). Largest:", mask)
    known = tf.broadcast_to(mask, tf.shape(image)) > 0  # (B, H, W, C)
    seen = tf.where(known, image, -tf.ones_like(image))
    return known, level_value(level_index(seen, levels, nearest=True), levels)


def class_log_prob(log_prob, image, num_classes):
    """log p(y|x) by Bayes' rule with a uniform prior, (B, Y), and log p(x), (B,), in nats.

    Args:
        log_prob: Function (image, label) -> log p(x|y), (B,).
        image: (B, H, W, C).
        num_classes: Y.
    """
    repeated = tf.repeat(image, num_classes, axis=0)  # (B * Y, H, W, C)
    label = tf.tile(tf.range(num_classes), [tf.shape(image)[0]])
    joint = tf.reshape(log_prob(repeated, label), (-1, num_classes)) - math.log(num_classes)
    marginal = tf.reduce_logsumexp(joint, 1, keepdims=True)
    return {"class_log_prob": joint - marginal, "log_prob": marginal[:, 0]}


def signatures(model):
    """What an autoregressive model serves, from its methods of the same names.

    `generate(u[, label])`, `log_prob(image[, label])`, `complete(image, mask, u[, label])`, and
    with labels `class_log_prob(image)`. `u` holds one uniform number for each sub-pixel.
    """
    shape, classes = model.image_shape, model.num_classes
    u, image = Input.uniform(*shape), Input.image(shape)
    mask = Input((*shape[:2], 1), "int32", num_classes=2)
    drawn = {"label": Input.label(classes)} if classes else {}
    # A likelihood of a label that was drawn by chance would mean nothing.
    label = {"label": Input((), "int32", num_classes=classes)} if classes else {}
    table = {
        "generate": Signature(model.generate, {"u": u, **drawn}),
        "log_prob": Signature(model.log_prob, {"image": image, **label}),
        "complete": Signature(model.complete, {"image": image, "mask": mask, "u": u, **label}),
    }
    if classes:
        table["class_log_prob"] = Signature(model.class_log_prob, {"image": image})
    return table


def require(condition, message, value):
    """ValueError with the message and the value unless `condition`; in a graph, an Assert."""
    if not tf.executing_eagerly():
        tf.debugging.Assert(condition, [message, value])
    elif not condition:
        raise ValueError(f"{message} {value.numpy()}.")
