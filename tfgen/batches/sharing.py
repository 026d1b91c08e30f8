"""How the rows of a batch are shared out among replicas: as many to each, or not at all.

A replica draws its own rows of a global draw and counts for its share of the gradient, which is
right only where all replicas have as many rows. tf.data gives a smaller last batch to them unevenly
(7 rows as 4 and 3, 1 row as 1 and 0), so one is refused before it moves a weight.
"""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfgen.optimizers import among_hosts

_REMEDY = "leave the last, smaller batch out (drop_remainder=True)"


def check(model: keras.Model, x: Any, batch_size: int | None = None, split: float = 0.0) -> None:
    """ValueError where some batch of `x` cannot be shared out evenly among a model's replicas.

    What is known of a generator shows only as its batches come: `even` looks at those.

    Args:
        model: Made in the scope of its strategy.
        x: What `fit` or `evaluate` takes.
        batch_size: Rows in a batch of arrays; None for Keras's 32.
        split: Share of the rows of arrays that are kept for validation.
    """
    replicas = model.distribute_strategy.num_replicas_in_sync
    if replicas == 1 or x is None or inspect.isgenerator(x) or hasattr(x, "__next__"):
        return
    who = f"{type(model).__name__} on {replicas} replicas"
    if isinstance(x, tf.data.Dataset):
        rows = {part.shape[0] for part in tf.nest.flatten(x.element_spec) if part.shape.rank}
        if None in rows:
            raise ValueError(
                f"{who} takes batches of one size, and this data set does not say that its last "
                f"is as large: {_REMEDY}."
            )
        uneven = [n for n in rows if n % replicas]
    else:
        sizes = {len(part) for part in tf.nest.flatten(x) if getattr(part, "shape", ())}
        if len(sizes) != 1:  # Another form, or one that Keras refuses by itself.
            return
        rows, size = sizes.pop(), batch_size or 32
        trained = math.floor(rows * (1.0 - split))
        lots = trained, rows - trained
        parts = [lot % size for lot in lots] + [size for lot in lots if lot >= size]
        uneven = [n for n in parts if n % replicas]
    if uneven:
        raise ValueError(
            f"{who} takes batches that divide among them, and one here would have {uneven[0]} "
            f"rows: choose another batch size, or {_REMEDY}."
        )


def even(strategy: tf.distribute.Strategy, data: Any) -> list[tf.Operation]:
    """The assertion that a batch is shared out evenly; nothing where its shape says so.

    Args:
        strategy: With one replica there is nothing to assert.
        data: One value a replica, as an iterator of the strategy gives them.
    """
    if strategy.num_replicas_in_sync == 1:
        return []
    leaf = tf.nest.flatten(data)[0]
    parts = strategy.experimental_local_results(leaf)
    known = {part.shape[0] for part in parts}
    if len(known) == 1 and None not in known:
        return []
    rows = tf.stack([tf.shape(part)[0] for part in parts])
    said = f"A batch must divide among the replicas: {_REMEDY}. Rows of each:"
    with tf.device("CPU:0"):
        done = tf.debugging.Assert(tf.reduce_min(rows) == tf.reduce_max(rows), [said, rows])
    return [] if done is None else [done]


def reportable(values: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What a step reports, in the form of which Keras's `fit` takes the mean over several hosts.

    Keras 3.15 takes that mean over an axis that scalars lack.
    """
    if not among_hosts(tf.distribute.get_strategy()):
        return values
    return {name: tf.reshape(value, (1,)) for name, value in values.items()}


def packed(step: Callable, names: list[str]) -> Callable:
    """A step that reports one (1, N) tensor; `names` is filled as it is traced."""

    @functools.wraps(step)
    def together(data):
        values = step(data)
        names[:] = values
        return tf.concat([tf.cast(value, tf.float32) for value in values.values()], 0)[tf.newaxis]

    return together


def unpacked(step: Callable, names: list[str]) -> Callable:
    """Gives the mean over hosts (N,) of what a `packed` step reports its names again."""

    @functools.wraps(step)
    def apart(data):
        values = step(data)
        return dict(zip(names, tf.unstack(values), strict=True))

    return apart


def evenly(model: keras.Model, step: Callable) -> Callable:
    """The step of a model, which waits until its batch is found to be shared out evenly."""

    @functools.wraps(step)
    def checked(data):
        with tf.control_dependencies(even(model.distribute_strategy, data)):
            return step(data)

    return checked
