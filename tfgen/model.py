"""The one base class of all models, and the one way to take a gradient step."""

import abc
import contextlib
import inspect
import random as python_random
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import keras_calls, own_networks
from tfgen.signature import Signature
from tfgen.step import draws, weight


class GenerativeModel(keras.Model, abc.ABC):
    """A Keras model whose `train_step` is the algorithm of a paper.

    A final subclass stores each constructor argument under its own name, builds its networks in
    `__init__` (inside `initial_weights(seed)`), and gives `reports`, `compile`, `train_step`,
    `signatures` and, where it has a likelihood, `test_step`. Steps are decorated with
    `tfgen.step.step`.

    Attributes:
        reports: Names of the scalars that the steps report.
        network_names: Attributes whose network a user may give, by keyword, in place of the
            model's own; it is checked, trained, saved and served like it.
        step: Training steps taken; saved with the weights, so that a resumed run draws what it
            would have drawn.
    """

    reports: tuple[str, ...] = ()
    network_names: tuple[str, ...] = ()

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        if "__init__" in vars(cls):
            own_networks.accept(cls)

    def __setattr__(self, name, value):
        super().__setattr__(name, own_networks.admitted(self, name, value))

    def __init__(self, seed: int = 0, name: str | None = None):
        keras_calls.check_settings()
        super().__init__(name=name)
        self.seed = seed
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.batches = keras.metrics.Sum(name="batches")
        self.means = {name: keras.metrics.Mean(name=name) for name in self.reports}
        self.players: tuple[str, ...] = ()
        self._served = {}
        self.built = True  # Networks are built in __init__; there is no call() to trace.

    @abc.abstractmethod
    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One update of every player; returns self.report(...)."""

    @abc.abstractmethod
    def signatures(self) -> dict[str, Signature]:
        """Name -> `tfgen.signature.Signature`: what a trained model serves, the default first."""

    def compile_players(
        self, keras_arguments: dict, paper_optimizer: Any = None, **players
    ) -> None:
        """Keras's compile with one optimizer for each player.

        Args:
            keras_arguments: What else Keras's `compile` takes (`jit_compile`, `run_eagerly`,
                `steps_per_execution`).
            paper_optimizer: () -> optimizer of a player whose own is None.
            **players: `<player>_optimizer` -> (optimizer, network, ...), or `optimizer` where
                there is one player. Each becomes the attribute of that name (`single_optimizer`
                for `optimizer`: Keras would end `fit` by writing the averages of an attribute
                `optimizer` over the weights) with its slots built, so that a checkpoint restores
                into it.
        """
        keras_calls.check_compile(type(self).__name__, keras_arguments, players)
        super().compile(optimizer=None, **keras_arguments)
        self.compiled_with = dict(keras_arguments)
        for name, (optimizer, *networks) in players.items():
            setattr(self, _attribute(name), built(optimizer or paper_optimizer(), *networks))
        self.players = tuple(players)

    @property
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Argument name of `compile` -> optimizer."""
        return {name: getattr(self, _attribute(name)) for name in self.players}

    def fit(self, x: Any = None, y: Any = None, *, shuffle: bool | None = None, **arguments):
        """Keras's `fit`; `x` is a `tf.data.Dataset` of dict batches, or images (and labels `y`).

        Raises:
            ValueError: Weights of examples, validation of a model without a loss for it, or a
                callback that sets one optimizer of several.
        """
        who = type(self).__name__
        weighing = ("class_weight", "sample_weight")
        keras_calls.check_weights(who, **{n: arguments.get(n) for n in weighing})
        for name in ("validation_data", "validation_split"):
            if not (arguments.get(name) is None or arguments[name] == 0.0):
                keras_calls.check_validation(self, name)
        keras_calls.check_callbacks(self, arguments.get("callbacks"))
        if shuffle is None:
            shuffle = keras_calls.shuffled(x)
        return super().fit(keras_calls.batches_of(x), y, shuffle=shuffle, **arguments)

    def evaluate(self, x=None, y=None, *, return_dict=False, sample_weight=None, **options):
        """Keras's `evaluate` of the moving averages, where there are any: see `averaged`.

        `fit` validates through it, so `val_` values are those of the weights that sampling, exports
        and `tfgen.evaluate` use.

        Returns:
            Values in the order of `metrics_names`, or name -> value with `return_dict`.
        """
        keras_calls.check_validation(self, "evaluate")
        keras_calls.check_weights(type(self).__name__, sample_weight=sample_weight)
        x = keras_calls.batches_of(x)
        with self.averaged():
            found = super().evaluate(x, y, return_dict=True, **options)
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
        keras_calls.check_weights(type(self).__name__, **weights)
        return super().train_on_batch(x, y, **options)

    def test_on_batch(self, x, y=None, sample_weight=None, **options):
        keras_calls.check_validation(self, "test_on_batch")
        keras_calls.check_weights(type(self).__name__, sample_weight=sample_weight)
        return super().test_on_batch(x, y, **options)

    def __call__(self, *arguments, **options):
        raise keras_calls.refusal(type(self).__name__, "call", self.signatures())

    def predict(self, *arguments, **options):
        raise keras_calls.refusal(type(self).__name__, "predict", self.signatures())

    def export(self, *arguments, **options):
        raise ValueError(
            f"{type(self).__name__} has no `export`: use tfgen.export.saved_model(model, folder) "
            "or tfgen.export.onnx(model, folder), which write all of its signatures."
        )

    def save(self, filepath, *arguments, **options):
        """Keras's `save` to a `.keras` file; ValueError for another ending."""
        if not str(filepath).endswith(".keras"):
            raise ValueError(
                f"{filepath}: a model is saved whole in a `.keras` file; for weights alone use "
                "model.save_weights('x.weights.h5'), to serve it tfgen.export.saved_model."
            )
        return super().save(filepath, *arguments, **options)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy Keras would draw a batch here to build the model, and so shift the order
        # of the data; all networks are built in __init__.
        pass

    def get_config(self):
        arguments = list(inspect.signature(type(self).__init__).parameters)[1:]
        given = own_networks.config(self)
        return {name: given[name] if name in given else getattr(self, name) for name in arguments}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**own_networks.restored(cls, config, custom_objects))

    def get_compile_config(self):
        save = keras.saving.serialize_keras_object
        optimizers = {name: save(optimizer) for name, optimizer in self.optimizers.items()}
        return {**self.compiled_with, **optimizers}

    def compile_from_config(self, config):
        """Compiles as `get_compile_config` says; a file's slots and averages are read after it."""
        load = keras.saving.deserialize_keras_object
        ours = {k: load(v) if isinstance(v, dict) else v for k, v in config.items()}
        self.compile(**ours)

    def normal(self, purpose: str, *shape) -> tf.Tensor:
        """Standard normal draw of this step, a pure function of (seed, purpose, step, row)."""
        return draws().normal(purpose, shape)

    def uniform(self, purpose: str, *shape) -> tf.Tensor:
        """Uniform [0, 1) draw of this step."""
        return draws().uniform(purpose, shape)

    def report(self, **values) -> dict[str, tf.Tensor]:
        """Running means over the epoch, by the names in `reports`.

        A value that only some rows have comes as (values, weights), (B,) each: its mean is over
        the rows that have it, however the batches share them; 0 where no batch had one yet. In a
        test step a value (B,) counts for each of its rows, and a scalar for all of them, so that a
        smaller last batch counts for less.
        """
        for name, value in values.items():
            measured = _measured(*value) if isinstance(value, tuple) else (value, weight(value))
            self.means[name].update_state(*measured)
        return {name: self.means[name].result() for name in values}

    @contextlib.contextmanager
    def averaged(self):
        """The weights replaced by their moving averages while the context lasts.

        Averages are kept by optimizers compiled with Keras's `use_ema=True`; without one, nothing
        changes. Sampling, exports and evaluation run in this context.
        """
        averaging = [o for o in self.optimizers.values() if inner(o).use_ema and o.iterations > 0]
        variables = [v for o in averaging for v in inner(o)._trainable_variables]
        kept = [v.numpy() for v in variables]
        try:
            for optimizer in averaging:
                optimizer.finalize_variable_values(inner(optimizer)._trainable_variables)
            yield self
        finally:
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(value)

    def call_signature(self, name: str, feeds: dict[str, Any]) -> dict[str, tf.Tensor]:
        """One served function as a compiled graph with a free batch axis, traced once.

        Args:
            name: A key of `signatures()`.
            feeds: Input name -> (N, ...) array.

        Returns:
            Output name -> tensor.
        """
        if name not in self._served:
            signature = self.signatures()[name]
            names = list(signature.inputs)

            def served(*values):
                return signature.fn(**dict(zip(names, values, strict=True)))

            graph = tf.function(served, input_signature=signature.specs(), autograph=False)
            self._served[name] = (names, graph.get_concrete_function())
        names, graph = self._served[name]
        return graph(*(tf.convert_to_tensor(feeds[n]) for n in names))

    def sample(
        self,
        seeds: Iterable[int],
        signature: str | None = None,
        batch_size: int = 64,
        progress: Callable[[int], None] | None = None,
        **given,
    ) -> np.ndarray:
        """Pictures drawn from the model.

        Args:
            seeds: (N,) integers. Row n is a pure function of seeds[n]: the same picture at any
                batch size, in the SavedModel's `sample` and in onnxruntime.
            signature: Which served function; by default the first whose inputs can be drawn.
            batch_size: Rows at a time.
            progress: Called with the number of rows after each batch.
            **given: Inputs that are not to be drawn, each (N, ...).

        Returns:
            The signature's first output, for a generator (N, H, W, C) float32 in [-1, 1].

        Raises:
            ValueError: Unknown signature or input, or an input that must be given is missing.
        """
        table = self.signatures()
        name = signature or next(iter(table))
        if name not in table:
            raise ValueError(f"Unknown signature {name!r}. Known: {', '.join(table)}.")
        feeds = table[name].draw(seeds, **given)
        rows = len(next(iter(feeds.values())))
        parts = []
        with self.averaged():
            for start in range(0, rows, batch_size):
                part = {n: value[start : start + batch_size] for n, value in feeds.items()}
                outputs = self.call_signature(name, part)
                parts.append(next(iter(outputs.values())).numpy())
                if progress:
                    progress(len(parts[-1]))
        if not parts:
            raise ValueError("`seeds` is empty.")
        return np.concatenate(parts)


