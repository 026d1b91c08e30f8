"""Who draws: a model, or a SavedModel of an export. Seeds in, pictures out."""

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import files, pictures
from tfgen.construct import no_such
from tfgen.signature import Input, Signature
from tfgen.zoo import shelf

_EXPORT = "export.json"


class Painter:
    """Draws rows from seeds, always as many at once.

    Args:
        signature: What is drawn, and how its inputs are.
        call: Inputs (B, ...) by name -> outputs by name, as arrays.
        given: Inputs that are not drawn: name -> value of one row.
        batch_size: Rows at once.
    """

    def __init__(self, signature: Signature, call: Callable, given: dict, batch_size: int):
        self.signature, self.call = signature, call
        self.given, self.batch_size = given, batch_size

    def __call__(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Pictures of the seeds first .. last, at most `batch_size` of them.

        Returns:
            (N, H, W, C) uint8, and their labels (N,) int32, or None where there are none.

        Raises:
            ValueError: What is drawn is no picture, or not finite.
        """
        rows = last - first + 1
        # A smaller batch may differ in the last bit: the last row fills it up.
        seeds = np.minimum(np.arange(first, first + self.batch_size), last)
        feeds = self.signature.draw(seeds, **self.given)
        images = next(iter(self.call(feeds).values()))[:rows]
        if images.ndim != 4:
            raise ValueError(
                f"The signature gives {images.shape[1:]} a seed, and no picture (H, W, C): choose "
                "another one by --signature."
            )
        label = feeds.get("label")
        return pictures.to_uint8(images), None if label is None else label[:rows]


def identity(folder: Path | str, checkpoint: str | int = "last") -> dict[str, Any]:
    """Which weights a folder holds, as plain data: its kind, the step or version, their SHA-256.

    Args:
        folder: Of a run or of an export, or "zoo:" and a name.
        checkpoint: Of a run: last, best or a step.

    Raises:
        FileNotFoundError: Neither a run nor an export, or the zoo is not installed.
        ValueError: No such checkpoint, or no such model of the zoo.
    """
    if str(folder).startswith(shelf.PREFIX):
        if checkpoint != "last":
            raise ValueError(f"{folder}: has one state only. Received checkpoint: {checkpoint}.")
        entry = shelf.find(str(folder))
        return {"folder": str(folder), "kind": "zoo", "step": entry.step, "sha256": entry.sha256}
    folder = Path(folder)
    if (folder / _EXPORT).exists():
        version = files.parsed((folder / _EXPORT).read_text(encoding="utf-8"))["version"]
        parts = [p for p in sorted((folder / str(version)).rglob("*")) if p.is_file()]
        parts = [p for p in parts if "assets.extra" not in p.parts]
        digest = hashlib.sha256("".join(map(files.sha256, parts)).encode()).hexdigest()
        return {"folder": str(folder), "kind": "export", "version": version, "sha256": digest}
    from tfgen.training import run

    entry = run.checkpoints_of(run.read(folder), folder).wanted(checkpoint)[-1]
    known = {"step": entry["step"], "sha256": entry["sha256"]}
    return {"folder": str(folder), "kind": "run", **known}


def signature(model: dict[str, Any], name: str | None) -> str:
    """The name of the served function that draws: this one, or the first.

    Raises:
        ValueError: There is none of this name.
    """
    table = _declared(model)
    name = name or next(iter(table))
    if name not in table:
        raise ValueError(no_such("signature", name, table))
    return name


def painter(model: dict[str, Any], name: str, given: dict, batch_size: int) -> Painter:
    """Loads what draws.

    Args:
        model: Its `identity`.
        name: Of the signature.
        given: Inputs that are not drawn.
        batch_size: Rows at once.

    Raises:
        ValueError: The weights are no longer those, or cannot be read.
    """
    now = identity(model["folder"], model["step"] if model["kind"] == "run" else "last")
    if now["sha256"] != model["sha256"]:
        raise ValueError(f"{model['folder']}: its weights are no longer those of the plan.")
    given = {k: np.asarray(v) for k, v in given.items()}
    if model["kind"] != "export":
        loaded = _model(model)

        def of_model(feeds):
            return {k: v.numpy() for k, v in loaded.call_signature(name, feeds).items()}

        return Painter(loaded.signatures()[name], of_model, given, batch_size)
    import tensorflow as tf

    served = tf.saved_model.load(str(Path(model["folder"], str(model["version"]))))
    function = served.signatures[name]

    order = _record(model)["signatures"][name]["outputs"]

    def of_export(feeds, kept=served):  # Its variables live as long as the object.
        outputs = function(**{k: tf.convert_to_tensor(v) for k, v in feeds.items()})
        return {k: outputs[k].numpy() for k in order}

    return Painter(Signature(of_export, _declared(model)[name]), of_export, given, batch_size)


def _model(model):
    return _loaded(json.dumps(model))


@functools.lru_cache(maxsize=1)
def _loaded(key):
    """One a process, for what it declares and for drawing; the key has its weights' SHA-256."""
    model = json.loads(key)
    if model["kind"] == "zoo":
        from tfgen import zoo

        return zoo.load(model["folder"])
    from tfgen.training import run

    loaded = run.load(model["folder"], model["step"])
    with loaded.averaged():
        averages = loaded.get_weights()
    loaded.set_weights(averages)  # For good: it is here to draw, and is never trained.
    return loaded


def _record(model):
    return files.parsed(Path(model["folder"], _EXPORT).read_text(encoding="utf-8"))


def _declared(model):
    """Name -> inputs of each signature."""
    if model["kind"] != "export":
        return {name: s.inputs for name, s in _model(model).signatures().items()}
    table = _record(model)["signatures"]
    return {name: {n: _input(i) for n, i in e["inputs"].items()} for name, e in table.items()}


def _input(entry):
    tuples = {"shape", "choices", "class_names"}
    values: dict[str, Any] = {
        k: tuple(v) if k in tuples and v is not None else v for k, v in entry.items()
    }
    return Input(**values)
