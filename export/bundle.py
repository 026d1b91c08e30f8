"""The export folder of a model: numbered SavedModels, ONNX files, and the record of all.

    exports/dcgan/1/saved_model.pb ...      what TensorFlow Serving loads: the largest number
    exports/dcgan/onnx/<signature>.onnx     of the newest version; .fp16.onnx, .int8.onnx: variants
    exports/dcgan/tflite/<signature>.tflite for LiteRT, where it is asked for
    exports/dcgan/export.json               the newest version's record, with SHA-256 of its files

Each version also keeps its own record in <version>/assets.extra/export.json, and each ONNX file
says in its metadata which version it belongs to. Nothing appears under these names before all of it
is written and verified.
"""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgen.export import aside, lite_files, onnx_files, parity, quantize, record
from tfgen.export.endpoints import declared, endpoints, exporting
from tfgen.export.endpoints import write as write_saved_model
from tfgen.export.errors import ExportError
from tfgen.model import GenerativeModel

FORMATS = ("saved_model", "onnx", "tflite")
DEFAULT_FORMATS = ("saved_model", "onnx")
_BESIDE = ("onnx", "tflite")  # Formats whose files lie beside the versions, of the newest one.
RECORD = "export.json"


def export(
    model: GenerativeModel,
    folder: Path | str,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    opset: int = onnx_files.OPSET,
    manifest_extra: dict | None = None,
    examples: dict[str, dict[str, np.ndarray]] | None = None,
    variants: Sequence[str] = (),
) -> dict:
    """Writes and verifies the next version of a model in an export folder.

    Args:
        model: A `GenerativeModel`.
        folder: The export folder, made where it does not exist.
        formats: Any of "saved_model", "onnx" and "tflite" (LiteRT). Without "saved_model" there is
            no numbered folder.
        opset: ONNX operator set, 13 to 18.
        manifest_extra: Plain data to keep under "extra" in export.json (the run, its data).
        examples: Signature -> input -> (7, ...) array to verify with, for inputs that are not drawn
            and for which random numbers in [-1, 1] would not do.
        variants: Any of "fp16" and "int8": ONNX files that are smaller, with what they cost.

    Returns:
        The record, as written to export.json.

    Raises:
        ExportError: Unknown format, a folder that cannot be written, something that cannot be
            converted, or an export that differs from the model. The folder is then as it was.
    """
    folder, formats = Path(folder), tuple(formats)
    if not formats or set(formats) - set(FORMATS):
        raise ExportError(f"`formats` must be some of {FORMATS}. Received: {formats}.")
    if variants and "onnx" not in formats:
        raise ExportError(f"Variants {tuple(variants)} are ONNX files: add 'onnx' to `formats`.")
    with aside.folder(folder) as temporary, exporting(model):
        previous = previous_record(folder)
        version = next_version(folder, previous)
        try:
            report = build(model, temporary, version, formats, opset, examples, variants)
        except tf.errors.OpError as error:
            raise ExportError(f"TensorFlow could not write to {folder}: {error.message}") from error
        report["extra"] = record.public(manifest_extra or {})
        publish(temporary, folder, report, previous)
    return report


def build(
    model: GenerativeModel,
    temporary: Path,
    version: int,
    formats: Sequence[str],
    opset: int,
    examples: dict[str, dict[str, np.ndarray]] | None,
    variants: Sequence[str],
) -> dict:
    """Writes everything into the temporary folder, verifies it and returns its record."""
    table, signatures = endpoints(model), declared(model)
    errors, seconds = {}, {}
    if "saved_model" in formats:
        start = time.perf_counter()
        write_saved_model(table, temporary / str(version))
        seconds["saved_model"] = since(start)
    if "onnx" in formats:
        start = time.perf_counter()
        (temporary / "onnx").mkdir()
        extra = {"export_version": version}
        onnx_files.write(model, signatures, temporary / "onnx", opset, extra)
        seconds["onnx"] = since(start)
    if "tflite" in formats:
        start = time.perf_counter()
        (temporary / "tflite").mkdir()
        lite_files.write(signatures, temporary / "tflite")
        seconds["tflite"] = since(start)

    start = time.perf_counter()
    if "saved_model" in formats:
        path = temporary / str(version)
        errors["saved_model"] = parity.check_saved_model(model, table, path, examples)
    if "onnx" in formats:
        errors["onnx"] = parity.check_onnx(model, signatures, temporary / "onnx", examples)
    if "tflite" in formats:
        errors["tflite"] = parity.check_tflite(model, signatures, temporary / "tflite", examples)
    seconds["verification"] = since(start)
    quantized = {}
    if variants:
        start = time.perf_counter()
        quantized = quantize.write(temporary / "onnx", signatures, variants, examples)
        seconds["quantize"] = since(start)

    return {
        "version": version,
        "formats": list(formats),
        **record.describe(model, table),
        "opset": opset if "onnx" in formats else None,
        "verification": {
            "max_abs_error": errors,
            "bound": parity.BOUND,
            "batch_sizes": list(parity.BATCH_SIZES),
        },
        "quantized": quantized,
        "seconds": seconds,
        "files": record.files(temporary, version),
    }


def since(start: float) -> float:
    """Seconds since `start`, to the millisecond."""
    return round(time.perf_counter() - start, 3)


def publish(temporary: Path, folder: Path, report: dict, previous: dict) -> None:
    """Renames the verified files to their places, the record last."""
    version = str(report["version"])
    for name in _BESIDE:
        if name not in report["formats"]:
            report["files"] |= carried(previous, name)
    text = json.dumps(report, indent=2, default=record.plain) + "\n"
    (temporary / RECORD).write_text(text)
    if (temporary / version).exists():
        (temporary / version / "assets.extra" / RECORD).write_text(text)
        aside.rename_new(temporary / version, folder / version)
    for name in _BESIDE:
        if (temporary / name).exists():
            replace_files(temporary / name, folder / name, previous)
    os.replace(temporary / RECORD, folder / RECORD)


def replace_files(source: Path, target: Path, previous: dict) -> None:
    """Puts new files in place and removes those that the last export left over."""
    target.mkdir(exist_ok=True)
    new = {path.name for path in source.iterdir()}
    for name in new:
        os.replace(source / name, target / name)
    for path in (target.parent / name for name in previous.get("files", ())):
        # Only files that an export wrote: what else lies there is not ours.
        if path.parent == target and path.name not in new:
            path.unlink(missing_ok=True)


def carried(previous: dict, name: str) -> dict:
    """The entries of a format's files, which stay where that format is not exported again."""
    files = previous.get("files", {})
    return {path: entry for path, entry in files.items() if path.startswith(f"{name}/")}


def previous_record(folder: Path) -> dict:
    """The last export.json, empty where there is none that can be read."""
    try:
        record = json.loads((folder / RECORD).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def next_version(folder: Path, previous: dict) -> int:
    """One above the largest version that is there, or was."""
    present = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
    return max(present + [previous.get("version") or 0]) + 1
