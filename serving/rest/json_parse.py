"""JSON bodies as TensorFlow Serving reads them.

orjson reads almost every body. Those it refuses, and those where it would answer otherwise
(duplicate names: the last wins there, the first here), go to the parser in `rapidjson`.

Values are None, bool, int (64 bits, signed or unsigned), float, str, list and dict. Bytes that are
not UTF-8 are kept in str as surrogate escapes (`encode(errors="surrogateescape")`).
"""

from dataclasses import dataclass
from typing import Any

import orjson

from tfgen.serving.rest.rapidjson import Parser
from tfgen.serving.status import invalid

_DEEP = 1000  # Above, NumPy takes its time to find out that it cannot make an array of it.


@dataclass(frozen=True)
class Document:
    """A parsed body.

    Args:
        value: The root.
        is_plain: Whether arrays of numbers need no look at each element: `true` and `false`, which
            NumPy takes for numbers, do not occur, and nothing is nested without end.
    """

    value: Any
    is_plain: bool


def parse(body: bytes, seconds: float | None = None) -> Document:
    """The root value of a body.

    Args:
        body: The text.
        seconds: Most time for what orjson does not read; None: no limit.

    Raises:
        Failure: INVALID_ARGUMENT, `JSON Parse error: <RapidJSON's text> at offset: N`;
            DEADLINE_EXCEEDED.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    is_plain = b"true" not in body and b"false" not in body
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _slowly(body, is_plain, seconds)
    colons = body.count(b":")
    if colons and _members(value, colons) < colons:
        # A colon inside a string, or a name that occurs twice.
        return _slowly(body, is_plain, seconds)
    return Document(value, is_plain)


def memory(body: bytes) -> int:
    """Bytes that the values of a body take at most, about: many times the text's own."""
    containers = body.count(b"[") + body.count(b"{")
    return 32 * body.count(b",") + 64 * containers + 28 * body.count(b'"')


def _slowly(body, is_plain, seconds):
    parser = Parser(body, seconds)
    value = parser.document()
    return Document(value, is_plain and parser.deepest < _DEEP)


def _members(value, enough: int) -> int:
    """How many members all objects have, looked for from the root down until there are enough."""
    found, level = 0, [value]
    while level and found < enough:
        deeper = []
        for one in level:
            if type(one) is dict:
                found += len(one)
                one = one.values()
            elif type(one) is not list:
                continue
            deeper += [child for child in one if type(child) in (dict, list)]
        level = deeper
    return found
