"""Pictures of what an autoencoder has learned: reconstructions, and the plane of a 2-D code.

Drawn without a display, and without matplotlib's global state.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen import pictures

PAIRS = 32  # Reconstructions shown.
CODES = 2000  # Points in a scatter, of codes and of the prior each.
SIDE = 20  # Pictures along a side of the manifold.


def of_autoencoder(
    batch: dict[str, np.ndarray],
    reconstruct: Callable,
    decode: Callable,
    encode: Callable,
    prior: Any = None,
) -> dict[str, np.ndarray]:
    """What there is to show of an autoencoder.

    Args:
        batch: `image` (B, H, W, C) in [-1, 1] and, where there is one, `label` (B,).
        reconstruct: Images -> {"image": images}.
        decode: Codes (N, Z) -> {"image": images}.
        encode: Images -> codes (B, Z).
        prior: `tfgen.probability.Prior` of the codes; None where there is none.

    Returns:
        Name -> uint8 (H', W', C): "reconstructions"; with 2-D codes "manifold" and "codes" too.
    """
    images = np.asarray(batch["image"])
    shown = images[:PAIRS]
    made = {"reconstructions": reconstructions(shown, reconstruct(tf.constant(shown))["image"])}
    images = images[:CODES]
    codes = np.asarray(encode(tf.constant(images)))
    if codes.shape[1] == 2:
        samples = None if prior is None else prior.sample(range(CODES))
        around = codes if samples is None else samples
        made["manifold"] = manifold(lambda z: decode(z)["image"], around)
        made["codes"] = scatter(codes, batch.get("label"), samples)
    return made


def reconstructions(images: np.ndarray, reconstructed: np.ndarray, columns: int = 8) -> np.ndarray:
    """Pairs, each original with its reconstruction to the right of it, as one uint8 grid.

    Args:
        images, reconstructed: (N, H, W, C) in [-1, 1].
        columns: Pairs in a row.
    """
    originals = pictures.to_uint8(images)
    pairs = np.concatenate([originals, pictures.to_uint8(reconstructed)], axis=2)  # (N, H, 2W, C)
    return pictures.grid(pairs, min(columns, len(pairs)))


def manifold(
    decode: Callable[[np.ndarray], np.ndarray], around: np.ndarray, side: int = SIDE
) -> np.ndarray:
    """Decoded codes on a grid over the plane, as one uint8 picture; Kingma and Welling, figure 4.

    The grid's lines are equally spaced quantiles of `around` along each axis, so that for a
    Gaussian it is the paper's: coordinates through the inverse of the cumulative distribution.

    Args:
        decode: Codes (N, 2) -> images (N, H, W, C) in [-1, 1].
        around: (M, 2) codes that the grid covers.
        side: Pictures along a side; the first coordinate grows to the right, the second upwards.
    """
    levels = (np.arange(side) + 0.5) / side
    across, up = np.quantile(around, levels, axis=0).T
    grid = np.stack(np.meshgrid(across, up[::-1]), -1).reshape(-1, 2).astype("float32")
    return pictures.grid(np.asarray(decode(tf.constant(grid))), side)


def scatter(
    codes: np.ndarray,
    labels: np.ndarray | None = None,
    samples: np.ndarray | None = None,
    size: float = 6.0,
) -> np.ndarray:
    """2-D codes coloured by label, over grey samples of the prior, as uint8 (H, W, 3).

    Args:
        codes: (N, 2).
        labels: (N,) int, or None.
        samples: (M, 2) from the prior, or None.
        size: Side in inches of 100 pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((size, size), dpi=100, layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    axes.set(xlabel="z[0]", ylabel="z[1]", aspect="equal")
    if samples is not None:
        x, y = np.asarray(samples).T
        axes.scatter(x, y, s=6, c="0.8", linewidths=0, label="prior")
    codes = np.asarray(codes)
    labels = np.zeros(len(codes), int) if labels is None else np.asarray(labels)[: len(codes)]
    classes = np.unique(labels)
    for label in classes:
        name = str(label) if len(classes) > 1 else "codes"
        x, y = codes[labels == label].T
        axes.scatter(x, y, s=8, linewidths=0, label=name, **_colour(label))
    axes.legend(markerscale=2, fontsize="small", ncols=math.ceil(len(classes) / 12))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _colour(label):
    return {"color": f"C{int(label) % 10}"}
