"""From plain values to Python calls, checked against the real signatures.

The one rule for everything that a config can choose: a mapping with `name` calls that entry of one
literal table with the remaining keys. There is no second schema: names, defaults and types are
those of the function that is called. This module imports without TensorFlow.
"""

import difflib
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

OPTIMIZERS = {
    "adadelta": "keras.optimizers.Adadelta",
    "adafactor": "keras.optimizers.Adafactor",
    "adagrad": "keras.optimizers.Adagrad",
    "adam": "keras.optimizers.Adam",
    "adamax": "keras.optimizers.Adamax",
    "adamw": "keras.optimizers.AdamW",
    "ftrl": "keras.optimizers.Ftrl",
    "lamb": "keras.optimizers.Lamb",
    "lion": "keras.optimizers.Lion",
    "nadam": "keras.optimizers.Nadam",
    "ramped_sgd": "tfgen.optimizers.RampedSGD",
    "rmsprop": "keras.optimizers.RMSprop",
    "sgd": "keras.optimizers.SGD",
}

SCHEDULES = {
    "cosine_decay": "keras.optimizers.schedules.CosineDecay",
    "cosine_decay_restarts": "keras.optimizers.schedules.CosineDecayRestarts",
    "exponential_decay": "keras.optimizers.schedules.ExponentialDecay",
    "geometric_decay": "tfgen.optimizers.GeometricDecay",
    "linear_decay": "tfgen.optimizers.LinearDecay",
    "inverse_time_decay": "keras.optimizers.schedules.InverseTimeDecay",
    "piecewise_constant_decay": "keras.optimizers.schedules.PiecewiseConstantDecay",
    "polynomial_decay": "keras.optimizers.schedules.PolynomialDecay",
}

# Arguments whose mappings are themselves entries of a table.
NESTED = {"learning_rate": SCHEDULES}

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
    type(None): "null",
}


# What things are called elsewhere -> their name here.
ALSO_CALLED = {
    "bce": "non_saturating",
    "binary_crossentropy": "non_saturating",
    "ns": "non_saturating",
    "vanilla": "minimax",
    "lsgan": "least_squares",
    "mse": "squared_error",
    "wgan": "wasserstein",
    "wgan_gp": "wasserstein",
    "gp": "gradient_penalty",
    "batch_norm": "batch",
    "layer_norm": "layer",
    "spectral_norm": "spectral",
    "inception_score": "is",
    "inception": "is",
    "precision": "prdc",
    "recall": "prdc",
    "density": "prdc",
    "coverage": "prdc",
    "ssim": "ms_ssim",
    "msssim": "ms_ssim",
    "bits_per_dim": "nll",
    "bpd": "nll",
    "likelihood": "nll",
    "colour": "color",
    "translate": "translation",
}


class ConfigError(ValueError):
    """A config or an override that cannot be used; the message names the key and the remedy."""


def construct(table: Mapping[str, Any], spec: Any, where: str, **given) -> Any:
    """Calls `table[spec["name"]]` with the rest of `spec` as keyword arguments.

    Args:
        table: Name -> callable, or its dotted path.
        spec: A mapping with `name`, or the name alone.
        where: What messages call it, such as "compile.generator_optimizer".
        **given: Further arguments, which a config cannot set.

    Raises:
        ConfigError: Unknown name or key, missing key, or a value of another type.
    """
    name, arguments = split(table, spec, where)
    function = entry(table, name)
    check(function, arguments, where, hidden=("name", *given))
    return function(**{k: _nested(k, v, where) for k, v in arguments.items()}, **given)


def elsewhere(spec: Any, where: str) -> dict[str, str]:
    """The table of one entry for a function of the user's own: {name: package.module.function}.

    Raises:
        ConfigError: No dotted name, or nothing that can be imported and called.
    """
    name = spec.get("name") if isinstance(spec, dict) else spec
    module, _, attribute = str(name).rpartition(".")
    if not isinstance(name, str) or not module:
        raise ConfigError(
            f"{where}: expected a mapping with `name: package.module.function`. Received: {spec!r}."
        )
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{where}.name: {name!r} cannot be imported ({error}). Is its folder on PYTHONPATH?"
        ) from error
    if not callable(found):
        raise ConfigError(f"{where}.name: {name!r} cannot be called; name a function.")
    return {name: name}


def resolved(table: Mapping[str, Any], spec: Any, where: str, hidden: Iterable[str] = ()) -> dict:
    """`spec` checked, with every default of the real signature filled in, as plain values."""
    name, arguments = split(table, spec, where)
    function = entry(table, name)
    return {"name": name, **fill(function, arguments, where, ("name", *hidden))}


def fill(
    function: Callable,
    arguments: dict,
    where: str,
    hidden: Iterable[str] = (),
    extra: Mapping[str, inspect.Parameter] | None = None,
) -> dict:
    """Checked `arguments` with the defaults of `function`, tuples as lists."""
    accepted = check(function, arguments, where, hidden, extra)
    defaults = {k: p.default for k, p in accepted.items() if p.default is not p.empty}
    filled = {k: arguments.get(k, default) for k, default in {**accepted, **defaults}.items()}
    for key, value in filled.items():
        if key in NESTED and isinstance(value, dict):
            filled[key] = resolved(NESTED[key], value, f"{where}.{key}")
        elif isinstance(value, tuple):
            filled[key] = list(value)
    return filled


