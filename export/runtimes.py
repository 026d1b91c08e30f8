"""The runtimes of an exported file, without TensorFlow: onnxruntime, and LiteRT where it is there.

Both run one signature, and give the manifest that the file holds: how its inputs are drawn.
"""

import json
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

MANIFEST = "tfgen_signature.json"  # In the archive behind a LiteRT model.


class Onnx:
    """An ONNX file in onnxruntime.

    Args:
        path: The file.
        threads: Threads within an operation; 0: one a core.

    Attributes:
        manifest: What `tfgen.export` noted of the signature; None in a file of others.

    Raises:
        ValueError: onnxruntime does not run it.
    """

    def __init__(self, path: Path, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except refusals() as error:
            raise ValueError(f"{path} cannot be run by onnxruntime: {error}") from error
        properties = self._session.get_modelmeta().custom_metadata_map
        noted = properties.get("tfgen.signature")
        self.manifest: dict[str, Any] | None = noted and json.loads(noted)

    def run(self, outputs: Sequence[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The named outputs."""
        return self._session.run(list(outputs), feeds)


class Lite:
    """A `.tflite` file in LiteRT: `ai_edge_litert`, or the copy in TensorFlow.

    Arguments, attributes and errors as of `Onnx`.
    """

    def __init__(self, path: Path, threads: int):
        try:
            self._run = lite_runner(path, threads)
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path} cannot be run by LiteRT: {error}") from error
        self.manifest = lite_manifest(path)

    def run(self, outputs: Sequence[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The named outputs."""
        found = self._run(**feeds)
        return [found[name] for name in outputs]


def lite_runner(path: Path, threads: int = 0) -> Any:
    """LiteRT's own runner of a file's signature.

    Raises:
        ModuleNotFoundError: Neither package that has it is installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's copy announces its own successor.
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ModuleNotFoundError:
            try:
                import tensorflow as tf
            except ModuleNotFoundError as error:
                raise ModuleNotFoundError(
                    "A .tflite file needs LiteRT: pip install ai-edge-litert", name=error.name
                ) from error
            Interpreter = tf.lite.Interpreter
        interpreter = Interpreter(str(path), num_threads=threads or None)
    return interpreter.get_signature_runner("serving_default")


def lite_manifest(path: Path) -> dict[str, Any] | None:
    """What `tfgen.export` noted of a LiteRT file's signature; None in a file of others."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(MANIFEST))
    except (zipfile.BadZipFile, KeyError):
        return None


def refusals() -> tuple[type[Exception], ...]:
    """The exceptions by which onnxruntime refuses a file; they have no class in common."""
    import onnxruntime

    state = onnxruntime.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented")
    return tuple(getattr(state, name) for name in names)
