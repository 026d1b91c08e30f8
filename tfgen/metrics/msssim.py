"""Multi-scale structural similarity, Wang et al. 2003, and the diversity of samples by it.

Diversity: Odena et al. 2017, https://arxiv.org/abs/1610.09585, section 4.2: the mean MS-SSIM of
random pairs of samples; a collapsed generator's is near 1. It says nothing of quality: noise is
the most diverse.

Differs from the paper: as many of the five scales as leave 11 pixels a side, their weights brought
to sum 1: 5 from 176 pixels on, 2 for 28 and 32. Below 11 pixels one scale, whose filter is as wide
as the picture. Channels are averaged; a negative contrast term counts as 0.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from tfgen.metrics import arrays

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WIDTH, SIGMA = 11, 1.5
_RANGE = 2.0  # Of pixels in [-1, 1].
_PAIRS = 500  # At once.


def ms_ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Similarity of each pair of pictures, 1 where they are the same.

    Args:
        a, b: (N, H, W, C) in [-1, 1].

    Returns:
        (N,) float64 in [0, 1].

    Raises:
        ValueError: Other shapes or values, NaN, or two numbers of pictures.
    """
    a, b = arrays.pictures(a, b)
    if len(a) != len(b):
        raise ValueError(f"As many pictures are needed in both. Received: {len(a)}, {len(b)}.")
    blocks = range(0, len(a), _PAIRS)
    return np.concatenate([_similarity(*(x[n : n + _PAIRS] for x in (a, b))) for n in blocks])


def scales(image_shape: Sequence[int]) -> int:
    """How many scales pictures of this (H, W, C) have."""
    side, number = min(image_shape[:2]), 1
    while number < len(WEIGHTS) and side // 2 >= WIDTH:
        side, number = side // 2, number + 1
    return number


def diversity(images: np.ndarray, pairs: int | None = None, seed: int = 0) -> float:
    """Mean MS-SSIM of random pairs; see `pair_similarities`."""
    return float(pair_similarities(images, pairs, seed).mean())


def pair_similarities(images: np.ndarray, pairs: int | None = None, seed: int = 0) -> np.ndarray:
    """MS-SSIM of random pairs in which every picture comes once at most, (pairs,).

    Args:
        images: (N, H, W, C) in [-1, 1].
        pairs: At most N // 2, which is the default; disjoint pairs are independent.
        seed: Of the pairs.

    Raises:
        ValueError: As `ms_ssim`, or more pairs than there are.
    """
    (images,) = arrays.pictures(images, least=2)
    pairs = len(images) // 2 if pairs is None else pairs
    if not 1 <= pairs <= len(images) // 2:
        raise ValueError(
            f"`pairs` must lie in 1 .. {len(images) // 2}, half the pictures. Received: {pairs}."
        )
    order = np.random.default_rng(seed).permutation(len(images))
    return ms_ssim(images[order[:pairs]], images[order[pairs : 2 * pairs]])


def _similarity(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    number = scales(a.shape[1:])
    weights = np.array(WEIGHTS[:number]) / sum(WEIGHTS[:number])
    product = np.ones(1)
    for n, weight in enumerate(weights):
        ssim, contrast = _terms(a, b)  # (B, C)
        term = contrast if n < number - 1 else ssim
        product = product * np.maximum(term, 0.0) ** weight
        if n < number - 1:
            a, b = _halved(a), _halved(b)
    return product.mean(axis=1)


def _terms(a, b):
    """Means over the picture of SSIM and of its contrast-structure part, (B, C) each."""
    width = min(WIDTH, *a.shape[1:3])
    offsets = np.arange(width) - (width - 1) / 2.0
    kernel = np.exp(-0.5 * np.square(offsets / (SIGMA * width / WIDTH)))
    kernel /= kernel.sum()

    def blurred(x):
        x = ndimage.correlate1d(x, kernel, axis=1)
        x = ndimage.correlate1d(x, kernel, axis=2)
        first = width // 2
        last = (width - 1) // 2
        return x[:, first : x.shape[1] - last, first : x.shape[2] - last]

    c1, c2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2
    mean_a, mean_b = blurred(a), blurred(b)
    squares = blurred(a * a) + blurred(b * b) - mean_a**2 - mean_b**2
    product = blurred(a * b) - mean_a * mean_b
    luminance = (2.0 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    contrast = (2.0 * product + c2) / (squares + c2)
    return (luminance * contrast).mean(axis=(1, 2)), contrast.mean(axis=(1, 2))


def _halved(x):
    height, width = (side - side % 2 for side in x.shape[1:3])
    x = x[:, :height, :width]
    return 0.25 * (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2])
