"""Values checked against the parameter that they are for."""

import inspect
import operator
import types
import typing
from collections.abc import Sequence
from typing import Any

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
    type(None): "null",
}


class ConfigError(ValueError):
    """A config or an override that cannot be used; the message names the key and the remedy."""


def is_count(value: Any, least: int = 1) -> bool:
    """Whether a value is a whole number, Python's or NumPy's, of `least` or more."""
    try:
        return not isinstance(value, bool) and operator.index(value) >= least
    except TypeError:
        return False


# What makes class numbers of other labels, in the words of every message.
NUMBER_CLASSES = "number the classes, as in np.unique(labels, return_inverse=True)[1]"


def label_fix(kind: str, shape: Sequence[int | None] | None) -> str | None:
    """What makes class numbers (B,) of labels, in words; None where they have that form.

    Args:
        kind: NumPy's letter of their dtype.
        shape: Theirs; None where it is not known.
    """
    rank = None if shape is None else len(shape)
    if kind in "OSU":
        return NUMBER_CLASSES
    if rank == 4:
        return (
            "if they are pictures leave them out, as in fit(images): these models need no targets"
        )
    if shape is not None and len(shape) > 1:
        column = rank == 2 and shape[1] == 1
        return "pass labels.reshape(-1)" if column else "for one-hot rows pass labels.argmax(-1)"
    if kind not in "iu":
        return "if they are class numbers pass labels.astype('int32')"
    return "pass one for each picture" if rank == 0 else None


def settled(parameter: inspect.Parameter, value: Any, where: str, points: bool = False) -> Any:
    """An argument of a constructor as a plain value, checked as in a config.

    NumPy's numbers and arrays become Python's. Words, and what has neither a default nor an
    annotation of a plain type, are left to the constructor.

    Args:
        parameter: Of the constructor.
        value: What it was given.
        where: Prefix of the messages.
        points: Whether an `image_shape` of (D,) will do.

    Raises:
        ConfigError: A value of another type, a picture's shape that is none, a number of latent
            dimensions below 1, or a seed of more than 64 bits.
    """
    if parameter.name == "self":
        return value
    value, where = _python(value), f"{where}.{parameter.name}"
    kinds = _kinds(parameter)
    if kinds is not None and str not in kinds and value is not parameter.default:
        check_type(parameter, list(value) if isinstance(value, tuple | list) else value, where)
    if parameter.name == "image_shape":
        sides = list(value)
        ranks = (1, 3) if points else (3,)
        if len(sides) not in ranks or not all(side is None or side >= 1 for side in sides):
            also = ", or (D,) for points" if points else ""
            raise ConfigError(
                f"{where}: expected (height, width, channels), such as (28, 28, 1){also}. "
                f"Received: {tuple(sides)}."
            )
    if parameter.name == "latent_dim" and value is not None and value < 1:
        raise ConfigError(f"{where}: expected 1 or more. Received: {value}.")
    if parameter.name == "seed" and not -(2**63) <= value < 2**63:
        raise ConfigError(f"{where}: expected a whole number of 64 bits. Received: {value}.")
    return value


def _python(value):
    """NumPy's numbers and arrays as Python's, also within tuples and lists."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
        return tuple(value) if isinstance(value, list) else value
    if type(value) in (tuple, list):
        return type(value)(_python(item) for item in value)
    return value


def check_type(parameter: inspect.Parameter, value: Any, where: str) -> None:
    """Refuses a value of another type than the annotation or the default of a parameter.

    Raises:
        ConfigError: With the type that was expected and the one that came.
    """
    kinds = _kinds(parameter)
    if kinds is None or _is(value, kinds):
        items = _kinds_of_items(parameter)
        if isinstance(value, list) and items:
            for number, item in enumerate(value):
                if not _is(item, items):
                    raise ConfigError(_wrong(f"{where}[{number}]", items, item, parameter))
        return
    raise ConfigError(_wrong(where, kinds, value, parameter))


def _wrong(where, kinds, value, parameter):
    expected = " or ".join(_WORDS[k] for k in sorted(kinds, key=list(_WORDS).index))
    default = parameter.default
    shown = "" if default is parameter.empty else f" (default: {_plain(default)!r})"
    received = _WORDS.get(type(value), type(value).__name__)
    return f"{where}: expected {expected}{shown}. Received {received}: {value!r}."


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def _is(value, kinds):
    # bool is an int to Python, and a whole number is as good as any other number.
    return type(value) in kinds or (type(value) is int and float in kinds)


def _kinds(parameter):
    """The types that a parameter takes, by its annotation or else its default; None for any."""
    if parameter.annotation is not parameter.empty:
        return _kinds_of_annotation(parameter.annotation)
    default = parameter.default
    if default is parameter.empty or default is None:
        return None
    if isinstance(default, tuple):
        return {list}
    if isinstance(default, str):
        return {str, dict}  # A model may take a mapping with `name` where it takes a name.
    return {type(default)} if type(default) in _WORDS else None


def _kinds_of_annotation(annotation):
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [_kinds_of_annotation(a) for a in typing.get_args(annotation)]
        return None if None in kinds else set().union(*kinds)
    annotation = typing.get_origin(annotation) or annotation
    if annotation is None:
        return {type(None)}
    if isinstance(annotation, type) and issubclass(annotation, tuple | list):
        return {list}
    return {annotation} if annotation in _WORDS else None


def _kinds_of_items(parameter):
    """The types of a list's items, where the default shows them."""
    default = parameter.default
    if not isinstance(default, tuple | list) or not default:
        return None
    kinds = {type(item) for item in default}
    return kinds if kinds <= set(_WORDS) - {list, dict} else None
