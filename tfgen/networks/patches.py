"""From the parts of a picture to the whole: PuzzleGAN's encoder and its two decoders.

Lee et al. 2017, https://arxiv.org/abs/1703.10730; where the paper is silent, the code of one of its
authors (KeyPatchGan, "unet" variant).
"""

import math

import keras
import tensorflow as tf
from keras.layers import (
    Activation,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    LeakyReLU,
    Reshape,
)

from tfgen.networks.basic import HEAD, dcgan_init, under_its_name
from tfgen.networks.layers import BatchNorm


@keras.saving.register_keras_serializable("tfgen")
class EachPatch(keras.layers.Layer):
    """Every patch a row of its own. (B, P, ...) -> (B * P, ...)"""

    def call(self, patches):
        return tf.reshape(patches, (-1, *patches.shape[2:]))

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[2:])


@keras.saving.register_keras_serializable("tfgen")
class SumOverPatches(keras.layers.Layer):
    """The rows of one picture's patches summed. (B * P, ...), patches (B, P, ...) -> (B, ...)"""

    def call(self, rows, patches):
        shape = tf.shape(patches)
        split = tf.reshape(rows, (shape[0], shape[1], *rows.shape[1:]))
        return tf.reduce_sum(split, axis=1)

    def compute_output_shape(self, rows_shape, patches_shape):
        return (patches_shape[0], *rows_shape[1:])


@under_its_name
def parts_to_picture(image_shape, filters, stages, embedding_dim, latent_dim, name=None):
    """E, M and G as one network. (B, P, H, W, C), (B, Z) -> (B, H, W, C), (B, H, W, 1)

    Args:
        image_shape: (H, W, C) of the picture, and of each of its P patches.
        filters: Maps of the first layer of E and of the last hidden ones of M and G; doubled at
            each halving.
        stages: Halvings.
        embedding_dim: Length of the summed code.
        latent_dim: Z.
        name: Of the network.
    """
    patches, z = keras.Input((None, *image_shape)), keras.Input((latent_dim,))
    each, summed = EachPatch()(patches), []
    for x in _encoded(each, patches, filters, stages, embedding_dim):
        summed.append(SumOverPatches()(x, patches))
    *skips, code = summed
    mask, features = _decoded(code, skips[::-1], image_shape, filters, stages, 1, "sigmoid")
    code = Concatenate()([code, z])
    image, _ = _decoded(code, features, image_shape, filters, stages, image_shape[-1], "tanh")
    return keras.Model([patches, z], [image, mask], name=name)


def _encoded(x, patches, filters, stages, embedding_dim):
    """Activations of every layer of E, the code (B * P, E) last.

    E passes the first parts of all pictures, then the second ones, and so on: batch normalisation
    sees one part at a time.
    """
    activations = []
    for n in range(stages):
        init = dcgan_init()
        x = Conv2D(filters * 2**n, 5, 2, "same", use_bias=n == 0, kernel_initializer=init)(x)
        x = LeakyReLU(0.2)(BatchNorm(gain_stddev=0.02)(x, patches) if n else x)
        activations.append(x)
    # A convolution over the whole map is a dense layer.
    code = Dense(embedding_dim, kernel_initializer=dcgan_init())(Flatten()(x))
    return [*activations, LeakyReLU(0.2)(code)]


def _decoded(code, skips, image_shape, filters, stages, channels, activation):
    """Doublings from a code to a picture, and the features at each scale, smallest first.

    Args:
        code: (B, E).
        skips: What is concatenated at each scale, smallest first.
        image_shape: (H, W, C) of the picture.
        filters: Maps of the last hidden layer; doubled at each earlier one.
        stages: Doublings.
        channels: Of the output.
        activation: Of the output.
    """

    def hidden(x, skip):
        x = Activation("relu")(BatchNorm(gain_stddev=0.02)(x))
        return Concatenate()([x, skip])

    height, width, _ = image_shape
    base = (height >> stages, width >> stages, filters * 2 ** (stages - 1))
    init = {"use_bias": False, "kernel_initializer": dcgan_init()}
    x = Reshape(base)(Dense(math.prod(base), **init)(code))
    features = [hidden(x, skips[0])]
    for n in range(1, stages):
        init["kernel_initializer"] = dcgan_init()
        maps = filters * 2 ** (stages - 1 - n)
        x = Conv2DTranspose(maps, 5, 2, "same", **init)(features[-1])
        features.append(hidden(x, skips[n]))
    last = {"kernel_initializer": dcgan_init(), "dtype": HEAD}
    x = Conv2DTranspose(channels, 5, 2, "same", **last)(features[-1])
    return Activation(activation, dtype=HEAD)(x), features
