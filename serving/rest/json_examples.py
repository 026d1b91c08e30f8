"""Classify and regress over REST: `examples` into tf.Example protos, results into bodies."""

from typing import Any

import orjson

from tfgen.serving.rest.json_parse import Document
from tfgen.serving.rest.json_tensor import decode_base64, is_base64, kind
from tfgen.serving.rest.json_text import number, quoted, string
from tfgen.serving.status import invalid

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def serialized(document: Document) -> list[bytes]:
    """Serialized examples of a body, the context merged into each.

    Raises:
        Failure: INVALID_ARGUMENT.
    """
    root = document.value
    context = b""
    if "context" in root:
        context = _example(root["context"])
    if "examples" not in root:
        raise invalid(
            f"JSON Value: {quoted(root)} When method is classify, key 'examples' is expected "
            "and was not found"
        )
    examples = root["examples"]
    if not isinstance(examples, list):
        raise invalid(f"JSON Value: {quoted(root)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid(f"JSON Value: {quoted(root)} 'examples' value is an empty array")
    # Two serialized messages one after the other are their merge.
    return [context + _example(one) for one in examples]


def _example(value) -> bytes:
    import tensorflow as tf

    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {kind(value)}")
    example = tf.train.Example()
    for name, content in value.items():
        key = name.encode(errors="replace").decode()
        feature = example.features.feature[key]
        for element in content if isinstance(content, list) else [content]:
            _add(feature, key, element)
    return example.SerializeToString()


def _add(feature, name, value):
    field, element = _typed(name, value)
    present = feature.WhichOneof("kind")
    if present not in (None, field):
        raise invalid(
            f"Unexpected element type in feature: {name} expecting type: {_KINDS[present]}"
        )
    getattr(feature, field).value.append(element)


def _typed(name, value):
    if isinstance(value, bool):
        return "int64_list", int(value)
    if isinstance(value, str):
        return "bytes_list", value.encode(errors="surrogateescape")
    if is_base64(value):
        return "bytes_list", decode_base64(value)
    if isinstance(value, int):
        if value >= 1 << 63:
            raise invalid(f"Feature: {name} has uint64 element. Only int64_t is supported.")
        return "int64_list", value
    if isinstance(value, float):
        return "float_list", value
    raise invalid(f"Feature: {name} has element with unexpected JSON type: {kind(value)}")


def classifications(result: Any) -> bytes:
    """The body of a classify answer.

    Args:
        result: ClassificationResult.
    """
    if not result.classifications:
        raise invalid("Cannot convert empty ClassificationResults to JSON")
    rows = [
        b"[" + b",".join(_class(one.label, one.score) for one in row.classes) + b"]"
        for row in result.classifications
    ]
    return b'{"results":[' + b",".join(rows) + b"]}"


def _class(label, score) -> bytes:
    return b"[" + string(label.encode()) + b"," + number(score, 9).encode() + b"]"


def regressions(result: Any) -> bytes:
    """The body of a regress answer.

    Args:
        result: RegressionResult.
    """
    if not result.regressions:
        raise invalid("Cannot convert empty RegressionResults to JSON")
    values = [number(one.value, 9).encode() for one in result.regressions]
    return b'{"results":[' + b",".join(values) + b"]}"


def error(message: str) -> bytes:
    """The body of any error."""
    return orjson.dumps({"error": message.encode(errors="replace").decode()})
