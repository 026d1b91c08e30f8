"""Plain functions that return built Keras networks; those that two or more models use."""

import contextlib
import functools
import inspect
import math

import keras
from keras.layers import Activation, Conv2D, Conv2DTranspose, Dense, Flatten, LeakyReLU, Reshape

from tfgen.networks.layers import BatchNorm, SpectralNormalization

# The last layer and all losses stay in float32 under a mixed precision policy.
HEAD = "float32"


def under_its_name(build):
    """A builder whose argument `name`, that of the network, begins the paths of its weights too.

    Keras does so for a `Sequential`. The layers of a functional network are built before there is
    a network, those that an `__init__` builds before it is called: for such builders and such an
    `__init__` this is the decorator.
    """

    @functools.wraps(build)
    def named(*arguments, name=None, **options):
        with keras.name_scope(name) if name else contextlib.nullcontext():
            return build(*arguments, name=name, **options)

    # Keras asks an `__init__` for its arguments and does not look through decorators.
    named.__signature__ = inspect.signature(build)
    return named


def mlp(
    input_shape,
    hidden,
    output_shape,
    activation="relu",
    output_activation=None,
    init=None,
    name=None,
):
    """A multilayer perceptron. (B, *input_shape) -> (B, *output_shape)

    Args:
        input_shape: Shape of one input.
        hidden: Widths of the hidden layers.
        output_shape: Shape of one output.
        activation: Of the hidden layers.
        output_activation: Of the output; None for logits.
        init: Kernel initializer as a function without arguments, called for each layer; Glorot's
            uniform one by default.
        name: Of the network.
    """
    init = init or (lambda: "glorot_uniform")
    layers = [keras.Input(input_shape), Flatten()]
    layers += [Dense(width, activation, kernel_initializer=init()) for width in hidden]
    layers += [
        Dense(math.prod(output_shape), kernel_initializer=init(), dtype=HEAD),
        Reshape(output_shape, dtype=HEAD),
    ]
    if output_activation:
        layers.append(Activation(output_activation, dtype=HEAD))
    return keras.Sequential(layers, name=name)


def halvings(image_shape, stages=None):
    """How often both sides of a picture are halved.

    Args:
        image_shape: (H, W, C).
        stages: The wanted number; by default as often as both sides stay whole and the shorter
            one is at least 4 afterwards.

    Raises:
        ValueError: The sides cannot be halved so often.
    """
    height, width, channels = image_shape
    most = 0
    while height % 2 ** (most + 1) == 0 and width % 2 ** (most + 1) == 0:
        most += 1
    usual = max((n for n in range(most + 1) if min(height, width) >> n >= 4), default=0)
    wanted = usual if stages is None else stages
    if not 1 <= wanted <= most:
        raise ValueError(
            f"`image_shape` sides must be multiples of {2 ** max(wanted, 1)} "
            f"({max(wanted, 1)} halvings). Received: {tuple(image_shape)}; resize the pictures "
            "or set `stages`."
        )
    if channels not in (1, 3):
        raise ValueError(f"`image_shape` must have 1 or 3 channels. Received: {channels}.")
    return wanted


def normal_init(stddev, otherwise="glorot_uniform"):
    """() -> the initializer N(0, stddev^2) of one kernel; `otherwise` where `stddev` is None."""
    return lambda: otherwise if stddev is None else keras.initializers.RandomNormal(0.0, stddev)


def dcgan_init():
    """N(0, 0.02), Radford et al. 2015, section 4."""
    return keras.initializers.RandomNormal(0.0, 0.02)


