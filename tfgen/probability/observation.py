"""What a decoder's outputs say about pixels: p(x|z) as a product over pixels and channels.

Images are in [-1, 1], (B, H, W, C); a decoder gives (B, H, W, C * outputs) numbers. Images of a
likelihood that `dequantizes` pass `dequantized` first.
"""

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfgen import losses
from tfgen.construct import construct
from tfgen.probability import likelihoods
from tfgen.signature import Input


class Bernoulli:
    """Binary pixels; the decoder gives log odds.

    A likelihood where pixels are -1 or 1 (`binarize` of `tfgen.data.load`); for grey ones a
    cross-entropy whose floor is not 0.
    """

    outputs, levels, dequantizes = 1, 2, False

    def nll(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """-log p(x|z) in nats. (B, H, W, C), (B, H, W, C) -> (B,)"""
        return losses.bernoulli_nll(0.5 * (x + 1.0), parameters)

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        """E[x|z] in [-1, 1], (B, H, W, C)."""
        return 2.0 * tf.sigmoid(parameters) - 1.0

    def noise(self, image_shape: Sequence[int]) -> Input:
        """The base noise of one picture."""
        return Input.uniform(*image_shape)

    def draw(self, parameters: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """A picture from p(x|z) by its base noise, (B, H, W, C) in [-1, 1]."""
        return tf.where(noise < tf.sigmoid(parameters), 1.0, -1.0)


class Gaussian:
    """Real-valued pixels, a mean and a variance for each; Kingma and Welling 2013, appendix C.2.

    The density is one of pixels on the scale [0, 1], as the literature has it. Every logarithm of
    a variance is a smooth maximum of the decoder's output and of the lowest one: an unbounded
    variance would shrink to 0 on pixels that never change and the loss fall forever.

    A density of pixels on a grid has no bound: it grows without end at the grid's values. With
    `levels` = K level k becomes (k + u) / K with u uniform in [0, 1), and -log p of that plus
    H W C log K bounds -log P(x|z) of the picture from above (Theis et al. 2016, section 3.1,
    https://arxiv.org/abs/1511.01844), in bits a sub-pixel that bound / (H W C log 2).

    Args:
        squashed: Whether means are kept in [0, 1] by a sigmoid, as in the paper.
        stddev: A fixed spread on the scale [0, 1]; by default it is learned.
        min_stddev: Lowest learned spread on the scale [0, 1].
        levels: Values that a pixel can take, from -1 to 1, such as 256 for 8 bits; by default
            pixels are numbers without a grid.
    """

    def __init__(
        self,
        squashed: bool = True,
        stddev: float | None = None,
        min_stddev: float = 0.01,
        levels: int | None = None,
    ):
        if (stddev is not None and stddev <= 0) or min_stddev <= 0:
            raise ValueError(
                f"`stddev` and `min_stddev` must be above 0. Received: {stddev} and {min_stddev}."
            )
        if levels is not None and levels < 2:
            raise ValueError(f"`levels` must be at least 2. Received: {levels}.")
        self.levels, self.dequantizes = levels, levels is not None
        self.squashed, self.stddev, self.min_stddev = squashed, stddev, min_stddev
        self.outputs = 2 if stddev is None else 1

    def moments(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and logarithm of the variance on the scale [0, 1], (B, H, W, C) each."""
        if self.stddev is not None:
            ones = [1] * len(parameters.shape)
            mean, log_var = parameters, tf.fill(ones, 2.0 * math.log(self.stddev))
        else:
            mean, raw = tf.split(parameters, 2, axis=-1)
            lowest = 2.0 * math.log(self.min_stddev)
            log_var = lowest + tf.nn.softplus(raw - lowest)
        return tf.sigmoid(mean) if self.squashed else mean, log_var

    def dequantized(self, x: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Levels spread evenly over [-1, 1) by uniform numbers in [0, 1), (B, H, W, C) each."""
        if self.levels is None:
            raise ValueError("Only a likelihood of levels is dequantized: give `levels`.")
        index = tf.round(0.5 * (x + 1.0) * (self.levels - 1))
        return 2.0 * (index + u) / self.levels - 1.0

    def nll(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """-log p(x|z) in nats, with `levels` as the bound of -log P(x|z). (B,)"""
        nll = losses.gaussian_nll(0.5 * (x + 1.0), *self.moments(parameters))
        if self.levels is None:
            return nll
        return nll + math.prod(x.shape[1:]) * math.log(self.levels)

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        mean = self.moments(parameters)[0]
        if self.levels is None:
            return 2.0 * mean - 1.0
        # The middle of level k's cell is (k + 1 / 2) / levels.
        index = tf.clip_by_value(mean * self.levels - 0.5, 0.0, self.levels - 1.0)
        return 2.0 * index / (self.levels - 1) - 1.0

    def noise(self, image_shape: Sequence[int]) -> Input:
        return Input.noise(*image_shape)

    def draw(self, parameters: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        mean, log_var = self.moments(parameters)
        x = mean + tf.exp(0.5 * log_var) * noise
        if self.levels is None:
            x = 2.0 * x - 1.0
            # Points, (B, D), have no range.
            return x if x.shape.rank == 2 else tf.clip_by_value(x, -1.0, 1.0)
        index = tf.clip_by_value(tf.floor(x * self.levels), 0.0, self.levels - 1.0)
        return 2.0 * index / (self.levels - 1) - 1.0


class DiscretizedLogistic:
    """Pixels on a grid of levels; a location and a scale for each. Kingma et al. 2016,
    https://arxiv.org/abs/1606.04934.

    Args:
        levels: Values that a pixel can take, from -1 to 1.
    """

    outputs, dequantizes = 2, False

    def __init__(self, levels: int = 256):
        if levels < 2:
            raise ValueError(f"`levels` must be at least 2. Received: {levels}.")
        self.levels = levels

    def nll(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        mean, log_scale = tf.split(parameters, 2, axis=-1)
        return -losses.total(likelihoods.discretized_logistic(x, mean, log_scale, self.levels))

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        """The location within [-1, 1]: the mode, and the mean up to what lies outside the range."""
        return tf.clip_by_value(tf.split(parameters, 2, axis=-1)[0], -1.0, 1.0)

    def noise(self, image_shape: Sequence[int]) -> Input:
        return Input.uniform(*image_shape)

    def draw(self, parameters: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        mean, log_scale = tf.split(parameters, 2, axis=-1)
        # The middle of each of the 2^23 steps of a uniform number: never 0, never 1.
        u = noise + np.float32(2.0**-24)
        scale = tf.exp(tf.maximum(log_scale, likelihoods.MIN_LOG_SCALE))
        x = mean + scale * (tf.math.log(u) - tf.math.log(1.0 - u))
        steps = tf.round(0.5 * (tf.clip_by_value(x, -1.0, 1.0) + 1.0) * (self.levels - 1))
        return 2.0 * steps / (self.levels - 1) - 1.0


LIKELIHOODS = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "discretized_logistic": DiscretizedLogistic,
}


def as_likelihood(spec: str | Mapping, where: str = "likelihood"):
    """The entry of `LIKELIHOODS` by name, or by a mapping with `name` and arguments.

    Raises:
        ValueError: An unknown name or argument.
    """
    # Keras wraps a model's dicts and lists in classes of its own.
    return construct(LIKELIHOODS, json.loads(json.dumps(spec)), where)
