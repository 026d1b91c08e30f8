"""Options of a command from the signature and docstring of a function, without importing it."""

import argparse
import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Argument:
    """One keyword argument of a function.

    Args:
        name: Its name.
        annotation: As it stands in the source.
        optional: Whether it has a default.
        default: A literal; None where there is none or it is no literal.
        help: What the docstring says of it.
    """

    name: str
    annotation: str
    optional: bool
    default: Any
    help: str

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Adds the option to a parser; its value is None where it is not given.

        Raises:
            LookupError: An annotation that no option stands for.
        """
        flag = "--" + self.name.replace("_", "-")
        kind = self.annotation.removesuffix(" | None")
        said = self.default not in (None, ()) and self.default is not False
        shown = f" (default: {_text(self.default)})" if said else ""
        common: dict[str, Any] = {
            "default": None,
            "help": (self.help + shown).replace("%", "%%"),
            "required": not self.optional,
        }
        if kind == "bool":
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
        elif kind.startswith("Literal["):
            choices = ast.literal_eval(kind.removeprefix("Literal"))
            parser.add_argument(flag, choices=choices, **common)
        elif kind in _READ:
            word, read = _READ[kind]
            parser.add_argument(flag, metavar=word, type=read, **common)
        elif kind.startswith("Mapping[str, "):
            parser.add_argument(flag, metavar="NAME=A,B", nargs="+", action=_Pairs, **common)
        else:
            raise LookupError(f"{self.name}: no option stands for {self.annotation!r}.")


@dataclass(frozen=True)
class Function:
    """A function as its source says.

    Args:
        description: Its docstring up to the arguments.
        arguments: By name, in order.
    """

    description: str
    arguments: dict[str, Argument]

    @property
    def first_line(self) -> str:
        return self.description.partition("\n")[0].replace("%", "%%")


def read(home: str) -> Function:
    """The function of a dotted name within the package.

    Raises:
        LookupError: There is none.
    """
    module, _, name = home.rpartition(".")
    path = _PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _function(node)
    raise LookupError(f"There is no function {home}.")


def _function(node):
    text = ast.get_docstring(node) or ""
    meanings = _meanings(text)
    own = node.args
    missing = [...] * (len(own.args) - len(own.defaults))
    pairs = [*zip(own.args, [*missing, *own.defaults], strict=True)]
    pairs += [(a, ... if d is None else d) for a, d in zip(own.kwonlyargs, own.kw_defaults)]  # noqa: B905
    arguments = {}
    for argument, default in pairs:
        optional = default is not ...
        annotation = ast.unparse(argument.annotation) if argument.annotation else "str"
        value = _literal(default) if optional else None
        said = meanings.get(argument.arg, "")
        arguments[argument.arg] = Argument(argument.arg, annotation, optional, value, said)
    return Function(re.split(r"^(?:Args|Returns|Raises):$", text, flags=re.M)[0].strip(), arguments)


def _meanings(text):
    """Argument -> what a docstring of Google's style says of it, on one line."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    found: dict[str, str] = {}
    name = ""
    for line in (section[1] if section else "").splitlines():
        match = re.match(r" {4}(\w+): (.*)", line)
        if match:
            name, found[match[1]] = match[1], match[2].strip()
        elif name:
            found[name] = (
                f"{found[name]} {line.strip()}".rstrip(". ") if line.strip() else found[name]
            )
    return {k: v.rstrip(".") for k, v in found.items()}


def _literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _text(value):
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _whole(text):
    """ "0-3,7" -> [0, 1, 2, 3, 7]"""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?\d+)(?:-(\d+))?\s*", part)
        if not match:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a form such as 3 or 0-7 or 0,5,9")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _numbers(text):
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers such as 0.5,1") from error


def _words(text):
    return text.split(",")


class _Pairs(argparse.Action):
    """name=a,b ... as a mapping of names to lists of words."""

    def __call__(self, parser, namespace, values: Any, option_string=None):
        found: dict[str, Sequence[str]] = {}
        for value in values:
            name, equals, rest = value.partition("=")
            if not equals or not name or not rest:
                parser.error(f"{option_string} {value!r}: expected the form name=a,b.")
            found[name] = rest.split(",")
        setattr(namespace, self.dest, found)


_READ: dict[str, tuple[str, Callable[[str], Any]]] = {
    "int": ("N", int),
    "float": ("X", float),
    "str": ("TEXT", str),
    "Sequence[int]": ("N,N", _whole),
    "Sequence[float]": ("X,X", _numbers),
    "Sequence[str]": ("A,B", _words),
}
