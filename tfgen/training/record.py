"""What a run notes about itself: run.json and metrics.jsonl."""

import datetime
import hashlib
import json
import platform
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

import tfgen
from tfgen import files
from tfgen.data.sources import Source
from tfgen.model import GenerativeModel

if TYPE_CHECKING:
    from tfgen.training.config import Config

NOTE = "run.json"
_PLACE = ("step", "epoch")  # Of a line of metrics.jsonl.
_FIELDS = {"seed", "model", "data", "starts"}


def read(folder: Path, strict: bool = True) -> dict:
    """run.json.

    Args:
        folder: Of the run.
        strict: Whether a file that is damaged or missing is an error; else it reads as {}.

    Raises:
        ValueError: It cannot be read; the file is named.
    """
    path = Path(folder) / NOTE
    try:
        note = files.parsed(path.read_text(encoding="utf-8"))
        if not isinstance(note, dict) or not _FIELDS <= note.keys():
            raise ValueError(f"it lacks one of {', '.join(sorted(_FIELDS))}")
        if odd := _odd(note):
            raise ValueError(f"`{odd}` is none")
        return note
    except (ValueError, FileNotFoundError) as error:
        if not strict:
            return {}
        said = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged: {error}"
        raise ValueError(
            f"{path} {said}. The weights are whole all the same; `tfgen train` on this folder "
            "with the run's config writes it anew."
        ) from error


def begin(
    settings: "Config",
    folder: Path,
    model: GenerativeModel,
    stream: tf.data.Dataset,
    step: int,
    changes: Sequence[str] = (),
    shift: int = 0,
) -> None:
    """Writes config.yaml and run.json for a start at this step.

    Args:
        settings: The experiment.
        folder: Of the run.
        model: Its model.
        stream: Its data.
        step: Where it starts.
        changes: What differs from the start before, one line a key.
        shift: See `tfgen.training.continuing.shifted`.

    Raises:
        ValueError: The data set is not the one that the run began with.
    """
    path, former = folder / NOTE, {}
    if (folder / "config.yaml").exists():
        former = read(folder, strict=False)
        if former:
            _compare(former, data(stream.source), folder)
        else:
            _set_aside(path)
            warnings.warn(
                f"{path} is missing or damaged: it is written anew, and whether the data are those "
                "that the run began with cannot be checked.",
                stacklevel=2,
            )
    text = settings.text()
    note = {
        "seed": settings.seed,
        "model": {"name": settings.model["name"], "parameters": parameters(model)},
        "data": data(stream.source),
        "steps_per_epoch": settings.fit["steps_per_epoch"] or stream.steps_per_epoch,
        "shift": shift,
        "config": settings.resolved(),
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "starts": [*former.get("starts", []), {**_start(step), "changes": list(changes)}],
    }
    # run.json first: a folder with a config is a run.
    files.write_text(path, json.dumps(note, indent=1) + "\n")
    files.write_text(folder / "config.yaml", text)


def data(source: Source) -> dict:
    """A data set as plain values."""
    return {
        "name": source.name,
        "split": source.split,
        "size": source.size,
        "image_shape": [int(side) for side in source.image_shape],
        "num_classes": source.num_classes,
        "class_names": source.class_names and list(source.class_names),
        "fingerprint": source.fingerprint,
        "notes": list(source.notes),
    }


def parameters(model: GenerativeModel) -> dict:
    """Network -> number of weights, and the total."""
    networks = {n: v for n, v in vars(model).items() if isinstance(v, keras.layers.Layer)}
    counts = {name: int(network.count_params()) for name, network in networks.items()}
    return {**counts, "total": sum(counts.values())}


def versions():
    """The versions that a result depends on."""
    return {
        "tfgen": tfgen.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def lines(path: Path) -> list[dict]:
    """The lines of metrics.jsonl; a last one that was cut off is left out.

    Other lines that cannot be read are left out with a warning that names them.
    """
    found, damaged = _parsed(path)
    if damaged:
        warnings.warn(f"{path}: {_named(damaged)} cannot be read, and left out.", stacklevel=2)
    return found


def trim(path: Path, step: int) -> None:
    """Drops the lines of epochs that ended after this step: the run takes them again.

    A file with damaged lines is kept beside the new one as metrics.jsonl.damaged.
    """
    if not path.exists():
        return
    found, damaged = _parsed(path)
    text = "".join(json.dumps(line) + "\n" for line in found if line["step"] <= step)
    if damaged:
        warnings.warn(
            f"{path}: {_named(damaged)} cannot be read. The file is kept as {path.name}.damaged, "
            "and written again without them.",
            stacklevel=2,
        )
        _set_aside(path)
    if damaged or path.read_bytes() != text.encode():
        files.write_text(path, text)


def _odd(note):
    """The first key whose value is not of the kind that a run writes; None where all are."""
    described, starts = note["data"], note["starts"]
    if not isinstance(described, dict) or not isinstance(described.get("fingerprint"), str):
        return "data"
    names = described.get("class_names")
    if names is not None and not (isinstance(names, list) and all(type(n) is str for n in names)):
        return "data.class_names"
    whole = isinstance(starts, list) and starts and all(isinstance(one, dict) for one in starts)
    if not whole or not all(isinstance(one.get("versions"), dict) for one in starts):
        return "starts"
    numbers = {"steps_per_epoch": 1, "shift": None}
    for key, least in numbers.items():
        value = note.get(key, 1)
        if type(value) is not int or (least is not None and value < least):
            return key
    return None


def _parsed(path):
    """(lines, numbers of those that cannot be read, but for a last one without its end)."""
    if not path.exists():
        return [], []
    texts = path.read_text(encoding="utf-8", errors="replace").split("\n")
    found, damaged = [], []
    for number, text in enumerate(texts, 1):
        try:
            line = files.parsed(text)
            whole = isinstance(line, dict) and all(type(line.get(k)) is int for k in _PLACE)
            if whole:
                found.append(line)
                continue
        except json.JSONDecodeError:
            pass
        if number < len(texts):  # The last one has no line feed: killed in the middle of it.
            damaged.append(number)
    return found, damaged


def _named(numbers):
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return f"line{'s' if len(numbers) > 1 else ''} {shown}"


def _set_aside(path):
    if path.exists():
        path.replace(path.with_name(path.name + ".damaged"))


def _start(step):
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "step": step,
        "command": shlex.join(sys.argv),
        "host": platform.node(),
        "versions": versions(),
    }


def _compare(former, now, folder):
    before = former["data"]["fingerprint"]
    if before != now["fingerprint"]:
        raise ValueError(
            f"{folder}: the data set has changed since the run began: {former['data']['size']} "
            f"pictures then, {now['size']} now (fingerprint {before[:12]} then, "
            f"{now['fingerprint'][:12]} now). Bring the data back, or train into a new folder."
        )
    old, new = former["starts"][-1]["versions"], versions()
    changed = [
        f"{name} {old.get(name)} -> {new[name]}" for name in new if old.get(name) != new[name]
    ]
    if changed:
        warnings.warn(
            f"{folder}: versions have changed since the last start ({', '.join(changed)}); the "
            "continued run may differ in its last bits.",
            stacklevel=2,
        )
