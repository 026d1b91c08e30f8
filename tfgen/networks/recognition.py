"""The networks of InfoGAN: a generator, the trunk that D and Q share, and a head for each.

Chen et al. 2016, appendix C.1 (https://arxiv.org/abs/1606.03657), as in the authors' code,
https://github.com/openai/InfoGAN. Kernels from N(0, 0.02).
"""

import math

import keras
from keras.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    LeakyReLU,
    ReLU,
    Rescaling,
    Reshape,
)

from tfgen.networks.basic import HEAD, dcgan_init, normalizing
from tfgen.networks.layers import BatchNorm


def conv_generator(latent_dim, image_shape, filters, dense_units, stages, name=None):
    """Two dense layers, then 4x4 transposed convolutions; BN and ReLU. (B, L) -> (B, H, W, C)

    Args:
        latent_dim: Length L of noise and code together.
        image_shape: (H, W, C).
        filters: Maps of the last hidden layer; doubled at each earlier one.
        dense_units: Width of the first layer.
        stages: Number of doublings of the picture.
        name: Of the network.
    """
    height, width, channels = image_shape
    base = (height >> stages, width >> stages, filters * 2 ** (stages - 1))
    layers = [keras.Input((latent_dim,))]
    for units in (dense_units, math.prod(base)):
        layers += [_dense(units), BatchNorm(gain_stddev=0.02), ReLU()]
    layers.append(Reshape(base))
    for n in reversed(range(stages - 1)):
        deconv = Conv2DTranspose(filters * 2**n, 4, 2, "same", kernel_initializer=dcgan_init())
        layers += [deconv, BatchNorm(gain_stddev=0.02), ReLU()]
    last = {"kernel_initializer": dcgan_init(), "dtype": HEAD}
    layers.append(Conv2DTranspose(channels, 4, 2, "same", activation="sigmoid", **last))
    return keras.Sequential([*layers, Rescaling(2.0, -1.0, dtype=HEAD)], name=name)


def conv_trunk(image_shape, filters, dense_units, stages, normalization, name=None):
    """4x4 convolutions of stride 2 and a dense layer; leaky ReLU 0.01. (B, H, W, C) -> (B, F)

    Args:
        image_shape: (H, W, C).
        filters: Maps of the first layer; doubled at each later one.
        dense_units: F.
        stages: Number of halvings of the picture.
        normalization: Of all but the first layer, see `tfgen.networks.normalizing`.
        name: Of the network.
    """
    layers = [keras.Input(image_shape), Rescaling(0.5, 0.5)]
    for n in range(stages):
        conv = Conv2D(filters * 2**n, 4, 2, "same", kernel_initializer=dcgan_init())
        layers += [*normalizing(conv, normalization, first=n == 0), LeakyReLU(0.01)]
    layers += [Flatten(), *normalizing(_dense(dense_units), normalization)]
    return keras.Sequential([*layers, LeakyReLU(0.01)], name=name)


def mlp_trunk(image_shape, hidden, normalization, name=None):
    """Dense layers of these widths with leaky ReLU 0.2. (B, H, W, C) -> (B, F)"""
    layers = [keras.Input(image_shape), Flatten()]
    for n, units in enumerate(hidden):
        parts = normalizing(Dense(units), normalization, first=n == 0)
        layers += [*parts, LeakyReLU(0.2)]
    return keras.Sequential(layers, name=name)


def heads(features, units, outputs, normalization, names=(None, None)):
    """D's own layer, (B, features) -> (B, 1), and those of Q, (B, features) -> (B, outputs).

    Args:
        features: What the trunk gives.
        units: Width of Q's hidden layer, with leaky ReLU 0.01.
        outputs: Numbers that Q gives, see `tfgen.probability.codes`.
        normalization: Of the trunk.
        names: Of the two networks.
    """
    score = normalizing(_dense(1, dtype=HEAD), normalization, first=True)
    own = "batch" if normalization == "batch" else None  # Only D is to be smooth.
    layers = [*normalizing(_dense(units), own), LeakyReLU(0.01), _dense(outputs, dtype=HEAD)]
    recognition = keras.Sequential([keras.Input((features,)), *layers], name=names[1])
    return keras.Sequential([keras.Input((features,)), *score], name=names[0]), recognition


def _dense(units, **arguments):
    return Dense(units, kernel_initializer=dcgan_init(), **arguments)
