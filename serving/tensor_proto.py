"""TensorProto to and from arrays; answers use typed fields, as TensorFlow Serving's do."""

import math
from typing import Any

import numpy as np

from tfgen.serving import dtypes
from tfgen.serving.status import invalid

# Types whose typed field, packed, is the array's own bytes: type name -> tag on the wire.
_RAW_TAGS = {"float": b"\x2a", "double": b"\x32", "bool": b"\x5a"}
_FIELDS = {
    "float": "float_val",
    "double": "double_val",
    "bool": "bool_val",
    "string": "string_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "half": "half_val",
    "bfloat16": "half_val",
    "complex64": "scomplex_val",
    "complex128": "dcomplex_val",
}
_INTEGERS = ("int8", "int16", "int32", "uint8", "uint16")
_QUANTIZED = {"qint8": np.int8, "quint8": np.uint8, "qint16": np.int16, "quint16": np.uint16}
_QUANTIZED["qint32"] = np.int32


def to_array(proto: Any) -> np.ndarray:
    """The array of a TensorProto, from `tensor_content` or typed fields.

    A typed field shorter than the shape is filled up with its last value.

    Raises:
        Failure: INVALID_ARGUMENT: no such type, a bad shape, content of another size.
    """
    try:
        type_name, numpy_type = dtypes.name(proto.dtype), dtypes.numpy(proto.dtype)
    except (TypeError, KeyError):
        raise invalid(f"Tensors of type {proto.dtype} cannot be served") from None
    shape = _shape(proto)
    size = math.prod(shape)
    if size * max(numpy_type.itemsize, 1) > dtypes.LARGEST:
        raise invalid(f"A tensor of shape {list(shape)} and type {type_name} is too large")
    if proto.tensor_content:
        flat = _from_content(proto.tensor_content, type_name, numpy_type, size)
    else:
        flat = _filled(_from_field(proto, type_name, numpy_type), size)
    return flat.reshape(shape)


def _shape(proto):
    if proto.tensor_shape.unknown_rank:
        raise invalid("The shape of a tensor must be known")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if any(side < 0 for side in shape) or len(shape) > 64:
        raise invalid(f"Invalid shape of a tensor: {list(shape)}")
    return shape


def _from_content(content, type_name, numpy_type, size):
    if type_name == "string":
        return _strings(content, size)
    if len(content) != size * numpy_type.itemsize:
        raise invalid(
            f"Tensor content has {len(content)} bytes; its shape and type need "
            f"{size * numpy_type.itemsize}"
        )
    return np.frombuffer(content, numpy_type)


def _strings(content, size):
    """Strings as C++ packs them: all lengths as varints, then all bytes."""
    lengths, at = [], 0
    while len(lengths) < size:
        value = shift = 0
        while True:
            if at >= len(content) or shift > 63:
                raise invalid("Tensor content does not hold the strings of its shape")
            byte = content[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        lengths.append(value)
    if at + sum(lengths) != len(content):
        raise invalid("Tensor content does not hold the strings of its shape")
    flat = np.empty(size, object)
    for index, length in enumerate(lengths):
        flat[index] = content[at : at + length]
        at += length
    return flat


def _from_field(proto, type_name, numpy_type):
    values = getattr(proto, _FIELDS.get(type_name, "int_val"))
    if type_name == "string":
        array = np.empty(len(values), object)
        array[:] = values
        return array
    if type_name in ("half", "bfloat16"):
        return np.array(values, np.uint32).astype(np.uint16).view(numpy_type)
    if type_name in ("complex64", "complex128"):
        pairs = np.array(values, np.float64)
        return (pairs[0::2] + 1j * pairs[1::2][: len(pairs[0::2])]).astype(numpy_type)
    if type_name in _QUANTIZED:
        return np.array(values, np.int64).astype(_QUANTIZED[type_name]).view(numpy_type)
    if type_name not in _FIELDS and type_name not in _INTEGERS:
        raise invalid(f"Tensors of type {type_name} cannot be served")
    wide = np.uint64 if type_name == "uint64" else np.int64
    if type_name in ("float", "double", "bool"):
        wide = numpy_type
    return np.fromiter(values, wide, len(values)).astype(numpy_type, copy=False)


def _filled(values, size):
    if len(values) >= size:
        return values[:size]
    array = np.zeros(size, values.dtype) if values.dtype != object else np.full(size, b"", object)
    array[: len(values)] = values
    if len(values):
        array[len(values) :] = values[-1]
    return array


def write(array: np.ndarray, dtype: int, proto: Any, as_content: bool = False) -> None:
    """Fills an empty TensorProto.

    Args:
        array: Any shape.
        dtype: TensorFlow's DataType value.
        proto: The TensorProto.
        as_content: `tensor_content` in place of the typed field, where the type has one.
    """
    type_name = dtypes.name(dtype)
    proto.dtype = dtype
    for side in array.shape:
        proto.tensor_shape.dim.add().size = side
    proto.tensor_shape.SetInParent()
    if type_name == "string":
        proto.string_val.extend([_bytes(value) for value in array.reshape(-1).tolist()])
    elif as_content:
        proto.tensor_content = array.tobytes()
    elif type_name in _RAW_TAGS:
        data = array.tobytes()
        proto.MergeFromString(_RAW_TAGS[type_name] + _varint(len(data)) + data)
    elif type_name in ("half", "bfloat16"):
        proto.half_val.extend(array.reshape(-1).view(np.uint16).tolist())
    elif type_name in ("complex64", "complex128"):
        side = array.reshape(-1).view(array.real.dtype)
        getattr(proto, _FIELDS[type_name]).extend(side.tolist())
    elif type_name in _QUANTIZED:
        proto.int_val.extend(array.reshape(-1).view(_QUANTIZED[type_name]).tolist())
    else:
        getattr(proto, _FIELDS.get(type_name, "int_val")).extend(array.reshape(-1).tolist())


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
