"""Discretised logistic and the mixture of them, Salimans et al. 2017 (PixelCNN++), section 2.1.

Pixel values lie on the grid of `levels` values from -1 to 1. A value's mass is what a logistic
density puts on its bin, the value plus or minus 1 / (levels - 1); the outermost bins reach to
infinity, so the masses of all levels sum to 1 for any parameters.

Everything is float32 and in nats. With a = (x + half - mean) / scale and b = (x - half - mean) /
scale the mass of an inner bin is computed as

    log(sigmoid(a) - sigmoid(b)) = log sigmoid(a) + log sigmoid(-b) + log(1 - exp(b - a)),

which loses no digits where both sigmoids round to the same number. (The authors' code switches
there, below a mass of 1e-5, to the density at the middle of the bin, which is another number.)
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfgen.probability.levels import level_value

MIN_LOG_SCALE = -7.0
_TINY = 1e-37  # Keeps the logarithm and its gradient finite when exp(-log_scale) underflows.


def discretized_logistic(
    x: tf.Tensor, mean: tf.Tensor, log_scale: tf.Tensor, levels: int = 256
) -> tf.Tensor:
    """Log mass of each value under its own discretised logistic, nats, elementwise.

    Args:
        x: Values on the grid of `levels` values in [-1, 1]; any shape.
        mean: Location, broadcastable with `x`; may lie outside [-1, 1].
        log_scale: Logarithm of the scale, broadcastable; raised to at least -7.
        levels: Number of values on the grid, at least 2.

    Returns:
        Log masses, the broadcast shape; finite, with finite gradients.
    """
    x, mean, log_scale = (tf.cast(t, tf.float32) for t in (x, mean, log_scale))
    half = 1.0 / (levels - 1)
    inverse = tf.exp(-tf.maximum(log_scale, MIN_LOG_SCALE))
    left = -tf.nn.softplus(-(x + half - mean) * inverse)  # log of the mass up to the upper edge
    right = -tf.nn.softplus((x - half - mean) * inverse)  # log of the mass from the lower edge on
    width = 2.0 * half * inverse
    # 1 - exp(-w) = tanh(w / 2) (1 + exp(-w)), exact for narrow bins too.
    bracket = tf.math.log(tf.maximum(tf.tanh(0.5 * width), _TINY)) + tf.nn.softplus(-width)
    inner = left + right + bracket
    return tf.where(x < half - 1.0, left, tf.where(x > 1.0 - half, right, inner))


def mixture_width(channels: int, mixtures: int) -> int:
    """Number of parameters of one pixel: 3 a component for 1 channel, 10 for 3."""
    return mixtures * (3 if channels == 1 else 10)


def mixture_of_logistics(x: tf.Tensor, parameters: tf.Tensor, levels: int = 256) -> tf.Tensor:
    """Log mass of pixels under a mixture of discretised logistics, nats. (..., C) -> (...)

    One component is chosen for all channels of a pixel. With 3 channels the mean of green moves by
    c0 * red, that of blue by c1 * red + c2 * green (equation 3).

    Args:
        x: Pixels (..., C), C = 1 or 3, on the grid of `levels` values in [-1, 1].
        parameters: (..., 3 K) or (..., 10 K) for K components: K logits; C blocks of K means; C
            blocks of K log scales; and for 3 channels K each of c0, c1, c2 before their tanh.
        levels: Number of values on the grid.
    """
    x = tf.cast(x, tf.float32)
    weights, means, log_scales, coupling = split_mixture(parameters, x.shape[-1])
    total = tf.nn.log_softmax(weights)  # (..., K)
    for c in range(x.shape[-1]):
        mean = coupled_mean(means, coupling, x, c)
        total += discretized_logistic(x[..., c, None], mean, log_scales[c], levels)
    return tf.reduce_logsumexp(total, axis=-1)


def split_mixture(parameters: tf.Tensor, channels: int):
    """Logits (..., K), `channels` means and log scales (..., K), and 3 couplings or none.

    Raises:
        ValueError: `channels` is not 1 or 3.
    """
    if channels not in (1, 3):
        raise ValueError(f"A pixel must have 1 or 3 channels. Received: {channels}.")
    parts = tf.split(tf.cast(parameters, tf.float32), mixture_width(channels, 1), axis=-1)
    coupling = [tf.tanh(part) for part in parts[1 + 2 * channels :]]
    return parts[0], parts[1 : 1 + channels], parts[1 + channels : 1 + 2 * channels], coupling


def coupled_mean(
    means: tf.Tensor, coupling: Sequence[tf.Tensor], x: tf.Tensor, channel: int
) -> tf.Tensor:
    """Means of one channel, (..., K), moved by the channels of `x` before it."""
    mean = means[channel]
    for earlier in range(channel):
        # c0 ties green to red; c1 and c2 tie blue to red and to green.
        mean += coupling[channel - 1 + earlier] * x[..., earlier, None]
    return mean


def sample_mixture(
    parameters: tf.Tensor,
    u: tf.Tensor,
    levels: int = 256,
    given: tf.Tensor | None = None,
    hidden: tf.Tensor | None = None,
) -> tf.Tensor:
    """Pixels by inversion of the exact distribution, channel after channel. (..., C) -> (..., C)

    The level of a channel is the number of levels whose cumulative mass is at most `u`. Later
    channels are drawn from the mixture weighted by how well each component explains the earlier
    ones, so that one uniform a sub-pixel is all the randomness.

    Args:
        parameters: As of `mixture_of_logistics`.
        u: Uniform numbers in [0, 1), (..., C).
        levels: Number of values on the grid.
        given: Pixels (..., C) to keep where `hidden` is False; later channels follow them.
        hidden: Booleans (..., C): what to draw; everything by default.
    """
    channels = u.shape[-1]
    weights, means, log_scales, coupling = split_mixture(parameters, channels)
    weights = tf.nn.log_softmax(weights)  # (..., K)
    x = tf.zeros_like(u)[..., :0]
    for c in range(channels):
        mean = coupled_mean(means, coupling, x, c)
        level = _inverse(tf.nn.softmax(weights), mean, log_scales[c], u[..., c], levels)
        value = level_value(level, levels)
        if hidden is not None:
            value = tf.where(hidden[..., c], value, given[..., c])  # type: ignore[index]  # Both.
        if c + 1 < channels:
            weights += discretized_logistic(tf.expand_dims(value, -1), mean, log_scales[c], levels)
        x = tf.concat([x, tf.expand_dims(value, -1)], axis=-1)
    return x


def _inverse(weights, mean, log_scale, u, levels):
    """Number of inner bin edges whose cumulative mass is at most u, float32 (...)."""
    # `expand_dims` and not `[..., None]`, which needs ranks that the conversion to ONNX loses.
    scale = tf.exp(-tf.maximum(log_scale, MIN_LOG_SCALE))

    def below(edges):
        distance = tf.expand_dims(edges, -2) - tf.expand_dims(mean, -1)
        mass = tf.expand_dims(weights, -1) * tf.sigmoid(distance * tf.expand_dims(scale, -1))
        mass = tf.reduce_sum(mass, axis=-2)  # (..., edges)
        return tf.reduce_sum(tf.cast(mass <= tf.expand_dims(u, -1), tf.float32), axis=-1)

    # The cumulative mass rises, so every 16th edge first and then the 15 in between are enough.
    step = 16
    first = tf.zeros_like(u)
    if levels > step:
        first = step * below(
            _edges(np.arange(step - 1, levels - 1, step, dtype=np.float32), levels)
        )
    index = tf.expand_dims(first, -1) + np.arange(min(step, levels) - 1, dtype=np.float32)
    return tf.minimum(first + below(_edges(index, levels)), levels - 1.0)


def _edges(index, levels):
    """Upper edge of the bin of each level."""
    return (2.0 * index + 1.0) / (levels - 1.0) - 1.0
