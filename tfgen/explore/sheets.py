"""Sheets: pictures in rows and columns with their names, as one picture to look at."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfgen import pictures

CELL = 48  # Pixels of a picture's shorter side, at least.
GAP = 3
TEXT = 13


def sheet(
    rows: Sequence[tuple[str, np.ndarray]],
    columns: Sequence[str] | None = None,
    cell: int = CELL,
) -> np.ndarray:
    """Rows of pictures, each with its name to the left, black on white.

    Args:
        rows: (name, pictures (N, H, W, 1 or 3) in [-1, 1] or uint8) of each; all of one size, but
            perhaps of different numbers. A name of several lines is written in as many.
        columns: What stands above the columns.
        cell: Pixels of a picture's shorter side, at least; small ones are enlarged by whole steps.

    Returns:
        uint8 (H', W', 3).

    Raises:
        ValueError: No rows.
    """
    if not rows:
        raise ValueError("A sheet needs a row of pictures.")
    scale = max(1, math.ceil(cell / min(np.shape(rows[0][1])[1:3])))
    enlarged = [(name, _enlarged(images, scale)) for name, images in rows]
    height, width = enlarged[0][1].shape[1:3]
    font: Any = ImageFont.load_default(TEXT)
    longest = max((line for name, _ in rows for line in name.split("\n")), key=font.getlength)
    left = math.ceil(font.getlength(longest)) + 2 * GAP if longest else GAP
    top = TEXT + 2 * GAP if columns else GAP
    most = max(len(images) for _, images in enlarged)
    canvas = Image.new(
        "RGB",
        (left + most * (width + GAP), top + len(rows) * (height + GAP)),
        "white",
    )
    draw = ImageDraw.Draw(canvas)
    for number, text in enumerate(columns or ()):
        middle = left + number * (width + GAP) + width / 2
        draw.text((middle, GAP), _fitted(text, width, font), "black", font, "ma")
    for number, (name, images) in enumerate(enlarged):
        y = top + number * (height + GAP)
        draw.multiline_text((GAP, y + height / 2), name, "black", font, "lm", spacing=1)
        for column, image in enumerate(images):
            canvas.paste(Image.fromarray(image), (left + column * (width + GAP), y))
    return np.asarray(canvas)


def beside(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures (H, W, 3) uint8 side by side on white, their tops in line."""
    height = max(part.shape[0] for part in parts)
    filled = [
        np.pad(p, ((0, height - p.shape[0]), (0, 4 * GAP), (0, 0)), constant_values=255)
        for p in parts
    ]
    return np.concatenate(filled, axis=1)


def below(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures (H, W, 3) uint8 one below the other on white, their left sides in line."""
    return np.swapaxes(beside([np.swapaxes(part, 0, 1) for part in parts]), 0, 1)


def heat(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Numbers as colours, from dark blue (`low`) over green to yellow (`high`).

    Args:
        values: (..., H, W).
        low, high: By default the least and the largest value.

    Returns:
        uint8 (..., H, W, 3).
    """
    from matplotlib import colormaps

    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    shares = (values - low) / max(high - low, 1e-12)
    colours = colormaps["viridis"](np.clip(shares, 0.0, 1.0))[..., :3]
    return np.round(colours * 255).astype(np.uint8)


def _enlarged(images, scale):
    images = np.asarray(images)
    if images.dtype != np.uint8:
        images = pictures.to_uint8(images)
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    return images if images.shape[-1] == 3 else images.repeat(3, axis=-1)


def _fitted(text, width, font):
    """The text, cut where it is wider than its column."""
    while len(text) > 2 and font.getlength(text) > width + GAP:
        text = f"{text[:-2]}…"
    return text
