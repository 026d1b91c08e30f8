"""Networks that a user gives a model in place of its own.

A class names those that can be replaced in `network_names`; its constructor then takes each by
keyword. What the model builds for itself says which shapes the given one must take and give.
"""

import functools
import inspect
from typing import Any

import keras

from tfgen.construct import settled

_STATE = "_own_networks"
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class _Construction:
    """What is known while a model is built, and what was given to it afterwards."""

    def __init__(self, given):
        self.given = given
        self.used: dict[str, keras.Model] = {}
        self.done = False


def accept(kind: Any) -> None:
    """Gives the constructor of a model's class a keyword for each of its `network_names`."""
    names, build = kind.network_names, kind.__init__
    own = inspect.signature(build)
    missing = [n for n in names if n not in own.parameters]

    @functools.wraps(build)
    def construct(self, *arguments, **options):
        given = {n: options.pop(n) for n in missing if n in options}
        given = {n: network for n, network in given.items() if network is not None}
        outermost = _STATE not in vars(self)
        if outermost:
            bound = own.bind(self, *arguments, **options)
            for parameter in own.parameters.values():
                if parameter.name in bound.arguments and parameter.kind in _NAMED:
                    value = bound.arguments[parameter.name]
                    bound.arguments[parameter.name] = settled(
                        parameter, value, kind.__name__, kind.takes_points
                    )
            (_, *arguments), options = bound.args, bound.kwargs
            object.__setattr__(self, _STATE, _Construction(given))
        for name, network in given.items():
            if not isinstance(network, keras.Model):
                raise ValueError(
                    f"`{name}` of {kind.__name__} must be a Keras model. Received: {network!r}."
                )
        build(self, *arguments, **options)
        if outermost:
            _finish(self)

    extra = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None) for n in missing]
    last = list(own.parameters.values())
    collecting = [p for p in last if p.kind is p.VAR_KEYWORD]
    plain = [p for p in last if p.kind is not p.VAR_KEYWORD]
    replaced: Any = construct
    replaced.__signature__ = own.replace(parameters=[*plain, *extra, *collecting])
    kind.__init__ = replaced


def admitted(model: keras.Model, name: str, value: Any) -> Any:
    """What is stored under an attribute's name: the given network in place of the model's own.

    Raises:
        ValueError: The given network has another shape, or the model is built already.
    """
    state = vars(model).get(_STATE)
    if state is None:
        return value
    if isinstance(value, list | tuple) and any(isinstance(v, keras.Model) for v in value):
        return [_chosen(model, state, getattr(v, "name", name), v) for v in value]
    if not isinstance(value, keras.Model):
        return value
    if state.done and isinstance(vars(model).get(name), keras.Model):
        kind = type(model)
        remedy = f"give it to the constructor, {kind.__name__}({name}=...)"
        if name not in kind.network_names:
            remedy = (
                "the model's own code needs the one it has; the constructor's arguments shape it"
            )
        raise ValueError(
            f"`{name}` of {kind.__name__} cannot be replaced once the model is built (optimizers, "
            f"samplers and files hold the one it has): {remedy}."
        )
    return _chosen(model, state, name, value)


# Numbers of steps of a player: a graph that is traced anew takes another one.
STEPS = ("discriminator_steps", "generator_steps")
TRACED = (*STEPS, "accumulate", "gradient_checkpointing")  # What a traced step has taken in.


