"""Pictures for people: grids of samples, and their files."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgen import files


def to_uint8(images: np.ndarray | Sequence) -> np.ndarray:
    """Pictures in [-1, 1] as uint8, rounded as exports round them; the shape is kept.

    Raises:
        ValueError: A value that is not finite.
    """
    images = np.asarray(images, np.float32)
    if not np.isfinite(images).all():
        raise ValueError("The pictures hold values that are not finite (NaN or infinity).")
    return np.clip(np.round((images + np.float32(1)) * np.float32(127.5)), 0, 255).astype(np.uint8)


def grid(
    images: np.ndarray | Sequence,
    columns: int | None = None,
    scale: int = 1,
    columns_are_fixed: bool = False,
) -> np.ndarray:
    """Pictures side by side, row by row, one pixel apart.

    Args:
        images: (N, H, W, C) in [-1, 1] or uint8, with 1 or 3 channels.
        columns: Pictures in a row; by default the grid is as square as it can be.
        scale: Pixels of each pixel: small pictures are enlarged by repeating theirs.
        columns_are_fixed: Whether fewer pictures than columns leave room.

    Returns:
        uint8 (rows * (scale * H + 1) - 1, columns * (scale * W + 1) - 1, C).

    Raises:
        ValueError: Another shape, or no picture at all.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise ValueError(
            "A grid needs pictures of shape (N, H, W, 1) or (N, H, W, 3) with N > 0. "
            f"Received: {images.shape}."
        )
    if images.dtype != np.uint8:
        images = to_uint8(images)
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    number, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(number))
    columns = columns if columns_are_fixed else min(columns, number)
    rows = math.ceil(number / columns)
    shape = (rows * (height + 1) - 1, columns * (width + 1) - 1, channels)
    result = np.zeros(shape, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        result[top : top + height, left : left + width] = image
    return result


def save(path: Path | str, image: np.ndarray | Sequence) -> None:
    """Writes one uint8 or [-1, 1] picture (H, W, 1 or 3); a file that exists is replaced whole.

    The ending of the name chooses the format: .png, .jpg, ...

    Raises:
        ValueError: An ending that is no picture format.
        OSError: The folder is not writable or the disk is full.
    """
    from PIL import Image

    path = Path(path)
    Image.init()
    form = Image.EXTENSION.get(path.suffix.lower())
    if form not in Image.SAVE:
        raise ValueError(f"{path}: {path.suffix!r} is no picture format. Use .png or .jpg.")
    image = np.asarray(image)
    if image.dtype != np.uint8:
        image = to_uint8(image)
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, lambda temporary: picture.save(temporary, format=form))
