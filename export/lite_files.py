"""A model for LiteRT: one `.tflite` file for each signature, with the signature's own names.

Noise is an input, and a text is token numbers, as in the ONNX files. The batch axis is free:
`interpreter.get_signature_runner("serving_default")(z=z)` takes any number of rows.
What an edge runtime needs to draw inputs from seeds lies behind the model as a zip archive, where
LiteRT's own metadata keeps files too: `tfgen.export.runtimes.lite_manifest` reads it.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from tfgen.autoregressive.raster import one_group
from tfgen.export import aside, endpoints, onnx_files, parity
from tfgen.export.errors import ExportError
from tfgen.export.runtimes import MANIFEST
from tfgen.model import GenerativeModel
from tfgen.signature import Signature


def tflite(
    model: GenerativeModel,
    folder: Path | str,
    examples: dict[str, dict[str, np.ndarray]] | None = None,
) -> dict[str, Path]:
    """Writes `<folder>/<signature>.tflite` for every signature and verifies them.

    Args:
        model: A `GenerativeModel`; averaged weights and float32, as for `saved_model`.
        folder: Where to write; files of the same name are replaced once all are verified.
        examples: Signature -> input -> (7, ...) array to verify with.

    Returns:
        Signature -> file.

    Raises:
        ExportError: An operation cannot be converted, the folder cannot be written, or a file
            differs from the model.
    """
    folder = Path(folder)
    with aside.folder(folder) as temporary, endpoints.exporting(model):
        signatures = endpoints.declared(model)
        files = write(signatures, temporary)
        parity.check_tflite(model, signatures, temporary, examples)
        for path in temporary.glob("*.json"):
            onnx_files.replace(path, folder)
        return {name: onnx_files.replace(path, folder) for name, path in files.items()}


def write(signatures: dict[str, Signature], folder: Path) -> dict[str, Path]:
    """Converts every signature into `folder`, unverified.

    Raises:
        ExportError: An operation that LiteRT's built-in ones cannot express.
    """
    files = {}
    for name, signature in signatures.items():
        if signature.numbers is not None:
            for file, contents in signature.numbers.files.items():
                (folder / file).write_text(contents, encoding="utf-8")
            signature = signature.numbers.signature
        with one_group():
            function = endpoints.traced(name, signature, guards=False)  # It has no assertions.
        module = tf.Module()
        module.served_weights = list(function.graph.variables)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
        try:
            content = converter.convert()
        except ConverterError as error:
            reason = " ".join(str(error).split())[:300]
            raise ExportError(
                f"Signature {name!r} cannot be written for LiteRT: {reason}. "
                "Use operations that LiteRT has, or leave 'tflite' out of `formats`."
            ) from error
        files[name] = folder / f"{name}.tflite"
        files[name].write_bytes(content)
        outputs = {key: key for key in function.structured_outputs}
        describe(files[name], {"name": name, "inputs": signature.manifest(), "outputs": outputs})
    return files


def describe(path: Path, manifest: dict) -> None:
    """Appends what `Edge` reads; the same bytes whenever it is written."""
    entry = zipfile.ZipInfo(MANIFEST)  # Dated 1980.
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, json.dumps(manifest))
