"""Priors p(z) over codes, sampled by pure functions of base noise.

A prior names its base noise as `Input`s, so that a signature that samples from it draws nothing
itself, and a step draws it like any other noise:

Here are the base class, the Gaussians and priors made of a function; `priors` names them all.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.signature import Input, as_seeds
from tfgen.step import draws

LOG_2_PI = math.log(2.0 * math.pi)


class Prior:
    """A distribution of codes of length `dim`.

    Args:
        dim: Length of a code.
        noise: Name -> `tfgen.signature.Input` of the base noise of one code.
        components: Number of parts that can be asked for by number; None where there are none.

    Attributes:
        has_density: Whether `log_prob` exists.
    """

    has_density = True

    def __init__(self, dim: int, noise: dict[str, Input], components: int | None = None):
        self.dim, self.noise, self.components = dim, noise, components

    def sample_from_noise(self, component: tf.Tensor | None = None, **noise) -> tf.Tensor:
        """Codes (B, dim), a pure function of the base noise.

        Args:
            component: (B,) int32 number of the part that each code is to come from, negative for
                any; by default any. Only where `components` is not None.
            **noise: (B, ...) by the names in `noise`.
        """
        raise NotImplementedError

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """Log density in nats. (..., dim) -> (...)"""
        raise NotImplementedError(f"{type(self).__name__} has samples and no density.")

    def kl(self, mean: tf.Tensor, log_var: tf.Tensor) -> tf.Tensor | None:
        """KL(N(mean, exp(log_var)) || p) in nats by dimension; None without a closed form.

        (B, dim), (B, dim) -> (B, dim)
        """
        return None

    def draw(self, purpose: str, rows: int, component: tf.Tensor | None = None) -> tf.Tensor:
        """Codes (rows, dim) by the running step's random numbers."""
        return self.sample_from_noise(
            component=component,
            **{n: _drawn(spec, f"{purpose}/{n}", rows) for n, spec in self.noise.items()},
        )

    def sample(self, seeds: Iterable[int]) -> np.ndarray:
        """Codes (N, dim) as an array; row n is a pure function of seeds[n]."""
        xp, seeds = random.namespace("numpy"), as_seeds(seeds)
        noise = {n: tf.constant(spec.draw(xp, seeds, n)) for n, spec in self.noise.items()}
        return self.sample_from_noise(**noise).numpy()


def _drawn(spec, purpose, rows):
    shape = (rows, *spec.shape)
    if spec.distribution == "normal":
        return draws().normal(purpose, shape)
    if spec.distribution == "categorical":
        return draws().categorical(purpose, shape, spec.num_classes)
    return draws().uniform(purpose, shape) * (spec.high - spec.low) + spec.low


class Gaussian(Prior):
    """N(mean, stddev^2 I).

    Args:
        dim: Length of a code.
        stddev: The same in all dimensions, above 0.
        mean: The same in all dimensions.
    """

    def __init__(self, dim: int, stddev: float = 1.0, mean: float = 0.0):
        positive(stddev=stddev)
        super().__init__(dim, {"z_noise": Input.noise(dim)})
        self.stddev, self.mean = stddev, mean

    def sample_from_noise(
        self, z_noise: tf.Tensor, component: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.mean + self.stddev * z_noise

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        white = (z - self.mean) / self.stddev
        constant = self.dim * (0.5 * LOG_2_PI + math.log(self.stddev))
        return -0.5 * tf.reduce_sum(tf.square(white), -1) - constant

    def kl(self, mean: tf.Tensor, log_var: tf.Tensor) -> tf.Tensor:
        # Kingma and Welling 2013, appendix B, for any spread.
        variance, shift = self.stddev**2, mean - self.mean
        spread = (tf.exp(log_var) + tf.square(shift)) / variance
        return 0.5 * (spread - 1.0 - log_var + math.log(variance))


class StandardNormal(Gaussian):
    """N(0, I); its base noise is the code itself."""

    def __init__(self, dim: int):
        super().__init__(dim)
        self.noise = {"z": Input.noise(dim)}

    def sample_from_noise(self, z: tf.Tensor, component: tf.Tensor | None = None) -> tf.Tensor:
        return z


class Sampler(Prior):
    """Codes from a function of base noise; without a density unless one is given.

    Args:
        function: Base noise, (B, ...) by the names in `noise`, -> codes (B, dim); pure.
        dim: Length of a code.
        noise: Name -> `Input`; by default one uniform (dim,) called "z_noise", which the function
            takes as its only argument.
        log_prob: Codes (..., dim) -> nats (...), or None.

    Raises:
        ValueError: The function gives codes of another length.
    """

    def __init__(
        self,
        function: Callable,
        dim: int,
        noise: dict[str, Input] | None = None,
        log_prob: Callable | None = None,
    ):
        self.positional = noise is None
        super().__init__(dim, noise or {"z_noise": Input.uniform(dim)})
        self.function, self.density = function, log_prob
        self.has_density = log_prob is not None
        received = self.sample([0, 1, 2]).shape
        if received != (3, dim):
            raise ValueError(
                f"The prior's sampler must give codes (B, {dim}). Received for B = 3: {received}."
            )

    def sample_from_noise(self, component: tf.Tensor | None = None, **noise) -> tf.Tensor:
        if self.positional:
            return tf.convert_to_tensor(self.function(*noise.values()), tf.float32)
        return tf.convert_to_tensor(self.function(**noise), tf.float32)

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        return self.density(z) if self.density else super().log_prob(z)


def positive(**values):
    """Raises ValueError for an argument of a prior that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"`{name}` of a prior must be above 0. Received: {value}.")
