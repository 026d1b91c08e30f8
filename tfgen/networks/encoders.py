"""The networks of adversarial autoencoders, and where classes enter them.

Makhzani et al. 2015, https://arxiv.org/abs/1511.05644: encoders whose codes are deterministic,
Gaussian, or drawn by noise at the input.
"""

import math
from collections import namedtuple
from dataclasses import dataclass

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.losses import gaussian_sample
from tfgen.networks.arguments import one_of
from tfgen.networks.basic import normal_init, under_its_name
from tfgen.step import draws, labels_in_range, required

# Codes (B, Z); probabilities of the classes and their logits, (B, K) each, or None without classes.
Code = namedtuple("Code", "z y logits", defaults=(None, None))
POSTERIORS = ("deterministic", "gaussian", "universal")
USES = ("unsupervised", "supervised", "semi_supervised", "clustering")


def perceptron(size, hidden, output_shape, *activations, stddev=None, name=None):
    """`networks.mlp` on vectors (B, size), weights from N(0, stddev^2), or Glorot's for None."""
    init = normal_init(stddev)
    return networks.mlp((size,), hidden, output_shape, *activations, init=init, name=name)


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
        name: Of the encoder.

    Attributes:
        trunk, code_head, class_head: The networks; `class_head` is None without classes.
        eps_dim: Length of the noise that `sample` takes; 0 for none.

    Raises:
        ValueError: An unknown posterior.
    """

    @under_its_name
    def __init__(
        self,
        image_shape,
        latent_dim,
        num_classes=0,
        hidden=(1000, 1000),
        posterior="deterministic",
        noise_dim=10,
        stddev=None,
        name=None,
    ):
        super().__init__(name=name)
        one_of(POSTERIORS, posterior=posterior)
        self.posterior = posterior
        self.eps_dim = {"gaussian": latent_dim, "universal": noise_dim}.get(posterior, 0)
        size = math.prod(image_shape) + (noise_dim if posterior == "universal" else 0)
        code = (2, latent_dim) if posterior == "gaussian" else (latent_dim,)
        self.trunk = perceptron(
            size, hidden[:-1], hidden[-1:], "relu", "relu", stddev=stddev, name="trunk"
        )
        self.code_head = perceptron(hidden[-1], (), code, stddev=stddev, name="code_head")
        self.class_head = None
        if num_classes:
            self.class_head = perceptron(
                hidden[-1], (), (num_classes,), stddev=stddev, name="class_head"
            )
        self.built = True

    def call(self, x, eps=None, training=False):
        """Code parameters, (B, Z) or "gaussian" (B, 2, Z), and class logits, (B, K) or None."""
        flat = tf.reshape(x, (-1, math.prod(x.shape[1:])))
        if self.posterior == "universal":
            flat = tf.concat([flat, tf.cast(eps, flat.dtype)], axis=-1)
        features = self.trunk(flat, training=training)  # (B, hidden[-1])
        code = self.code_head(features, training=training)
        return code, self.class_head(features, training=training) if self.class_head else None

    def parameters(self, x, eps=None):
        """What `call` says of a code by name: "z", or "mean" and "log_var", (B, Z) each."""
        code, _ = self(x, eps)
        if self.posterior != "gaussian":
            return {"z": code}
        return {"mean": code[:, 0], "log_var": code[:, 1]}

    def sample(self, x, eps=None, training=False):
        """A `Code`; without `eps` that of "gaussian" is the mean."""
        z, logits = self(x, eps, training=training)
        if self.posterior == "gaussian":
            mean, log_var = tf.unstack(z, axis=1)
            z = mean if eps is None else gaussian_sample(eps, mean, log_var)
        return Code(z, None if logits is None else tf.nn.softmax(logits), logits)

    def draw(self, x, training=False):
        """A `Code` by the noise of the running step."""
        eps = None
        if self.eps_dim:
            eps = draws().normal("posterior", (tf.shape(x)[0], self.eps_dim))
        return self.sample(x, eps, training)


@dataclass(frozen=True)
class Classes:
    """Where classes enter an adversarial autoencoder.

    Args:
        use: A name in `USES`: the class is not known; the decoder is told it (section 4); the
            encoder gives it, learning from labelled points (section 5) or without (section 6).
        number: K.
        label_informed: Whether D is told the class that a part of the prior belongs to
            (section 2.3); for "unsupervised".
        components: Parts of the prior; None where there are none.

    Raises:
        ValueError: Another use, or a label-informed prior with another use or another number of
            parts than classes.
    """

    use: str
    number: int
    label_informed: bool
    components: int | None

    def __post_init__(self):
        one_of(USES, use=self.use)
        if self.label_informed and self.use != "unsupervised":
            raise ValueError(
                f"`label_informed` is for use='unsupervised'. Received use={self.use!r}."
            )
        if self.label_informed and self.components != self.number:
            raise ValueError(
                f"A label-informed prior must have as many parts as num_classes = {self.number}: "
                "gaussian_mixture or swiss_roll with `components`. "
                f"Received a prior with {self.components or 'no'} parts."
            )

    @property
    def learned(self) -> bool:
        """Whether a step takes the labels of a batch."""
        return self.label_informed or self.use in ("supervised", "semi_supervised")

    @property
    def inferred(self) -> int:
        """Length of the encoder's class: K, or 0 for none."""
        return self.number if self.use in ("semi_supervised", "clustering") else 0

    @property
    def decoded(self) -> int:
        """Length of the class that the decoder gets beside z: K, or 0 for none."""
        return 0 if self.use == "unsupervised" else self.number

    @property
    def told(self) -> int:
        """Length of what D is told beside z: K and one for unlabelled points, or 0 for nothing."""
        return self.number + 1 if self.label_informed else 0

    def of(self, batch):
        """The labels of a batch, (B,), -1 where unknown; None where a step needs none.

        Raises:
            ValueError: The batch lacks them.
            tf.errors.InvalidArgumentError: One outside the classes.
        """
        if not self.learned:
            return None
        informed = " with a label-informed prior" if self.label_informed else ""
        label = required(batch, "label", f"AAE for use={self.use!r}{informed}")
        return labels_in_range(label, self.number, 0 if self.use == "supervised" else -1)

    def draw(self, rows):
        """Classes of the running step as the encoder is to give them, one-hot (rows, K) or None."""
        if not self.inferred:
            return None
        return tf.one_hot(draws().categorical("class prior", (rows,), self.number), self.number)


