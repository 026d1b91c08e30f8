"""The residual networks of spectrally normalised GANs, Miyato et al. 2018, table 4.

"Spectral normalization for generative adversarial networks", https://arxiv.org/abs/1802.05957, as
in the authors' code for 32x32 images: G raises a 4x4 map of 256 channels by three blocks to 32x32;
D has four blocks of 128 channels, the first two halving, and a sum over the places at the end.
Blocks are those of Gulrajani et al. 2017, without normalisation in D but that of the kernels.

Differs from the paper: other sizes have as many doublings in G as lead to them; D always halves
twice.
"""

import math

import keras
from keras.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Conv2D,
    Dense,
    ReLU,
    Reshape,
    UpSampling2D,
)

from tfgen.networks.basic import HEAD, normalizing, under_its_name
from tfgen.networks.layers import BatchNorm


@under_its_name
def generator(latent_dim, image_shape, filters, stages, name=None):
    """Dense, `stages` residual blocks that double the picture, a 3x3 convolution. (B, Z) -> image

    Args:
        latent_dim: Length of the code.
        image_shape: (H, W, C).
        filters: Maps everywhere; the paper has 256.
        stages: Number of doublings.
        name: Of the network.
    """
    height, width, channels = image_shape
    base = (height >> stages, width >> stages, filters)
    z = keras.Input((latent_dim,))
    x = Reshape(base)(Dense(math.prod(base))(z))
    for _ in range(stages):
        x = _raised(x, filters)
    x = ReLU()(BatchNorm()(x))
    x = Conv2D(channels, 3, padding="same", dtype=HEAD)(x)
    return keras.Model(z, Activation("tanh", dtype=HEAD)(x), name=name)


@under_its_name
def discriminator(image_shape, output_shape, filters, normalization="spectral", name=None):
    """Four residual blocks, the first two halving the picture, summed over all places.

    (B, H, W, C) -> (B, *output_shape)

    Args:
        image_shape: (H, W, C) with sides that can be halved twice.
        output_shape: Shape of one output; linear.
        filters: Maps everywhere; the paper has 128.
        normalization: "spectral" (the paper), "layer", "batch" or None.
        name: Of the network.
    """
    image = keras.Input(image_shape)
    x = _lowered(image, filters, normalization, halve=True, first=True)
    for halve in (True, False, False):
        x = _lowered(x, filters, normalization, halve)
    x = keras.ops.sum(ReLU()(x), axis=(1, 2))  # (B, C)
    head = Dense(math.prod(output_shape), dtype=HEAD)
    x = _through(x, normalizing(head, normalization, first=True))
    return keras.Model(image, Reshape(output_shape, dtype=HEAD)(x), name=name)


def _raised(x, filters):
    """BN, ReLU, doubled, 3x3, BN, ReLU, 3x3; added to the doubled input after a 1x1."""
    y = UpSampling2D()(ReLU()(BatchNorm()(x)))
    y = Conv2D(filters, 3, padding="same", kernel_initializer=_residual_init())(y)
    y = ReLU()(BatchNorm()(y))
    y = Conv2D(filters, 3, padding="same", kernel_initializer=_residual_init())(y)
    return Add()([y, Conv2D(filters, 1)(UpSampling2D()(x))])


def _lowered(x, filters, normalization, halve, first=False):
    """(ReLU), 3x3, ReLU, 3x3, (halved); added to the input after a 1x1 where the shape changes."""
    y = x if first else ReLU()(x)
    for number in range(2):
        conv = Conv2D(filters, 3, padding="same", kernel_initializer=_residual_init())
        y = _through(y, normalizing(conv, normalization, first and not number))
        y = y if number else ReLU()(y)
    shortcut = x
    if first and halve:  # Before the convolution, which is then four times as cheap.
        shortcut = AveragePooling2D(2)(shortcut)
    if halve or x.shape[-1] != filters:
        shortcut = _through(shortcut, normalizing(Conv2D(filters, 1), normalization, first=True))
    if halve:
        y = AveragePooling2D(2)(y)
        shortcut = shortcut if first else AveragePooling2D(2)(shortcut)
    return Add()([y, shortcut])


def _through(x, layers):
    for layer in layers:
        x = layer(x)
    return x


def _residual_init():
    """Glorot's uniform times the square root of 2, as in the authors' code."""
    return keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform")
