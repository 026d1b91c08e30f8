"""Inputs to verify an export with: ordinary rows, and the ends of what is valid."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgen.signature import Input, Signature

SEEDS = (0, 1, 2, 7, 1 << 31, -5, (1 << 62) + 1)
# The empty text, one that is too long, other scripts and characters that no vocabulary has.
TEXTS = [t.encode() for t in ("a small red circle", "", "GRÜN, 三つの円! " * 30, "x" * 999, "\t?")]
FREE_SIDE = 32  # For sides that a signature leaves open.


def typical(
    signature: Signature,
    seeds: Sequence[int] = SEEDS,
    examples: dict[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Input name -> (len(seeds), ...): drawn where that is possible, else `examples` or random."""
    given: dict[str, Any] = {}
    generator = np.random.default_rng(0)
    for name, spec in signature.inputs.items():
        if examples and name in examples:
            given[name] = np.asarray(examples[name])[: len(seeds)]
        elif name == "seed" and spec.dtype == "int64":
            given[name] = np.array(seeds, np.int64)
        elif not spec.distribution:
            given[name] = invented(generator, spec, len(seeds))
    return signature.draw(seeds, **given)


def invented(generator: np.random.Generator, spec: Input, rows: int) -> np.ndarray:
    """Random values of the dtype; floats in [-1, 1], as pictures are."""
    shape = shape_of(spec, rows)
    if spec.dtype == "string":
        known = spec.example.encode() if spec.example else b""  # Else nothing may be understood.
        return np.resize(np.array([known + b" " + text for text in TEXTS], object), shape)
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return generator.uniform(-1.0, 1.0, shape).astype(dtype)
    return generator.integers(0, spec.num_classes or 2, shape).astype(dtype)


def extreme(
    signature: Signature, examples: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Three valid rows: every number at its lowest, at its highest, and alternating.

    Of a picture's pixels a tenth, half and nine tenths are at their highest, at random places: on
    a picture without contrast, instance normalization shows nothing but rounding errors.
    """
    feeds = typical(signature, SEEDS[:3], examples)
    generator = np.random.default_rng(0)
    for name, spec in signature.inputs.items():
        ends = ends_of(name, spec)
        if ends is not None and not (examples and name in examples):
            shape = feeds[name].shape
            width = int(np.prod(shape[1:]))
            if spec.is_image:
                rows = [ends[np.int8(generator.random(width) < high)] for high in (0.1, 0.5, 0.9)]
            else:
                rows = [np.full(width, ends[0]), np.full(width, ends[1]), np.resize(ends, width)]
            feeds[name] = np.stack(rows).reshape(shape).astype(spec.dtype)
    return feeds


def ends_of(name: str, spec: Input):
    """(lowest, highest) valid value, or None where there is no such thing."""
    if spec.dtype == "string":
        return None
    if spec.distribution == "normal":
        largest = np.sqrt(np.float32(-2.0) * np.log(np.float32(1e-7)))  # tfgen.random.normal's.
        return np.array([-largest, largest], np.float32)
    if spec.distribution == "uniform":
        span = np.float32(spec.high - spec.low) * np.float32(1 - 2**-23)
        return np.array([spec.low, span + np.float32(spec.low)], np.float32)
    if spec.num_classes:
        return np.array([0, spec.num_classes - 1])
    if name == "seed" and spec.dtype == "int64":
        return np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max])
    return np.array([-1.0, 1.0], np.float32) if np.dtype(spec.dtype).kind == "f" else None


def shape_of(spec: Input, rows: int) -> tuple[int, ...]:
    """The shape of a batch, with a size for the free sides."""
    return (rows, *(FREE_SIDE if side is None else side for side in spec.shape))
