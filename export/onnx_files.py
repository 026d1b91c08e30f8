"""A model as ONNX: one file for each signature, under the signature's input and output names.

An output named like an input is the exception: see `tfgen.export.names.onnx_output`.
Noise is an input. A text is token numbers there, with the tokenizer's vocabulary in a JSON file
beside it (`tfgen.signature.Numbers`). The file's metadata holds what an edge runtime needs to draw
inputs from seeds with NumPy alone: `tfgen.signature` is the signature's manifest as JSON.
"""

import json
import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx as onnx_format
import tensorflow as tf
import tf2onnx

import tfgen
from tfgen.autoregressive.raster import one_group
from tfgen.export import (
    aside,
    onnx_operations,  # noqa: F401 (registers operations)
    parity,
)
from tfgen.export.endpoints import declared, exporting, full_precision
from tfgen.export.errors import ExportError
from tfgen.export.names import onnx_output
from tfgen.export.onnx_order import save
from tfgen.export.onnx_repairs import repaired
from tfgen.model import GenerativeModel
from tfgen.signature import Signature

OPSET = 17
SUPPORTED = range(13, 19)  # What tf2onnx 1.17 converts to.


def onnx(
    model: GenerativeModel,
    folder: Path | str,
    opset: int = OPSET,
    examples: dict[str, dict[str, np.ndarray]] | None = None,
) -> dict[str, Path]:
    """Writes `<folder>/<signature>.onnx` for every signature and verifies them.

    Args:
        model: A `GenerativeModel`; averaged weights and float32, as for `saved_model`.
        folder: Where to write; files of the same name are replaced once all are verified.
        opset: ONNX operator set, 13 to 18.
        examples: Signature -> input -> (7, ...) array to verify with.

    Returns:
        Signature -> file.

    Raises:
        ExportError: An operation cannot be converted, the folder cannot be written, or a file
            differs from the model.
    """
    folder = Path(folder)
    with aside.folder(folder) as temporary, exporting(model):
        signatures = declared(model)
        files = write(model, signatures, temporary, opset)
        parity.check_onnx(model, signatures, temporary, examples)
        for path in temporary.glob("*.json"):
            replace(path, folder)
        return {name: replace(path, folder) for name, path in files.items()}


def replace(path: Path, folder: Path) -> Path:
    """Moves a finished file into a folder, over one of the same name."""
    os.replace(path, folder / path.name)
    return folder / path.name


def write(
    model: GenerativeModel,
    signatures: dict[str, Signature],
    folder: Path,
    opset: int = OPSET,
    extra: dict[str, Any] | None = None,
) -> dict[str, Path]:
    """Converts every signature into `folder`, unverified; `extra` is added to the metadata."""
    if opset not in SUPPORTED:
        raise ExportError(f"`opset` must be {SUPPORTED[0]} to {SUPPORTED[-1]}. Received: {opset}.")
    files = {}
    for name, signature in signatures.items():
        if signature.numbers is not None:  # ONNX has no operations on texts.
            for file, contents in signature.numbers.files.items():
                (folder / file).write_text(contents, encoding="utf-8")
            signature = signature.numbers.signature
        proto, outputs = convert(name, signature, opset)
        manifest = {"name": name, "inputs": signature.manifest(), "outputs": outputs}
        onnx_format.helper.set_model_props(
            proto,
            {
                "tfgen.version": tfgen.__version__,
                "tfgen.model": type(model).__name__,
                "tfgen.signature": json.dumps(manifest),
                **{f"tfgen.{key}": str(value) for key, value in (extra or {}).items()},
            },
        )
        files[name] = folder / f"{name}.onnx"
        save(proto, files[name])
    return files


def convert(name: str, signature: Signature, opset: int):
    """The ONNX model of one signature, and its outputs' names: signature's -> file's.

    Weights are frozen, the batch axis is free and named "batch".

    Raises:
        ExportError: An operation has no ONNX form, or inputs went missing in the conversion.
    """
    keys, names = list(signature.inputs), {}

    @tf.function(autograph=False)
    def served(*values):
        outputs = signature.fn(**dict(zip(keys, values, strict=True)))
        names.update({key: onnx_output(signature, key) for key in outputs})
        return {names[key]: tf.identity(full_precision(x)) for key, x in outputs.items()}

    with Complaints() as complaints, warnings.catch_warnings(), repaired(), one_group():
        # tf2onnx is not ours to fix: its deprecations must not fail a strict test run.
        warnings.simplefilter("ignore", DeprecationWarning)
        proto, _ = tf2onnx.convert.from_function(served, signature.specs(), opset=opset)
    unknown = unknown_operations(proto, opset)
    if unknown or complaints.messages:
        reasons = "; ".join([*unknown, *complaints.messages])
        raise ExportError(
            f"Signature {name!r} cannot be written as ONNX (opset {opset}): {reasons}. "
            "Use operations that tf2onnx converts, or leave 'onnx' out of `formats`."
        )
    reorder(name, "inputs", proto.graph.input, keys)
    reorder(name, "outputs", proto.graph.output, list(names.values()))
    for value in (*proto.graph.input, *proto.graph.output):
        name_axes(value)
    return proto, names


class Complaints(logging.Handler):
    """What tf2onnx logs as errors: it does not raise them, and writes an invalid file."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.messages = []
        self.logger = logging.getLogger("tf2onnx")

    def emit(self, record):
        self.messages.append(" ".join(record.getMessage().split())[:300])

    def __enter__(self):
        self.kept = self.logger.propagate
        self.logger.propagate = False
        self.logger.addHandler(self)
        return self

    def __exit__(self, *exception):
        self.logger.removeHandler(self)
        self.logger.propagate = self.kept


def unknown_operations(proto: onnx_format.ModelProto, opset: int) -> list[str]:
    """Operations that no ONNX operator set knows, sorted."""
    unknown = set()
    graphs = [proto.graph, *proto.functions]
    while graphs:
        for node in graphs.pop().node:
            if not node.domain and not onnx_format.defs.has(node.op_type, opset, ""):
                unknown.add(f"no conversion of {node.op_type}")
            for attribute in node.attribute:
                graphs += [g for g in (attribute.g, *attribute.graphs) if g.node]
    return sorted(unknown)


def reorder(name: str, kind: str, values: Any, keys: Sequence[str]) -> None:
    """Puts the graph's inputs or outputs into the signature's order."""
    found = {value.name: value for value in values}
    if set(found) != set(keys):
        raise ExportError(
            f"Signature {name!r} cannot be written as ONNX: its {kind} became {sorted(found)} "
            f"instead of {sorted(keys)}. A loop must not capture an "
            "eager tensor (capture a NumPy array or a variable)."
        )
    ordered = [found[key] for key in keys]
    copies = [type(value).FromString(value.SerializeToString()) for value in ordered]
    del values[:]
    values.extend(copies)


def name_axes(value: onnx_format.ValueInfoProto) -> None:
    """Calls the free first axis "batch", and other free axes by the tensor's name."""
    for axis, side in enumerate(value.type.tensor_type.shape.dim):
        if not side.HasField("dim_value"):
            side.dim_param = f"{value.name}_{axis}" if axis else "batch"
