"""The players of text to image synthesis. Reed et al. 2016, section 4.1, and the authors' code."""

import math

import keras
from keras.layers import (
    Activation,
    Add,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    LeakyReLU,
    RepeatVector,
    Reshape,
)

from tfgen.networks.basic import HEAD, biased, dcgan_init, normalizing, under_its_name
from tfgen.networks.layers import BatchNorm

# Sides from the smallest on that have a residual bottleneck.
BOTTLENECKS = 2


@under_its_name
def text_generator(image_shape, embedding_dim, text_dim, stages, latent_dim, filters, name=None):
    """From noise and a text's embedding to a picture. (B, Z), (B, E) -> (B, H, W, C)

    Args:
        image_shape: (H, W, C).
        embedding_dim: E.
        text_dim: Length of the projection of the embedding.
        stages: Number of doublings of the picture.
        latent_dim: Z.
        filters: Maps of the last hidden layer; doubled at each earlier one.
        name: Of the network.
    """
    height, width, channels = image_shape
    base = (height >> stages, width >> stages, filters << stages - 1)
    z, text = keras.Input((latent_dim,)), keras.Input((embedding_dim,))
    x = Concatenate()([z, _projection(text, text_dim)])
    x = Dense(math.prod(base), use_bias=False, kernel_initializer=dcgan_init())(x)
    x = BatchNorm(gain_stddev=0.02)(Reshape(base)(x))
    for stage in range(stages):
        if stage:
            maps = base[-1] >> stage
            x = Conv2DTranspose(
                maps, 4, 2, "same", use_bias=False, kernel_initializer=dcgan_init()
            )(x)
            x = BatchNorm(gain_stddev=0.02)(x)
        if stage < min(BOTTLENECKS, stages - 1):
            x = _bottleneck(x, lambda: Activation("relu"), _normalised)
        x = Activation("relu")(x)
    x = Conv2DTranspose(channels, 4, 2, "same", kernel_initializer=dcgan_init(), dtype=HEAD)(x)
    return keras.Model([z, text], Activation("tanh", dtype=HEAD)(x), name=name)


@under_its_name
def text_discriminator(
    image_shape, embedding_dim, text_dim, stages, filters, normalization="batch", name=None
):
    """From a picture and a text's embedding to a logit. (B, H, W, C), (B, E) -> (B,)

    Args:
        image_shape: (H, W, C).
        embedding_dim: E.
        text_dim: Length of the projection of the embedding.
        stages: Number of halvings of the picture.
        filters: Maps of the first layer; doubled at each later one.
        normalization: Of every layer but the first and the last, the projection of the text
            included; see `tfgen.networks.normalizing`.
        name: Of the network.
    """
    bias = biased(normalization)

    def conv(x, maps, size, stride=1, first=False):
        layer = Conv2D(
            maps, size, stride, "same", use_bias=bias or first, kernel_initializer=dcgan_init()
        )
        return _passed(x, normalizing(layer, normalization, first))

    image, text = keras.Input(image_shape), keras.Input((embedding_dim,))
    x = image
    for stage in range(stages):
        x = conv(x, filters << stage, 4, 2, first=not stage)
        if stage < stages - 1:
            x = LeakyReLU(0.2)(x)
    if stages > 1:
        x = _bottleneck(x, lambda: LeakyReLU(0.2), conv)
    x = LeakyReLU(0.2)(x)
    _, height, width, maps = x.shape
    code = RepeatVector(height * width)(_projection(text, text_dim, normalization))
    x = Concatenate()([x, Reshape((height, width, text_dim))(code)])
    x = Flatten()(LeakyReLU(0.2)(conv(x, maps, 1)))
    head = Dense(1, kernel_initializer=dcgan_init(), dtype=HEAD)
    x = _passed(x, normalizing(head, normalization, first=True))
    return keras.Model([image, text], Reshape((), dtype=HEAD)(x), name=name)


def _normalised(x, maps, size):
    """A convolution of G and its batch normalisation."""
    layer = Conv2D(maps, size, padding="same", use_bias=False, kernel_initializer=dcgan_init())
    return BatchNorm(gain_stddev=0.02)(layer(x))


def _passed(x, layers):
    for layer in layers:
        x = layer(x)
    return x


def _projection(text, text_dim, normalization=None):
    # Torch's own initializer of affine maps, which the authors' script leaves as it is: with
    # N(0, 0.02) noise of unit variance would drown the text.
    init = keras.initializers.VarianceScaling(1.0 / 3.0, "fan_in", "uniform")
    dense = Dense(text_dim, use_bias=biased(normalization), kernel_initializer=init)
    return LeakyReLU(0.2)(_passed(text, normalizing(dense, normalization)))


def _bottleneck(x, activation, conv):
    """x plus 1x1, 3x3 and 3x3 convolutions of a quarter of the maps, normalised."""
    maps = x.shape[-1]
    narrow = max(1, maps // 4)
    y = x
    for width, size in ((narrow, 1), (narrow, 3), (maps, 3)):
        if y is not x:
            y = activation()(y)
        y = conv(y, width, size)
    return Add()([x, y])
