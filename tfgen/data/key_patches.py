"""Key local patches of pictures, each as large as the picture, and the mask of their places.

"patches:NAME" is any data set NAME with, for each picture, `patches` (P, H, W, C) and `mask`
(H, W, 1). The boxes are those where edges are contained rather than crossed:

    score(box) = (sum of edges inside - sum of edges on the border) / perimeter^1.5

with edges = SciPy's `gaussian_gradient_magnitude`; the best box is taken, boxes that overlap it by
more than 0.3 (intersection over union) are dropped, and so on. This is the idea of Edge Boxes
(Zitnick and Dollar 2014), which Lee et al. 2017 use; it differs from it in that edges are neither
learnt nor grouped into contours (an edge counts by its pixels, not by whether its contour leaves
the box), that the middle of a box counts fully, and that boxes have three shapes of a third of the
picture's side (or squares of one size) in place of all sizes with the extremes removed.
"""

import dataclasses
import hashlib

import numpy as np
import tensorflow as tf
from PIL import Image
from scipy.ndimage import affine_transform, gaussian_gradient_magnitude

from tfgen import random
from tfgen.data.sources import Source, build

COUNT = 3
_OVERLAP = 0.3
_CHUNK = 256


def patches(
    source: Source, count: int = COUNT, side: float | None = None, warps: int = 0
) -> Source:
    """The source with `patches` and `mask` for each picture.

    Args:
        source: Pictures with sides of at least 6.
        count: Patches of a picture.
        side: Boxes are squares of this share of the shorter side; None for three shapes of about a
            third of each side.
        warps: Further versions of every picture, each turned, scaled and sheared a little (by draws
            with seed 0) and with key patches of its own; they come after the pictures themselves.

    Raises:
        ValueError: The pictures are too small for so many boxes that hardly overlap, `side` is not
            in (0, 1), or `warps` is negative.
    """
    if warps < 0:
        raise ValueError(f"`warps` must be 0 or more. Received: {warps}.")
    images = source.arrays["image"]
    others = {k: v for k, v in source.arrays.items() if k != "image"}
    if warps:
        draws = np.random.default_rng(0)
        images = np.concatenate([images, *(warped(images, draws) for _ in range(warps))])
        others = {k: np.concatenate([v] * (warps + 1)) for k, v in others.items()}
    boxes = key_boxes(images, count, side)
    cut = np.stack([_cut(image, own) for image, own in zip(images, boxes, strict=True)])
    mask = np.zeros((*images.shape[:3], 1), np.uint8)
    for row, own in enumerate(boxes):
        for top, left, height, width in own:
            mask[row, top : top + height, left : left + width] = 1
    arrays = {"image": images, **others, "patches": cut, "mask": mask}
    digest = hashlib.sha256(f"{source.fingerprint} {boxes.tolist()}".encode()).hexdigest()
    made = build(source.name, source.split, arrays, source.class_names, source.notes, digest, True)
    return dataclasses.replace(made, name=f"patches:{source.name}")


