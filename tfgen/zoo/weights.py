"""Weight files of the zoo: Keras's HDF5 layout with float16 numbers, and no optimizer.

Where an optimizer keeps averages of the weights (`use_ema`), they are what is stored.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from tfgen import files

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


class _Memory(io.BytesIO):
    """A file in memory that passes Keras's look at its name."""

    def __str__(self):
        return "memory.weights.h5"


def write(model: "GenerativeModel", bare: "GenerativeModel", path: Path) -> None:
    """Puts the weights of a model into a file, whole or not at all.

    Args:
        model: Trained and compiled.
        bare: The same model not compiled, so that the file has no optimizers; it gets the weights.
        path: The file.

    Raises:
        ValueError: A weight that float16 cannot hold.
    """
    with model.averaged():
        values = [variable.numpy() for variable in model.weights]
    for variable, value in zip(bare.weights, values, strict=True):
        variable.assign(value)
    whole, small = _Memory(), io.BytesIO()
    bare.save_weights(whole)
    with h5py.File(whole, "r") as before, h5py.File(small, "w") as after:
        before.visititems(lambda name, item: _copy(name, item, after))
        for name, value in before.attrs.items():
            after.attrs[name] = value
    files.write(path, lambda temporary: temporary.write_bytes(small.getbuffer()))


def read(bare: "GenerativeModel", path: Path) -> None:
    """Reads a file into a model that is not compiled.

    Raises:
        ValueError: The file is of another model.
    """
    try:
        bare.load_weights(path)
    except (ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{path}: does not fit the model that its config.yaml makes: {said} Use the zoo of "
            "this version of tfgen."
        ) from error


def _copy(name: str, item: Any, after: h5py.File) -> None:
    if not isinstance(item, h5py.Dataset):
        group = after.require_group(name)
        for key, value in item.attrs.items():
            group.attrs[key] = value
        return
    value = np.asarray(item[()])
    if value.dtype.kind == "f":
        with np.errstate(over="ignore"):
            small = value.astype(np.float16)
        if not np.isfinite(small).all():
            raise ValueError(
                f"{name}: a weight of {np.abs(value).max():.3g} is not finite in float16, whose "
                "largest number is 65504: this model cannot be stored so."
            )
        value = small
    # A scalar cannot be compressed.
    options = {"compression": "gzip", "shuffle": True} if value.ndim else {}
    after.create_dataset(name, data=value, **options)
