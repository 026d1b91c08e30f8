"""What a decoder's outputs say about pixels: p(x|z) as a product over pixels and channels.

Images are in [-1, 1], (B, H, W, C); a decoder gives (B, H, W, C * outputs) numbers.
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

    outputs, levels = 1, 2

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

    Args:
        squashed: Whether means are kept in [0, 1] by a sigmoid, as in the paper.
        stddev: A fixed spread on the scale [0, 1]; by default it is learned.
        min_stddev: Lowest learned spread on the scale [0, 1].
    """

    levels = None

    def __init__(
        self, squashed: bool = True, stddev: float | None = None, min_stddev: float = 0.01
    ):
        if (stddev is not None and stddev <= 0) or min_stddev <= 0:
            raise ValueError(
                f"`stddev` and `min_stddev` must be above 0. Received: {stddev} and {min_stddev}."
            )
        self.squashed, self.stddev, self.min_stddev = squashed, stddev, min_stddev
        self.outputs = 2 if stddev is None else 1

    def moments(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and logarithm of the variance on the scale [0, 1], (B, H, W, C) each."""
        if self.stddev is not None:
            mean, log_var = parameters, tf.fill([1] * 4, 2.0 * math.log(self.stddev))
        else:
            mean, raw = tf.split(parameters, 2, axis=-1)
            lowest = 2.0 * math.log(self.min_stddev)
            log_var = lowest + tf.nn.softplus(raw - lowest)
        return tf.sigmoid(mean) if self.squashed else mean, log_var

    def nll(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        return losses.gaussian_nll(0.5 * (x + 1.0), *self.moments(parameters))

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        return 2.0 * self.moments(parameters)[0] - 1.0

    def noise(self, image_shape: Sequence[int]) -> Input:
        return Input.noise(*image_shape)

    def draw(self, parameters: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        mean, log_var = self.moments(parameters)
        return tf.clip_by_value(2.0 * (mean + tf.exp(0.5 * log_var) * noise) - 1.0, -1.0, 1.0)


class DiscretizedLogistic:
    """Pixels on a grid of levels; a location and a scale for each. Kingma et al. 2016,
    https://arxiv.org/abs/1606.04934.

    Args:
        levels: Values that a pixel can take, from -1 to 1.
    """

    outputs = 2

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
