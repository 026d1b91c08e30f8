"""Patches of one's own put together by a trained Puzzle-GAN: what `tfgen assemble` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tfgen.data.folder import UNREADABLE
from tfgen.data.picture import Form, fitted

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


def assemble(
    model: "GenerativeModel", files: Sequence[Path | str], seeds: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """What a model makes of patches: a picture a seed, and where it puts them.

    Args:
        model: With a signature `assemble`: PuzzleGAN.
        files: Pictures, one a patch, in any order and of any sizes; each is stretched to the size
            of the whole, as in training.
        seeds: (N,) integers, of the noise.

    Returns:
        Pictures (N, H, W, C) in [-1, 1] and their masks (N, H, W, 1) in [0, 1].

    Raises:
        FileNotFoundError: A file that is not there.
        ValueError: A model that assembles nothing, a file that is no picture, no files or no seeds.
    """
    table = model.signatures()
    if "assemble" not in table:
        raise ValueError(
            f"{type(model).__name__} does not assemble patches: give a run of PuzzleGAN. "
            f"Signatures of this model: {', '.join(table)}."
        )
    if not files:
        raise ValueError("No patches: give at least one picture.")
    _, *sides, channels = table["assemble"].inputs["patches"].shape
    height, width = (int(side or 0) for side in sides)  # PuzzleGAN has one size.
    form = Form(image_size=(height, width), channels=channels, resize="stretch")
    patches = np.stack([_patch(Path(file), form) for file in files])  # (P, H, W, C)
    patches = patches.astype(np.float32) / np.float32(127.5) - np.float32(1)
    same = np.repeat(patches[np.newaxis], len(seeds), axis=0)
    feeds = table["assemble"].draw(seeds, patches=same)
    with model.averaged():
        made = model.call_signature("assemble", feeds)
    return made["image"].numpy(), made["mask"].numpy()


def _patch(path, form):
    """(H, W, C) uint8"""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give each patch as a picture.")
    try:
        with Image.open(path) as opened:
            return fitted(opened, form)
    except UNREADABLE as error:
        raise ValueError(f"{path}: this is no picture that can be read ({error}).") from error
