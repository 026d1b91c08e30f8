"""Keras's calls on a model with players of its own: what they mean here, or what to use instead."""

import inspect
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


def check_settings() -> None:
    """ValueError for settings of Keras under which no model here is right."""
    policy = keras.config.dtype_policy().name
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()}, and tfgen needs TensorFlow: set "
            "KERAS_BACKEND=tensorflow before Python starts, or `backend` in ~/.keras/keras.json."
        )
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            f"Keras is set to {keras.config.image_data_format()}, and pictures are (B, H, W, C) "
            "here: call keras.config.set_image_data_format('channels_last'), or set "
            "`image_data_format` in ~/.keras/keras.json."
        )
    if keras.config.floatx() != "float32":
        raise ValueError(
            f"Keras's floatx is {keras.config.floatx()}, and weights and pictures are float32 "
            "here: call keras.config.set_floatx('float32'), or set `floatx` in "
            "~/.keras/keras.json. For speed use the policy mixed_bfloat16 or mixed_float16."
        )
    if policy not in POLICIES:
        raise ValueError(
            f"Keras's global dtype policy is {policy}. Weights are float32 here: call "
            f"keras.config.set_dtype_policy with one of {', '.join(POLICIES)}."
        )


def check_compile(who: str, keras_arguments: dict, players: dict) -> None:
    """ValueError for arguments of Keras's `compile` that no model here has a use for."""
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        if keras_arguments.get(name) is not None:
            raise ValueError(
                f"{who}.compile takes no `{name}`: the model minimises and reports its paper's "
                "terms, which arguments of its constructor choose; tfgen.evaluate measures more."
            )
    if "optimizer" in keras_arguments and "optimizer" not in players:
        raise ValueError(
            f"{who}.compile takes no `optimizer`: each player has its own, {', '.join(players)}."
        )
    seen: dict[int, str] = {}
    for name, (optimizer, *_) in players.items():
        if isinstance(optimizer, keras.optimizers.Optimizer):
            if seen.setdefault(id(optimizer), name) != name:
                raise ValueError(
                    f"{who}.compile: {seen[id(optimizer)]} and {name} are one object, and an "
                    "optimizer holds the slots of one player: make one for each."
                )


def check_weights(who: str, **arguments: Any) -> None:
    """ValueError for weights of examples or classes."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"{who} takes no `{name}`: its losses weigh every example alike. Repeat or leave "
                "out examples in the data set instead."
            )


def check_validation(model: keras.Model, what: str) -> None:
    """ValueError where there is no loss that could be measured on other data."""
    if type(model).test_step is keras.Model.test_step:
        raise ValueError(
            f"{type(model).__name__} has no loss to measure on held-out data, so `{what}` does not "
            "apply: measure its samples with tfgen.evaluate."
        )


def check_callbacks(model: Any, callbacks: Any) -> None:
    """ValueError for callbacks of Keras that look for the one optimizer of a model."""
    kinds = keras.callbacks
    flat = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or [])
    for callback in flat:
        name = type(callback).__name__
        if isinstance(callback, kinds.SwapEMAWeights):
            raise ValueError(
                f"{name} is not needed: sampling, `evaluate`, validation and exports use the "
                "moving averages by themselves, and `with model.averaged():` does so elsewhere."
            )
        if isinstance(callback, kinds.ReduceLROnPlateau | kinds.LearningRateScheduler):
            if len(model.players) != 1:
                raise ValueError(
                    f"{name} sets one optimizer's rate, and {type(model).__name__} has "
                    f"{', '.join(model.players)}: give schedules to `compile`, or set "
                    "model.optimizers[name].learning_rate in a callback of your own."
                )
            _show_optimizer(callback, model)
        if isinstance(callback, kinds.TerminateOnNaN):
            _watch_all_terms(callback)


def refusal(who: str, call: str, signatures: Iterable[str]) -> ValueError:
    """What is said of a call that would have to choose one of a model's functions."""
    return ValueError(
        f"{who} has no `{call}`: it serves {', '.join(signatures)}. Use model.sample(seeds) for "
        "pictures, or model.call_signature(name, {input: array})."
    )


def batches_of(x: Any) -> Any:
    """`x` with the dicts of a Python generator in the tuples that Keras asks for."""
    if not inspect.isgenerator(x):
        return x
    return ((batch,) if isinstance(batch, dict) else batch for batch in x)


def shuffled(x: Any) -> bool:
    """Whether Keras can shuffle `x`: its default of True warns where it cannot."""
    return not (isinstance(x, tf.data.Dataset) or hasattr(x, "__next__"))


class _WithOptimizer:
    """A model as a callback sees it that sets `model.optimizer.learning_rate`."""

    def __init__(self, model):
        self._shown = model

    @property
    def optimizer(self):
        return next(iter(self._shown.optimizers.values()))

    def __getattr__(self, name):
        return getattr(self._shown, name)


def _show_optimizer(callback, model):
    # The model itself has no attribute `optimizer`: Keras would write its averages over the
    # weights when `fit` ends.
    callback.set_model = lambda _: type(callback).set_model(callback, _WithOptimizer(model))


def _watch_all_terms(callback):
    kind = type(callback)

    def on_batch_end(batch, logs=None):
        # A term that is no number makes the sum none; few models report a `loss`.
        kind.on_batch_end(callback, batch, {"loss": sum((logs or {}).values())})

    callback.on_batch_end = on_batch_end
