"""Samples as files: seeds as people write them, and pictures, arrays or a folder of either."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgen import files
from tfgen.pictures import class_grids, grids

ARRAY = ".npy"
MOST = 10_000_000  # Seeds of one command.


def seeds(text: str) -> list[int]:
    """The seeds in "0-63", "7" or "0-3,10".

    Raises:
        ValueError: Another form.
    """
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?\d+)(?:-(\d+))?\s*", part)
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise ValueError(f"--seeds {text!r}: expected a form such as 0-63 or 0,5,9-12.")
        if int(match[2] or match[1]) - int(match[1]) >= MOST - len(found):
            raise ValueError(f"--seeds {text!r}: more than {MOST:,} seeds. Draw them in parts.")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def save(
    images: np.ndarray,
    chosen: Sequence[int],
    out: Path,
    folder: bool = False,
    scale: int = 1,
    classes: tuple[np.ndarray, Sequence[str] | None] | None = None,
) -> str:
    """Writes samples and says where.

    Args:
        images: (N, ...), for pictures (N, H, W, C) in [-1, 1].
        chosen: The N seeds.
        out: A .npy file, a picture (a grid), or a folder (one file a seed).
        folder: Whether `out` is a folder even though its name has an ending.
        scale: Pixels of each pixel of a picture.
        classes: Numbers (N,) and names: a grid then has them in order, with their names; see
            `tfgen.pictures.class_grids`.
    """
    if out.suffix == ARRAY and not folder:
        out.parent.mkdir(parents=True, exist_ok=True)
        files.write(out, lambda temporary: np.save(temporary, images))
        return f"{out}: {images.shape} {images.dtype}"
    grid = grids.grid(images, scale=scale)  # Refuses what is no picture before it is written.
    if classes and len(set(classes[0].tolist())) > 1:
        grid = class_grids.of_classes(images, *classes, scale)
    if out.suffix and not folder and not out.is_dir():
        grids.save(out, grid)
        return f"{out}: {len(images)} pictures, {grid.shape[1]}x{grid.shape[0]} pixels"
    for seed, image in zip(chosen, images, strict=True):
        grids.save(out / f"seed-{seed:06d}.png", grids.grid(image[np.newaxis], scale=scale))
    return f"{out}: {len(images)} files"