def adversarial_autoencoder(
    image_shape, latent_dim, classes, hidden, posterior, noise_dim, stddev=None
):
    """The encoder, the decoder, and a list of discriminators: of z, and of the class.

    Args:
        image_shape: (H, W, C) of the images.
        latent_dim: Z.
        classes: A `Classes`. The decoder takes [y, z], (B, classes.decoded + Z), and gives pictures
            in [0, 1]; the discriminators take (B, Z + classes.told) and (B, classes.inferred).
        hidden: Widths of the encoder's and the discriminators' hidden layers; the decoder mirrors
            them.
        posterior, noise_dim, stddev: See `StochasticEncoder`.
    """
    encoder = StochasticEncoder(
        image_shape,
        latent_dim,
        classes.inferred,
        hidden,
        posterior,
        noise_dim,
        stddev,
        name="encoder",
    )
    decoder = perceptron(
        classes.decoded + latent_dim,
        hidden[::-1],
        image_shape,
        "relu",
        "sigmoid",
        stddev=stddev,
        name="decoder",
    )
    sizes = {"discriminator_z": latent_dim + classes.told, "discriminator_y": classes.inferred}
    discriminators = [
        perceptron(size, hidden, (1,), stddev=stddev, name=name)
        for name, size in sizes.items()
        if size
    ]
    return encoder, decoder, discriminators
