"""Calls by name: a table's entry with the arguments of a mapping, checked and filled in."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tfgen.construct.kinds import ConfigError, check_type
from tfgen.construct.names import unknown

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
            check_type(accepted[key], value, f"{where}.{key}")
    missing = [k for k, p in accepted.items() if p.default is p.empty and k not in arguments]
    if missing:
        raise ConfigError(f"{where}.{missing[0]}: missing; it has no default.")
    return accepted


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


def _nested(key, value, where):
    if key in NESTED and isinstance(value, dict):
        return construct(NESTED[key], value, f"{where}.{key}")
    return value
