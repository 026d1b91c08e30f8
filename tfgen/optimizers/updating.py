"""How a step changes weights: gradients summed over replicas, clipped, applied, averaged."""

import contextlib
import math
import threading
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfgen.optimizers.averaging import average_statistics, averaged_statistics
from tfgen.optimizers.scaling import SUMMED, LossScaling, inner

FIRST_SCALE = 1024.0
_scope = threading.local()  # A strategy traces each replica in a thread of its own.


def built(optimizer: keras.optimizers.Optimizer | str, *networks) -> keras.optimizers.Optimizer:
    """The optimizer with its slots made, and loss scaling added under a float16 policy.

    With `use_ema` the moving statistics of batch normalisation in `networks` are averaged as the
    weights are: averaged weights give other activations than the last ones, so their statistics
    are not those that the layers hold.

    Raises:
        ValueError: An unknown name, a learning rate that is negative or no number, other numbers
            out of range, or slots of other weights.
    """
    optimizer = keras.optimizers.get(optimizer)
    rate = inner(optimizer)._learning_rate
    if isinstance(rate, keras.Variable) and not 0.0 <= ops.convert_to_numpy(rate) < np.inf:
        raise ValueError(
            f"`learning_rate` of {type(inner(optimizer)).__name__} must be a number of 0 or more. "
            f"Received: {ops.convert_to_numpy(rate)}."
        )
    _check_numbers(inner(optimizer))
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        if not isinstance(optimizer, LossScaling):
            optimizer = LossScaling.from_config(optimizer.get_config())
    elif keras.config.dtype_policy().name == "mixed_float16":
        # Keras's own start of 32768 overflows in the first updates of InfoGAN, which are then
        # skipped; the scale doubles by itself where there is room.
        optimizer = LossScaling(optimizer, initial_scale=FIRST_SCALE)
    used, moved = inner(optimizer), weights(networks)
    if used.built and {id(v) for v in moved} - {id(v) for v in used._trainable_variables}:
        raise ValueError(
            f"This {type(used).__name__} holds the slots of other weights, of another model "
            "perhaps: make a new optimizer for each, as in compile(keras.optimizers.Adam(1e-4))."
        )
    optimizer.build(moved)
    _sums_once(used)
    if used.use_ema:
        average_statistics(used, networks)
    return optimizer


def _check_numbers(optimizer):
    """ValueError for numbers with which Keras goes on, and no optimizer means anything."""
    shares = ("beta_1", "beta_2", "momentum", "final_momentum", "rho")
    bounds = ("clipnorm", "clipvalue", "global_clipnorm")
    for name in (*shares, *bounds):
        value = getattr(optimizer, name, None)
        if not isinstance(value, int | float):
            continue
        wrong = not 0 <= value < 1 if name in shares else not value > 0
        if wrong:
            wanted = "0 or more and below 1" if name in shares else "above 0"
            raise ValueError(
                f"`{name}` of {type(optimizer).__name__} must be {wanted}. Received: {value}."
            )


def descend(
    optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, *networks
) -> None:
    """One gradient step on the weights of `networks`.

    Right under any strategy (gradients are summed over replicas, so each counts for its share,
    before the optimizer clips them) and with an optimizer that scales the loss.
    """
    variables = weights(networks)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    share = optimizer.scale_loss(tf.ones_like(loss) / replicas)
    gradients = tape.gradient(loss, variables, output_gradients=share)
    if (found := getattr(_scope, "found", None)) is None:
        update(optimizer, gradients, variables)
    else:
        pairs = zip(variables, gradients, strict=True)
        found.append({id(v): tf.convert_to_tensor(g) for v, g in pairs if g is not None})


@contextlib.contextmanager
def collecting():
    """`descend` moves nothing inside: a list of {id of a weight: gradient}, one for each call."""
    outer = getattr(_scope, "found", None)
    _scope.found = []
    try:
        yield _scope.found
    finally:
        _scope.found = outer


def update(optimizer: keras.optimizers.Optimizer, gradients: list, variables: list) -> None:
    """One update of weights by each replica's gradients, summed before they are clipped.

    Args:
        optimizer: A `built` one.
        gradients: One for each variable, scaled as the optimizer scales a loss; None for a
            variable that stays.
        variables: Among those that the optimizer was built for.
    """
    used = inner(optimizer)
    momentum = used.ema_momentum * tf.cast(used.iterations > 0, tf.float32) if used.use_ema else 0.0
    with _summed(used):
        optimizer.apply(_over_replicas(gradients, variables), variables)
    for variable, average in averaged_statistics(used):
        average.assign(momentum * average + (1.0 - momentum) * variable)


def among_hosts(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy's replicas are on several hosts."""
    return getattr(strategy.extended, "_in_multi_worker_mode", bool)()


def _over_replicas(gradients, variables):
    """The sum of the replicas' gradients, on each of them; None stays where there is none.

    Keras sums what it has clipped: each replica's share would be held to the bound by itself.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return gradients
    given = [g for g in gradients if g is not None]
    if among_hosts(context.strategy):
        shapes = [v.shape for g, v in zip(gradients, variables, strict=True) if g is not None]
        summed = iter(_together(context, given, shapes))
    else:
        summed = iter(context.all_reduce("sum", given))
    return [None if g is None else next(summed) for g in gradients]


def _together(context, gradients, shapes):
    """Sums of one tensor for each dtype: between hosts each sum waits for messages."""
    found = [tf.convert_to_tensor(g) for g in gradients]
    for dtype in dict.fromkeys(g.dtype for g in found):  # In one order on all hosts.
        places = [n for n, g in enumerate(found) if g.dtype == dtype]
        flat = tf.concat([tf.reshape(found[n], [-1]) for n in places], 0)
        sizes = [math.prod(shapes[n]) for n in places]
        sums = tf.split(context.all_reduce("sum", flat), sizes)
        for n, one in zip(places, sums, strict=True):
            found[n] = tf.reshape(one, shapes[n])
    return found


def _sums_once(optimizer):
    """Leaves out Keras's own sum over replicas in a `_summed` update; there is no option for it."""
    if hasattr(optimizer, SUMMED):
        return
    own = optimizer._all_reduce_sum_gradients

    def reduced(pairs):
        return list(pairs) if getattr(optimizer, SUMMED) else own(pairs)

    object.__setattr__(optimizer, SUMMED, 0)
    object.__setattr__(optimizer, "_all_reduce_sum_gradients", reduced)


@contextlib.contextmanager
def _summed(optimizer):
    """Gradients come summed over replicas while the context lasts."""
    # A count: replicas take turns inside, and with a scaled loss in threads of their own.
    object.__setattr__(optimizer, SUMMED, getattr(optimizer, SUMMED, 0) + 1)
    try:
        yield
    finally:
        object.__setattr__(optimizer, SUMMED, getattr(optimizer, SUMMED) - 1)


def weights(networks: Iterable[keras.Model]) -> list:
    """The trainable weights of several networks, in order, each once."""
    unique = {id(v): v for network in networks for v in network.trainable_variables}
    return list(unique.values())
