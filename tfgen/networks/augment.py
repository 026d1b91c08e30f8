"""Differentiable augmentation of what a discriminator sees.

Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training",
https://arxiv.org/abs/2006.10738: T is applied to real and to generated images alike, in the steps
of both players, and G's gradient passes through it:

    D sees T(x) and T(G(z));  G is judged by D(T(G(z)))

The transformations and their ranges are those of the authors' code. Images lie in [-1, 1], so what
is moved in or cut out is filled with grey. Random numbers are draws of the running step.
"""

import tensorflow as tf

from tfgen.construct import no_such
from tfgen.step import draws


def color(image):
    """Brightness +-0.5, saturation x [0, 2), contrast x [0.5, 1.5), in this order."""
    u = draws().uniform("augment/color", (tf.shape(image)[0], 3))  # (B, 3)
    brightness, saturation, contrast = tf.unstack(u[:, :, None, None, None], axis=1)
    image += brightness - 0.5
    grey = tf.reduce_mean(image, axis=3, keepdims=True)
    image = (image - grey) * (2.0 * saturation) + grey
    mean = tf.reduce_mean(image, axis=(1, 2, 3), keepdims=True)
    return (image - mean) * (contrast + 0.5) + mean


def translation(image, ratio=0.125):
    """Moved by up to `ratio` of each side, in whole pixels, filled with 0."""
    u = draws().uniform("augment/translation", (tf.shape(image)[0], 2))
    maps = []
    for axis in (1, 2):
        side = image.shape[axis]
        most = int(side * ratio + 0.5)
        shift = tf.cast(tf.floor(u[:, axis - 1] * (2 * most + 1)), tf.int32) - most  # (B,)
        came_from = tf.range(side)[None, :, None] + shift[:, None, None]
        maps.append(tf.cast(came_from == tf.range(side)[None, None, :], image.dtype))  # (B, S, S)
    # Matrices of 0 and 1 and not gathers: they have derivatives of every order.
    return tf.einsum("bih,bjw,bhwc->bijc", *maps, image)


def cutout(image, ratio=0.5):
    """A square of `ratio` of each side, at a random place and partly outside, set to 0."""
    u = draws().uniform("augment/cutout", (tf.shape(image)[0], 2))
    inside = []
    for axis in (1, 2):
        side = image.shape[axis]
        size = int(side * ratio + 0.5)
        center = tf.floor(u[:, axis - 1] * (side + 1 - size % 2))  # (B,)
        first = center[:, None] - size // 2
        place = tf.range(side, dtype=tf.float32)[None]
        inside.append((place >= first) & (place < first + size))  # (B, S)
    hole = inside[0][:, :, None, None] & inside[1][:, None, :, None]  # (B, H, W, 1)
    return tf.where(hole, tf.zeros_like(image), image)


AUGMENTATIONS = {"color": color, "translation": translation, "cutout": cutout}


def known(names):
    """The names as a tuple.

    Raises:
        ValueError: A name that is not in `AUGMENTATIONS`.
    """
    for name in names:
        if name not in AUGMENTATIONS:
            raise ValueError(no_such("augmentation", name, AUGMENTATIONS))
    return tuple(names)


def augmented(names, image):
    """The images after the transformations of these names, one after the other.

    Args:
        names: Keys of `AUGMENTATIONS`; none leaves the images alone.
        image: (B, H, W, C).
    """
    for name in names:
        image = AUGMENTATIONS[name](image)
    return image
