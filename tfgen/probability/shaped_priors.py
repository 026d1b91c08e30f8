"""Priors of a shape: mixtures of Gaussians and the swiss roll; Makhzani et al. 2015, section 2.3,
https://arxiv.org/abs/1511.05644.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfgen.probability.prior import LOG_2_PI, Prior, positive
from tfgen.signature import Input


class Mixture(Prior):
    """A mixture of Gaussians, sum_c weights[c] N(means[c], scales[c] scales[c]^T).

    Args:
        means: (C, Z).
        scales: (C, Z, Z), invertible.
        weights: (C,), positive; scaled to sum to 1. Equal ones by default.

    Raises:
        ValueError: Shapes that do not fit, or a weight that is not positive.
    """

    def __init__(
        self,
        means: np.ndarray | Sequence,
        scales: np.ndarray | Sequence,
        weights: np.ndarray | Sequence | None = None,
    ):
        means, scales = np.asarray(means, np.float64), np.asarray(scales, np.float64)
        weights = np.ones(len(means)) if weights is None else np.asarray(weights, np.float64)
        if means.ndim != 2 or scales.shape != (*means.shape, means.shape[1]):
            raise ValueError(
                "A mixture of C Gaussians needs means (C, Z) and scales (C, Z, Z). "
                f"Received: {means.shape} and {scales.shape}."
            )
        if weights.shape != means.shape[:1] or not (weights > 0).all():
            raise ValueError(
                f"`weights` must be {len(means)} positive numbers. Received: {weights.tolist()}."
            )
        components, dim = means.shape
        noise = {"z_noise": Input.noise(dim), "z_choice": Input.uniform()}
        super().__init__(dim, noise, components)
        weights = weights / weights.sum()
        self.means, self.scales = means.astype("float32"), scales.astype("float32")
        self.cumulative = np.cumsum(weights)[:-1].astype("float32")
        self.inverses = np.linalg.inv(scales).astype("float32")
        volume = np.linalg.slogdet(scales)[1] + 0.5 * dim * LOG_2_PI
        self.constants = (np.log(weights) - volume).astype("float32")

    def sample_from_noise(
        self, z_noise: tf.Tensor, z_choice: tf.Tensor, component: tf.Tensor | None = None
    ) -> tf.Tensor:
        drawn = tf.reduce_sum(tf.cast(z_choice[:, None] >= self.cumulative, tf.int32), -1)
        chosen = drawn if component is None else tf.where(component < 0, drawn, component)  # (B,)
        return tf.gather(self.means, chosen) + tf.linalg.matvec(
            tf.gather(self.scales, chosen), z_noise
        )

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        white = tf.linalg.matvec(self.inverses, z[..., None, :] - self.means)  # (..., C, Z)
        parts = self.constants - 0.5 * tf.reduce_sum(tf.square(white), -1)  # (..., C)
        largest = tf.stop_gradient(tf.reduce_max(parts, -1, keepdims=True))
        total = tf.math.log(tf.reduce_sum(tf.exp(parts - largest), -1))
        return total + largest[..., 0]


def mixture(dim: int, means: list, stddev: float = 1.0, weights: list | None = None) -> Mixture:
    """A mixture of round Gaussians at `means`, (C, dim), each of the spread `stddev`."""
    positive(stddev=stddev)
    means = np.asarray(means, np.float64)
    if means.ndim != 2 or means.shape[1] != dim:
        raise ValueError(f"`means` must have shape (C, {dim}). Received: {means.shape}.")
    return Mixture(means, np.broadcast_to(stddev * np.eye(dim), (*means.shape, dim)), weights)


def gaussian_mixture(
    dim: int,
    components: int = 10,
    radius: float = 2.0,
    radial_stddev: float = 0.5,
    tangential_stddev: float = 0.1,
) -> Mixture:
    """2-D Gaussians on a circle, their long axes towards its centre.

    Makhzani et al. 2015, section 2.3; the paper shows it without numbers, these are those of
    common reimplementations.
    """
    _two(dim, "gaussian_mixture")
    positive(components=components, radius=radius)
    positive(radial_stddev=radial_stddev, tangential_stddev=tangential_stddev)
    angle = 2.0 * np.pi * np.arange(components) / components
    radial = np.stack([np.cos(angle), np.sin(angle)], -1)  # (C, 2)
    across = np.stack([-np.sin(angle), np.cos(angle)], -1)
    scales = np.stack([radial_stddev * radial, tangential_stddev * across], -1)  # (C, 2, 2)
    return Mixture(radius * radial, scales)


class SwissRoll(Prior):
    """A 2-D spiral: radius and angle are both 3 pi sqrt(u), divided by `scale` for the radius.

    Makhzani et al. 2015, section 2.3. Component i of ten is the i-th tenth of u. It lies on a
    curve and has no density.

    Args:
        dim: Must be 2.
        scale: Divides the points; the outermost lies at 3 pi / scale.
        components: Number of equal parts along the curve.
    """

    has_density = False

    def __init__(self, dim: int, scale: float = 4.0, components: int = 10):
        _two(dim, "swiss_roll")
        positive(scale=scale, components=components)
        super().__init__(dim, {"z_choice": Input.uniform()}, components)
        self.scale = scale

    def sample_from_noise(
        self, z_choice: tf.Tensor, component: tf.Tensor | None = None
    ) -> tf.Tensor:
        u = z_choice
        if component is not None:
            part = (tf.cast(component, u.dtype) + u) / self.components
            u = tf.where(component < 0, u, part)
        angle = 3.0 * np.pi * tf.sqrt(u)  # (B,)
        return tf.stack([tf.cos(angle), tf.sin(angle)], -1) * (angle / self.scale)[:, None]


def _two(dim, name):
    if dim != 2:
        raise ValueError(f"The prior {name} is 2-dimensional: latent_dim must be 2, not {dim}.")
