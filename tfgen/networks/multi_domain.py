"""The networks of StarGAN, which translate among all domains at once, and the labels of a domain.

Choi et al. 2018, appendix, https://arxiv.org/abs/1711.09020.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf
from keras.layers import (
    Activation,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    LeakyReLU,
    RepeatVector,
    Reshape,
)

from tfgen.losses import bernoulli_nll
from tfgen.networks.basic import HEAD, dcgan_init, under_its_name
from tfgen.networks.translation import InstanceNorm, residual_block
from tfgen.signature import Input
from tfgen.step import labels_in_range

KEYS = {"class": "label", "attributes": "attributes"}


@dataclass(frozen=True)
class LabelSet:
    """Labels that say which domain a picture is of.

    Args:
        kind: "class", one of k, int (B,), or "attributes", several at once, (B, k) of 0 and 1.
        size: k.
        key: Of the labels in a batch.

    Raises:
        ValueError: Another kind, or too few domains.
    """

    kind: str
    size: int
    key: str

    def __post_init__(self):
        if self.kind not in KEYS:
            raise ValueError(f"`kind` must be 'attributes' or 'class'. Received: {self.kind!r}.")
        least = 2 if self.kind == "class" else 1
        if self.size < least:
            raise ValueError(
                f"`num_domains` must be at least {least} of kind {self.kind!r}. "
                f"Received: {self.size}."
            )

    def input(self, class_names: Sequence[str] | None = None) -> Input:
        """A domain of a trained model; the names are those of the classes of `label`."""
        if self.kind == "attributes":
            return Input.uniform(self.size)
        return Input.label(self.size, class_names if self.key == "label" else None)

    def checked(self, labels: tf.Tensor) -> tf.Tensor:
        """The labels of a batch.

        Raises:
            ValueError: Attributes of another shape.
            tf.errors.InvalidArgumentError: Classes out of range, attributes other than 0 and 1.
        """
        if self.kind == "class":
            return labels_in_range(labels, self.size)
        labels = tf.cast(labels, tf.float32)
        if not labels.shape.is_compatible_with((None, self.size)):
            raise ValueError(
                f"Attributes must have shape (None, {self.size}). Received: {labels.shape}."
            )
        right = (labels == 0.0) | (labels == 1.0)
        tf.debugging.Assert(tf.reduce_all(right), ["Attributes must be 0 or 1:", labels])
        return labels

    def vector(self, labels: tf.Tensor) -> tf.Tensor:
        """A batch's labels as float32 (B, k): classes one-hot, attributes as they are."""
        return tf.one_hot(labels, self.size) if self.kind == "class" else labels

    def cross_entropy(self, asked: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """-log p of the asked labels in nats, summed over attributes. (B, k), (B, k) -> (B,)"""
        if self.kind == "class":
            return tf.nn.softmax_cross_entropy_with_logits(asked, logits)
        return bernoulli_nll(asked, logits)


def label_sets(kind, num_domains, second_kind=None, second_num_domains=0):
    """The `LabelSet`s of a model, one or two; the key of the second ends in "_b"."""
    sets = [(kind, num_domains, "")]
    if second_kind is not None:
        sets.append((second_kind, second_num_domains, "_b"))
    return tuple(LabelSet(name, size, KEYS.get(name, "") + suffix) for name, size, suffix in sets)


def check_sides(image_shape, halvings):
    """Raises ValueError where the networks do not fit pictures (H, W, C)."""
    unit = 2**halvings
    if any(side % unit for side in image_shape[:2]):
        raise ValueError(
            f"`image_shape` sides must be multiples of {unit} ({halvings} halvings: "
            f"`discriminator_layers`, `downsamplings`). Received: {image_shape}; resize the "
            "pictures or use fewer."
        )


@under_its_name
def domain_translator(
    image_shape, domain_length, filters, blocks, downsamplings, kernel_size, name=None
):
    """Residual translator with the domain as further maps. (B, H, W, C), (B, K) -> (B, H, W, C)

    Args:
        image_shape: (H, W, C).
        domain_length: K.
        filters: Maps of the first layer; doubled at each halving.
        blocks: Residual blocks.
        downsamplings: Halvings.
        kernel_size: Of the first and the last convolution.
        name: Of the network.
    """

    def then(x, kind, *arguments):
        init = dcgan_init()
        x = kind(*arguments, padding="same", use_bias=False, kernel_initializer=init)(x)
        return Activation("relu")(InstanceNorm(affine=True)(x))

    image, domain = keras.Input(image_shape), keras.Input((domain_length,))
    # As maps: one number a map, the same at every pixel.
    spread = RepeatVector(image_shape[0] * image_shape[1])(domain)
    spread = Reshape((*image_shape[:2], domain_length))(spread)
    x = then(Concatenate()([image, spread]), Conv2D, filters, kernel_size)
    for n in range(downsamplings):
        x = then(x, Conv2D, filters * 2 ** (n + 1), 4, 2)
    for _ in range(blocks):
        x = residual_block(x, lambda: [InstanceNorm(affine=True)], "zero", use_bias=False)
    for n in reversed(range(downsamplings)):
        x = then(x, Conv2DTranspose, filters * 2**n, 4, 2)
    last = {"use_bias": False, "kernel_initializer": dcgan_init(), "dtype": HEAD}
    x = Conv2D(image_shape[-1], kernel_size, padding="same", **last)(x)
    return keras.Model([image, domain], Activation("tanh", dtype=HEAD)(x), name=name)


@under_its_name
def domain_critic(image_shape, num_logits, filters, layers, name=None):
    """Strided convolutions and two heads. (B, H, W, C) -> scores (B, h, w, 1), (B, num_logits)

    Args:
        image_shape: (H, W, C).
        num_logits: Of the head that names the domain.
        filters: Maps of the first layer; doubled at each later one.
        layers: Halvings.
        name: Of the network.
    """
    x = image = keras.Input(image_shape)
    for n in range(layers):
        init = dcgan_init()
        x = Conv2D(filters * 2**n, 4, 2, "same", kernel_initializer=init)(x)
        x = LeakyReLU(0.01)(x)
    head = {"use_bias": False, "dtype": HEAD}
    score = Conv2D(1, 3, padding="same", kernel_initializer=dcgan_init(), **head)(x)
    classes = Conv2D(num_logits, x.shape[1:3], kernel_initializer=dcgan_init(), **head)(x)
    classes = Reshape((num_logits,), dtype=HEAD)(classes)
    return keras.Model(image, [score, classes], name=name)
