"""The plain procedures that the cached samplers and the masks are held against."""

import numpy as np
import tensorflow as tf

from tfgen.probability.levels import draw_level, level_value


def random_weights(model, scale=0.3, seed=0):
    """The model with all weights, biases too, drawn anew: nothing is zero by initialisation."""
    generator = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(generator.normal(size=weight.shape) * scale)
    return model


def uniforms(rows, shape, seed=0):
    """(rows, H, W, C) in [0, 1)."""
    return np.random.default_rng(seed).random((rows, *shape), np.float32)


def naive_sample(model, u, label=None, mask=None, image=None):
    """One full pass for every sub-pixel; where `mask` is 1, `image` is kept."""
    logits = tf.function(lambda x: model.logits(x, label))
    x = np.full_like(u, -1.0)
    for y, column, c in np.ndindex(*u.shape[1:]):
        here = logits(tf.constant(x))[:, y, column, c]  # (B, K)
        value = level_value(draw_level(here, u[:, y, column, c]), model.levels).numpy()
        if mask is not None:
            value = np.where(mask[:, y, column, 0] == 1, image[:, y, column, c], value)
        x[:, y, column, c] = value
    return x


def seen(model, label=None, rows=24):
    """Whether sub-pixel i's logits depend on sub-pixel j: bool (H * W * C, H * W * C)."""
    size = int(np.prod(model.image_shape))
    x = tf.constant(np.random.default_rng(1).uniform(-1, 1, (rows, *model.image_shape)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model.logits(x, label)
        mix = np.random.default_rng(2).normal(size=logits.shape[-1])
        flat = tf.reshape(tf.tensordot(logits, tf.constant(mix, tf.float32), 1), (rows, size))
    jacobian = tape.batch_jacobian(flat, x)
    return (np.abs(jacobian.numpy()).reshape(rows, size, size) > 0).any(0)


def reach(image_shape, kernel_size, kind):
    """What one masked convolution of a picture's shape lets sub-pixel i see, bool (n, n)."""
    places = list(np.ndindex(*image_shape))
    half = kernel_size // 2
    table = np.zeros((len(places), len(places)), bool)
    for i, (y, x, c) in enumerate(places):
        for j, (above, left, colour) in enumerate(places):
            near = 0 <= y - above <= half and abs(x - left) <= half
            if (above, left) == (y, x):
                table[i, j] = colour < c if kind == "A" else colour <= c
            else:
                table[i, j] = near and j < i
    return table


def earlier(image_shape):
    """Everything before sub-pixel i, bool (n, n)."""
    size = int(np.prod(image_shape))
    return np.tril(np.ones((size, size), bool), -1)


def all_binary(shape=(3, 3, 1)):
    """Every black and white picture of a shape, values -1 and 1."""
    size = int(np.prod(shape))
    bits = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    return (2.0 * bits - 1.0).astype("float32").reshape(-1, *shape)
