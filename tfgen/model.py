"""The one base class of all models."""

import abc
import contextlib
import functools
import inspect
import random as python_random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import sampling
from tfgen.construct import is_count, no_such
from tfgen.keras_face import calls, own_networks
from tfgen.optimizers import averages_in_place, built
from tfgen.signature import Signature, checked
from tfgen.step import draws, weight


class GenerativeModel(calls.KerasCalls, abc.ABC):
    """A Keras model whose `train_step` is the algorithm of a paper.

    A final subclass stores each constructor argument under its own name, builds its networks in
    `__init__` (inside `initial_weights(seed)`), and gives `reports`, `compile`, `train_step`,
    `signatures` and, where it has a likelihood, `test_step`. Steps are decorated with
    `tfgen.step.step`.

    Attributes:
        reports: Names of the scalars that the steps report.
        network_names: Attributes whose network a user may give, by keyword, in place of the
            model's own; it is checked, trained, saved and served like it.
        takes_points: Whether an `image_shape` of (D,) will do, of points in place of pictures.
        class_names: Of the data set that it is trained on, one a label, or None; labels may be
            given by them. A run, and `fit` on a data set of `tfgen.data`, set them.
        accumulate: Parts that a training step takes its batch in, one after the other, before its
            one update: memory of one part, weights of the whole (`tfgen.batches.accumulation`).
        gradient_checkpointing: Whether a training step keeps of each block of its network only
            the inputs and computes the rest again for the gradient: less memory, one more forward
            pass. For models with `recomputes`; others refuse it.
        recomputes: Whether the model's network consists of such blocks.
        step: Training steps taken; saved with the weights, so that a resumed run draws what it
            would have drawn.
    """

    reports: tuple[str, ...] = ()
    network_names: tuple[str, ...] = ()
    takes_points: bool = False
    class_names: tuple[str, ...] | None = None
    accumulate: int = 1
    gradient_checkpointing: bool = False
    recomputes: bool = False

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        if "__init__" in vars(cls):
            own_networks.accept(cls)

    def __setattr__(self, name, value):
        own_networks.check_assignment(self, name, value)
        traced = name in own_networks.TRACED and getattr(self, "train_function", None) is not None
        changed = traced and getattr(self, name) != value
        super().__setattr__(name, own_networks.admitted(self, name, value))
        if changed:
            self.make_train_function(force=True)

    def __init__(self, seed: int = 0, name: str | None = None):
        calls.check_settings()
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
        self.reporting(*self.reports)
        self.players: tuple[str, ...] = ()
        self._served = {}
        self.built = True  # Networks are built in __init__; there is no call() to trace.

    def reporting(self, *names: str) -> None:
        """Sets what this model reports, where it depends on constructor arguments."""
        self.reports = names
        self.means = {name: keras.metrics.Mean(name=name) for name in names}

    @abc.abstractmethod
    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One update of every player; returns self.report(...)."""

    def check_values(self, batch: dict[str, tf.Tensor]) -> None:
        """Assertions on what a step reads of a batch besides its pictures, such as labels.

        Every step begins with them; of one that XLA compiles, which drops assertions, they are
        taken before it.
        """

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
        calls.check_compile(type(self).__name__, keras_arguments, players)
        super().compile(optimizer=None, **keras_arguments)
        self.compiled_with = dict(keras_arguments)
        for name, (optimizer, *networks) in players.items():
            one = built(optimizer or paper_optimizer(), *networks)
            super().__setattr__(_attribute(name), one)
        self.players = tuple(players)

    @property
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Argument name of `compile` -> optimizer."""
        return {name: getattr(self, _attribute(name)) for name in self.players}

    def get_config(self):
        arguments = list(inspect.signature(type(self).__init__).parameters)[1:]
        given = own_networks.config(self)
        named = {"class_names": list(self.class_names)} if self.class_names else {}
        own = {name: given[name] if name in given else getattr(self, name) for name in arguments}
        return {**own, **named}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        names = config.pop("class_names", None)
        model = cls(**own_networks.restored(cls, config, custom_objects))
        model.class_names = names and tuple(names)
        return model

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
        for name, value in _together(values).items():
            measured = _measured(*value) if isinstance(value, tuple) else (value, weight(value))
            self.means[name].update_state(*measured)
        return {name: self.means[name].result() for name in values}

    @contextlib.contextmanager
    def averaged(self):
        """The weights replaced by their moving averages while the context lasts.

        Averages are kept by optimizers compiled with Keras's `use_ema=True`; without one, nothing
        changes. Sampling, exports and evaluation run in this context.
        """
        with averages_in_place(self.optimizers.values()):
            yield self

    def call_signature(self, name: str, feeds: dict[str, Any]) -> dict[str, tf.Tensor]:
        """One served function as a compiled graph with a free batch axis, traced once.

        Args:
            name: A key of `signatures()`.
            feeds: Input name -> (N, ...) array, or tensor.

        Returns:
            Output name -> tensor.

        Raises:
            ValueError: Unknown signature or input, a missing one, or an array that
                `tfgen.signature.checked` refuses.
        """
        table = self.signatures()
        if name not in table:
            raise ValueError(no_such("signature", name, table))
        signature = table[name]
        if set(feeds) != set(signature.inputs):
            raise ValueError(
                f"{name!r} takes {', '.join(signature.inputs)}. Received: {', '.join(feeds)}."
            )
        feeds = {
            n: value if _is_symbolic(value) else checked(n, signature.inputs[n], value)
            for n, value in feeds.items()
        }
        names, graph = self._graph(name)
        return graph(*(tf.convert_to_tensor(feeds[n]) for n in names))

    def _graph(self, name):
        """(names of the inputs, the compiled function of them)"""
        if name not in self._served:
            signature = self.signatures()[name]
            names = list(signature.inputs)

            def served(*values):
                return signature.fn(**dict(zip(names, values, strict=True)))

            graph = tf.function(served, input_signature=signature.specs(), autograph=False)
            self._served[name] = (names, graph.get_concrete_function())
        return self._served[name]

    def sample(
        self,
        seeds: Iterable[int],
        signature: str | None = None,
        batch_size: int | None = None,
        progress: Callable[[int], None] | None = None,
        **given,
    ) -> np.ndarray:
        """Pictures drawn from the model.

        Args:
            seeds: (N,) integers. Row n is a pure function of seeds[n]: the same picture at any
                batch size, in the SavedModel's `sample` and in onnxruntime.
            signature: Which served function; by default the first whose inputs can be drawn.
            batch_size: Rows at a time; by default 64 to 1024, by what a row costs.
            progress: Called with the number of rows after each batch.
            **given: Inputs that are not to be drawn, each (N, ...) or one value for all; classes
                by number, or by name where `class_names` are known.

        Returns:
            The signature's first output, for a generator (N, H, W, C) float32 in [-1, 1].

        Raises:
            ValueError: Unknown signature or input, an input that must be given is missing, or
                there are no seeds.
        """
        rows, parts = self._parts(seeds, signature, batch_size, given)
        result, done = np.empty(0), 0
        with self.averaged():
            for part in parts:
                if not done:
                    result = np.empty((rows, *part.shape[1:]), part.dtype)
                result[done : done + len(part)] = part
                done += len(part)
                if progress:
                    progress(len(part))
        return result

    def samples(
        self,
        seeds: Iterable[int],
        signature: str | None = None,
        batch_size: int | None = None,
        **given,
    ) -> Iterator[np.ndarray]:
        """What `sample` draws, a batch at a time: for more pictures than memory holds.

        Arguments are those of `sample`, and are checked at once. A `range` of seeds takes no
        memory, however long it is. Between two batches the model is as it was, so that it may be
        trained or saved there.

        Yields:
            (rows, ...), together the rows of `sample`.
        """
        _, parts = self._parts(seeds, signature, batch_size, given)

        def drawn():
            while True:
                with self.averaged():
                    part = next(parts, None)
                if part is None:
                    return
                yield part

        return drawn()

    def _parts(self, seeds, signature, batch_size, given):
        """The number of rows, and the iterator of batches of them."""
        table = self.signatures()
        name = signature or next(iter(table))
        if name not in table:
            raise ValueError(no_such("signature", name, table))
        if batch_size is not None and not is_count(batch_size):
            raise ValueError(
                f"`batch_size` must be at least 1, a whole number. Received: {batch_size!r}."
            )
        seeds = sampling.sliceable(seeds)
        given = table[name].given(len(seeds), **given)
        call = functools.partial(self.call_signature, name)
        size = batch_size or sampling.rows_at_a_time(self._graph(name)[1].graph)
        return len(seeds), sampling.batches(call, table[name], seeds, given, size)


def _is_symbolic(value):
    """Whether a value is known only when a graph runs."""
    return tf.is_tensor(value) and not hasattr(value, "numpy")


def _together(values):
    """The same values; scalars leave the step as one tensor.

    TensorFlow's graph optimiser makes one AddN of a running total and the terms of a loss, and AddN
    begins with whichever term nobody else reads any more: where terms are reported as well, that is
    a matter of time, and the last bit of the total with it. What is packed is read until the end.
    """
    names = [
        name
        for name, value in values.items()
        if not isinstance(value, tuple) and tf.convert_to_tensor(value).shape.rank == 0
    ]
    if not names:
        return values
    packed = tf.stack([tf.cast(values[name], keras.config.floatx()) for name in names])
    return {**values, **dict(zip(names, tf.unstack(packed), strict=True))}


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


@contextlib.contextmanager
def initial_weights(seed: int):
    """Keras's initializers inside draw by `seed`; Python's global random state stays as it was."""
    state = python_random.getstate()
    python_random.seed(seed)
    try:
        yield
    finally:
        python_random.setstate(state)
