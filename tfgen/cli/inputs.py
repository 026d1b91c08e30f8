"""Inputs of a signature as people give them on the command line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgen.pictures.samples import ARRAY
from tfgen.training import yaml_text


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


def _value(text):
    path = Path(text)
    if path.suffix == ARRAY:
        return np.load(path, allow_pickle=False)
    if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
        from PIL import Image

        pixels = np.asarray(Image.open(path), np.float32)
        pixels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
        return pixels[np.newaxis] / np.float32(127.5) - np.float32(1)
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
