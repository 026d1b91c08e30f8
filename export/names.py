"""Names that the export adds to those of the model."""

from tfgen.signature import Signature

SAMPLE = "sample"  # The endpoint that takes seeds alone.
PNG = "_png"  # Ending of endpoints that answer with PNG files.


def onnx_output(signature: Signature, output: str) -> str:
    """What an output is called in the ONNX file.

    That is its name, but for an output named like an input (image -> image): one ONNX graph cannot
    hold both, and the output then ends in "_out".
    """
    return f"{output}_out" if output in signature.inputs else output
