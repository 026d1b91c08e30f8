"""Whether an export computes what the Keras model computes.

Each exported function is run in a fresh process at several batch sizes, on ordinary inputs and on
the ends of what is valid, and must agree with Keras row by row. The bound is 1e-4 absolute for
pictures and everything else of magnitude 1; an output that reaches further than 1 (a
log-likelihood in nats) may differ by 1e-4 of its largest value, which is what float32 can promise.
"""

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen.export import picture_files, probes, worker
from tfgen.export.errors import ExportError
from tfgen.export.names import onnx_output
from tfgen.export.verify import pack, unpack
from tfgen.signature import Signature

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel

BOUND = 1e-4
BATCH_SIZES = (1, 3, 7)


def check_saved_model(
    model: "GenerativeModel",
    endpoints: dict,
    path: Path,
    examples: dict[str, dict[str, np.ndarray]] | None = None,
) -> dict:
    """Verifies every endpoint of a SavedModel.

    Args:
        model: The Keras model, in the state that was exported.
        endpoints: Name -> `tfgen.export.endpoints.Endpoint`.
        path: The SavedModel's folder.
        examples: Signature -> input -> rows to use instead of random ones.

    Returns:
        Endpoint -> output -> largest absolute error.

    Raises:
        ExportError: It does not load or run, gives NaN, or differs by more than the bound.
    """
    examples = examples or {}
    with tempfile.TemporaryDirectory(prefix="tfgen-parity-") as scratch:
        calls = []
        for name, endpoint in endpoints.items():
            mine = examples.get(endpoint.source)
            feeds = endpoint.typical(examples=mine), endpoint.extreme(mine)
            calls += calls_of(Path(scratch), name, *feeds)
        # Graphs are optimised there as they are here.
        optimizer = tf.config.optimizer.get_experimental_options()
        worker.ask(
            {"format": "saved_model", "path": str(path), "calls": calls, "optimizer": optimizer}
        )
        report = {name: {} for name in endpoints}
        references: dict[tuple, dict] = {}  # Keras may take long to draw: once for each question.
        for call in calls:
            name = call["endpoint"]
            feeds = unpack(call["feeds"])
            asked = {key: (value.shape, value.tolist()) for key, value in feeds.items()}
            question = (endpoints[name].source, endpoints[name].is_seeded, repr(asked))
            if question not in references:
                references[question] = reference(model, endpoints[name], feeds)
            expected = references[question]
            errors = compare("saved_model", call, expected, endpoints[name].is_png)
            merge(report[name], errors)
    return report


def check_onnx(
    model: "GenerativeModel",
    signatures: dict[str, Signature],
    folder: Path,
    examples: dict[str, dict[str, np.ndarray]] | None = None,
) -> dict:
    """Verifies the ONNX file of every signature; arguments and result as `check_saved_model`."""
    return _check_files("onnx", onnx_output, model, signatures, folder, examples)


def check_tflite(
    model: "GenerativeModel",
    signatures: dict[str, Signature],
    folder: Path,
    examples: dict[str, dict[str, np.ndarray]] | None = None,
) -> dict:
    """Verifies the LiteRT file of every signature; arguments and result as `check_saved_model`."""
    return _check_files("tflite", lambda _, name: name, model, signatures, folder, examples)


def _check_files(format, output_name, model, signatures, folder, examples):
    examples = examples or {}
    report = {name: {} for name in signatures}
    with tempfile.TemporaryDirectory(prefix="tfgen-parity-") as scratch:
        for name, signature in signatures.items():
            mine = examples.get(name)
            ends = probes.extreme(signature, mine)
            calls = calls_of(Path(scratch), name, probes.typical(signature, examples=mine), ends)
            given = [unpack(call["feeds"]) for call in calls]
            if signature.numbers is not None:  # Keras gets the texts, the file their tokens.
                for call, feeds in zip(calls, given, strict=True):
                    pack(call["feeds"], signature.numbers.convert(feeds))
            path = str(folder / f"{name}.{format}")
            worker.ask({"format": format, "path": path, "calls": calls})
            for call, feeds in zip(calls, given, strict=True):
                expected = keras_outputs(model, name, feeds)
                names = {key: output_name(signature, key) for key in expected}
                renamed = {names[key]: value for key, value in expected.items()}
                errors = compare(format, call, renamed, is_png=False)
                merge(report[name], {key: errors[names[key]] for key in expected})
    return report