def upsampling(
    latent_dim,
    image_shape,
    filters,
    stages,
    output_activation="tanh",
    init=dcgan_init,
    name=None,
):
    """Strided transposed convolutions from a code to a picture. (B, Z) -> (B, H, W, C)

    Radford et al. 2015, figure 1: dense, then 5x5 stride 2, each with batch normalisation and
    ReLU; no biases before normalisation, none normalised at the output.

    Args:
        latent_dim: Length of the code.
        image_shape: (H, W, C).
        filters: Maps of the last hidden layer; doubled at each earlier one.
        stages: Number of doublings of the picture.
        output_activation: None for logits.
        init: Kernel initializer as a function without arguments.
        name: Of the network.
    """
    height, width, channels = image_shape
    widths = [filters * 2**n for n in reversed(range(stages))]
    base = (height >> stages, width >> stages, widths[0])
    layers = [
        keras.Input((latent_dim,)),
        Dense(math.prod(base), use_bias=False, kernel_initializer=init()),
        BatchNorm(gain_stddev=0.02),
        Activation("relu"),
        Reshape(base),
    ]
    for maps in widths[1:]:
        layers += [
            Conv2DTranspose(maps, 5, 2, "same", use_bias=False, kernel_initializer=init()),
            BatchNorm(gain_stddev=0.02),
            Activation("relu"),
        ]
    layers.append(
        Conv2DTranspose(
            channels, 5, 2, "same", use_bias=False, kernel_initializer=init(), dtype=HEAD
        )
    )
    if output_activation:
        layers.append(Activation(output_activation, dtype=HEAD))
    return keras.Sequential(layers, name=name)


def downsampling(
    image_shape, output_shape, filters, stages, normalization="batch", init=dcgan_init, name=None
):
    """Strided convolutions from a picture to numbers. (B, H, W, C) -> (B, *output_shape)

    Radford et al. 2015: 5x5 stride 2, leaky ReLU 0.2, batch normalisation in all but the first
    layer, no biases.

    Args:
        image_shape: (H, W, C).
        output_shape: Shape of one output; linear.
        filters: Maps of the first layer; doubled at each later one.
        stages: Number of halvings of the picture.
        normalization: "batch", "layer" (one sample's statistics; right with a gradient penalty),
            "spectral" (of every layer's kernel) or None.
        init: Kernel initializer as a function without arguments.
        name: Of the network.
    """
    layers = [keras.Input(image_shape)]
    bias = biased(normalization)
    for n in range(stages):
        conv = Conv2D(filters * 2**n, 5, 2, "same", use_bias=bias, kernel_initializer=init())
        layers += [*normalizing(conv, normalization, first=n == 0), LeakyReLU(0.2)]
    head = Dense(math.prod(output_shape), use_bias=False, kernel_initializer=init(), dtype=HEAD)
    layers += [
        Flatten(),
        *normalizing(head, normalization, first=True),
        Reshape(output_shape, dtype=HEAD),
    ]
    return keras.Sequential(layers, name=name)


NORMALIZATIONS = {
    "batch": lambda axes: BatchNorm(gain_stddev=0.02),
    "layer": lambda axes: keras.layers.LayerNormalization(axis=axes),
}


def biased(normalization):
    """Whether what it normalises has a bias: "batch" and "layer" bring a shift of their own."""
    return normalization in (None, "spectral")


def normalizing(layer, normalization, first=False):
    """A discriminator's layer and what normalises it, as a list of layers.

    Args:
        layer: A convolution or dense layer.
        normalization: "batch", "layer", "spectral" or None.
        first: Whether it is a layer whose outputs are not normalised: the first and the last one.
            Its kernel is, under "spectral".

    Raises:
        ValueError: There is no such normalisation.
    """
    if normalization == "spectral":
        return [SpectralNormalization(layer)]
    if normalization is not None and normalization not in NORMALIZATIONS:
        raise ValueError(
            f"Unknown normalization {normalization!r}. "
            f"Known: {', '.join(NORMALIZATIONS)}, spectral, None."
        )
    if first or normalization is None:
        return [layer]
    axes = (1, 2, 3) if isinstance(layer, Conv2D) else -1
    return [layer, NORMALIZATIONS[normalization](axes)]
