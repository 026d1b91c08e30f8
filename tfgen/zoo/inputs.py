"""What a model of the zoo is given for its samples, and the samples of seeds 0 to 7.

A generator draws everything from a seed. A model that translates, completes or reconstructs needs a
picture besides: it gets the first ones of its data's test split, which lie beside its weights.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.evaluation import of_run
from tfgen.pictures import grids
from tfgen.zoo.shelf import INPUTS, SEEDS, Entry

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel
    from tfgen.training.config import Config


def needed(model: "GenerativeModel") -> list[str]:
    """The inputs of a model's default signature that cannot be drawn by a seed."""
    return [name for name, spec in _default(model).inputs.items() if not spec.distribution]


def of_data(model: "GenerativeModel", settings: "Config") -> dict[str, np.ndarray]:
    """Input -> its rows in the first pictures of the test split, pictures as uint8.

    Raises:
        ValueError: The data have no such thing.
    """
    names = needed(model)
    if not names:
        return {}
    reference = of_run.of_config(settings, "test")
    lacking = [name for name in names if name not in reference.keys]
    if lacking:
        raise ValueError(
            f"{type(model).__name__} needs {', '.join(lacking)} to draw samples, and its data "
            f"{reference.name!r} have {', '.join(reference.keys)} only."
        )
    found = dict(zip(names, reference.rows(*names, limit=len(SEEDS)), strict=True))
    pictures = {name for name in names if _default(model).inputs[name].is_image}
    return {name: _stored(found[name], name in pictures) for name in names}


def given(entry: Entry, rows: int = len(SEEDS)) -> dict[str, np.ndarray]:
    """Input -> (rows, ...), what lies beside the weights, from the beginning again where it ends.

    Args:
        entry: Of the zoo.
        rows: How many.

    Returns:
        Pictures float32 in [-1, 1]; nothing for a model that seeds alone are enough for.
    """
    path = entry.folder / INPUTS
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files}
    return {name: _picture(value)[np.arange(rows) % len(value)] for name, value in stored.items()}


def strip(model: "GenerativeModel", inputs: Mapping[str, Any]) -> np.ndarray:
    """The samples of seeds 0 to 7 in a row; above them the pictures that they were made of.

    Args:
        model: To draw from.
        inputs: See `given`.

    Returns:
        uint8 (rows * (H + 1) - 1, 8 * (W + 1) - 1, C).
    """
    rows = [picture for name in inputs for picture in _pictures(inputs[name])]
    rows.append(grids.to_uint8(model.sample(SEEDS, **inputs)))
    channels = max(row.shape[-1] for row in rows)
    same = [np.broadcast_to(row, (*row.shape[:-1], channels)) for row in rows]
    return grids.grid(np.concatenate(same), columns=len(SEEDS), columns_are_fixed=True)


def _default(model):
    return next(iter(model.signatures().values()))


def _stored(value, is_picture):
    if is_picture:
        return grids.to_uint8(value)
    if value.dtype.kind in "OS":  # Texts, as HDF5 and TensorFlow give them.
        texts = [t.decode() if isinstance(t, bytes) else str(t) for t in value.ravel().tolist()]
        return np.array(texts).reshape(value.shape)
    return value


def _picture(value):
    return value / np.float32(127.5) - np.float32(1) if value.dtype == np.uint8 else value


def _pictures(value):
    """Rows of uint8 pictures (8, H, W, C); several for parts (8, P, H, W, C), none for a text."""
    if value.dtype != np.float32 or value.ndim not in (4, 5):
        return []
    value = grids.to_uint8(value)
    return [value] if value.ndim == 4 else list(np.moveaxis(value, 1, 0))
