"""What an exported graph checks of its inputs, before anything else of it runs.

TensorFlow looks at the shapes of what a session or a loaded signature is fed only where an
operation happens to: some broadcast, and convolutions of a lower rank end the process. So
each graph compares rank, sides, rows and values with what `Input` declares.
"""

from typing import Any

import tensorflow as tf

from tfgen.signature import Input, expected

FREE_SIDE = 32  # Of the row in place of none, where a signature leaves it open.


def guarded(
    inputs: dict[str, Input], given: dict[str, tf.Tensor]
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """The same tensors, there only once every one of them has passed.

    Args:
        inputs: Name -> Input.
        given: Name -> (N, *shape).

    Returns:
        The tensors, with one row of zeros in place of none (convolutions refuse an empty batch),
        and N, int32 (1,).

    In a graph that runs, InvalidArgument names the input, what was expected and what came: another
    rank or other sides, inputs of different numbers of rows, pictures outside of [-1, 1], numbers
    that are not finite, labels that do not exist.
    """
    hidden = {name: _hidden(given[name]) for name in inputs}
    shapes = [_shape(name, inputs[name], value) for name, value in hidden.items()]
    with tf.control_dependencies(shapes):
        first = next(iter(hidden))
        rows = tf.shape(hidden[first])[:1]
        checks = [
            _assert(
                tf.shape(value)[:1] == rows,
                f"Inputs {first!r} and {name!r} must have as many rows. Received:",
                tf.concat([rows, tf.shape(value)[:1]], 0),
            )
            for name, value in hidden.items()
            if name != first
        ]
        checks += [c for n, value in hidden.items() for c in _values(n, inputs[n], value)]
    with tf.control_dependencies([*shapes, *checks]):
        passed = {name: tf.identity(value) for name, value in given.items()}
        # Behind the checks too: what is computed of a wrong shape would fail beside them, and say
        # less.
        hidden = {name: tf.identity(value) for name, value in hidden.items()}
    if all(i.dtype != "string" or i.example is not None for i in inputs.values()):
        passed = {n: _at_least_one(inputs[n], value, hidden[n]) for n, value in passed.items()}
    return passed, rows


def _hidden(value):
    # By its declared shape TensorFlow would prove each check, and take it out of the graph.
    return tf.raw_ops.PlaceholderWithDefault(input=value, shape=tf.TensorShape(None))


def _at_least_one(spec, value, hidden):
    """The batch, or one row where it is empty."""
    shape = tf.shape(hidden)
    is_empty = shape[0] == 0
    least = tf.constant([FREE_SIDE if side is None else 0 for side in spec.shape], tf.int32)
    sides = tf.maximum(shape[1:], tf.where(is_empty, least, 0))
    new = tf.concat([tf.maximum(shape[:1], 1), sides], 0)
    filling = tf.constant(spec.example if spec.dtype == "string" else 0, value.dtype)
    added = tf.fill([tf.where(is_empty, tf.reduce_prod(new), 0)], filling)
    whole = tf.reshape(tf.concat([tf.reshape(value, (-1,)), added], 0), new)
    return tf.ensure_shape(whole, (None, *spec.shape))


def _shape(name, spec, value):
    rank = len(spec.shape) + 1
    wanted = tf.constant([-1, *(-1 if side is None else side for side in spec.shape)])
    shape = tf.shape(value)
    sides = tf.concat([shape, tf.fill([rank], -2)], 0)[:rank]
    free = (wanted == -1) & ((sides > 0) | (sides[0] == 0) | (tf.range(rank) == 0))
    fits = (tf.size(shape) == rank) & tf.reduce_all((sides == wanted) | free)
    text = f"Input {name!r} must have shape {expected(spec)}. Received shape:"
    return _assert(fits, text, shape)


def _values(name, spec, value):
    if spec.dtype == "string":
        return []
    if spec.num_classes:
        low, high = tf.reduce_min(value), tf.reduce_max(value)
        fits = (tf.size(value) == 0) | ((low >= 0) & (high < spec.num_classes))
        text = f"Input {name!r} must lie in 0 .. {spec.num_classes - 1}. Received:"
        return [_assert(fits, text, low, "..", high)]
    if not tf.as_dtype(spec.dtype).is_floating:
        return []
    checks = [
        _assert(
            tf.reduce_all(tf.math.is_finite(value)),
            f"Input {name!r} must be finite. Received NaN or infinity.",
        )
    ]
    limit = spec.limit
    if limit is not None:
        fits = tf.reduce_all(tf.abs(value) <= limit)
        ends = tf.reduce_min(value), "..", tf.reduce_max(value)
        text = f"Input {name!r} is a picture and must lie in [-1, 1]. Received:"
        checks.append(_assert(fits, text, *ends))
    return checks


def _assert(condition: tf.Tensor, text: str, *data: Any) -> tf.Operation:
    """One operation; `tf.debugging.Assert` would add a branch for each."""
    return tf.raw_ops.Assert(
        condition=tf.reduce_all(condition),
        data=[tf.constant(text), *map(tf.convert_to_tensor, data)],
        summarize=8,
    )
