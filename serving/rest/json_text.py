"""Tensors and quoted values as JSON text, printed as TensorFlow Serving prints them.

A float is written with 6 significant digits where that reads back as the same number, else with 9
(double: 17), so that the text of a float32 is not that of the double nearest to it. orjson writes
the digits: the double nearest to a decimal of at most 15 digits is printed as just that decimal.
"""

import base64
import math
import re
from typing import Any

import numpy as np
import orjson

from tfgen.serving.status import invalid

QUOTED = 256  # Bytes of a value that an error message repeats.
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_CONTROL = re.compile(rb'["\\\x00-\x1f]')
_SHORT = {b'"': b'\\"', b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t"}
_CHUNK = 8192  # Elements that fit a core's cache with their temporaries.
_POWERS = 10.0 ** np.arange(23)  # Exact in a double.
_LIMITS = np.array([1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4])
_DECIMALS = np.arange(9, 0, -1)  # That make 6 digits, below the first limit and so on.


def number(value: float, digits: int) -> str:
    """A finite or non-finite number with 6 digits, or `digits` where 6 do not read back."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = f"{value:.6g}"
    back = float(np.float32(text)) if digits == 9 else float(text)
    if back != value:
        text = f"{value:.{digits}g}"
    return text if "." in text or "e" in text else text + ".0"


def floats(array: np.ndarray) -> bytes:
    """The nested lists of a float32 array (at least one axis)."""
    with np.errstate(invalid="ignore"):  # A signalling NaN.
        exact = np.ascontiguousarray(array, np.float64)
    shown, others = np.empty_like(exact), []
    source, target = exact.reshape(-1), shown.reshape(-1)
    for start in range(0, source.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        target[part], left = _shortest(source[part])
        others += [number(value, 9).encode() for value in left]
    text = orjson.dumps(shown, option=_NUMPY)
    if not others:
        return text
    parts = text.split(b"null")
    return b"".join(x for pair in zip(parts, [*others, b""], strict=True) for x in pair)


def _shortest(exact):
    """The doubles whose shortest text is wanted, NaN for those it is not right for; and those."""
    magnitude = np.abs(exact)
    # Within this range %g uses no exponent, orjson neither, and the powers of ten are exact.
    is_plain = (magnitude >= 1e-4) & (magnitude < 1e5)
    safe = np.where(is_plain, magnitude, 1.0)
    decimals = _DECIMALS[np.searchsorted(_LIMITS, safe, side="right")]
    short, is_sure = _rounded(safe, decimals)
    long, is_long_sure = _rounded(safe, decimals + 3)
    fits = short.astype(np.float32) == safe.astype(np.float32)
    is_done = is_plain & is_sure & (fits | is_long_sure) | (magnitude == 0)
    shown = np.copysign(np.where(fits, short, long), exact)
    shown[magnitude == 0] = exact[magnitude == 0]
    if is_done.all():
        return shown, ()
    shown[~is_done] = np.nan
    return shown, exact[~is_done].tolist()


def _rounded(values, decimals):
    """Values rounded to decimals, as the nearest doubles, and where that is beyond doubt.

    A product near a tie may have been rounded across it; those elements are left to `number`.
    """
    scale = _POWERS[decimals]
    scaled = values * scale
    whole = np.rint(scaled)
    return whole / scale, np.abs(np.abs(scaled - whole) - 0.5) > 1e-5


def string(data: bytes) -> bytes:
    """A JSON string of the bytes, whatever they are."""
    return b'"' + _CONTROL.sub(_escaped, data) + b'"'


def _escaped(match):
    return _SHORT.get(match[0]) or b"\\u%04X" % match[0][0]


def tensor(array: np.ndarray, type_name: str, as_bytes: bool = False) -> bytes:
    """A tensor as nested lists, or as a bare value where it has no axis.

    Args:
        array: Any shape; strings as objects.
        type_name: TensorFlow's name of the type: "float", "int32", "string" ...
        as_bytes: Whether strings are written as `{"b64": ...}`.

    Raises:
        Failure: INVALID_ARGUMENT for a type that JSON cannot carry.
    """
    if type_name == "string":
        write = _b64 if as_bytes else string
        return _nested(
            array, lambda value: write(value if type(value) is bytes else value.encode())
        )
    if type_name == "float":
        if not array.ndim:
            return number(float(array), 9).encode()
        return floats(array)
    if type_name == "double":
        return _nested(array, lambda value: number(float(value), 17).encode())
    if type_name in INTEGERS or type_name == "bool":
        return orjson.dumps(np.ascontiguousarray(array) if array.ndim else array[()], option=_NUMPY)
    if not array.size:
        return orjson.dumps(np.zeros(array.shape, np.float32), option=_NUMPY)
    raise invalid(f"Failed to write JSON value for tensor type: {type_name}")


INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")


def _b64(data: bytes) -> bytes:
    return b'{"b64":"' + base64.b64encode(data) + b'"}'


def _nested(array, write):
    if not array.ndim:
        return write(array[()])
    if array.ndim == 1:
        return b"[" + b",".join([write(value) for value in array.tolist()]) + b"]"
    return b"[" + b",".join([_nested(part, write) for part in array]) + b"]"


def quoted(value: Any) -> str:
    """A parsed value as the text that error messages repeat: indented, cut at 256 bytes."""
    parts, size = [], 0
    for part in _pieces(value):
        parts.append(part)
        size += len(part)
        if size > QUOTED:
            break
    return b"".join(parts)[:QUOTED].decode(errors="replace")


def _pieces(root):
    """The text piece by piece, without recursion: a value may be nested without end."""
    stack = [(root, 0, b"")]
    while stack:
        value, depth, lead = stack.pop()
        yield lead
        indent = b"\n" + b"    " * (depth + 1)
        end = b"\n" + b"    " * depth
        if isinstance(value, dict) and value:
            yield b"{"
            stack.append((_Raw(end + b"}"), depth, b""))
            members = list(zip(value.items(), range(QUOTED), strict=False))
            for (name, child), index in reversed(members):
                comma = b"," if index else b""
                label = string(name.encode(errors="surrogateescape"))
                stack.append((child, depth + 1, comma + indent + label + b": "))
        elif isinstance(value, list) and value:
            yield b"["
            stack.append((_Raw(end + b"]"), depth, b""))
            for index, child in reversed(list(enumerate(value[:QUOTED]))):
                stack.append((child, depth + 1, (b"," if index else b"") + indent))
        else:
            yield _scalar(value)


class _Raw(bytes):
    """Text that is written as it is."""


def _scalar(value) -> bytes:
    if isinstance(value, _Raw):
        return bytes(value)
    if isinstance(value, str):
        return string(value[: QUOTED + 1].encode(errors="surrogateescape"))
    if isinstance(value, float):
        return number(value, 17).encode()
    return orjson.dumps(value)
