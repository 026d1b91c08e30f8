"""Predict over REST: bodies into tensors, tensors into bodies, in row and columnar format."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from tfgen.serving import dtypes
from tfgen.serving.rest import json_text
from tfgen.serving.rest.json_parse import Document
from tfgen.serving.rest.json_tensor import is_base64, tensor
from tfgen.serving.rest.json_text import quoted
from tfgen.serving.status import Failure, invalid


@dataclass(frozen=True)
class Named:
    """The tensors of a request and the format its answer takes.

    Args:
        tensors: Input name -> array.
        is_row: Whether they came as `instances`.
    """

    tensors: dict[str, np.ndarray]
    is_row: bool


def signature_name(document: Document) -> str:
    """The requested signature, "" where none is named.

    Raises:
        Failure: The root is not an object, or the name is not a string.
    """
    root = document.value
    if not isinstance(root, dict):
        raise invalid(f"JSON Value: {quoted(root)} Is not object")
    name = root.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {quoted(root)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def inputs(document: Document, infos: dict[str, Any], signature: str) -> Named:
    """The tensors of a predict body.

    Args:
        document: The body, an object.
        infos: Input name -> TensorInfo of the signature.
        signature: As requested, for messages.

    Raises:
        Failure: INVALID_ARGUMENT or UNIMPLEMENTED, in TensorFlow Serving's order of checks.
    """
    root = document.value
    if not infos:
        raise invalid(f"Failed to get input map for signature: {signature or 'DEFAULT'}")
    if "instances" in root and "inputs" in root:
        raise invalid(
            f"JSON Value: {quoted(root)} Not formatted correctly expecting only one of "
            "'inputs' or 'instances' keys to exist "
        )
    types = {name: info.dtype for name, info in infos.items()}
    if "instances" in root:
        instances = root["instances"]
        if not isinstance(instances, list):
            raise invalid(f"JSON Value: {quoted(root)} Expecting 'instances' to be an list/array")
        if not instances:
            raise invalid(f"JSON Value: {quoted(root)} No values in 'instances' array")
        return Named(_rows(instances, types, document.is_plain), True)
    if "inputs" in root:
        named = _columns(root["inputs"], types, document.is_plain)
        return Named({name: _no_rows(array, infos[name]) for name, array in named.items()}, False)
    raise invalid("Missing 'inputs' or 'instances' key")


def _columns(value, types, is_plain):
    if isinstance(value, dict) and not is_base64(value):
        tensors = {}
        for name, dtype in types.items():
            if name not in value:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
            tensors[name] = tensor(value[name], dtype, is_plain)
        return tensors
    if len(types) > 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple "
            "input tensors required as per tensorinfo_map"
        )
    ((name, dtype),) = types.items()
    return {name: tensor(value, dtype, is_plain)}


def _no_rows(array, info):
    """`[]` as no rows of what the input takes: JSON cannot say the sides of nothing."""
    sides = [dim.size for dim in info.tensor_shape.dim[1:]]
    if array.shape != (0,) or min(sides, default=-1) < 0:
        return array
    return array.reshape(0, *sides)


def _rows(instances, types, is_plain):
    if len(types) > 1 and not isinstance(instances[0], dict):
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    names = set(types)
    if not _is_row_object(instances[0]):
        ((name, dtype),) = types.items()
        if not any(_is_row_object(one) for one in instances):
            try:
                return {name: tensor(instances, dtype, is_plain)}
            except Failure:
                pass  # Only the way below names the element that is wrong.
        return _row_by_row(instances, types, is_plain)
    if all(isinstance(one, dict) and one.keys() == names for one in instances):
        try:
            return {
                name: tensor([one[name] for one in instances], dtype, is_plain)
                for name, dtype in types.items()
            }
        except Failure:
            pass
    return _row_by_row(instances, types, is_plain)


def _is_row_object(value) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _row_by_row(instances, types, is_plain):
    """One tensor an instance, checked against the first, then stacked."""
    are_objects = _is_row_object(instances[0])
    collected: dict[str, list] = {name: [] for name in types}
    for item, one in enumerate(instances):
        if are_objects != _is_row_object(one):
            expected = "object but got list" if are_objects else "value/list but got object"
            raise invalid(f"Expecting {expected} at item {item} of input list")
        if not are_objects:
            (name,) = types
            where = f"Failed to process element: {item} of 'instances' list."
            _add(collected, name, one, types, is_plain, where)
            continue
        for name, value in one.items():
            where = f"Failed to process element: {item} key: {name} of 'instances' list."
            _add(collected, name, value, types, is_plain, where)
        if one.keys() != types.keys():
            raise invalid(
                f"Failed to process element: {item} of 'instances' list. JSON object: "
                f"{quoted(one)} keys must be equal to: {','.join(sorted(types))}"
            )
    return {name: np.stack(arrays) for name, arrays in collected.items()}


def _add(collected, name, value, types, is_plain, where):
    try:
        if name not in types:
            raise invalid(f"JSON object: does not have named input: {name}")
        array = tensor(value, types[name], is_plain)
        first = collected[name][0] if collected[name] else array
        if first.size != array.size:
            raise invalid(f"Expecting tensor size: {first.size} but got: {array.size}")
        if first.shape != array.shape:
            raise invalid(f"Expecting shape {_shape(first)} but got: {_shape(array)}")
        collected[name].append(array)
    except Failure as failure:
        raise Failure(failure.code, f"{where} Error: {failure}") from None


def _shape(array) -> str:
    return f"[{','.join(map(str, array.shape))}]"


def answer(outputs: dict[str, np.ndarray], infos: dict[str, Any], is_row: bool) -> bytes:
    """The body of a predict answer.

    Args:
        outputs: Output name -> array.
        infos: Output name -> TensorInfo.
        is_row: Row format (`predictions`) or columnar (`outputs`).

    Raises:
        Failure: INVALID_ARGUMENT for what the format, or JSON, cannot carry.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    texts: dict[str, Any] = {}
    if is_row:
        _check_rows(outputs)
    for name, array in outputs.items():
        type_name = dtypes.name(infos[name].dtype)
        as_bytes = name.endswith("_bytes")
        if is_row and len(outputs) > 1:
            texts[name] = [json_text.tensor(row, type_name, as_bytes) for row in _each(array)]
        else:
            texts[name] = json_text.tensor(array, type_name, as_bytes)
    key = b"predictions" if is_row else b"outputs"
    if len(outputs) == 1:
        (text,) = texts.values()
    elif is_row:
        text = b"[" + b",".join(map(_object, _transposed(texts))) + b"]"
    else:
        text = _object(texts)
    return b'{"' + key + b'":' + text + b"}"


def _check_rows(outputs):
    rows = None
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if rows is not None and len(array) != rows:
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}"
            )
        rows = len(array)


def _each(array):
    """Rows as arrays, scalars included."""
    return [array[index, ...] for index in range(len(array))]


def _transposed(texts):
    return [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]


def _object(texts) -> bytes:
    return b"{" + b",".join(orjson.dumps(n) + b":" + text for n, text in texts.items()) + b"}"
