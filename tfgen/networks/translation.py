"""Parts of image-to-image networks: those that two or more models use, and the pool of past fakes.

Johnson et al. 2016, "Perceptual losses for real-time style transfer",
https://arxiv.org/abs/1603.08155 (the residual generator); Isola et al. 2016,
https://arxiv.org/abs/1611.07004 (the PatchGAN); Ulyanov et al. 2016,
https://arxiv.org/abs/1607.08022 (instance normalisation); Shrivastava et al. 2016,
https://arxiv.org/abs/1612.07828 (the pool).
"""

import keras
import tensorflow as tf
from keras.layers import Activation, Add, Conv2D, LeakyReLU, ZeroPadding2D

from tfgen.networks.basic import HEAD, dcgan_init
from tfgen.networks.layers import BatchNorm
from tfgen.rows import gathered, own
from tfgen.step import draws

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


@keras.saving.register_keras_serializable("tfgen")
class Pool(keras.layers.Layer):
    """The last generated images, mixed into what a discriminator sees (Shrivastava et al. 2016).

    While the pool is not full, images are stored and returned as they are. Then each is returned as
    it is with probability one half; otherwise a random image of the pool is returned and the new
    one takes its place. Rows are served one after the other, as if they came in batches of one.

    The stored images are weights that are not trained: checkpoints hold them and a resumed run
    goes on with them. Under a distribution strategy there is one pool for the rows of all
    replicas, in the order of the global batch, with a copy on each; it does what one device's
    would.

    Args:
        size: Number of images; 0 returns every image as it is.
        image_shape: (H, W, C).
        purpose: Of its draws in a step.
    """

    def __init__(self, size, image_shape, purpose, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if size < 0:
            raise ValueError(f"`pool_size` must be 0 or more. Received: {size}.")
        self.size, self.image_shape, self.purpose = size, tuple(image_shape), purpose
        state = {"trainable": False, "initializer": "zeros"}
        state["aggregation"] = "only_first_replica"  # Equal on all of them.
        self.images = self.add_weight(name="images", shape=(size, *self.image_shape), **state)
        self.stored = self.add_weight(name="stored", shape=(), dtype="int32", **state)
        self.built = True

    def call(self, images):
        """(B, H, W, C) generated images -> (B, H, W, C) for the discriminator."""
        if not self.size:
            return images
        rows = tf.shape(images)[0]
        u = gathered(draws().uniform(self.purpose, (rows, 2)))  # (G, 2)
        new = gathered(tf.cast(tf.stop_gradient(images), tf.float32))
        everything = tf.concat([self.images.value, new], axis=0)  # (size + G, H, W, C)
        answers, places, stored = self.served(u, self.stored.value)
        self.images.assign(tf.gather(everything, places))
        self.stored.assign(stored)
        return tf.cast(own(tf.gather(everything, answers), rows), images.dtype)

    def served(self, u, stored):
        """Which image each row is answered with, which lie in the pool afterwards, and how many.

        Images are numbered: those of the pool from 0, the new ones from `size`.

        Args:
            u: (G, 2) uniform numbers: whether to answer from the pool, and which place.
            stored: Images in the pool, a scalar.

        Returns:
            (G,), (size,) and () int32.
        """
        count = tf.shape(u)[0] if u.shape[0] is None else u.shape[0]

        def one(row, answers, places, stored):
            full = stored >= self.size
            swapped = full & (u[row, 0] > 0.5)
            drawn = tf.minimum(tf.cast(u[row, 1] * self.size, tf.int32), self.size - 1)
            place = tf.where(full, drawn, stored)
            new = self.size + row
            answer = tf.where(swapped, places[place], new)
            answers = tf.where(tf.range(count) == row, answer, answers)
            kept = swapped | ~full
            places = tf.where((tf.range(self.size) == place) & kept, new, places)
            return row + 1, answers, places, stored + tf.cast(~full, tf.int32)

        start = (0, tf.zeros((count,), tf.int32), tf.range(self.size), stored)
        shapes = tuple(tf.TensorShape(s) for s in ((), (u.shape[0],), (self.size,), ()))
        _, answers, places, stored = tf.while_loop(
            lambda row, *_: row < count, one, start, shapes, parallel_iterations=1
        )
        return answers, places, stored

    def get_config(self):
        own = {"size": self.size, "image_shape": self.image_shape, "purpose": self.purpose}
        return {**super().get_config(), **own}


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


def patch_discriminator(image_shape, filters, strided, normalization, slope=0.2):
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
    return keras.Model(image, logits)


def patch_map(side, strided):
    """Logits along a side of `patch_discriminator`; below 1 where the picture is too small."""
    for _ in range(strided):
        side = (side - 2) // 2 + 1
    return side - 2