def check(
    function: Callable,
    arguments: Mapping[str, Any],
    where: str,
    hidden: Iterable[str] = (),
    extra: Mapping[str, inspect.Parameter] | None = None,
) -> dict[str, inspect.Parameter]:
    """The parameters that a config may set, after checking `arguments` against them.

    Args:
        function: What is going to be called.
        arguments: Its keyword arguments.
        where: Prefix of the messages.
        hidden: Parameters that are given elsewhere.
        extra: More parameters, which `function` takes by its `**kwargs`.
    """
    accepted = {**parameters(function), **(extra or {})}
    accepted = {k: p for k, p in accepted.items() if k not in set(hidden)}
    for key, value in arguments.items():
        if key not in accepted:
            raise ConfigError(f"{where}.{key}: {unknown(key, accepted)}")
        if not (key in NESTED and isinstance(value, dict)):
            _check_type(accepted[key], value, f"{where}.{key}")
    missing = [k for k, p in accepted.items() if p.default is p.empty and k not in arguments]
    if missing:
        raise ConfigError(f"{where}.{missing[0]}: missing; it has no default.")
    return accepted


def settled(parameter: inspect.Parameter, value: Any, where: str) -> Any:
    """An argument of a constructor as a plain value, checked as in a config.

    NumPy's numbers and arrays become Python's. Words, and what has neither a default nor an
    annotation of a plain type, are left to the constructor.

    Args:
        parameter: Of the constructor.
        value: What it was given.
        where: Prefix of the messages.

    Raises:
        ConfigError: A value of another type, a picture's shape that is none, a number of latent
            dimensions below 1, or a seed of more than 64 bits.
    """
    if parameter.name == "self":
        return value
    value, where = _python(value), f"{where}.{parameter.name}"
    kinds = _kinds(parameter)
    if kinds is not None and str not in kinds and value is not parameter.default:
        _check_type(parameter, list(value) if isinstance(value, tuple | list) else value, where)
    if parameter.name == "image_shape":
        sides = list(value)
        # (D,) is of points, for the models that take them.
        if len(sides) not in (1, 3) or not all(side is None or side >= 1 for side in sides):
            raise ConfigError(
                f"{where}: expected (height, width, channels), such as (28, 28, 1). "
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


def split(table: Mapping[str, Any], spec: Any, where: str) -> tuple[str, dict]:
    """The name and the arguments of a spec."""
    if isinstance(spec, str):
        spec = {"name": spec}
    if not isinstance(spec, dict):
        raise ConfigError(f"{where}: expected a mapping with `name`. Received: {spec!r}.")
    if "name" not in spec:
        raise ConfigError(f"{where}.name: missing. Known: {', '.join(table)}.")
    arguments = {k: v for k, v in spec.items() if k != "name"}
    name = spec["name"]
    if not isinstance(name, str) or name not in table:
        raise ConfigError(f"{where}.name: {unknown(name, table)}")
    return name, arguments


def entry(table: Mapping[str, Any], name: str) -> Callable:
    """An entry of a table, imported where it is a dotted path."""
    value = table[name]
    if isinstance(value, str):
        module, _, attribute = value.rpartition(".")
        value = getattr(importlib.import_module(module), attribute)
    return value


def parameters(function: Callable) -> dict[str, inspect.Parameter]:
    """Keyword parameters by name; for a class whose `**kwargs` go to its base, those of the base.

    `self` and the parameters that collect others are left out.
    """
    found: dict[str, inspect.Parameter] = {}
    owners = function.__mro__ if inspect.isclass(function) else (function,)
    for owner in owners:
        if inspect.isclass(owner) and "__init__" not in vars(owner):
            continue
        own = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner).parameters
        kinds = {p.kind for p in own.values()}
        collecting = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
        for name, parameter in own.items():
            if name != "self" and parameter.kind not in collecting:
                found.setdefault(name, parameter)
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return found


def unknown(name: Any, known: Iterable[str]) -> str:
    """What to say about a name that is not among the known ones."""
    return no_such("name", name, known, "unknown")


def no_such(what: str, name: Any, known: Iterable[Any], begin: str = "Unknown") -> str:
    """What to say about a thing of a kind that is not among the known ones."""
    words = [str(k) for k in known]
    near = nearest(name, words)
    hint = f" Did you mean {near!r}?" if near else ""
    return f"{begin} {what} {name!r}.{hint} Known: {', '.join(words) or '(none)'}."


def nearest(name: Any, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; None where none is near."""
    words, text = {word.lower(): word for word in known}, str(name).lower()
    text = text.replace("-", "_") if text.replace("-", "_") in words else text
    for other in (text, ALSO_CALLED.get(text.replace("-", "_"))):
        if other in words:
            return words[other]
    near = difflib.get_close_matches(text, words, n=1)
    begun = [word for word in words if len(text) > 2 and word.startswith(text)]
    return words[(near or begun)[0]] if near or begun else None


def _nested(key, value, where):
    if key in NESTED and isinstance(value, dict):
        return construct(NESTED[key], value, f"{where}.{key}")
    return value


def _check_type(parameter, value, where):
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
