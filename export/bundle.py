"""The export folder of a model: numbered SavedModels, ONNX files, and the record of both.

    exports/dcgan/1/saved_model.pb ...      what TensorFlow Serving loads: the largest number
    exports/dcgan/onnx/<signature>.onnx     of the newest version
    exports/dcgan/export.json               the newest version's record, with SHA-256 of its files

Each version also keeps its own record in <version>/assets.extra/export.json, and each ONNX file
says in its metadata which version it belongs to. Nothing appears under these names before all of it
is written and verified.
"""

import json
import os
import time
from pathlib import Path

import tensorflow as tf

from tfgen.export import ExportError, aside, onnx_files, parity, record
from tfgen.export.endpoints import declared, endpoints, exporting
from tfgen.export.endpoints import write as write_saved_model

FORMATS = ("saved_model", "onnx")
RECORD = "export.json"


def export(
    model, folder, *, formats=FORMATS, opset=onnx_files.OPSET, manifest_extra=None, examples=None
) -> dict:
    """Writes and verifies the next version of a model in an export folder.

    Args:
        model: A `GenerativeModel`.
        folder: The export folder, made where it does not exist.
        formats: Any of "saved_model" and "onnx". Without "saved_model" there is no numbered folder.
        opset: ONNX operator set, 13 to 18.
        manifest_extra: Plain data to keep under "extra" in export.json (the run, its data).
        examples: Signature -> input -> (7, ...) array to verify with, for inputs that are not drawn
            and for which random numbers in [-1, 1] would not do.

    Returns:
        The record, as written to export.json.

    Raises:
        ExportError: Unknown format, a folder that cannot be written, something that cannot be
            converted, or an export that differs from the model. The folder is then as it was.
    """
    folder, formats = Path(folder), tuple(formats)
    if not formats or set(formats) - set(FORMATS):
        raise ExportError(f"`formats` must be some of {FORMATS}. Received: {formats}.")
    with aside.folder(folder) as temporary, exporting(model):
        previous = previous_record(folder)
        version = next_version(folder, previous)
        try:
            report = build(model, temporary, version, formats, opset, examples)
        except tf.errors.OpError as error:
            raise ExportError(f"TensorFlow could not write to {folder}: {error.message}") from error
        report["extra"] = manifest_extra or {}
        publish(temporary, folder, report, previous)
    return report


def build(model, temporary, version, formats, opset, examples) -> dict:
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

    start = time.perf_counter()
    if "saved_model" in formats:
        path = temporary / str(version)
        errors["saved_model"] = parity.check_saved_model(model, table, path, examples)
    if "onnx" in formats:
        errors["onnx"] = parity.check_onnx(model, signatures, temporary / "onnx", examples)
    seconds["verification"] = since(start)

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
        "seconds": seconds,
        "files": record.files(temporary, version),
    }


def since(start):
    """Seconds since `start`, to the millisecond."""
    return round(time.perf_counter() - start, 3)


def publish(temporary: Path, folder: Path, report: dict, previous: dict) -> None:
    """Renames the verified files to their places, the record last."""
    version = str(report["version"])
    if "onnx" not in report["formats"]:
        report["files"] |= carried(previous)
    text = json.dumps(report, indent=2, default=record.plain) + "\n"
    (temporary / RECORD).write_text(text)
    if (temporary / version).exists():
        (temporary / version / "assets.extra" / RECORD).write_text(text)
        aside.rename_new(temporary / version, folder / version)
    if (temporary / "onnx").exists():
        replace_onnx(temporary / "onnx", folder, previous)
    os.replace(temporary / RECORD, folder / RECORD)


def replace_onnx(source: Path, folder: Path, previous: dict) -> None:
    """Puts the new ONNX files in place and removes those that the last export left over."""
    target = folder / "onnx"
    target.mkdir(exist_ok=True)
    new = {path.name for path in source.iterdir()}
    for name in new:
        os.replace(source / name, target / name)
    for path in (folder / name for name in previous.get("files", ())):
        # Only files that an export wrote: what else lies there is not ours.
        if path.parent == target and path.name not in new:
            path.unlink(missing_ok=True)


def carried(previous: dict) -> dict:
    """The entries of the ONNX files, which stay where only a SavedModel is exported."""
    files = previous.get("files", {})
    return {name: entry for name, entry in files.items() if name.startswith("onnx/")}


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
