"""The rows of the global batch, where an algorithm looks across its examples.

Replica r of a strategy holds rows r * n .. (r + 1) * n - 1. What is computed from `gathered` rows
is equal on all replicas, so that together they do what one device would.
"""

import tensorflow as tf

from tfgen.step import draws


def gathered(x: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, in order. (B, ...) -> (replicas * B, ...)"""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return x
    return context.all_gather(x, axis=0)


def own(x: tf.Tensor, count: int) -> tf.Tensor:
    """This replica's `count` rows of a global batch. (replicas * B, ...) -> (B, ...)"""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return x
    first = context.replica_id_in_sync_group * count
    return x[first : first + count]


def global_rows(x: tf.Tensor) -> tf.Tensor:
    """How many rows the global batch has, float32."""
    count = tf.distribute.get_replica_context().num_replicas_in_sync
    return tf.cast(count * tf.shape(x)[0], tf.float32)


def rolled(x: tf.Tensor) -> tf.Tensor:
    """Each row replaced by the one before it in the global batch. (B, ...) -> (B, ...)"""
    return own(tf.roll(gathered(x), 1, axis=0), tf.shape(x)[0])


def shuffled(purpose: str, x: tf.Tensor, groups: tf.Tensor | None = None) -> tf.Tensor:
    """The rows in an order drawn over the global batch. (B, ...) -> (B, ...)

    Args:
        purpose: Of the draw of the running step.
        x: (B, ...).
        groups: (B,) int32 0 or 1; rows then change places within their group only.
    """
    count = tf.shape(x)[0]
    order = gathered(draws().uniform(purpose, (count,)))  # (G,)
    if groups is None:
        return own(tf.gather(gathered(x), tf.argsort(order)), count)
    group = tf.cast(gathered(groups), tf.float32)
    places = tf.argsort(tf.argsort(group, stable=True))  # Row -> its number in sorted order.
    drawn = tf.gather(tf.argsort(group + order), places)
    return own(tf.gather(gathered(x), drawn), count)