def check_assignment(model: keras.Model, name: str, value: Any) -> None:
    """ValueError for what a built model would go on without: its graphs hold what it was built by.

    These are arguments of the constructor and optimizers. What it has no use for is refused too.
    """
    if name == "gradient_checkpointing" and value and not model.recomputes:
        raise ValueError(
            f"{type(model).__name__} has no blocks to compute again: `gradient_checkpointing` is "
            "for pixelcnn, gatedpixelcnn, pixelcnnpp and pixelrnn. Where a batch does not fit, "
            "take a smaller one, more devices (run.devices), or for models with one optimizer "
            "`accumulate` (fit.accumulate)."
        )
    state = vars(model).get(_STATE)
    if state is None or not state.done:
        return
    kind: Any = type(model)
    if isinstance(value, keras.optimizers.Optimizer):
        raise ValueError(
            f"`{name}` of {kind.__name__} cannot be set, its steps would not use it: give it to "
            "compile(), or change one that it has, as in "
            "model.optimizers[name].learning_rate.assign(1e-4)."
        )
    if name in _arguments(kind) and name in vars(model) and not _same(vars(model)[name], value):
        raise ValueError(
            f"`{name}` of {kind.__name__} cannot be changed once the model is built (its weights "
            f"and graphs follow from it): give it to the constructor, {kind.__name__}({name}=...)."
        )


@functools.cache
def _arguments(kind: Any) -> frozenset[str]:
    """Names of a constructor's arguments that are no networks, and may not change."""
    names = frozenset(inspect.signature(kind.__init__).parameters)
    return names - {*kind.network_names, *STEPS, "name"}


def _same(one, other):
    try:
        return bool(one == other)
    except ValueError:  # Arrays.
        return one is other


def config(model: keras.Model) -> dict[str, Any]:
    """The given networks as plain values, None for the model's own."""
    state = vars(model).get(_STATE)
    given = state.given if state else {}
    save = keras.saving.serialize_keras_object
    return {n: save(given[n]) if n in given else None for n in model.network_names}


def restored(kind: Any, values: dict, custom_objects: dict | None = None) -> dict:
    """Constructor arguments from the values of `config`."""
    values = dict(values)
    for name in kind.network_names:
        if isinstance(values.get(name), dict):
            load = keras.saving.deserialize_keras_object
            values[name] = load(values[name], custom_objects=custom_objects)
    return values


def _chosen(model, state, name, own):
    if state.done or name not in type(model).network_names:
        return own
    given = state.given.get(name)
    if given is not None:
        shared = [n for n, network in state.used.items() if network is own]
        if shared:
            raise ValueError(
                f"`{name}` of {type(model).__name__} is its `{shared[0]}` with these arguments: "
                f"give `{shared[0]}` only."
            )
        _check(type(model).__name__, name, own, given)
    state.used[name] = own if given is None else given
    return state.used[name]


def _finish(model):
    state = vars(model)[_STATE]
    for name in state.given:
        if name not in state.used:
            raise ValueError(
                f"`{name}`: {type(model).__name__} has no such network with these arguments. "
                f"It has: {', '.join(state.used) or 'none that can be replaced'}."
            )
    owners: dict[int, str] = {}
    for name in state.given:
        for variable in state.given[name].variables:
            if owners.setdefault(id(variable), name) != name:
                raise ValueError(
                    f"`{owners[id(variable)]}` and `{name}` of {type(model).__name__} share the "
                    f"weight {variable.path}: build a network of its own for each."
                )
    state.done = True


def _check(who, name, own, given):
    """ValueError where `given` does not take and give what `own` does."""
    inputs = own.inputs[0] if len(own.inputs) == 1 else own.inputs
    takes, gives = _shapes(inputs), _shapes(own.outputs)
    asked = f"`{name}` of {who} must take {takes} and give {gives}"
    try:
        found = _shapes(given(keras.tree.map_structure(_placeholder, inputs)))
    except (TypeError, ValueError, IndexError) as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise ValueError(f"{asked}. Received {_described(given)}: {reason}") from error
    if found != gives:
        raise ValueError(f"{asked}. Received one that gives {found}.")


def _described(network):
    inputs = getattr(network, "inputs", None)
    return f"one that takes {_shapes(inputs)}" if inputs else "one that cannot be called with it"


def _placeholder(tensor):
    return keras.KerasTensor(tensor.shape, tensor.dtype)


def _shapes(tensors):
    """Shapes as text, of one tensor or of a list of them."""
    flat = [str(tuple(t.shape)).replace("None", "B", 1) for t in keras.tree.flatten(tensors)]
    return flat[0] if len(flat) == 1 else f"[{', '.join(flat)}]"
