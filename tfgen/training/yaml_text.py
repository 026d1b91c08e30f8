"""YAML as configs and overrides use it: errors with their line, no silent surprises."""

import itertools
import re
from collections.abc import Iterable
from typing import Any

import yaml

from tfgen.construct import ConfigError

# PyYAML follows YAML 1.1, which wants a point in the mantissa and a sign in the exponent.
_EXPONENT = re.compile(r"([-+]?\d[\d_]*)(?:\.(\d*))?[eE]([-+]?)(\d+)")
_MOST_VALUES = 10_000


class _Unquoted(str):
    """A number with an exponent that YAML 1.1 reads as text, written without quotes."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice and marks unquoted numbers read as text."""


def _text(loader, node):
    value = loader.construct_scalar(node)
    return _Unquoted(value) if node.style is None and _EXPONENT.fullmatch(value) else value


def _mapping(loader, node):
    seen = set()
    for place, _ in node.value:
        key = loader.construct_object(place, deep=True)
        line = place.start_mark.line + 1
        if not isinstance(key, str):
            raise ConfigError(f"line {line}: the key {key!r} is no text.")
        if key in seen:
            raise ConfigError(f"line {line}: the key {key!r} comes twice.")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:str", _text)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read(text: str) -> dict[str, Any]:
    """The mapping that a config file holds.

    Raises:
        ConfigError: No YAML, no mapping, a key given twice, or a number that YAML 1.1 reads as
            text.
    """
    values = _parse(text)
    if not isinstance(values, dict):
        found = "an empty file" if values is None else f"{type(values).__name__} {values!r}"
        raise ConfigError(f"expected a mapping of sections. Received {found}.")
    return values


def override(values: dict[str, Any], change: str) -> None:
    """Applies "section.key=value" to `values` in place; the value is read as YAML.

    Raises:
        ConfigError: Another form, or a path through something that is no mapping.
    """
    path, equals, text = change.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"override {change!r}: expected the form section.key=value.")
    try:
        value = _parse(text, path.strip())
    except ConfigError as error:
        raise ConfigError(f"override {change!r}: {error}") from error
    for key in keys[:-1]:
        inside: Any = values.get(key)
        if isinstance(inside, str):
            inside = {"name": inside}  # The short form of a mapping with nothing but its name.
        if not isinstance(inside, dict | None):
            raise ConfigError(f"override {change!r}: {key!r} holds {inside!r}, no mapping.")
        values[key] = values = {} if inside is None else inside
    values[keys[-1]] = value


def value(text: str) -> Any:
    """One value, such as that of an override.

    Raises:
        ConfigError: No YAML, or a number that YAML 1.1 reads as text.
    """
    return _parse(text)


def _parse(text, where=""):
    try:
        values = yaml.load(text, Loader=_Loader)
        _refuse_unquoted(values, where, itertools.count())
    except RecursionError as error:
        raise ConfigError("not YAML of a config: its values are nested too deeply.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        if "2002:merge" in problem:
            problem = "`<<` does not merge mappings here, write their keys out"
        raise ConfigError(f"{place}not YAML: {' '.join(problem.split())}.") from error
    return values


def _refuse_unquoted(value, where, seen):
    if next(seen) > _MOST_VALUES:  # Aliases of aliases multiply.
        raise ConfigError(f"holds more than {_MOST_VALUES} values, those of its aliases counted.")
    unquoted = _EXPONENT.fullmatch(value) if isinstance(value, _Unquoted) else None
    if unquoted:
        whole, fraction, sign, exponent = unquoted.groups()
        better = f"{whole}.{fraction or '0'}e{sign or '+'}{exponent}"
        raise ConfigError(f"{where}: {value} is text in YAML 1.1, not a number: write {better}.")
    items: Iterable = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        inside = f"{where}[{key}]" if isinstance(value, list) else f"{where}.{key}".lstrip(".")
        _refuse_unquoted(item, inside, seen)