def _measured(values, weights):
    """Mean of the rows that have a value and their total weight, over all replicas.

    Keras takes the mean of the replicas' means, which is right only where all are the same.
    """
    sums = [tf.reduce_sum(values * weights), tf.reduce_sum(weights)]
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        sums = context.all_reduce("sum", sums)
    return tf.math.divide_no_nan(*sums), sums[1]


def _attribute(name):
    return "single_optimizer" if name == "optimizer" else name


def built(optimizer: keras.optimizers.Optimizer | str, *networks) -> keras.optimizers.Optimizer:
    """The optimizer with its slots made, and loss scaling added under a float16 policy."""
    optimizer = keras.optimizers.get(optimizer)
    scaling = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if keras.config.dtype_policy().name == "mixed_float16" and not scaling:
        # Keras's own start of 32768 overflows in the first updates of InfoGAN, which are then
        # skipped; the scale doubles by itself where there is room.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024.0)
    optimizer.build(weights(networks))
    return optimizer


def inner(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer itself, without its loss scaling."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def descend(
    optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, *networks
) -> None:
    """One gradient step on the weights of `networks`.

    Right under any strategy (gradients are summed over replicas, so each counts for its share) and
    with an optimizer that scales the loss.
    """
    variables = weights(networks)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    share = optimizer.scale_loss(tf.ones_like(loss) / replicas)
    optimizer.apply(tape.gradient(loss, variables, output_gradients=share), variables)


def weights(networks: Iterable[keras.Model]) -> list:
    """The trainable weights of several networks, in order, each once."""
    unique = {id(v): v for network in networks for v in network.trainable_variables}
    return list(unique.values())


@contextlib.contextmanager
def initial_weights(seed: int):
    """Keras's initializers inside draw by `seed`; Python's global random state stays as it was."""
    state = python_random.getstate()
    python_random.seed(seed)
    try:
        yield
    finally:
        python_random.setstate(state)
