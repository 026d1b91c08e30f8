"""Tensors from parsed JSON values.

`tensor` lets NumPy build the array where that cannot differ from TensorFlow Serving's rules, and
walks the value itself where it can, or where an error has to be named.
"""

import base64
import binascii
import re
from typing import Any

import numpy as np

from tfgen.serving import dtypes
from tfgen.serving.rest.json_text import quoted
from tfgen.serving.status import Code, Failure, invalid

_INT32 = (-(1 << 31), (1 << 31) - 1)
# Which integer tokens each type takes. Narrow types take all of int32 and wrap.
_RANGES = {
    "int8": _INT32,
    "int16": _INT32,
    "uint8": _INT32,
    "int32": _INT32,
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
}
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_SPACE = re.compile(rb"[ \t\n\r\v\f]+")
_DEEPEST = 254  # Axes of a TensorFlow shape.
_AXES = 64  # Axes of a NumPy array.


def tensor(value: Any, dtype: int, is_plain: bool = False) -> np.ndarray:
    """The array that a value stands for.

    Args:
        value: Parsed JSON: a scalar, or lists of equal lengths at each depth.
        dtype: TensorFlow's DataType value.
        is_plain: As of the `Document`.

    Raises:
        Failure: INVALID_ARGUMENT, or UNIMPLEMENTED for a type that JSON cannot carry.
    """
    type_name = dtypes.name(dtype)
    if is_plain or not isinstance(value, list):
        array = _by_numpy(value, type_name)
        if array is not None:
            return array.astype(dtypes.numpy(dtype), copy=False)
    return _walk(value, type_name, dtypes.numpy(dtype))


def is_base64(value: Any) -> bool:
    """Whether it is an object with the one member "b64", a string."""
    return (
        isinstance(value, dict)
        and getattr(value, "members", len(value)) == 1
        and isinstance(value.get("b64"), str)
    )


def _by_numpy(value, type_name):
    """The array, or None where it has to be walked."""
    if type(value) is bool or type_name not in _RANGES and type_name not in ("float", "double"):
        return None
    try:
        array = np.array(value)
    except (ValueError, OverflowError, TypeError):
        return None
    if type_name in _RANGES:
        low, high = _RANGES[type_name]
        if array.dtype.kind not in "iu" and array.size:
            return None
        if array.size and not low <= int(array.min()) <= int(array.max()) <= high:
            return None
        return array
    if array.dtype.kind not in "iuf":
        return None
    if type_name == "float":
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    return array


def _shape(value) -> tuple:
    """Lengths of the first element at each depth."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _walk(value, type_name, numpy_type):
    shape = _shape(value)
    if len(shape) > _DEEPEST:
        raise invalid(f"Shape must have at most {_DEEPEST} dimensions, but has {len(shape)}")
    leaves = []
    _fill(value, 0, shape, type_name, leaves)
    if len(shape) > _AXES:
        raise invalid(f"Tensors of more than {_AXES} dimensions are not supported")
    if type_name == "string":
        array: np.ndarray = np.empty(len(leaves), np.dtype(object))
        array[:] = leaves
    elif type_name in ("float", "double"):
        with np.errstate(over="ignore"):
            array = np.array(leaves, np.float64).astype(numpy_type)
    elif type_name in _RANGES:
        wide = np.uint64 if type_name == "uint64" else np.int64
        array = np.array(leaves, wide).astype(numpy_type)
    else:
        array = np.array(leaves, numpy_type)
    return array.reshape(shape)


def _fill(value, level, shape, type_name, leaves):
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {quoted(value)} found at incorrect level: {level + 1} in the JSON "
                f"DOM. Expected at level: {len(shape)}"
            )
        leaves.append(_leaf(value, type_name))
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for element in value:
        _fill(element, level + 1, shape, type_name, leaves)


def _leaf(value, type_name):
    is_object = isinstance(value, dict)
    if type_name == "string":
        if is_object:
            return decode_base64(value)
        if isinstance(value, str):
            return value.encode(errors="surrogateescape")
    elif is_object:
        pass
    elif type_name in ("float", "double"):
        if type(value) in (int, float):
            return value
    elif type_name == "bool":
        if type(value) is bool:
            return value
    elif type_name in _RANGES:
        low, high = _RANGES[type_name]
        if type(value) is int and low <= value <= high:
            return value
    else:
        raise Failure(
            Code.UNIMPLEMENTED,
            f"Conversion of JSON Value: {quoted(value)} to type: {type_name}",
        )
    raise invalid(
        f"JSON Value: {quoted(value)} Type: {kind(value)} is not of expected type: {type_name}"
    )


def kind(value: Any) -> str:
    """RapidJSON's name of a value's kind."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        return "Object"
    if isinstance(value, list):
        return "Array"
    return "String" if isinstance(value, str) else "Number"


def decode_base64(value: dict) -> bytes:
    """The bytes of `{"b64": text}`; white space is skipped and padding may be absent.

    Raises:
        Failure: INVALID_ARGUMENT.
    """
    if not is_base64(value):
        raise invalid(f"JSON Value: {quoted(value)} not formatted correctly for base64 data")
    text = value["b64"].encode(errors="surrogateescape")
    try:
        # Fast for what nearly every client sends: padded, without white space.
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        text = _SPACE.sub(b"", text)
    bare = text.rstrip(b"=")
    padding = len(text) - len(bare)
    is_padded = padding in (0, -len(bare) % 4)
    if not _BASE64.fullmatch(text) or len(bare) % 4 == 1 or not is_padded:
        raise invalid("Unable to base64 decode")
    return base64.b64decode(bare + b"=" * (-len(bare) % 4))
