"""Pictures of classes: a row or more for each, in the order of the classes, with their names."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfgen.pictures import grids
from tfgen.signature import Signature

TEXT = 12  # Pixels of a line of text.
GAP = 4


def classes_of(
    signature: Signature, feeds: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, Sequence[str] | None] | None:
    """The classes (N,) that a signature is asked for, and their names; None where it has none.

    Args:
        signature: Whose inputs are looked at.
        feeds: Its inputs, see `Signature.draw`.
    """
    for name, given in signature.inputs.items():
        if given.num_classes and given.shape == ():
            return np.asarray(feeds[name]), given.class_names
    return None


def of_classes(
    images: np.ndarray, classes: np.ndarray, names: Sequence[str] | None = None, scale: int = 1
) -> np.ndarray:
    """A grid with the pictures of each class side by side, beside its name.

    Within a class pictures keep their order. They are enlarged until a name fits beside a row.

    Args:
        images: (N, H, W, C) in [-1, 1] or uint8, with 1 or 3 channels.
        classes: (N,) numbers.
        names: Of all classes; by default their numbers.
        scale: Pixels of each pixel, at least.

    Returns:
        uint8 (rows, columns, C).

    Raises:
        ValueError: Another shape, or no picture at all.
    """
    classes = np.asarray(classes)
    found = sorted(set(classes.tolist()))
    scale = max(scale, math.ceil(TEXT / images.shape[1]))
    most = int(np.bincount(np.searchsorted(found, classes)).max())
    columns = min(most, max(8, math.ceil(math.sqrt(len(images)))))
    blocks = [
        grids.grid(images[classes == number], columns, scale, columns_are_fixed=True)
        for number in found
    ]
    said = [names[number] if names else str(number) for number in found]
    margin = _column(said, [len(block) for block in blocks], images.shape[-1])
    line = np.zeros((1, blocks[0].shape[1], images.shape[-1]), np.uint8)
    parts = [part for block in blocks for part in (block, line)][:-1]
    return np.concatenate([margin, np.concatenate(parts)], axis=1)


def _column(words: Sequence[str], heights: Sequence[int], channels: int) -> np.ndarray:
    """Names in white on black, each at the top of its block of rows."""
    from PIL import Image, ImageDraw, ImageFont

    font: Any = ImageFont.load_default(TEXT - 2)
    shown = [word if len(word) <= 24 else f"{word[:23]}…" for word in words]
    width = max(math.ceil(font.getlength(word)) for word in shown) + 2 * GAP
    height = sum(heights) + len(heights) - 1
    picture = Image.new("L", (width, height))
    draw, top = ImageDraw.Draw(picture), 0
    for word, rows in zip(shown, heights, strict=True):
        draw.text((GAP, top), word, fill=255, font=font)
        top += rows + 1
    return np.repeat(np.asarray(picture)[..., np.newaxis], channels, axis=-1)
