"""What happens to the images of a batch, as a pure function of (seed, step, row of the batch)."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.data.picture import sides

BINARIZE = (None, "threshold", "stochastic", "fixed")


def subkey(seed: int, purpose: str) -> int:
    """64 bits from a 64-bit seed and a purpose."""
    xp, bits = random.namespace("numpy"), np.uint64(seed % (1 << 64))
    counter = [np.array([word], np.uint64) for word in (0, 0, 0, random.purpose(purpose))]
    key = np.array([bits & np.uint64(0xFFFFFFFF)]), np.array([bits >> np.uint64(32)])
    low, high, *_ = random.philox(xp, counter, key)
    return int(low[0]) | int(high[0]) << 32


def augmentation(
    image_shape: tuple[int, ...],
    seed: int,
    binarize: str | None,
    crop: int | tuple[int, int] | None,
    crop_at: str | None,
    flip: bool,
    stream: str = "data",
) -> Callable:
    """A function (image, step, rows) -> image: scaled, then binarized, cropped and flipped.

    Its arguments are those of `tfgen.data.batches`, (H, W, C) of the images, and which of a
    batch's streams of examples it serves: each has draws of its own, but for "fixed".

    Raises:
        ValueError: An argument that does not exist, or a crop larger than the images.
    """
    if binarize not in BINARIZE:
        raise ValueError(f"binarize must be one of {BINARIZE}. Received: {binarize!r}.")
    height, width, _ = image_shape
    target = (height, width) if crop is None else sides("crop", crop)
    if crop_at not in ("random", "center"):
        raise ValueError(f"crop_at must be 'random' or 'center'. Received: {crop_at!r}.")
    if target[0] > height or target[1] > width:
        raise ValueError(f"crop {target} is larger than the images, {(height, width)}.")
    xp, key = random.namespace("tensorflow"), np.int64(seed)
    base = np.array(subkey(seed, "data/binarize"), np.uint64).astype(np.int64)

    def uniform(purpose, step, *shape):
        return random.uniform(xp, shape, tf.constant(key), (step, random.purpose(purpose)))

    def augment(image, step, rows):
        size = image.shape[0] or tf.shape(image)[0]
        if image.dtype == tf.uint8:
            image = tf.cast(image, tf.float32) / 127.5 - 1.0
        # Before crops and flips, so that a fixed draw belongs to the example's own pixels.
        if binarize == "threshold":
            image = tf.where(image >= 0, 1.0, -1.0)
        elif binarize == "stochastic":
            noise = uniform(f"{stream}/binarize", step, size, *image.shape[1:])
            image = tf.where(noise < (image + 1) / 2, 1.0, -1.0)
        elif binarize == "fixed":
            always = (0, random.purpose("data/binarize"))
            noise = random.uniform(xp, (size, *image.shape[1:]), rows + base, always)
            image = tf.where(noise < (image + 1) / 2, 1.0, -1.0)
        if target != (height, width):
            place = uniform(f"{stream}/crop", step, size, 2) if crop_at == "random" else None
            image = _cropped(image, target, place)
        if flip:
            mirrored = uniform(f"{stream}/flip", step, size, 1, 1, 1) < 0.5
            image = tf.where(mirrored, tf.reverse(image, [2]), image)
        return image

    return augment


def _cropped(image, target, place):
    """(B, h, w, C) windows: centered, or each at its `place` (B, 2) in [0, 1)."""
    room = [side - t for side, t in zip(image.shape[1:3], target, strict=True)]
    if place is None:
        top, left = room[0] // 2, room[1] // 2
        return image[:, top : top + target[0], left : left + target[1]]
    corner = tf.cast(place * (np.array(room, np.float32) + 1), tf.int32)  # (B, 2)
    image = tf.gather(image, corner[:, :1] + tf.range(target[0]), axis=1, batch_dims=1)
    return tf.gather(image, corner[:, 1:] + tf.range(target[1]), axis=2, batch_dims=1)
