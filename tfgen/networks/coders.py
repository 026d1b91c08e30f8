"""Encoders and decoders of the autoencoder family: perceptrons that mirror each other, or strided
convolutions that do."""

import math

import keras
from keras.layers import Conv2D, Conv2DTranspose, Dense, Flatten, Reshape

from tfgen import networks

NETWORKS = ("mlp", "conv")


def encoder(image_shape, code_shape, network, hidden, filters, activation, init=None, name=None):
    """From pictures to codes. (B, H, W, C) -> (B, *code_shape)

    Args:
        image_shape: (H, W, C).
        code_shape: Shape of one code; linear.
        network: "mlp" or "conv".
        hidden: Widths of the hidden layers of "mlp"; none for a linear map.
        filters: Maps of the first layer of "conv"; doubled at each halving of the sides.
        activation: Of the hidden layers.
        init: Kernel initializer of "mlp" as a function without arguments; Glorot's by default.
        name: Of the network.

    Raises:
        ValueError: Another network, or sides that "conv" cannot halve.
    """
    if known(network) == "mlp":
        return networks.mlp(image_shape, hidden, code_shape, activation, init=init, name=name)
    layers = [keras.Input(image_shape)]
    for n in range(networks.halvings(image_shape)):
        layers.append(Conv2D(filters * 2**n, 4, 2, "same", activation=activation))
    layers += [
        Flatten(),
        Dense(math.prod(code_shape), dtype=networks.HEAD),
        Reshape(code_shape, dtype=networks.HEAD),
    ]
    return keras.Sequential(layers, name=name)


def decoder(
    latent_dim,
    image_shape,
    network,
    hidden,
    filters,
    activation,
    init=None,
    outputs=1,
    name=None,
):
    """From codes to pictures. (B, Z) -> (B, H, W, C * outputs)

    Args:
        latent_dim: Z.
        image_shape: (H, W, C).
        network, hidden, filters, activation, init: Of the encoder that this mirrors.
        outputs: Numbers for each channel of a pixel; linear.
        name: Of the network.
    """
    *sides, channels = image_shape
    output_shape = (*sides, channels * outputs)
    if known(network) == "mlp":
        return networks.mlp(
            (latent_dim,), hidden[::-1], output_shape, activation, init=init, name=name
        )
    height, width = sides
    stages = networks.halvings(image_shape)
    base = (height >> stages, width >> stages, filters * 2 ** (stages - 1))
    layers = [keras.Input((latent_dim,)), Dense(math.prod(base), activation), Reshape(base)]
    for n in reversed(range(stages - 1)):
        layers.append(Conv2DTranspose(filters * 2**n, 4, 2, "same", activation=activation))
    layers.append(Conv2DTranspose(channels * outputs, 4, 2, "same", dtype=networks.HEAD))
    return keras.Sequential(layers, name=name)


def known(network):
    """The name, if it is one of `NETWORKS`.

    Raises:
        ValueError: There is no such network.
    """
    if network not in NETWORKS:
        raise ValueError(f"`network` must be one of {', '.join(NETWORKS)}. Received: {network!r}.")
    return network
