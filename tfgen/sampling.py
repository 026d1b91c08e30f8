"""Samples of a run as files: what `tfgen sample` reads and writes."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgen import files, pictures

_ARRAY = ".npy"


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
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def given(inputs: Sequence[str], label: str | None, rows: int) -> dict[str, np.ndarray]:
    """Inputs by name from "name=value" and a label; one value serves every row.

    Args:
        inputs: Each "name=value": a number or list in YAML, a .npy file with one row a seed, or a
            picture, which becomes float32 in [-1, 1].
        label: The same as "label=...", lists without brackets.
        rows: How many.

    Raises:
        ValueError: Another form, or another number of rows.
        FileNotFoundError: A file that is not there.
    """
    inputs = [*inputs, *([f"label=[{label}]"] if label is not None else [])]
    found = {}
    for text in inputs:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ValueError(f"--input {text!r}: expected the form name=value.")
        found[name] = _rows(name, _value(value), rows)
    return found


def save(images, chosen: Sequence[int], out: Path, folder: bool = False) -> str:
    """Writes samples and says where.

    Args:
        images: (N, ...), for pictures (N, H, W, C) in [-1, 1].
        chosen: The N seeds.
        out: A .npy file, a picture (a grid), or a folder (one file a seed).
        folder: Whether `out` is a folder even though its name has an ending.
    """
    if out.suffix == _ARRAY and not folder:
        out.parent.mkdir(parents=True, exist_ok=True)
        files.write(out, lambda temporary: np.save(temporary, images))
        return f"{out}: {images.shape} {images.dtype}"
    grid = pictures.grid(images)  # Refuses what is no picture before anything is written.
    if out.suffix and not folder and not out.is_dir():
        pictures.save(out, grid)
        return f"{out}: {len(images)} pictures, {grid.shape[1]}x{grid.shape[0]} pixels"
    for seed, image in zip(chosen, images, strict=True):
        pictures.save(out / f"seed-{seed:06d}.png", image)
    return f"{out}: {len(images)} files"


def _value(text):
    path = Path(text)
    if path.suffix == _ARRAY:
        return np.load(path, allow_pickle=False)
    if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
        from PIL import Image

        pixels = np.asarray(Image.open(path), np.float32)
        pixels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
        return pixels[np.newaxis] / np.float32(127.5) - np.float32(1)
    from tfgen import yaml_text  # Here, so that the edge runtime needs no YAML.

    value = yaml_text.value(text)
    array = np.asarray(value)
    if array.dtype.kind not in "bifU":
        raise ValueError(f"--input {text!r}: expected numbers, a .npy file or a picture.")
    return array if array.ndim else array[np.newaxis]


def _rows(name, array, rows):
    if len(array) not in (1, rows):
        raise ValueError(
            f"--input {name}: {len(array)} rows for {rows} seeds. Give one for all or one each."
        )
    return np.repeat(array, rows, axis=0) if len(array) == 1 else array