def calls_of(scratch: Path, name: str, typical: dict, extreme: dict) -> list[dict]:
    """The worker's calls of one function: ordinary inputs, and the ends."""
    calls = []
    for kind, feeds, sizes in (("typical", typical, BATCH_SIZES), ("extreme", extreme, (3,))):
        call: dict[str, Any] = {
            "endpoint": name,
            "feeds": str(scratch / f"{name}.{kind}.npz"),
            "outputs": str(scratch / f"{name}.{kind}.outputs.npz"),
            "batch_sizes": list(sizes),
        }
        pack(call["feeds"], feeds)
        calls.append(call)
    return calls


def keras_outputs(model: "GenerativeModel", name: str, feeds: dict) -> dict[str, np.ndarray]:
    """Output name -> array, computed by Keras."""
    return {key: value.numpy() for key, value in model.call_signature(name, feeds).items()}


def reference(model: "GenerativeModel", endpoint: Any, feeds: dict) -> dict[str, np.ndarray]:
    """What an endpoint must give; seeds are drawn and files are read without TensorFlow."""
    if endpoint.plain:
        feeds = picture_files.unpacked(endpoint.plain, feeds)
    if not endpoint.is_seeded:
        return keras_outputs(model, endpoint.source, feeds)
    given = {name: value for name, value in feeds.items() if name != "seed"}
    drawn = model.signatures()[endpoint.source].draw(feeds["seed"], **given)
    outputs = keras_outputs(model, endpoint.source, drawn)
    first = next(iter(outputs))
    return {**outputs, first: model.sample(feeds["seed"], signature=endpoint.source, **given)}


def compare(format: str, call: dict, expected: dict[str, np.ndarray], is_png: bool) -> dict:
    """Output -> largest absolute error over the batch sizes of one call.

    Raises:
        ExportError: Names the signature, the output, the format, the error and the bound.
    """
    got = unpack(call["outputs"])
    where = f"{format} {call['endpoint']!r}"
    if is_png:
        expected = {"image_bytes": expected["image"]}
    errors = {}
    for size in call["batch_sizes"]:
        names = {key.partition("/")[2] for key in got if key.startswith(f"{size}/")}
        if names != set(expected):
            raise ExportError(f"{where} gives {sorted(names)} instead of {sorted(expected)}.")
        for name, wanted in expected.items():
            label = f"{where}, output {name!r}, batch size {size}"
            value = got[f"{size}/{name}"]
            error, bound = difference(label, value, wanted[:size], is_png)
            if not error <= bound:
                raise ExportError(
                    f"{label}: differs from Keras by {error:.3g}, more than the bound {bound:.3g}. "
                    "Nothing was exported."
                )
            errors[name] = max(error, errors.get(name, 0.0))
    return errors


def difference(
    label: str, value: np.ndarray, wanted: np.ndarray, is_png: bool
) -> tuple[float, float]:
    """(largest absolute error, bound) of one output.

    Raises:
        ExportError: Another shape, or a value that is not finite.
    """
    if is_png:
        return png_error(label, value, wanted), BOUND
    if value.shape != wanted.shape:
        raise ExportError(f"{label}: shape {value.shape} instead of {wanted.shape}.")
    if wanted.dtype.kind in "OSU":
        return (0.0 if (value == wanted).all() else float("inf")), BOUND
    value, wanted = value.astype(np.float64), wanted.astype(np.float64)
    for who, array in (("Keras", wanted), ("the export", value)):
        if not np.isfinite(array).all():
            raise ExportError(f"{label}: {who} gives NaN or infinity for valid inputs.")
    if not wanted.size:
        return 0.0, BOUND
    return float(np.abs(value - wanted).max()), BOUND * max(1.0, float(np.abs(wanted).max()))


def png_error(label: str, value: np.ndarray, wanted: np.ndarray) -> float:
    """How far the pictures are past half a level, the rounding of 8 bits, in units of [-1, 1]."""
    levels = np.clip((wanted.astype(np.float64) + 1) * 127.5, 0, 255)
    if value.shape != wanted.shape[:1]:
        raise ExportError(f"{label}: {value.shape} PNG files for {len(wanted)} rows.")
    decoded = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in value])
    if decoded.size != levels.size:
        raise ExportError(f"{label}: pictures of shape {decoded.shape} instead of {levels.shape}.")
    excess = np.abs(decoded.reshape(levels.shape) - levels).max() - 0.5
    return max(0.0, float(excess)) / 127.5


def merge(report: dict, errors: dict) -> None:
    """Keeps the larger error of each output."""
    for name, error in errors.items():
        report[name] = max(error, report.get(name, 0.0))
