"""Features of pictures from networks that were trained for something else."""

import keras
import tensorflow as tf
from keras.layers import Activation, LeakyReLU, ReLU


def pooled_activations(network, image, side=4):
    """All convolutional activations of a network, max-pooled and put side by side.

    Radford et al. 2015, section 5.1: every layer is pooled to a 4x4 grid, flattened and
    concatenated. Batch normalisation uses its moving averages.

    Args:
        network: A built Keras network on pictures, made of layers with activations as layers.
        image: (B, H, W, C) in [-1, 1].
        side: Cells of the grid along the shorter side, by pools that divide the sides as whole
            numbers do; smaller activations stay as they are.

    Returns:
        (B, F) float32.
    """
    outputs = convolutional_activations(network)
    activations = keras.Model(network.inputs[0], outputs)(image, training=False)
    return tf.concat([_pooled(a, side) for a in tf.nest.flatten(activations)], axis=-1)


def convolutional_activations(network):
    """The outputs of a network's activation layers on maps; none of a network of other layers."""
    return [
        layer.output
        for layer in network.layers
        if isinstance(layer, LeakyReLU | ReLU | Activation) and len(layer.output.shape) == 4
    ]


def _pooled(x, side):
    height, width, channels = x.shape[1:]
    pool = max(1, min(height, width) // side)
    x = tf.nn.max_pool2d(tf.cast(x, tf.float32), pool, pool, "VALID")  # (B, h, w, C)
    return tf.reshape(x, (-1, (height // pool) * (width // pool) * channels))
