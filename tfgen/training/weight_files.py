"""A checkpoint's file: Keras's weights in HDF5, and its line of the index as an attribute."""

import io
import json
import re
import warnings
from pathlib import Path

import h5py
import numpy as np

from tfgen import files
from tfgen.model import GenerativeModel

_NOTE = "tfgen_checkpoint"
_NAME = re.compile(r"step-\d+\.weights\.h5")


class _Memory(io.BytesIO):
    """A file in memory that passes Keras's look at its name."""

    def __str__(self):
        return "memory.weights.h5"


def name(step: int) -> str:
    """The file's name."""
    return f"step-{step:08d}.weights.h5"


def found(folder: Path) -> list[Path]:
    """The weight files of a folder, by step."""
    return sorted((p for p in folder.glob("step-*") if _NAME.fullmatch(p.name)), key=step_of)


def step_of(path: Path) -> int:
    """The step that the file's name says."""
    return int(path.name.removeprefix("step-").partition(".")[0])


def write(model: GenerativeModel, path: Path, note: dict) -> None:
    """Puts weights, slots and step of a model into a complete file.

    Args:
        model: Compiled.
        path: The file.
        note: What the index says besides the digest, so that the index can be made again.

    Raises:
        OSError: The disk is full; what was there stays.
    """
    # HDF5 ends the process with a fault when the disk is full under it, at the latest when it
    # closes the file. Into memory it cannot fail so, and writing bytes raises an error.
    memory = _Memory()
    model.save_weights(memory)
    with h5py.File(memory, "a") as file:
        file.attrs[_NOTE] = json.dumps(note, allow_nan=False)
    files.write(path, lambda temporary: temporary.write_bytes(memory.getbuffer()))


def read(model: GenerativeModel, path: Path) -> None:
    """Reads a file into a compiled model.

    Raises:
        ValueError: The file holds other weights than the model has.
    """
    try:
        with warnings.catch_warnings():
            # Keras only warns where an optimizer's slots do not fit, and then drops them.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (UserWarning, ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{path}: does not fit the model that the config makes: {said} Bring back the config "
            "that the run was trained with."
        ) from error


def entry(path: Path) -> dict:
    """What the index said of a file, read from the file itself; `sha256` None for a damaged one."""
    step = step_of(path)
    plain = {"file": path.name, "step": step, "epoch": None, "values": None, "means": None}
    plain["seconds"] = 0.0
    try:
        with h5py.File(path, "r") as file:
            file.visititems(_readable)
            note = json.loads(file.attrs.get(_NOTE, "{}"))
    except (OSError, RuntimeError, ValueError, KeyError):
        return {**plain, "sha256": None}
    return {**plain, **note, "step": step, "file": path.name, "sha256": files.sha256(path)}


def _readable(_, item):
    if isinstance(item, h5py.Dataset):
        values = np.asarray(item[()])
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError("not finite")
