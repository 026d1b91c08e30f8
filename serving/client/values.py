"""What a client sends and gets: values as the arrays that a signature asks for, and pictures."""

import base64
import io
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from tfgen.signature import numbered

NO_SIGNATURE = "__saved_model_init_op"  # Listed by servers, but nothing to call.


@dataclass(frozen=True)
class Tensor:
    """One input or output of a signature.

    Args:
        dtype: NumPy's name of the type, or "string".
        shape: Sides with the batch axis, None for a free one; None where the rank is free.
        class_names: Names of the classes of a label, where they are known.
    """

    dtype: str
    shape: tuple[int | None, ...] | None
    class_names: tuple[str, ...] | None = None

    def __str__(self):
        sides = self.shape if self.shape is not None else ("...",)
        return f"{self.dtype} ({', '.join('N' if side is None else str(side) for side in sides)})"


@dataclass(frozen=True)
class Served:
    """One signature of a served model: its inputs and outputs by name."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


def cast(name: str, value: Any, wanted: Tensor) -> np.ndarray:
    """A value as the array of an input.

    Args:
        name: Of the input.
        value: Array, list, number, text, or PIL picture(s), which become numbers in [-1, 1], or
            PNG files where the input takes texts.
        wanted: What the signature declares; names of its classes stand for their numbers.

    Raises:
        ValueError: Another shape or kind, or numbers that the type cannot hold.
    """
    if is_picture(value):
        is_file = wanted.dtype == "string"
        array = _packed(value) if is_file else _pixels(name, value, wanted)
    else:
        value = numbered(name, wanted.class_names, value)
        array = _texts(name, value) if wanted.dtype == "string" else _numbers(name, value)
        array = _typed(name, array, wanted)
    shape = wanted.shape
    fits = shape is None or (
        len(shape) == array.ndim
        and all(side in (None, given) for side, given in zip(shape, array.shape, strict=True))
    )
    if not fits:
        raise ValueError(f"Input {name!r} must be {wanted}. Received: shape {array.shape}.")
    return array


def _typed(name, array, wanted):
    if wanted.dtype == "string":
        return array
    target = np.dtype(wanted.dtype)
    no_numbers = array.dtype.kind not in "biufcV"
    if no_numbers or (array.dtype.kind == "b" and target.kind != "b" and array.size):
        raise ValueError(f"Input {name!r} must be {wanted}. Received: {array.dtype} values.")
    if target.kind == "b" and array.dtype.kind != "b":
        raise ValueError(f"Input {name!r} must be true or false. Received: {array.dtype} values.")
    if target.kind in "iu":
        limits = np.iinfo(target)
        whole = array.dtype.kind in "biu" or (array == np.trunc(array.real)).all()
        if not whole or (array.size and not limits.min <= array.min() <= array.max() <= limits.max):
            raise ValueError(
                f"Input {name!r} takes {target} numbers, whole and from {limits.min} to "
                f"{limits.max}. Received: {array.dtype} values that are not."
            )
    return array.astype(target, copy=False)


def _numbers(name, value):
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"Input {name!r}: its rows have different shapes ({error}).") from error


def _texts(name, value):
    array = np.asarray(value, object)
    flat = array.ravel().tolist()
    other = [one for one in flat if not isinstance(one, str | bytes | bytearray | memoryview)]
    if other:
        raise ValueError(
            f"Input {name!r} takes texts, or files as bytes. Received: {repr(other[0])[:80]}."
        )
    result = np.empty(len(flat), object)
    result[:] = [one.encode() if isinstance(one, str) else bytes(one) for one in flat]
    return result.reshape(array.shape)


def is_picture(value: Any) -> bool:
    """Whether a value is a PIL picture, or a list of them."""
    several = isinstance(value, (list, tuple)) and len(value) and hasattr(value[0], "getbands")
    return several or hasattr(value, "getbands")


def _pixels(name, value, wanted):
    """(N, H, W, C) in [-1, 1] of PIL pictures, with the channels that the input has."""
    shape = wanted.shape
    if shape is None or len(shape) != 4 or wanted.dtype != "float32":
        raise ValueError(f"Input {name!r} takes {wanted}, not pictures.")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(shape[-1], "RGB")
    made = [np.asarray(one.convert(mode), np.float32) for one in _several(value)]
    if len({one.shape for one in made}) > 1:
        raise ValueError(f"Input {name!r}: the pictures have different sizes.")
    stacked = np.stack(made)
    return stacked.reshape(*stacked.shape[:3], -1) / np.float32(127.5) - np.float32(1)


def _several(value):
    return value if isinstance(value, (list, tuple)) else [value]


def _packed(value):
    """(N,) PNG files; the server gives them the channels that its model takes."""
    files = np.empty(len(_several(value)), object)
    for row, picture in enumerate(_several(value)):
        target = io.BytesIO()
        picture.save(target, "PNG")
        files[row] = target.getvalue()
    return files


def as_files(inputs: dict, numbers: Served, files: Served) -> dict | None:
    """Inputs for a signature that takes pictures as files, in place of one that takes numbers.

    None where a picture is no PIL picture: 8 bits would round its numbers.
    """
    moved = dict(inputs)
    for name in set(files.inputs) - set(numbers.inputs):
        plain = name.removesuffix("_bytes")
        if not is_picture(moved.get(plain)):
            return None
        moved[name] = moved.pop(plain)
    return moved


def encode(signature: str, arrays: dict[str, np.ndarray]) -> bytes:
    """The body of a REST predict request, in columnar form."""
    plain = {name: _plain(array) for name, array in arrays.items()}
    body = {"signature_name": signature, "inputs": plain}
    finite = all(a.dtype.kind != "f" or np.isfinite(a).all() for a in arrays.values())
    if finite:
        return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    # orjson writes null for them; the server reads NaN and Infinity.
    return json.dumps(body, default=lambda array: array.tolist()).encode()


def _plain(array):
    if array.dtype == object:
        return _base64(array.tolist())
    if array.ndim and array.dtype.kind in "biuf" and array.dtype.name != "float16":
        return np.ascontiguousarray(array)
    return array.tolist()


def _base64(value):
    if isinstance(value, list):
        return [_base64(one) for one in value]
    return {"b64": base64.b64encode(value).decode()}


def decode(body: bytes) -> dict:
    """The parsed body of an answer; NaN, Infinity and texts that are not UTF-8 are understood.

    Raises:
        ValueError: Not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body.decode("utf-8", "surrogateescape"))