def warped(images: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Each picture turned by up to 0.2 rad, scaled by 0.9 to 1.1 and sheared by up to 0.2.

    About its middle; what comes in from outside repeats the border.

    Args:
        images: (N, H, W, C) uint8, or floats in [-1, 1].
        draws: A NumPy generator.
    """
    middle, found = (np.array(images.shape[1:3]) - 1) / 2, np.empty_like(images)
    for row, image in enumerate(images):
        turn, shear = draws.uniform(-0.2, 0.2, 2)
        rotation = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        linear = rotation @ np.array([[1.0, shear], [0.0, 1.0]]) * draws.uniform(0.9, 1.1, 2)
        offset = middle - linear @ middle
        for channel in range(image.shape[-1]):
            plane = affine_transform(
                image[..., channel].astype(np.float32), linear, offset, order=1, mode="nearest"
            )
            found[row, ..., channel] = plane.round() if image.dtype == np.uint8 else plane
    return found


def key_boxes(images: np.ndarray, count: int = COUNT, side: float | None = None) -> np.ndarray:
    """Each picture's most salient boxes, best first: (N, count, 4) top, left, height, width."""
    height, width = shape = images.shape[1:3]
    boxes = candidates(height, width, side)
    overlap = intersection_over_union(boxes) > _OVERLAP
    chosen = np.empty((len(images), count), np.int64)
    for first in range(0, len(images), _CHUNK):
        part = np.asarray(images[first : first + _CHUNK], np.float32).mean(-1)
        scores = saliency(part, boxes)
        for number in range(count):
            best = scores.argmax(1)
            if np.isneginf(scores[np.arange(len(best)), best]).any():
                raise ValueError(
                    f"Pictures of {shape[0]}x{shape[1]} have no {count} boxes that overlap by at "
                    f"most {_OVERLAP}. Use larger pictures or fewer patches."
                )
            chosen[first : first + len(part), number] = best
            scores[overlap[best]] = -np.inf
    return boxes[chosen]


def candidates(height: int, width: int, side: float | None = None) -> np.ndarray:
    """All boxes of about a third of each side, upright, lying and square: (K, 4).

    With `side`, all squares of this share of the shorter side.
    """
    if side is None:
        third = max(2, round(height / 3)), max(2, round(width / 3))
        longer = max(3, round(height * 0.45)), max(3, round(width * 0.45))
        shapes = {third, (longer[0], third[1]), (third[0], longer[1])}
    elif 0 < side < 1:
        shapes = {(max(2, round(min(height, width) * side)),) * 2}
    else:
        raise ValueError(f"The side of patches must lie in (0, 1). Received: {side}.")
    stride = max(1, min(height, width) // 32)
    found = []
    for h, w in shapes:
        tops, lefts = range(0, height - h + 1, stride), range(0, width - w + 1, stride)
        found += [(top, left, h, w) for top in tops for left in lefts]
    return np.array(sorted(found))


def saliency(grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The score of every box of every picture. (N, H, W), (K, 4) -> (N, K)"""
    edges = gaussian_gradient_magnitude(grey.astype(np.float64), 1.0, axes=(1, 2))
    table = np.pad(edges.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    top, left, height, width = boxes.T

    def inside(margin):
        a, b = top + margin, left + margin
        c, d = np.maximum(top + height - margin, a), np.maximum(left + width - margin, b)
        return table[:, c, d] - table[:, a, d] - table[:, c, b] + table[:, a, b]

    whole, inner = inside(0), inside(1)
    return (inner - (whole - inner)) / (2.0 * (height + width)) ** 1.5


def intersection_over_union(boxes: np.ndarray) -> np.ndarray:
    """(K, 4) -> (K, K)"""
    top, left, height, width = (boxes[:, n, None] for n in range(4))
    tall = np.minimum(top + height, (top + height).T) - np.maximum(top, top.T)
    wide = np.minimum(left + width, (left + width).T) - np.maximum(left, left.T)
    both = tall.clip(0) * wide.clip(0)
    area = height * width
    return both / (area + area.T - both)


def following(batch: dict[str, tf.Tensor], step: tf.Tensor, seed: int, flip: bool):
    """The batch with patches in [-1, 1], a float mask, and both mirrored where the image is."""
    parts, mask = batch["patches"], tf.cast(batch["mask"], tf.float32)
    if parts.dtype == tf.uint8:
        parts = tf.cast(parts, tf.float32) / 127.5 - 1.0
    if flip:
        # The draw of `tfgen.data.augmentation`, so that all three agree.
        xp, rows = random.namespace("tensorflow"), tf.shape(parts)[0]
        stream = (step, random.purpose("data/flip"))
        drawn = random.uniform(xp, (rows, 1, 1, 1), tf.constant(np.int64(seed)), stream) < 0.5
        mask = tf.where(drawn, tf.reverse(mask, [2]), mask)
        parts = tf.where(drawn[:, None], tf.reverse(parts, [3]), parts)
    return {**batch, "patches": parts, "mask": mask}


def _cut(image, boxes):
    """(P, H, W, C): each box resized to the whole."""
    size = image.shape[1], image.shape[0]
    found = []
    for top, left, height, width in boxes:
        part = image[top : top + height, left : left + width]
        planes = [
            np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BICUBIC))
            for p in np.moveaxis(part, -1, 0)
        ]
        found.append(np.stack(planes, -1))
    found = np.stack(found)
    return found if found.dtype == np.uint8 else found.clip(-1.0, 1.0)
