"""Strided convolutional networks that are shown the class at every layer.

The class-conditional MNIST network in the code of Radford et al. 2015,
https://github.com/Newmu/dcgan_code: the one-hot label is appended to the units of every dense
layer's input and, as constant maps, to the channels of every convolution's input. Kernels from
N(0, 0.02), 5x5 and stride 2.
"""

import math

import keras
from keras import ops
from keras.layers import Activation, Conv2D, Conv2DTranspose, Dense, Flatten, LeakyReLU, Reshape

from tfgen.networks.basic import HEAD, dcgan_init, normalizing
from tfgen.networks.layers import BatchNorm


def generator(latent_dim, num_classes, image_shape, filters, dense_units, stages):
    """Two dense layers, then transposed convolutions; BN and ReLU. (B, Z), (B, K) -> (B, H, W, C)

    Args:
        latent_dim: Length of z.
        num_classes: Length of the one-hot label.
        image_shape: (H, W, C).
        filters: Maps of the last hidden layer; doubled at each earlier one.
        dense_units: Width of the first layer.
        stages: Number of doublings of the picture.
    """
    height, width, channels = image_shape
    base = (height >> stages, width >> stages, filters * 2 ** (stages - 1))
    z, label = keras.Input((latent_dim,)), keras.Input((num_classes,))
    x = _rectified(Dense(dense_units, **_plain())(_with(z, label)))
    x = _rectified(Dense(math.prod(base), **_plain())(_with(x, label)))
    x = Reshape(base)(x)
    for n in reversed(range(stages - 1)):
        x = _rectified(Conv2DTranspose(filters * 2**n, 5, 2, "same", **_plain())(_with(x, label)))
    x = Conv2DTranspose(channels, 5, 2, "same", **_plain(), dtype=HEAD)(_with(x, label))
    return keras.Model([z, label], Activation("tanh", dtype=HEAD)(x))


def discriminator(num_classes, image_shape, filters, dense_units, stages, normalization):
    """Convolutions, a dense layer, a logit; leaky ReLU 0.2. (B, H, W, C), (B, K) -> (B, 1)

    Args:
        num_classes: Length of the one-hot label.
        image_shape: (H, W, C).
        filters: Maps of the first layer; doubled at each later one.
        dense_units: Width of the last hidden layer.
        stages: Number of halvings of the picture.
        normalization: Of all but the first and last layer, see `tfgen.networks.normalizing`.
    """
    biased = normalization in (None, "spectral")
    image, label = keras.Input(image_shape), keras.Input((num_classes,))
    x = image
    for n in range(stages):
        conv = Conv2D(filters * 2**n, 5, 2, "same", **_plain(biased))
        x = _through(_with(x, label), normalizing(conv, normalization, first=n == 0))
        x = LeakyReLU(0.2)(x)
    dense = normalizing(Dense(dense_units, **_plain(biased)), normalization)
    x = LeakyReLU(0.2)(_through(_with(Flatten()(x), label), dense))
    head = normalizing(Dense(1, **_plain(), dtype=HEAD), normalization, first=True)
    return keras.Model([image, label], _through(_with(x, label), head))


def _with(x, label):
    """The label behind the last axis, at every place of a map."""
    for _ in x.shape[1:-1]:
        label = ops.expand_dims(label, 1)
    label = ops.tile(label, (1, *x.shape[1:-1], 1))
    return ops.concatenate([x, ops.cast(label, x.dtype)], axis=-1)


def _rectified(x):
    return Activation("relu")(BatchNorm(gain_stddev=0.02)(x))


def _plain(biased=False):
    return {"use_bias": biased, "kernel_initializer": dcgan_init()}


def _through(x, layers):
    for layer in layers:
        x = layer(x)
    return x
