"""Generators and discriminators that are shown the class.

`mlp_...` are the perceptrons of Mirza and Osindero 2014, section 4.1: a layer for each input and
one for both.

`conv_...` are the class-conditional MNIST network in the code of Radford et al. 2015,
https://github.com/Newmu/dcgan_code: the one-hot label is appended to the units of every dense
layer's input and, as constant maps, to the channels of every convolution's input. Kernels from
N(0, 0.02), 5x5 and stride 2.
"""

import math

import keras
from keras import ops
from keras.layers import (
    Activation,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    LeakyReLU,
    Rescaling,
    Reshape,
)

from tfgen.networks.arguments import one_of
from tfgen.networks.basic import HEAD, biased, dcgan_init, normalizing, under_its_name
from tfgen.networks.layers import BatchNorm, Dropout, Maxout


@under_its_name
def mlp_generator(latent_dim, num_classes, image_shape, hidden, dropout, name=None):
    """Rectifiers for each input and for both, a sigmoid moved to [-1, 1]. (z, y) -> image

    Args:
        latent_dim: Length of z.
        num_classes: Length of the one-hot label.
        image_shape: (H, W, C).
        hidden: Widths of the layers for z, for y and for both.
        dropout: Rate after each of them.
        name: Of the network.

    Raises:
        ValueError: Not three widths.
    """
    _three(generator_hidden=hidden)
    z, y = keras.Input((latent_dim,)), keras.Input((num_classes,))
    of_z = Dropout(dropout)(Dense(hidden[0], "relu")(z))
    of_y = Dropout(dropout)(Dense(hidden[1], "relu")(y))
    x = Concatenate()([of_z, of_y])
    x = Dropout(dropout)(Dense(hidden[2], "relu")(x))
    x = Dense(math.prod(image_shape), "sigmoid", dtype=HEAD)(x)
    x = Reshape(image_shape, dtype=HEAD)(x)
    return keras.Model([z, y], Rescaling(2.0, -1.0, dtype=HEAD)(x), name=name)


@under_its_name
def mlp_discriminator(
    num_classes, image_shape, hidden, activation, dropout, normalization, name=None
):
    """Layers for each input and for both, a logit. (image, y) -> (B, 1)

    Args:
        num_classes: Length of the one-hot label.
        image_shape: (H, W, C).
        hidden: Widths of the layers for the image, for y and for both.
        activation: "maxout" (5, 5 and 4 pieces) or "leaky_relu" (0.2). The paper is silent about
            the initial weights of maxout layers: uniform in +-0.005 as in Goodfellow et al. 2014.
        dropout: Rate after each of them.
        normalization: Of all but the last layer, see `tfgen.networks.normalizing`.
        name: Of the network.

    Raises:
        ValueError: Another activation, or not three widths.
    """
    one_of(("maxout", "leaky_relu"), discriminator_activation=activation)
    _three(discriminator_hidden=hidden)
    maxout = activation == "maxout"

    def init():
        return keras.initializers.RandomUniform(-0.005, 0.005) if maxout else "glorot_uniform"

    def layer(units, pieces, x):
        made = Maxout(units, pieces, init()) if maxout else Dense(units)
        x = _through(x, normalizing(made, normalization))
        return Dropout(dropout)(x if maxout else LeakyReLU(0.2)(x))

    image, y = keras.Input(image_shape), keras.Input((num_classes,))
    of_x = layer(hidden[0], 5, Flatten()(Rescaling(0.5, 0.5)(image)))
    x = layer(hidden[2], 4, Concatenate()([of_x, layer(hidden[1], 5, y)]))
    head = Dense(1, kernel_initializer=init(), dtype=HEAD)
    x = _through(x, normalizing(head, normalization, first=True))
    return keras.Model([image, y], x, name=name)


@under_its_name
def conv_generator(latent_dim, num_classes, image_shape, filters, dense_units, stages, name=None):
    """Two dense layers, then transposed convolutions; BN and ReLU. (B, Z), (B, K) -> (B, H, W, C)

    Args:
        latent_dim: Length of z.
        num_classes: Length of the one-hot label.
        image_shape: (H, W, C).
        filters: Maps of the last hidden layer; doubled at each earlier one.
        dense_units: Width of the first layer.
        stages: Number of doublings of the picture.
        name: Of the network.
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
    return keras.Model([z, label], Activation("tanh", dtype=HEAD)(x), name=name)


@under_its_name
def conv_discriminator(
    num_classes, image_shape, filters, dense_units, stages, normalization, name=None
):
    """Convolutions, a dense layer, a logit; leaky ReLU 0.2. (B, H, W, C), (B, K) -> (B, 1)

    Args:
        num_classes: Length of the one-hot label.
        image_shape: (H, W, C).
        filters: Maps of the first layer; doubled at each later one.
        dense_units: Width of the last hidden layer.
        stages: Number of halvings of the picture.
        normalization: Of all but the first and last layer, see `tfgen.networks.normalizing`.
        name: Of the network.
    """
    bias = biased(normalization)
    image, label = keras.Input(image_shape), keras.Input((num_classes,))
    x = image
    for n in range(stages):
        conv = Conv2D(filters * 2**n, 5, 2, "same", **_plain(bias))
        x = _through(_with(x, label), normalizing(conv, normalization, first=n == 0))
        x = LeakyReLU(0.2)(x)
    dense = normalizing(Dense(dense_units, **_plain(bias)), normalization)
    x = LeakyReLU(0.2)(_through(_with(Flatten()(x), label), dense))
    head = normalizing(Dense(1, **_plain(), dtype=HEAD), normalization, first=True)
    return keras.Model([image, label], _through(_with(x, label), head), name=name)


def _with(x, label):
    """The label behind the last axis, at every place of a map."""
    label = ops.cast(label, x.dtype)
    for _ in x.shape[1:-1]:
        label = ops.expand_dims(label, 1)
    if len(x.shape) > 2:
        # No `tile`: OpenVINO 2026.4 runs that of an ONNX file wrongly along two axes at once.
        label = label * ops.ones_like(x[..., :1])
    return ops.concatenate([x, label], axis=-1)


def _rectified(x):
    return Activation("relu")(BatchNorm(gain_stddev=0.02)(x))


def _plain(bias=False):
    return {"use_bias": bias, "kernel_initializer": dcgan_init()}


def _through(x, layers):
    for layer in layers:
        x = layer(x)
    return x


def _three(**widths):
    for name, given in widths.items():
        if len(given) != 3:
            raise ValueError(
                f"`{name}` must be three widths: of the layers for one input, for the label, and "
                f"for both. Received: {list(given)}."
            )
