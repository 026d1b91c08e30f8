"""Shapes whose factors of variation are known: drawn when asked for, no download.

After dSprites (Matthey et al. 2017), smaller: one white shape on black, every combination of five
factors once. The orientations stay below a quarter turn, so that those of the square differ too.
"""

import itertools

import numpy as np

from tfgen.data.picture import Form, fitted_array
from tfgen.data.sources import Source, build

SHAPES = ("square", "ellipse", "heart")
FACTORS = {"shape": 3, "scale": 4, "orientation": 6, "x": 8, "y": 8}  # Name -> number of values.
SIDE = 32
TRAIN = 3686
_FINE = 8  # Samples a side of a pixel.


def shapes(split: str, form: Form) -> Source:
    """4,608 grey 32x32 pictures; besides `image` and `label`, the shape, there are `factors`.

    `factors` is int32 (N, 5), the values of `FACTORS` in their order. Split by
    `RandomState(0).permutation`: the first 3,686 train, the last 922 test.

    Raises:
        ValueError: Unknown split.
    """
    factors = np.array(list(itertools.product(*map(range, FACTORS.values()))), np.int32)
    order = np.random.RandomState(0).permutation(len(factors))
    rows = {"train": order[:TRAIN], "test": order[TRAIN:], "all": np.arange(len(factors))}
    if split not in rows:
        raise ValueError(
            f"Data set 'shapes' has no split {split!r}. Its splits are: {', '.join(rows)}."
        )
    factors = factors[rows[split]]
    images = drawn(factors)
    if not form.keeps(images.shape[1:]):
        images = np.stack([fitted_array(image, form) for image in images])
    arrays = {"image": images, "label": factors[:, 0].copy(), "factors": factors}
    return build("shapes", split, arrays, class_names=SHAPES)


def drawn(factors: np.ndarray) -> np.ndarray:
    """The pictures of rows of factor values. (N, 5) -> (N, 32, 32, 1) uint8"""
    kinds = list(itertools.product(*(range(n) for n in list(FACTORS.values())[:3])))
    centered = np.stack([_centered(*kind) for kind in kinds])  # (kinds, 32, 32)
    kind = np.ravel_multi_index(factors[:, :3].T, list(FACTORS.values())[:3])
    # Positions are 2 pixels apart, and the centered shape is cut out shifted.
    wide = np.pad(centered, ((0, 0), (SIDE // 2,) * 2, (SIDE // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (SIDE, SIDE), axis=(1, 2))
    first = SIDE // 2 + FACTORS["x"] - 1
    return windows[kind, first - 2 * factors[:, 4], first - 2 * factors[:, 3]][..., np.newaxis]


def _centered(shape, scale, orientation):
    """One shape in the middle, antialiased. -> (32, 32) uint8"""
    radius = 4.5 + scale  # Pixels, up to 7.5: with 7 of position, never cut by the border.
    angle = 0.5 * np.pi * orientation / FACTORS["orientation"]
    points = (np.arange(SIDE * _FINE) + 0.5) / _FINE - SIDE / 2.0
    x, y = np.meshgrid(points / radius, -points / radius)
    x, y = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    inside = (
        np.maximum(abs(x), abs(y)) < 0.7,
        x**2 + (y / 0.5) ** 2 < 1.0,
        (x**2 + y**2 - 0.5) ** 3 < x**2 * y**3,
    )[shape]
    pixels = inside.reshape(SIDE, _FINE, SIDE, _FINE).mean(axis=(1, 3))
    return np.round(255.0 * pixels).astype(np.uint8)
