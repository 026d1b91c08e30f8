"""A JSON parser that follows the iterative mode of RapidJSON 1.1.0, errors and offsets included.

It accepts NaN and Inf tokens, a byte order mark before the root and anything after it. Unlike
RapidJSON it bounds depth and time: each open container costs memory, each value time.
"""

import math
import re
import time
from typing import Any

import orjson

from tfgen.serving.status import Code, Failure, invalid

EMPTY = "The document is empty."
VALUE = "Invalid value."
NAME = "Missing a name for object member."
COLON = "Missing a colon after a name of object member."
MEMBER = "Missing a comma or } after an object member."
ELEMENT = "Missing a comma or ] after an array element."
HEX = "Incorrect hex digit after \\u escape in string."
SURROGATE = "The surrogate pair in string is invalid."
ESCAPE = "Invalid escape character in string."
QUOTATION = "Missing a closing quotation mark in string."
TOO_BIG = "Number too big to be stored in double."
FRACTION = "Miss fraction part in number."
EXPONENT = "Miss exponent in number."
UNSPECIFIC = "Unspecific syntax error."
MOST_DEEP = 1 << 19  # Containers open at once, some 100 bytes each.
TOO_DEEP = f"More than {MOST_DEEP} lists and objects are nested."
_VALUES = 1 << 12  # Values between two looks at the clock.

_BOM = b"\xef\xbb\xbf"
# Any: these match everywhere, if only the empty text, so that a match is never None.
_SPACE: Any = re.compile(rb"[ \t\n\r]*")
_PLAIN: Any = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX: Any = re.compile(rb"[0-9A-Fa-f]*")
_DIGITS: Any = re.compile(rb"[0-9]*")
_SIMPLE = rb"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
# Many numbers at once, short enough to fit a double whatever their exponent.
_RUN = re.compile(rb"(?:" + _SIMPLE + rb"[ \t\n\r]*,[ \t\n\r]*)++")
_ESCAPES = {
    ord(a): b
    for a, b in zip(
        '"\\/bfnrt', [b'"', b"\\", b"/", b"\b", b"\f", b"\n", b"\r", b"\t"], strict=True
    )
}
_WORDS = {ord("n"): (b"null", None), ord("t"): (b"true", True), ord("f"): (b"false", False)}
_FIRST = b"-0123456789"
_STRUCTURE = b",:]}\x00"


class Object(dict):
    """A JSON object; of members with the same name the first is kept.

    Attributes:
        members: How many members the text has.
    """

    __slots__ = ("members",)
    members: int


