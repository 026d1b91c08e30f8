"""What export.json says about an export: enough to use it, check it and make it again."""

import datetime
import hashlib
import json
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import tfgen
from tfgen.export.names import onnx_output
from tfgen.model import GenerativeModel

PACKAGES = ("tensorflow", "keras", "numpy", "tf2onnx", "onnx", "onnxruntime")
SEED_RULE = (
    "Input `name` of a row with seed s is drawn by Philox4x32-10 with key s (64 bits, low word "
    "first) and counter words (block, 0, 0, crc32(name)). The low 23 bits of each word, times "
    "2**-23, give u in [0, 1). uniform: low + u * (high - low). categorical: floor(u * "
    "num_classes); choice: the text of that number. normal: Box-Muller on pairs (u, v): sqrt(-2 ln "
    "max(u, 1e-7)) times sin(2 pi v), then cos(2 pi v)."
)


# A value that is one path, perhaps with spaces, after "folder:" or "data.name=folder:".
_ONE_PATH = re.compile(r"(?P<before>(?:[\w.-]+[:=])*)(?P<path>/[^,\n]*/[^,\n]*)")
# A path within a text; no address (https://...) and no fraction (1/2).
_PATH = re.compile(r"(?<![\w/.~)])/(?:[^\s/'\",;:)\]]+/)+[^\s/'\",;:)\]]*")


def describe(model: GenerativeModel, table: dict) -> dict[str, Any]:
    """Model, signatures, endpoints and the packages that made them, as plain data.

    Args:
        model: The Keras model.
        table: Name -> `tfgen.export.endpoints.Endpoint`.
    """
    signatures = model.signatures()
    return {
        "model": {
            "class": type(model).__name__,
            "config": public(model.get_config()),
            "step": int(model.step),
        },
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "packages": {"python": platform.python_version(), **packages()},
        "seed_rule": SEED_RULE,
        "default": next(iter(signatures)),
        "signatures": {
            name: {
                **endpoint(table[name]),
                "onnx_inputs": onnx_inputs(table[name]),
                "onnx_outputs": onnx_outputs(table[name]),
                **tokenizer(table[name]),
            }
            for name in signatures
        },
        "endpoints": {name: endpoint(entry) for name, entry in table.items()},
    }


def packages() -> dict[str, str]:
    """Package -> version, of those that an export depends on."""
    return {"tfgen": tfgen.__version__, **{p: version(p) for p in PACKAGES}}


def endpoint(entry: Any) -> dict[str, Any]:
    """Inputs with how they are drawn, and outputs; shapes of one row (None: a free side)."""
    outputs = entry.function.structured_outputs
    return {
        "inputs": entry.signature.manifest(),
        "outputs": {
            name: {"dtype": value.dtype.name, "shape": shape(value)}
            for name, value in outputs.items()
        },
        "drawable": entry.is_seeded or entry.signature.drawable,
        "signature": entry.source,
    }


def onnx_inputs(entry: Any) -> dict[str, Any]:
    """The inputs of the ONNX file: tokens where the signature takes a text."""
    numbers = entry.signature.numbers
    return (numbers.signature if numbers else entry.signature).manifest()


def onnx_outputs(entry: Any) -> dict[str, str]:
    """Output -> its name in the ONNX file."""
    outputs = entry.function.structured_outputs
    return {name: onnx_output(entry.signature, name) for name in outputs}


def tokenizer(entry: Any) -> dict[str, Any]:
    """How a text becomes numbers, with all known words: {"tokenizer": ...}, or nothing."""
    numbers = entry.signature.numbers
    text = numbers.files.get("tokenizer.json") if numbers else None
    return {"tokenizer": json.loads(text)} if text else {}


def shape(value: tf.Tensor) -> list[int | None] | None:
    """A tensor's static shape without the batch axis, or None where the rank is unknown."""
    return value.shape.as_list()[1:] if value.shape.rank is not None else None


def files(folder: Path, number: int) -> dict[str, dict[str, Any]]:
    """Relative path -> size, SHA-256 and export version of every file below `folder`, sorted."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
            "version": number,
        }
        for path in found
    }


def sha256(path: Path) -> str:
    """The file's digest, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def public(value: Any):
    """Plain data without the folders of the machine that made them.

    An absolute path in a text becomes its last part: "folder:/home/me/birds" is "folder:birds".
    """
    if isinstance(value, dict):
        return {key: public(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [public(entry) for entry in value]
    if isinstance(value, Path):
        return public(str(value))
    if not isinstance(value, str):
        return value
    if whole := _ONE_PATH.fullmatch(value):
        return whole["before"] + Path(whole["path"]).name
    return _PATH.sub(lambda found: Path(found[0]).name, value)


def plain(value: Any):
    """JSON for what a model's configuration may hold besides plain values."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tf.DType):
        return value.name
    if isinstance(getattr(value, "parameters", None), dict):  # A tfp distribution or bijector.
        return {"class_name": type(value).__name__, "parameters": dict(value.parameters)}
    return keras.saving.serialize_keras_object(value)
