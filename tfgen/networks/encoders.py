"""Encoders whose codes are deterministic, Gaussian, or drawn by noise at the input."""

import math
from collections import namedtuple

import keras
import tensorflow as tf

from tfgen import networks

# Codes (B, Z); probabilities of the classes and their logits, (B, K) each, or None without classes.
Code = namedtuple("Code", "z y logits", defaults=(None, None))
POSTERIORS = ("deterministic", "gaussian", "universal")


def perceptron(size, hidden, output_shape, *activations, stddev=None):
    """`networks.mlp` on vectors (B, size), weights from N(0, stddev^2), or Glorot's for None."""
    init = None
    if stddev is not None:

        def init():
            return keras.initializers.RandomNormal(0.0, stddev)

    return networks.mlp((size,), hidden, output_shape, *activations, init=init)


class StochasticEncoder(keras.layers.Layer):
    """Rectifier layers with a head for the code and, where asked for, one for the class.

    Args:
        image_shape: (H, W, C) of the images.
        latent_dim: Length Z of a code.
        num_classes: Of the class head; 0 for none.
        hidden: Widths of the rectifier layers.
        posterior: "deterministic"; "gaussian" (mean and log variance); "universal" (noise enters
            with the image, and the code is a function of both).
        noise_dim: Length of the noise of "universal".
        stddev: Of the initial weights; None for Glorot's.

    Attributes:
        trunk, code_head, class_head: The networks; `class_head` is None without classes.
        eps_dim: Length of the noise that `sample` takes; 0 for none.

    Raises:
        ValueError: An unknown posterior.
    """

    def __init__(
        self,
        image_shape,
        latent_dim,
        num_classes=0,
        hidden=(1000, 1000),
        posterior="deterministic",
        noise_dim=10,
        stddev=None,
    ):
        super().__init__()
        lengths = dict(zip(POSTERIORS, (0, latent_dim, noise_dim), strict=True))
        if posterior not in lengths:
            raise ValueError(
                f"`posterior` must be one of {', '.join(POSTERIORS)}. Received: {posterior!r}."
            )
        self.posterior = posterior
        self.eps_dim = lengths[posterior]
        size = math.prod(image_shape) + (noise_dim if posterior == "universal" else 0)
        code = (2, latent_dim) if posterior == "gaussian" else (latent_dim,)
        self.trunk = perceptron(size, hidden[:-1], hidden[-1:], "relu", "relu", stddev=stddev)
        self.code_head = perceptron(hidden[-1], (), code, stddev=stddev)
        self.class_head = None
        if num_classes:
            self.class_head = perceptron(hidden[-1], (), (num_classes,), stddev=stddev)
        self.built = True

    def call(self, x, eps=None, training=False):
        """Code parameters, (B, Z) or "gaussian" (B, 2, Z), and class logits, (B, K) or None."""
        flat = tf.reshape(x, (-1, math.prod(x.shape[1:])))
        if self.posterior == "universal":
            flat = tf.concat([flat, tf.cast(eps, flat.dtype)], axis=-1)
        features = self.trunk(flat, training=training)  # (B, hidden[-1])
        code = self.code_head(features, training=training)
        return code, self.class_head(features, training=training) if self.class_head else None

    def sample(self, x, eps=None, training=False):
        """A `Code`; without `eps` that of "gaussian" is the mean."""
        z, logits = self(x, eps, training=training)
        if self.posterior == "gaussian":
            mean, log_var = tf.unstack(z, axis=1)
            z = mean if eps is None else mean + tf.exp(0.5 * log_var) * eps
        return Code(z, None if logits is None else tf.nn.softmax(logits), logits)