def received(value: Any, tensor: Tensor) -> np.ndarray:
    """The array of a REST output; bytes where the type is string."""
    if tensor.dtype != "string":
        array = np.asarray(value, np.dtype(tensor.dtype))
    else:
        array = _unpacked(value)
    known = tensor.shape is not None and None not in tensor.shape[1:]
    if not array.size and known and tensor.shape:
        sides: Any = tensor.shape[1:]
        return array.reshape((len(value), *sides))
    return array


def _unpacked(value):
    """Nested lists of texts and b64 objects as an array of bytes."""
    shape, inner = [], value
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    flat = value if shape else [value]
    for _ in shape[1:]:
        flat = [one for row in flat for one in row]
    array = np.empty(len(flat), object)
    for index, one in enumerate(flat):
        is_text = isinstance(one, str)
        array[index] = (
            one.encode("utf-8", "surrogateescape") if is_text else base64.b64decode(one["b64"])
        )
    return array.reshape(shape) if math.prod(shape) else np.empty(shape, object)


def from_png(data: np.ndarray) -> list:
    """PIL pictures of an array of encoded files."""
    from PIL import Image

    return [Image.open(io.BytesIO(one)) for one in data.ravel().tolist()]


def to_pil(images: np.ndarray) -> list:
    """PIL pictures of (N, H, W, C) in [-1, 1], rounded as the export's PNG endpoints round.

    Raises:
        ValueError: No pictures.
    """
    from PIL import Image

    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(f"The output is no pictures (N, H, W, C): shape {images.shape}.")
    levels = np.round((images.astype(np.float32) + np.float32(1)) * np.float32(127.5))
    levels = np.clip(levels, 0, 255).astype(np.uint8)
    return [Image.fromarray(one[..., 0] if one.shape[-1] == 1 else one) for one in levels]
