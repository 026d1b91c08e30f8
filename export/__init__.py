"""Trained models as SavedModel (TensorFlow Serving) and ONNX, verified before they are done.

    tfgen.export.export(model, "exports/dcgan")                 # both, as the next version
    tfgen.export.saved_model(model, "exports/dcgan/1")
    tfgen.export.onnx(model, "exports/dcgan/onnx")
    tfgen.export.tflite(model, "exports/dcgan/tflite")          # LiteRT

Importing this package imports neither TensorFlow nor ONNX; the functions do when first used.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "bundle": ("export",),
        "edge": ("Edge",),
        "endpoints": ("saved_model",),
        "errors": ("ExportError",),
        "lite_files": ("tflite",),
        "onnx_files": ("onnx",),
    },
)
