"""Sliced Wasserstein distance of patches, Karras et al. 2018, https://arxiv.org/abs/1710.10196.

Section 5: patches of 7x7 pixels are taken at random from each level of Laplacian pyramids (Burt &
Adelson 1983); each set's patches are normalised by the mean and standard deviation of its own
colour channels; the distance of two sets is the mean, over random directions, of the 1-Wasserstein
distances of their projections (Rabin et al. 2011). The paper prints it times 1000.

Differs from the paper: any sides that can be halved to 16 or more have levels, smaller or odd ones
a single level, which is the pictures themselves; 16 patches a picture instead of 128, by default.

Because of the normalisation, brightness and contrast of the whole set do not count.
"""

import numpy as np
from scipy import ndimage

from tfgen.metrics import arrays

PATCH = 7
SMALLEST = 16
_FILTER = np.array([1.0, 4.0, 6.0, 4.0, 1.0], np.float32) / 16.0
_AT_ONCE = 32  # Directions projected together.


def sliced_wasserstein(
    real: np.ndarray,
    fake: np.ndarray,
    patches_per_image: int = 16,
    directions: int = 512,
    seed: int = 0,
) -> dict[int, float]:
    """The distance of each level of the pyramids, by the level's height, the largest first.

    Identical sets are 0 apart. Of sets of two sizes the larger is reduced, at random.

    Args:
        real, fake: Pictures (N, H, W, C), (M, H, W, C) in [-1, 1]; H and W at least 7.
        patches_per_image: Patches taken from each picture, of each level.
        directions: Random directions.
        seed: Of positions and directions.

    Raises:
        ValueError: Other shapes or values, pictures below 7x7, or a constant set.
    """
    real, fake = arrays.pictures(real, fake)
    if min(real.shape[1:3]) < PATCH:
        raise ValueError(f"Patches are {PATCH}x{PATCH}. Received pictures {real.shape[1:3]}.")
    generator = np.random.default_rng(seed)
    size = min(len(real), len(fake))
    real, fake = (
        a if len(a) == size else a[generator.permutation(len(a))[:size]] for a in (real, fake)
    )
    found = {}
    for level, (a, b) in enumerate(zip(pyramid(real), pyramid(fake), strict=True)):
        parts = [_normalized(patches(x, patches_per_image, seed + 1000 * level)) for x in (a, b)]
        found[a.shape[1]] = sliced(parts[0], parts[1], directions, seed + level)
    return found


def pyramid(images: np.ndarray) -> list[np.ndarray]:
    """Levels of the Laplacian pyramid, the finest first; the last is the low-pass remainder."""
    height, width = images.shape[1:3]
    if height % 2 or width % 2 or min(height, width) // 2 < SMALLEST:
        return [images]
    low = _filtered(images, 1.0)[:, ::2, ::2]
    up = np.zeros_like(images)
    up[:, ::2, ::2] = low
    return [images - _filtered(up, 4.0), *pyramid(low)]


def patches(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` random 7x7 patches of each picture, (N * count, 7, 7, C)."""
    generator = np.random.default_rng(seed)
    number, height, width, _ = images.shape
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    top = generator.integers(0, height - PATCH + 1, (number, count))
    left = generator.integers(0, width - PATCH + 1, (number, count))
    found = windows[np.arange(number)[:, None], top, left]  # (N, count, C, 7, 7)
    return np.moveaxis(found, 2, -1).reshape(-1, PATCH, PATCH, images.shape[-1])


def sliced(a: np.ndarray, b: np.ndarray, directions: int = 512, seed: int = 0) -> float:
    """Sliced 1-Wasserstein distance of two sets of as many points, (N, ...) and (N, ...)."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    if a.shape != b.shape:
        raise ValueError(f"Two sets of one shape are needed. Received: {a.shape}, {b.shape}.")
    vectors = np.random.default_rng(seed).normal(size=(a.shape[1], directions)).astype(a.dtype)
    vectors /= np.linalg.norm(vectors, axis=0)  # (D, directions)
    total = 0.0
    for start in range(0, directions, _AT_ONCE):
        part = vectors[:, start : start + _AT_ONCE].T
        ordered = [np.sort(part @ x.T, axis=1) for x in (a, b)]  # (_AT_ONCE, N)
        total += float(np.abs(ordered[0] - ordered[1]).mean(axis=1, dtype=np.float64).sum())
    return total / directions


def _normalized(x):
    deviation = x.std(axis=(0, 1, 2), dtype=np.float64)
    if not (deviation > 1e-6).all():
        raise ValueError(
            "A set of pictures is constant in a channel of a level: its patches cannot be "
            "normalised, and the distance is meaningless."
        )
    return ((x - x.mean(axis=(0, 1, 2), dtype=np.float64)) / deviation).astype(np.float32)


def _filtered(images, gain):
    for axis in (1, 2):
        images = ndimage.correlate1d(images, _FILTER, axis=axis, mode="mirror")
    return images * np.float32(gain)
