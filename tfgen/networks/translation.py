"""Image-to-image networks: a translator, a discriminator of patches, and what they are made of.

Johnson et al. 2016, "Perceptual losses for real-time style transfer",
https://arxiv.org/abs/1603.08155 (the residual translator); Isola et al. 2016,
https://arxiv.org/abs/1611.07004 (the PatchGAN); Ulyanov et al. 2016,
https://arxiv.org/abs/1607.08022 (instance normalisation).
"""

import keras
import tensorflow as tf
from keras.layers import Activation, Add, Conv2D, Conv2DTranspose, LeakyReLU, ZeroPadding2D

from tfgen.networks.basic import HEAD, dcgan_init, under_its_name
from tfgen.networks.layers import BatchNorm

NORMALIZATIONS = ("instance", "batch", None)


@keras.saving.register_keras_serializable("tfgen")
class InstanceNorm(keras.layers.Layer):
    """Each map of each sample to mean 0 and variance 1 over space. (B, H, W, C)

    The statistics are always those of the sample itself: there is nothing that moves. They are
    taken in float32 under any precision policy.

    Args:
        affine: Whether a gain and a bias for each map are learnt.
        epsilon: Added to the variance.
    """

    def __init__(self, affine=False, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.affine = affine
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gain = self.bias = None
        if self.affine:
            own = {"shape": (input_shape[-1],), "autocast": False}
            self.gain = self.add_weight(name="gain", initializer="ones", **own)
            self.bias = self.add_weight(name="bias", initializer="zeros", **own)

    def call(self, x):
        y = tf.cast(x, tf.float32)
        mean, variance = tf.nn.moments(y, (1, 2), keepdims=True)  # (B, 1, 1, C)
        y = (y - mean) * tf.math.rsqrt(variance + self.epsilon)
        if self.affine:
            y = y * self.gain.value + self.bias.value
        return tf.cast(y, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "affine": self.affine, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfgen")
class ReflectionPadding(keras.layers.Layer):
    """Pictures continued past each edge by their mirror image. (B, H, W, C) -> (B, H+2p, W+2p, C)

    Args:
        padding: p, less than either side.
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, x):
        p = self.padding
        return tf.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), "REFLECT")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        p = 2 * self.padding
        return batch, height and height + p, width and width + p, channels

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def normalization_layers(normalization):
    """The layers of this name in `NORMALIZATIONS`, as a list: one or none.

    Raises:
        ValueError: There is no such normalisation.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(
            f"Unknown normalization {normalization!r}. "
            f"Known: {', '.join(map(str, NORMALIZATIONS))}."
        )
    if normalization is None:
        return []
    return [InstanceNorm()] if normalization == "instance" else [BatchNorm(gain_stddev=0.02)]


def residual_block(x, normalize, padding, use_bias=True):
    """x plus two 3x3 convolutions of it, without a rectifier after the sum.

    Args:
        x: (B, H, W, C).
        normalize: () -> list of layers after each convolution.
        padding: "reflect" or "zero".
        use_bias: Of the convolutions.
    """
    y = x
    for layers in (normalize() + [Activation("relu")], normalize()):
        if padding == "reflect":
            y = ReflectionPadding(1)(y)
        border = "valid" if padding == "reflect" else "same"
        y = Conv2D(
            x.shape[-1], 3, padding=border, use_bias=use_bias, kernel_initializer=dcgan_init()
        )(y)
        for layer in layers:
            y = layer(y)
    return Add()([x, y])


@under_its_name
def residual_translator(
    channels, filters, blocks, downsamplings, kernel_size, normalization, name=None
):
    """From picture to picture, as in Johnson et al. 2016. (B, H, W, C) -> (B, H, W, C), sides free

    Args:
        channels: C.
        filters: Maps of the first layer; doubled at each halving.
        blocks: Residual blocks.
        downsamplings: Halvings.
        kernel_size: Of the first and the last convolution; odd.
        normalization: A name in `NORMALIZATIONS`.
        name: Of the network.
    """

    def normalize():
        return normalization_layers(normalization)

    def then(x, *layers):
        for layer in (*layers, *normalize(), Activation("relu")):
            x = layer(x)
        return x

    x = image = keras.Input((None, None, channels))
    edge = kernel_size // 2
    x = then(
        x, ReflectionPadding(edge), Conv2D(filters, kernel_size, kernel_initializer=dcgan_init())
    )
    widths = [filters * 2**n for n in range(downsamplings + 1)]
    for maps in widths[1:]:
        x = then(x, Conv2D(maps, 3, 2, "same", kernel_initializer=dcgan_init()))
    for _ in range(blocks):
        x = residual_block(x, normalize, "reflect")
    for maps in reversed(widths[:-1]):
        x = then(x, Conv2DTranspose(maps, 3, 2, "same", kernel_initializer=dcgan_init()))
    x = ReflectionPadding(edge)(x)
    x = Conv2D(channels, kernel_size, kernel_initializer=dcgan_init(), dtype=HEAD)(x)
    return keras.Model(image, Activation("tanh", dtype=HEAD)(x), name=name)


@under_its_name
def patch_discriminator(image_shape, filters, strided, normalization, slope=0.2, name=None):
    """A PatchGAN: one logit for each overlapping patch. (B, H, W, C) -> (B, h, w, 1)

    Isola et al. 2016, section 3.2.2: 4x4 convolutions with leaky ReLU, `strided` of stride 2 and
    one of stride 1, then one of stride 1 to the logits; all but the first and the last normalised.
    Three strided ones see patches of 70x70, two 34x34, one 16x16, none 7x7.

    Args:
        image_shape: (H, W, C), sides free.
        filters: Maps of the first layer; doubled at each later one, up to eightfold.
        strided: Convolutions of stride 2.
        normalization: A name in `NORMALIZATIONS`.
        slope: Of the leaky ReLU.
        name: Of the network.
    """
    x = image = keras.Input(image_shape)
    for n in range(strided + 1):
        stride = 2 if n < strided else 1
        conv = Conv2D(filters * min(2**n, 8), 4, stride, kernel_initializer=dcgan_init())
        x = conv(ZeroPadding2D(1)(x))
        for layer in normalization_layers(normalization) if n else []:
            x = layer(x)
        x = LeakyReLU(slope)(x)
    x = ZeroPadding2D(1)(x)
    logits = Conv2D(1, 4, kernel_initializer=dcgan_init(), dtype=HEAD)(x)
    return keras.Model(image, logits, name=name)


def patch_map(side, strided):
    """Logits along a side of `patch_discriminator`; below 1 where the picture is too small."""
    for _ in range(strided):
        side = (side - 2) // 2 + 1
    return side - 2


def check_sides(image_shape, downsamplings, kernel_size, discriminator_layers):
    """Raises ValueError where a translator or a discriminator does not fit pictures (H, W, C)."""
    unit = 2**downsamplings
    smallest = min(image_shape[:2])
    if any(side % unit for side in image_shape[:2]):
        raise ValueError(
            f"`image_shape` sides must be multiples of {unit} ({downsamplings} halvings). "
            f"Received: {image_shape}; crop or resize the pictures (data.image_size)."
        )
    if kernel_size % 2 == 0 or kernel_size < 1:
        raise ValueError(f"`kernel_size` must be odd. Received: {kernel_size}.")
    if smallest <= kernel_size // 2 or smallest // unit < 2:
        raise ValueError(
            f"`image_shape` {image_shape} is too small to reflect at its edges with `kernel_size` "
            f"{kernel_size} and {downsamplings} halvings."
        )
    if patch_map(smallest, discriminator_layers) < 1:
        raise ValueError(
            f"`image_shape` {image_shape} is too small for `discriminator_layers` = "
            f"{discriminator_layers}. Use fewer."
        )
