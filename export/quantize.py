"""Smaller variants of the ONNX files, and what they cost: measured, never assumed.

    generate.fp16.onnx   weights and arithmetic in half precision; inputs and outputs stay float32
    generate.int8.onnx   weights of matrix products and convolutions in 8 bits, one scale a channel;
                         activations are quantised as they come. Transposed convolutions, for which
                         onnxruntime has no such operation, stay float32.

Each variant runs on the same inputs as the float32 file. Of every output the largest and the mean
difference are kept; of pictures also the peak signal-to-noise ratio (range 2), and the p-value of a
kernel two-sample test between pictures of the variant and of the float32 file for other seeds: a
small one says that the variant draws from another distribution.
"""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx as onnx_format
import onnxruntime

from tfgen.export import probes
from tfgen.export.errors import ExportError
from tfgen.export.names import onnx_output
from tfgen.export.onnx_order import save
from tfgen.export.runtimes import refusals
from tfgen.signature import Signature

VARIANTS = ("fp16", "int8")
ROWS = 64  # Compared of each signature.
_RANGE = 2.0  # Of pictures in [-1, 1].
# What the converters raise for a graph that they cannot handle, and running it later.
_REFUSALS = (
    ValueError,
    RuntimeError,
    TypeError,
    KeyError,
    ExportError,
    onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException,
    *refusals(),
)


def write(
    folder: Path,
    signatures: dict[str, Signature],
    variants: Sequence[str],
    examples: dict[str, dict[str, np.ndarray]] | None = None,
) -> dict:
    """Writes `<signature>.<variant>.onnx` beside the float32 files and measures them.

    Args:
        folder: Of the float32 files.
        signatures: Signature name -> Signature.
        variants: Some of "fp16" and "int8".
        examples: Signature -> input -> array, for inputs that are not drawn.

    Returns:
        Variant -> signature -> {"bytes", "float32_bytes", "outputs": {output: differences}}, with
        "pictures" where the first output is one and can be drawn; or {"error": why}, for a
        signature that has no such variant.

    Raises:
        ExportError: Unknown variant.
    """
    unknown = set(variants) - set(VARIANTS)
    if unknown:
        raise ExportError(f"`quantize` must be some of {VARIANTS}. Received: {sorted(unknown)}.")
    report = {variant: {} for variant in variants}
    for name, signature in signatures.items():
        source = folder / f"{name}.onnx"
        feeds = inputs(signature, (examples or {}).get(name))
        wanted = run(source, feeds)
        others = None
        for variant in variants:
            path = folder / f"{name}.{variant}.onnx"
            try:
                convert(source, path, variant)
                got = run(path, feeds)
                check(got, wanted)
            except _REFUSALS as error:
                path.unlink(missing_ok=True)
                report[variant][name] = {"error": " ".join(str(error).split())[:300]}
                continue
            entry = {
                "bytes": path.stat().st_size,
                "float32_bytes": source.stat().st_size,
                "outputs": {key: difference(got[key], wanted[key]) for key in wanted},
            }
            image = wanted.get(onnx_output(signature, "image"))
            if signature.drawable and image is not None and image.ndim == 4:
                if others is None:
                    others = run(source, inputs(signature, None, first=10_000))
                entry["pictures"] = compared(got, wanted, others, onnx_output(signature, "image"))
            report[variant][name] = entry
    return report


def inputs(
    signature: Signature, examples: dict[str, np.ndarray] | None, first: int = 0
) -> dict[str, np.ndarray]:
    """Inputs of the ONNX file: drawn where that is possible, else examples or random."""
    rows = min([ROWS, *(len(value) for value in (examples or {}).values())])
    feeds = probes.typical(signature, range(first, first + rows), examples)
    return signature.numbers.convert(feeds) if signature.numbers is not None else feeds


def run(path: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Output name -> array of an ONNX file."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def convert(source: Path, path: Path, variant: str) -> None:
    """Writes one variant of a file, with the metadata of the original."""
    with Quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if variant == "fp16":
            from onnxruntime.transformers import float16

            proto = onnx_format.load(source)
            onnx_format.save(float16.convert_float_to_float16(proto, keep_io_types=True), path)
        else:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            # Unsigned weights: with signed ones x86 processors without VNNI add pairs of products
            # in 16 bits, which overflow without a word.
            quantize_dynamic(source, path, per_channel=True, weight_type=QuantType.QUInt8)
    original, proto = onnx_format.load(source), onnx_format.load(path)
    kept = {entry.key: entry.value for entry in original.metadata_props}
    del proto.metadata_props[:]
    onnx_format.helper.set_model_props(proto, {**kept, "tfgen.variant": variant})
    save(proto, path)


class Quiet:
    """Keeps onnxruntime's advice, which it gives on the root logger, from users of ours."""

    def __enter__(self):
        logging.getLogger().addFilter(self)

    def __exit__(self, *_):
        logging.getLogger().removeFilter(self)

    def filter(self, record):
        """Only what others log passes."""
        return "onnxruntime" not in record.pathname


def check(got: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """Raises ValueError where the variant gives no numbers, or none that are finite."""
    for name, array in wanted.items():
        if got[name].shape != array.shape:
            raise ValueError(f"output {name!r} has shape {got[name].shape}, not {array.shape}")
        if array.dtype.kind == "f" and not np.isfinite(got[name]).all():
            raise ValueError(f"output {name!r} is not finite: the numbers leave the type's range")


def difference(got: np.ndarray, wanted: np.ndarray) -> dict[str, float | None]:
    """Largest and mean absolute difference; of pictures also the PSNR in dB."""
    got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    gap = np.abs(got - wanted)
    found: dict[str, float | None] = {"max": float(gap.max(initial=0.0))}
    found["mean"] = float(gap.mean()) if gap.size else 0.0
    if wanted.ndim == 4 and np.abs(wanted).max(initial=0.0) <= 1.001:
        found["psnr_db"] = psnr(got, wanted)
    return found


def psnr(got: np.ndarray, wanted: np.ndarray) -> float | None:
    """10 log10(range^2 / mean squared error); None where the two are equal."""
    error = float(np.mean(np.square(got - wanted)))
    return 10.0 * float(np.log10(_RANGE**2 / error)) if error else None


def compared(
    got: dict[str, np.ndarray],
    wanted: dict[str, np.ndarray],
    others: dict[str, np.ndarray],
    name: str,
) -> dict[str, float]:
    """Two-sample tests against the float32 file's pictures of other seeds."""
    from tfgen.metrics.mmd import mmd_test

    flat = [values[name].reshape(len(values[name]), -1) for values in (got, wanted, others)]
    try:
        mine, own = mmd_test(flat[0], flat[2]), mmd_test(flat[1], flat[2])
    except ValueError:  # All pictures are the same: there is nothing to tell apart.
        return {}
    return {
        "mmd_squared": mine[0],
        "p": mine[1],
        "float32_mmd_squared": own[0],
        "float32_p": own[1],
        "rows": len(flat[0]),
    }
