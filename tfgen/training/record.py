"""What a run notes about itself: run.json and metrics.jsonl."""

import datetime
import json
import platform
import shlex
import sys
import warnings
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


def begin(
    settings: "Config", folder: Path, model: GenerativeModel, stream: tf.data.Dataset, step: int
) -> None:
    """Writes config.yaml and run.json for a start at this step.

    Raises:
        ValueError: The data set is not the one that the run began with.
    """
    path, former = folder / "run.json", {}
    if (folder / "config.yaml").exists() and path.exists():
        former = json.loads(path.read_text(encoding="utf-8"))
        _compare(former, data(stream.source), folder)
    note = {
        "seed": settings.seed,
        "model": {"name": settings.model["name"], "parameters": parameters(model)},
        "data": data(stream.source),
        "steps_per_epoch": settings.fit["steps_per_epoch"] or stream.steps_per_epoch,
        "starts": [*former.get("starts", []), _start(step)],
    }
    # run.json first: a folder with a config is a run.
    files.write_text(path, json.dumps(note, indent=1) + "\n")
    files.write_text(folder / "config.yaml", settings.text())


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
    """The lines of metrics.jsonl; a last one that was cut off is left out."""
    if not path.exists():
        return []
    found = []
    for text in path.read_text(encoding="utf-8").split("\n"):
        try:
            found.append(json.loads(text))
        except json.JSONDecodeError:
            continue  # Killed in the middle of a line.
    return found


def trim(path: Path, step: int) -> None:
    """Drops the lines of epochs that ended after this step: the run takes them again."""
    kept = [line for line in lines(path) if line["step"] <= step]
    text = "".join(json.dumps(line) + "\n" for line in kept)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        files.write_text(path, text)


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
