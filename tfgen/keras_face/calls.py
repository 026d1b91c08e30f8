"""Keras's calls on a model with players of its own: what they mean here, or what to use instead."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf

from tfgen.batches import sharing
from tfgen.construct import is_count
from tfgen.keras_face import callbacks, given_data
from tfgen.optimizers import among_hosts
from tfgen.step import as_batch, enough_rows

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


class KerasCalls(keras.Model):
    """The calls of `keras.Model` on a model whose players each have an optimizer."""

    class_names: tuple[str, ...] | None
    means: dict[str, keras.metrics.Mean]
    compiled_with: dict[str, Any]

    def fit(self, x: Any = None, y: Any = None, *, shuffle: bool | None = None, **arguments):
        """Keras's `fit`; `x` is a `tf.data.Dataset` of dict batches, or images (and labels `y`).

        Raises:
            ValueError: Weights of examples, validation of a model without a loss for it, a
                callback that sets one optimizer of several, or batches that cannot be shared out
                evenly among replicas.
        """
        who = type(self).__name__
        given_data.check_counts(who, arguments)
        x, y = given_data.batches_of(x, y)
        weighing = ("class_weight", "sample_weight")
        check_weights(who, **{n: arguments.get(n) for n in weighing})
        held_out, split = (arguments.get(f"validation_{n}") for n in ("data", "split"))
        if held_out is not None:
            check_validation(self, "validation_data")
        if split:
            check_validation(self, "validation_split")
        callbacks.check(self, arguments.get("callbacks"))
        size = arguments.get("batch_size")
        sharing.check(self, x, size, split or 0.0)
        if held_out is not None:
            sharing.check(self, held_out, arguments.get("validation_batch_size") or size)
        names = getattr(getattr(x, "source", None), "class_names", None)
        if names:
            self.class_names = tuple(names)
        given_data.warn_of_range(x)
        if shuffle is None:
            shuffle = given_data.shuffled(x)
        history = super().fit(x, y, shuffle=shuffle, **arguments)
        if history.epoch and not history.history and self.means:
            raise ValueError(given_data.EMPTY)
        return history

    def evaluate(self, x=None, y=None, *, return_dict=False, sample_weight=None, **options):
        """Keras's `evaluate` of the moving averages, where there are any: see `averaged`.

        `fit` validates through it, so `val_` values are those of the weights that sampling, exports
        and `tfgen.evaluate` use.

        Returns:
            Values in the order of `metrics_names`, or name -> value with `return_dict`.
        """
        check_validation(self, "evaluate")
        check_weights(type(self).__name__, sample_weight=sample_weight)
        given_data.check_counts(type(self).__name__, options)
        x, y = given_data.batches_of(x, y)
        sharing.check(self, x, options.get("batch_size"))
        with self.averaged():
            found = super().evaluate(x, y, return_dict=True, **options)
        if not found and self.means:
            raise ValueError(given_data.EMPTY)
        return found if return_dict else self._flatten_metrics_in_order(found)

    def _flatten_metrics_in_order(self, logs):
        if not isinstance(logs, dict):
            return logs
        self._reported = [name for name in self.means if name in logs]
        return [logs[name] for name in self._reported]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` and `train_on_batch` last gave, in order."""
        return list(getattr(self, "_reported", self.means))

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, **options):
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        check_weights(type(self).__name__, **weights)
        return super().train_on_batch(x, y, **options)

    def test_on_batch(self, x, y=None, sample_weight=None, **options):
        check_validation(self, "test_on_batch")
        check_weights(type(self).__name__, sample_weight=sample_weight)
        return super().test_on_batch(x, y, **options)

    def __call__(self, *arguments, **options):
        raise refusal(type(self).__name__, "call", self.signatures())

    def predict(self, *arguments, **options):
        raise refusal(type(self).__name__, "predict", self.signatures())

    def export(self, *arguments, **options):
        raise ValueError(
            f"{type(self).__name__} has no `export`: use tfgen.export.saved_model(model, folder) "
            "or tfgen.export.onnx(model, folder), which write all of its signatures."
        )

    def quantize(self, *arguments, **options):
        raise ValueError(
            f"{type(self).__name__} has no `quantize`: it would change what is trained. "
            "Smaller files to serve come from tfgen.export.export(model, ..., variants=['int8'])."
        )

    def save(self, filepath, *arguments, **options):
        """Keras's `save` to a `.keras` file; ValueError for another ending."""
        if not str(filepath).endswith(".keras"):
            raise ValueError(
                f"{filepath}: a model is saved whole in a `.keras` file; for weights alone use "
                "model.save_weights('x.weights.h5'), to serve it tfgen.export.saved_model."
            )
        return super().save(filepath, *arguments, **options)

    def _make_function(self, step_function):
        # Between hosts Keras sums each reported value on its own, and each sum waits for messages.
        if not among_hosts(self.distribute_strategy):
            object.__setattr__(self, "_packed", None)
            return super()._make_function(step_function)
        object.__setattr__(self, "_packed", [])
        return super()._make_function(sharing.packed(step_function, self._packed))

    def _autoconvert_optionals(self, step_func):
        if self._packed is not None:
            step_func = sharing.unpacked(step_func, self._packed)
        # Here Keras hands over the step that it has compiled. XLA drops the assertions inside it,
        # so they are taken before it, and the step waits for them: no weight has moved.
        if self.distribute_strategy.num_replicas_in_sync > 1:
            step_func = sharing.evenly(self, step_func)
        if not self.jit_compile:
            return super()._autoconvert_optionals(step_func)
        found = _found_right(self)

        def checked(data):
            with tf.control_dependencies(found(data)):
                return step_func(data)

        return super()._autoconvert_optionals(checked)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy Keras would draw a batch here to build the model, and so shift the order
        # of the data; all networks are built in __init__.
        pass

    def get_compile_config(self):
        save = keras.saving.serialize_keras_object
        optimizers = {name: save(optimizer) for name, optimizer in self.optimizers.items()}
        return {**self.compiled_with, **optimizers}

    def compile_from_config(self, config):
        """Compiles as `get_compile_config` says; a file's slots and averages are read after it."""
        load = keras.saving.deserialize_keras_object
        ours = {k: load(v) if isinstance(v, dict) else v for k, v in config.items()}
        self.compile(**ours)


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
    known = inspect.signature(keras.Model.compile).parameters
    each = keras_arguments.get("steps_per_execution")
    if each is not None and each != "auto" and not is_count(each):
        raise ValueError(
            f"{who}.compile: `steps_per_execution` must be a whole number of 1 or more. "
            f"Received: {each!r}."
        )
    unknown = [name for name in keras_arguments if name not in known]
    if unknown:
        one = next(iter(players))
        raise ValueError(
            f"{who}.compile takes no `{unknown[0]}`. Rates and what else an optimizer has are set "
            f"on it: compile({one}=keras.optimizers.Adam(1e-4)). It takes: {', '.join(players)}."
        )
    if "optimizer" in keras_arguments and "optimizer" not in players:
        raise ValueError(
            f"{who}.compile takes no `optimizer`: each player has its own, {', '.join(players)}."
        )
    seen: dict[int, str] = {}
    for name, (optimizer, *_) in players.items():
        if not (optimizer is None or isinstance(optimizer, str | keras.optimizers.Optimizer)):
            raise ValueError(
                f"{who}.compile: `{name}` must be an optimizer of Keras or its name, such as "
                f"keras.optimizers.Adam(1e-4) or 'adam'. Received: {optimizer!r}."
            )
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


def refusal(who: str, call: str, signatures: Iterable[str]) -> ValueError:
    """What is said of a call that would have to choose one of a model's functions."""
    return ValueError(
        f"{who} has no `{call}`: it serves {', '.join(signatures)}. Use model.sample(seeds) for "
        "pictures, or model.call_signature(name, {input: array})."
    )


def _found_right(model: keras.Model) -> Callable:
    """(data) -> tensors that are there once the values of a batch are found right.

    All that a step asserts of its batch, for steps that XLA compiles without their assertions.
    """
    strategy = model.distribute_strategy
    alone = strategy.num_replicas_in_sync == 1

    def values(data):
        # A batch comes from the host, and is looked at there: nothing waits for an accelerator.
        with tf.device("CPU:0") if alone else contextlib.nullcontext():
            batch = as_batch(data, getattr(model, "image_shape", None))
            if "image" in batch:
                enough_rows(batch["image"], getattr(model, "discriminator_steps", 1))
            model.check_values(batch)
            return tf.constant(True)

    @functools.partial(tf.function, reduce_retracing=True, autograph=False)
    def found(data):
        each = strategy.run(values, args=(data,))
        return list(strategy.experimental_local_results(each))

    return found
