"""Trained models as SavedModel (TensorFlow Serving) and ONNX, verified before they are done.

    tfgen.export.export(model, "exports/dcgan")                 # both, as the next version
    tfgen.export.saved_model(model, "exports/dcgan/1")
    tfgen.export.onnx(model, "exports/dcgan/onnx")
    tfgen.export.tflite(model, "exports/dcgan/tflite")          # LiteRT

Importing this package imports neither TensorFlow nor ONNX; the functions do when first used.
"""

import importlib

_HOME = {
    "export": "bundle",
    "onnx": "onnx_files",
    "saved_model": "endpoints",
    "tflite": "lite_files",
}

__all__ = ["ExportError", "export", "onnx", "saved_model", "tflite"]


class ExportError(ValueError):
    """An export that could not be written, or that does not compute what the model computes."""


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The modules are named unlike the functions: importing a submodule sets it as an attribute of
    # the package, where it would hide a function of the same name.
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return sorted({*globals(), *_HOME})
