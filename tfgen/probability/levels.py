"""Pictures whose sub-pixels take one of `levels` equally spaced values in [-1, 1].

2 levels are black and white, 256 are 8 bits. Logits are (B, H, W, C, K) with K =
`head_outputs(levels)`: one for two levels (the log odds of the upper one, a Bernoulli), otherwise
one a level (a softmax).

    level_index(image, levels)      int32 0 .. levels - 1; an error where the picture does not fit
    level_value(index, levels)      back to [-1, 1]
    level_nll(index, logits)        nats of each image
    draw_level(logits, u)           inverse CDF: one uniform a sub-pixel
    draw_value(logits, u, levels)   the same as a value, for a loop over pixels
    bits_per_dim(nats, shape)       nats / (ln 2 * H * W * C)
"""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfgen import losses

# How far, in levels, a value may be from one: rounding of 8 bits to float32 gives about 1e-5.
_TOLERANCE = 0.02


def head_outputs(levels: int) -> int:
    """Logits of one sub-pixel.

    Raises:
        ValueError: Fewer than two levels.
    """
    if levels < 2:
        raise ValueError(f"`levels` must be at least 2. Received: {levels}.")
    return 1 if levels == 2 else levels


def level_index(image: tf.Tensor, levels: int, nearest: bool = False) -> tf.Tensor:
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


def level_value(index: tf.Tensor, levels: int) -> tf.Tensor:
    """The value in [-1, 1] of a level, float32, same shape."""
    return tf.cast(index, tf.float32) * np.float32(2.0 / (levels - 1)) - 1.0


def level_nll(index: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """-log p(x) in nats. (B, H, W, C), (B, H, W, C, K) -> (B,)"""
    logits = tf.cast(logits, tf.float32)
    if logits.shape[-1] == 1:
        return losses.bernoulli_nll(tf.cast(index, tf.float32), logits[..., 0])
    return losses.total(tf.nn.sparse_softmax_cross_entropy_with_logits(index, logits))


def draw_level(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """The level where the CDF first exceeds u, int32. (..., K), (...) in [0, 1) -> (...)

    A level of probability 0 is never drawn.
    """
    if logits.shape[-1] == 1:
        return tf.cast(u >= tf.sigmoid(-logits[..., 0]), tf.int32)
    mass = tf.cumsum(tf.exp(logits - tf.reduce_max(logits, -1, keepdims=True)), -1)  # (..., K)
    below = u[..., tf.newaxis] * mass[..., -1:] >= mass[..., :-1]
    return tf.reduce_sum(tf.cast(below, tf.int32), -1)


def draw_value(logits: tf.Tensor, u: tf.Tensor, levels: int) -> tf.Tensor:
    """The value in [-1, 1] of `draw_level`. (B, K), (B, 1) -> (B, 1)"""
    if levels == 2:  # Half the operations of the general case; they count in a loop over pixels.
        return tf.where(u >= tf.sigmoid(-logits), np.float32(1.0), np.float32(-1.0))
    return level_value(draw_level(logits, u[:, 0]), levels)[:, tf.newaxis]


def bits_per_dim(nats: tf.Tensor, image_shape: Sequence[int]) -> tf.Tensor:
    """Nats of an image as bits of a sub-pixel: divided by ln 2 and by H * W * C."""
    return nats / (math.log(2.0) * math.prod(image_shape))


def require(condition: tf.Tensor, message: str, value: tf.Tensor):
    """ValueError with the message and the value unless `condition`; in a graph, an Assert."""
    if not tf.executing_eagerly():
        tf.debugging.Assert(condition, [message, value])
    elif not condition:
        raise ValueError(f"{message} {value.numpy()}.")