class Parser:
    """One pass over the bytes; a zero byte is the end, as in RapidJSON.

    Args:
        body: The text.
        seconds: Most time to take; None: no limit.

    Attributes:
        deepest: Most containers that were open at once.
    """

    def __init__(self, body: bytes, seconds: float | None = None):
        self.seconds = seconds
        self.text = body + b"\0"
        self.at = len(_BOM) if body.startswith(_BOM) else 0
        self.open = []
        self.names = []
        self.deepest = 0

    def fail(self, text: str, at: int | None = None):
        offset = self.at if at is None else at
        return invalid(f"JSON Parse error: {text} at offset: {offset}")

    def skip(self) -> int:
        """Moves past white space; the byte found there."""
        head = self.text[self.at]
        if head > 32:
            return head
        self.at = _SPACE.match(self.text, self.at).end()
        return self.text[self.at]

    def document(self):
        """The root; what follows it is not read.

        Raises:
            Failure: INVALID_ARGUMENT: no JSON, or too deep; DEADLINE_EXCEEDED.
        """
        if self.skip() in _STRUCTURE:
            raise self.fail(EMPTY)
        begun, values = time.monotonic(), 0
        while True:
            value, is_complete = self.begin()
            if len(self.open) > self.deepest:
                self.deepest = len(self.open)
                if self.deepest > MOST_DEEP:
                    raise self.fail(TOO_DEEP)
            values += 1
            if not values % _VALUES and self.seconds is not None:
                if time.monotonic() - begun > self.seconds:
                    raise Failure(
                        Code.DEADLINE_EXCEEDED,
                        f"Reading the JSON took longer than {self.seconds:g} seconds",
                    )
            while is_complete:
                if not self.open:
                    return value
                value, is_complete = self.attach(value)

    def begin(self):
        """Reads a value, or opens a container and moves to its first value."""
        head = self.text[self.at]
        if head == ord("["):
            return self.begin_array()
        if head == ord("{"):
            self.at += 1
            value = Object()
            value.members = 0
            if self.skip() == ord("}"):
                self.at += 1
                return value, True
            self.open.append(value)
            self.name()
            return None, False
        if head == ord('"'):
            return self.string(), True
        if head in _WORDS:
            word, value = _WORDS[head]
            for byte in word:
                if self.text[self.at] != byte:
                    raise self.fail(VALUE)
                self.at += 1
            return value, True
        return self.number(), True

    def begin_array(self):
        self.at += 1
        value = []
        if self.skip() == ord("]"):
            self.at += 1
            return value, True
        if self.text[self.at] in _STRUCTURE:
            raise self.fail(UNSPECIFIC)
        self.open.append(value)
        self.numbers(value)
        return None, False

    def numbers(self, array: list):
        """Takes the numbers that come next and are each followed by a comma."""
        run = self.text[self.at] in _FIRST and _RUN.match(self.text, self.at)
        if run:
            array += orjson.loads(b"[" + run[0].rstrip(b", \t\n\r") + b"]")
            self.at = run.end()
            self.after_comma()

    def after_comma(self):
        head = self.skip()
        if head == ord("]"):
            raise self.fail(VALUE)
        if head in _STRUCTURE:
            raise self.fail(UNSPECIFIC)

    def attach(self, value: Any):
        """Puts a complete value into its container, and closes that where it ends."""
        parent = self.open[-1]
        is_array = type(parent) is list
        if is_array:
            parent.append(value)
        else:
            parent.setdefault(self.names.pop(), value)
            parent.members += 1
        head = self.skip()
        if head == ord(","):
            self.at += 1
            if is_array:
                self.after_comma()
                self.numbers(parent)
            else:
                self.skip()
                self.name()
            return None, False
        if head != (ord("]") if is_array else ord("}")):
            raise self.fail(ELEMENT if is_array else MEMBER)
        self.at += 1
        return self.open.pop(), True

    def name(self):
        """Reads a member's name and colon, up to its value."""
        if self.text[self.at] != ord('"'):
            raise self.fail(NAME)
        self.names.append(self.string())
        if self.skip() != ord(":"):
            raise self.fail(COLON)
        self.at += 1
        if self.skip() in _STRUCTURE:
            raise self.fail(UNSPECIFIC)

    def string(self) -> str:
        self.at += 1
        parts = []
        while True:
            plain = _PLAIN.match(self.text, self.at)
            parts.append(plain[0])
            self.at = plain.end()
            head = self.text[self.at]
            if head == ord('"'):
                self.at += 1
                return b"".join(parts).decode(errors="surrogateescape")
            if head == 0:
                raise self.fail(QUOTATION)
            if head != ord("\\"):
                raise self.fail(ESCAPE)
            parts.append(self.escape())

    def escape(self) -> bytes:
        start = self.at
        letter = self.text[start + 1]
        self.at += 2
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter != ord("u"):
            raise self.fail(ESCAPE, start)
        code = self.hex(start)
        if 0xDC00 <= code < 0xE000:
            raise self.fail(SURROGATE, start)
        if 0xD800 <= code < 0xDC00:
            if self.text[self.at : self.at + 2] != b"\\u":
                raise self.fail(SURROGATE, start)
            self.at += 2
            low = self.hex(start)
            if not 0xDC00 <= low < 0xE000:
                raise self.fail(SURROGATE, start)
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        return chr(code).encode()

    def hex(self, start: int) -> int:
        digits = self.text[self.at : self.at + 4]
        if len(_HEX.match(digits)[0]) != 4:
            raise self.fail(HEX, start)
        self.at += 4
        return int(digits, 16)

    def number(self) -> int | float:
        start = self.at
        if self.text[start] == ord("-"):
            self.at += 1
        head = self.text[self.at]
        if head in b"IN":
            return self.not_finite(start)
        if head not in b"0123456789":
            raise self.fail(VALUE)
        self.at = self.at + 1 if head == ord("0") else self.digits()
        is_whole = True
        if self.text[self.at] == ord("."):
            is_whole = False
            self.at += 1
            self.at = self.digits(FRACTION)
        if self.text[self.at] in b"eE":
            is_whole = False
            self.at += 1
            if self.text[self.at] in b"+-":
                self.at += 1
            self.at = self.digits(EXPONENT)
        text = self.text[start : self.at]
        if is_whole and len(text) <= 20 and -(1 << 63) <= int(text) < 1 << 64:
            return int(text)
        value = float(text)
        if math.isinf(value):
            raise self.fail(TOO_BIG, start)
        return value

    def digits(self, missing: str = VALUE) -> int:
        end = _DIGITS.match(self.text, self.at).end()
        if end == self.at:
            raise self.fail(missing)
        return end

    def not_finite(self, start: int) -> float:
        """NaN, Inf or Infinity, after an optional minus."""
        is_negative = self.at > start
        word = b"NaN" if self.text[self.at] == ord("N") else b"Inf"
        self.consume(word)
        if word == b"NaN":
            return math.nan
        if self.text[self.at] == ord("i"):
            self.consume(b"inity")
        return -math.inf if is_negative else math.inf

    def consume(self, word: bytes):
        for byte in word:
            if self.text[self.at] != byte:
                raise self.fail(VALUE)
            self.at += 1
