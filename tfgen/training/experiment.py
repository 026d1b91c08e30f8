"""A config as Python objects: its data and its model."""

from typing import TYPE_CHECKING, Any, cast

import keras

from tfgen import construct, data
from tfgen.batches import accumulation
from tfgen.model import GenerativeModel, initial_weights
from tfgen.models import MODELS
from tfgen.training import devices, hosts
from tfgen.training.config import Config, ConfigError

if TYPE_CHECKING:
    import tensorflow as tf


def build(settings: Config, strategy: "tf.distribute.Strategy | None" = None) -> GenerativeModel:
    """The model of a config, compiled.

    Raises:
        ValueError: An argument that the model refuses.
    """
    with devices.scope(strategy):
        model = bare(settings)
        compile_as(settings, model)
    return model


def bare(settings: Config) -> GenerativeModel:
    """The model of a config, not compiled; errors as of `build`."""
    spec = {**settings.model, **_own_networks(settings)}
    return construct.construct(MODELS, spec, "model", seed=settings.seed)


def compile_as(settings: Config, model: GenerativeModel) -> None:
    """Compiles a model as its config says; errors as of `build`."""
    arguments = dict(settings.compile)
    for key, spec in arguments.items():
        if key.endswith("optimizer") and spec is not None:
            arguments[key] = construct.construct(construct.OPTIMIZERS, spec, f"compile.{key}")
    model.compile(**arguments)
    model.accumulate = settings.fit["accumulate"]
    try:
        model.gradient_checkpointing = settings.fit["gradient_checkpointing"]
    except ValueError as error:
        raise ConfigError(f"fit.gradient_checkpointing: {error}") from error


def rows(settings: Config) -> int:
    """Of the batch of one step, which is taken in `fit.accumulate` parts."""
    return settings.data["batch_size"] * settings.fit["accumulate"]


def _own_networks(settings):
    """The networks that functions of the user's own return, with weights by the config's seed."""
    found, kind = {}, cast(Any, MODELS[settings.model["name"]])
    with initial_weights(settings.seed):
        for key in kind.network_names:
            spec, where = settings.model[key], f"model.{key}"
            if spec is not None:
                found[key] = construct.construct(construct.elsewhere(spec, where), spec, where)
    return found


def batches(settings: Config):
    """The training stream and, where the config asks for it, one pass of validation."""
    arguments = dict(settings.data)
    options = construct.parameters(data.batches)
    chosen = {k: arguments.pop(k) for k in list(arguments) if k in options and k != "source"}
    source = data.source(**arguments)
    training = {k: True for k in ("shuffle", "drop_remainder") if chosen[k] is None}
    size = {"batch_size": rows(settings)}
    stream = data.batches(source, **{**chosen, **training, **size}, seed=settings.seed)
    if settings.run["validation"] is None:
        return stream, None
    return stream, _validation(settings, arguments, chosen)


def _validation(settings, arguments, chosen):
    """The same finite stream at every iteration, so that validations compare."""
    source = data.source(**{**arguments, "split": settings.run["validation"]})
    # A strategy cannot take a last batch that leaves a replica empty.
    whole = settings.run["devices"] == 1 and hosts.place().alone
    plain = {"shuffle": False, "drop_remainder": not whole, "flip": False, "crop_at": "center"}
    plain |= {"labelled": None, "labelled_batch_size": None}  # A part of "train" has labels too.
    plain |= {"service": None}  # The last batch of a pass is smaller.
    stream = data.batches(source, **{**chosen, **plain}, seed=settings.seed)
    steps = stream.steps_per_epoch
    return stream.from_step(0).take(min(settings.fit["validation_steps"] or steps, steps))


def check(settings: Config, model: GenerativeModel, stream: "tf.data.Dataset") -> None:
    """ConfigError where model, data and run do not go together."""
    expected, found = getattr(model, "image_shape", None), stream.element_spec["image"].shape[1:]
    if expected is not None and not found.is_compatible_with(expected):
        raise ConfigError(
            f"model.image_shape: {list(expected)}, but the pictures of data.name "
            f"{settings.data['name']!r} are {list(found)}. Set one to the other "
            "(data.image_size and data.channels bring pictures to a size)."
        )
    _check_classes(settings, model, stream)
    _check_labelled(settings, model, stream)
    _check_executions(settings, stream)
    _check_batches(model, stream)
    reported = list(model.reports)
    if settings.run["validation"] is not None:
        if type(model).test_step is keras.Model.test_step:
            raise ConfigError(
                f"run.validation: model {settings.model['name']!r} has no test_step, so there is "
                "nothing to measure on another split. Set it to null."
            )
        reported += [f"val_{name}" for name in model.reports]
    best = settings.run["best"]
    if best is not None and best not in reported:
        raise ConfigError(f"run.best: {construct.unknown(best, reported)}")


def _check_executions(settings, stream):
    """ConfigError where an epoch would end within an execution."""
    each = settings.compile.get("steps_per_execution") or 1
    steps = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
    if steps % each:
        fitting = [str(n) for n in range(1, steps + 1) if steps % n == 0]
        raise ConfigError(
            f"compile.steps_per_execution: {each} does not divide the {steps} steps of an epoch, "
            f"which would end within an execution. Give one that does: {', '.join(fitting)}."
        )


def _check_batches(model, stream):
    """ConfigError for batches that cannot be taken in parts, or shared out among replicas."""
    try:
        accumulation.check(model, model.accumulate)
    except ValueError as error:
        raise ConfigError(f"fit.accumulate: {error}") from error
    shared = model.accumulate > 1 or model.distribute_strategy.num_replicas_in_sync > 1
    if shared and stream.element_spec["image"].shape[0] is None:
        raise ConfigError(
            "data.drop_remainder: false leaves a smaller last batch, which cannot be shared out "
            "evenly among devices (run.devices) or parts (fit.accumulate): set it to null or true."
        )


def _check_classes(settings, model, stream):
    """ConfigError where a model that learns from labels has another number of classes."""
    source = stream.source
    if "label" not in stream.element_spec or not getattr(model, "needs_label", True):
        return
    inputs = {n: i for s in model.signatures().values() for n, i in s.inputs.items()}
    for key, name in (("num_classes", "label"), ("num_domains", "domain")):
        expected, found = getattr(model, key, None), source.num_classes
        if name not in inputs or not inputs[name].num_classes or expected is None:
            continue
        # Without names the largest label of one split bounds the classes from below only.
        if found > expected or (source.class_names is not None and found != expected):
            shown = ", ".join(source.class_names or ())
            names = f" ({shown if len(shown) <= 60 else shown[:57] + '...'})" if shown else ""
            raise ConfigError(
                f"model.{key}: {expected}, but data.name {settings.data['name']!r} has {found} "
                f"classes{names}: set model.{key}: {found}."
            )


def _check_labelled(settings, model, stream):
    """ConfigError for a stream of labelled examples that the model or the devices cannot take."""
    if "image_labelled" not in stream.element_spec:
        return
    size, batch_size = settings.data["labelled_batch_size"], settings.data["batch_size"]
    if not getattr(model, "learns_from_labelled", False):
        raise ConfigError(
            f"data.labelled_batch_size: model {settings.model['name']!r} has no use for labelled "
            "examples besides the batch (aae with model.use: semi_supervised has). Leave it out."
        )
    one = settings.run["devices"] == 1 and hosts.place().alone
    if not one and size != batch_size:
        raise ConfigError(
            f"data.labelled_batch_size: {size} cannot be shared out beside batches of {batch_size} "
            "on more than one device: set it to data.batch_size."
        )
