"""ONNX files read by the reference evaluator of the `onnx` package: NumPy, and no onnxruntime."""

import numpy as np
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun


class OneHot(OpRun):
    """The evaluator's own fails where the depth is an array of one number, which ONNX allows."""

    op_domain = ""

    def _run(self, indices, depth, values, axis=None):
        axis = axis % (indices.ndim + 1)
        places = np.arange(int(np.ravel(depth)[0])).reshape(-1, *[1] * (indices.ndim - axis))
        hot = np.expand_dims(indices, axis) == places
        return (np.where(hot, values[1], values[0]).astype(values.dtype),)


def read(path, feeds):
    """Output name -> array, or None where the evaluator lacks an operator of the file.

    What it lacks in onnx 1.23: DequantizeLinear of the operator sets before 19, which some int8
    files have.
    """
    try:
        evaluator = ReferenceEvaluator(str(path), new_ops=[OneHot])
        values = evaluator.run(None, feeds)
    except RuntimeError as error:
        if "No implementation for operator 'DequantizeLinear'" in str(error):
            return None
        raise
    return dict(zip(evaluator.output_names, values, strict=True))


def difference(path, feeds):
    """The largest difference from onnxruntime, in units of the largest value or of 1.

    None where `read` gives none.
    """
    from tfgen.export.quantize import run

    found = read(path, feeds)
    if found is None:
        return None
    largest = 0.0
    for name, wanted in run(path, feeds).items():
        assert found[name].shape == wanted.shape and found[name].dtype == wanted.dtype
        if wanted.size:
            gap = np.abs(found[name].astype(np.float64) - wanted.astype(np.float64)).max()
            largest = max(largest, float(gap / max(1.0, np.abs(wanted).max())))
    return largest
