"""Optimizers: how a step changes weights, and what the first papers' recipes need beside Keras."""

import contextlib
import threading
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from keras import ops

FIRST_SCALE = 1024.0
_AVERAGED = "_tfgen_averaged_statistics"
_SUMMED = "_tfgen_summed"
_scope = threading.local()  # A strategy traces each replica in a thread of its own.
_NAMES = ("moving_mean", "moving_variance")


@keras.saving.register_keras_serializable("tfgen")
class GeometricDecay(keras.optimizers.schedules.LearningRateSchedule):
    """The rate divided by `factor` at every update, never below `floor`.

    Args:
        initial: Rate of the first update.
        factor: Above 1.
        floor: Lowest rate.
    """

    def __init__(self, initial: float = 0.1, factor: float = 1.000004, floor: float = 1e-6):
        self.initial = initial
        self.factor = factor
        self.floor = floor

    def __call__(self, step):
        rate = self.initial * ops.power(1.0 / self.factor, ops.cast(step, "float32"))
        return ops.maximum(rate, self.floor)

    def get_config(self):
        return {"initial": self.initial, "factor": self.factor, "floor": self.floor}


@keras.saving.register_keras_serializable("tfgen")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A constant rate that then falls linearly to 0.

    The recipe of Zhu et al. 2017 (CycleGAN) and of Choi et al. 2018 (StarGAN).

    Args:
        initial: Rate of the first `constant_steps` updates.
        constant_steps: Updates before the fall begins.
        decay_steps: Updates until the rate is 0, where it stays.
    """

    def __init__(
        self, initial: float = 2e-4, constant_steps: int = 100_000, decay_steps: int = 100_000
    ):
        if decay_steps < 1 or constant_steps < 0:
            raise ValueError(
                "`decay_steps` must be at least 1 and `constant_steps` at least 0. "
                f"Received: {decay_steps}, {constant_steps}."
            )
        self.initial = initial
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        fallen = (ops.cast(step, "float32") - self.constant_steps) / self.decay_steps
        return self.initial * (1.0 - ops.clip(fallen, 0.0, 1.0))

    def get_config(self):
        return {
            "initial": self.initial,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }


@keras.saving.register_keras_serializable("tfgen")
class RampedSGD(keras.optimizers.SGD):
    """Gradient descent with a momentum that rises linearly.

    The recipe of Goodfellow et al. 2014 and of Mirza and Osindero 2014.

    Args:
        learning_rate: Number or schedule.
        momentum: At the first update.
        final_momentum: From `ramp_steps` on.
        ramp_steps: Updates over which it rises.
    """

    def __init__(
        self,
        learning_rate=0.1,
        momentum: float = 0.5,
        final_momentum: float = 0.7,
        ramp_steps: int = 125_000,
        name: str = "ramped_sgd",
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, momentum=momentum, name=name, **kwargs)
        self.final_momentum = final_momentum
        self.ramp_steps = ramp_steps

    def update_step(self, gradient, variable, learning_rate):
        done = ops.minimum(ops.cast(self.iterations, "float32") / self.ramp_steps, 1.0)
        momentum = self.momentum + (self.final_momentum - self.momentum) * done
        velocity = self.momentums[self._get_variable_index(variable)]
        step = ops.cast(learning_rate, variable.dtype) * ops.cast(gradient, variable.dtype)
        self.assign(velocity, ops.cast(momentum, variable.dtype) * velocity - step)
        self.assign_add(variable, velocity)

    def get_config(self):
        own = {"final_momentum": self.final_momentum, "ramp_steps": self.ramp_steps}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgen")
class LossScaling(keras.optimizers.LossScaleOptimizer):
    """Keras's loss scaling that counts what it skips, and skips on all replicas or on none.

    Attributes:
        skipped_updates: Of this optimizer, because a gradient was not finite.
        skipped_steps: Training steps of the model in which no optimizer changed a weight.
    """

    def build(self, variables):
        counter = {"shape": (), "dtype": "int64", "aggregation": "only_first_replica"}
        self.skipped_updates = self.add_variable(name="skipped_updates", **counter)
        self.skipped_steps = self.add_variable(name="skipped_steps", **counter)
        super().build(variables)

    def check_finite(self, grads):
        # Keras asks the first replica only, whose gradients need not be the others'.
        finite = super().check_finite(grads)
        context = tf.distribute.get_replica_context()
        alone = context is None or context.num_replicas_in_sync == 1
        if alone or getattr(self.inner_optimizer, _SUMMED, 0):
            return finite
        count = context.all_reduce("sum", tf.cast(finite, tf.float32))
        return count == context.num_replicas_in_sync

    def _stateful_handle_non_finite_grads(self):
        super()._stateful_handle_non_finite_grads()
        self.skipped_updates.assign_add(1)


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
    if used.use_ema and not hasattr(used, _AVERAGED):
        pairs = [(v, _average_of(used, v)) for v in _statistics(networks)]
        object.__setattr__(used, _AVERAGED, pairs)  # Keras would track the network's variables.
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


def inner(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer itself, without its loss scaling."""
    return getattr(optimizer, "inner_optimizer", optimizer)


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
        optimizer.apply(_over_replicas(gradients), variables)
    for variable, average in averaged_statistics(used):
        average.assign(momentum * average + (1.0 - momentum) * variable)


def scaled(optimizers: dict) -> dict[str, LossScaling]:
    """Player -> its optimizer, of those that scale their loss; "" for a model of one player."""
    found = {k: o for k, o in optimizers.items() if isinstance(o, LossScaling)}
    return {k.removesuffix("optimizer").removesuffix("_"): o for k, o in found.items()}


def updates(optimizers: dict) -> tuple[tf.Tensor, tf.Tensor]:
    """Updates that all optimizers together have taken, and those that were skipped."""
    taken = [tf.cast(inner(o)._iterations, tf.int64) for o in optimizers.values()]
    skipped = [tf.cast(o.skipped_updates, tf.int64) for o in scaled(optimizers).values()]
    return tf.add_n(taken), tf.add_n(skipped)


def step_taken(scaled: dict[str, LossScaling], before: tuple, after: tuple) -> tf.Tensor:
    """1 for a training step that changed a weight, 0 for one whose every update was skipped.

    Args:
        scaled: Of `scaled`; they note a step that was skipped.
        before: `updates` at its beginning.
        after: At its end.
    """
    lost = tf.cast((after[0] == before[0]) & (after[1] > before[1]), tf.int64)
    for optimizer in scaled.values():
        optimizer.skipped_steps.assign_add(lost)
    return 1 - lost


def scales(scaled: dict[str, LossScaling]) -> dict[str, tf.Tensor]:
    """What a training step reports of loss scaling: each scale, and all updates skipped so far."""
    named = {f"{player}_loss_scale".lstrip("_"): o for player, o in scaled.items()}
    skipped = tf.add_n([tf.cast(o.skipped_updates, tf.float32) for o in scaled.values()])
    found = {name: tf.identity(o.dynamic_scale) for name, o in named.items()}
    return {**found, "skipped_updates": skipped}


def skipped_steps(optimizers: dict) -> int:
    """Training steps of a model whose every update was skipped."""
    found = list(scaled(optimizers).values())
    return int(ops.convert_to_numpy(found[0].skipped_steps)) if found else 0


def _over_replicas(gradients):
    """The sum of the replicas' gradients, on each of them; None stays where there is none.

    Keras sums what it has clipped: each replica's share would be held to the bound by itself.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return gradients
    summed = iter(context.all_reduce("sum", [g for g in gradients if g is not None]))
    return [None if g is None else next(summed) for g in gradients]


def _sums_once(optimizer):
    """Leaves out Keras's own sum over replicas in a `_summed` update; there is no option for it."""
    if hasattr(optimizer, _SUMMED):
        return
    own = optimizer._all_reduce_sum_gradients

    def reduced(pairs):
        return list(pairs) if getattr(optimizer, _SUMMED) else own(pairs)

    object.__setattr__(optimizer, _SUMMED, 0)
    object.__setattr__(optimizer, "_all_reduce_sum_gradients", reduced)


@contextlib.contextmanager
def _summed(optimizer):
    """Gradients come summed over replicas while the context lasts."""
    # A count: replicas take turns inside, and with a scaled loss in threads of their own.
    object.__setattr__(optimizer, _SUMMED, getattr(optimizer, _SUMMED, 0) + 1)
    try:
        yield
    finally:
        object.__setattr__(optimizer, _SUMMED, getattr(optimizer, _SUMMED) - 1)


def weights(networks: Iterable[keras.Model]) -> list:
    """The trainable weights of several networks, in order, each once."""
    unique = {id(v): v for network in networks for v in network.trainable_variables}
    return list(unique.values())


def averaged_statistics(optimizer: keras.optimizers.Optimizer) -> list[tuple]:
    """(statistic of a network, its moving average) of an optimizer that keeps averages."""
    return getattr(optimizer, _AVERAGED, [])


@contextlib.contextmanager
def averages_in_place(optimizers: Iterable[keras.optimizers.Optimizer]):
    """Weights and statistics replaced by their moving averages while the context lasts."""
    averaging = [o for o in optimizers if inner(o).use_ema and o.iterations > 0]
    pairs = [pair for o in averaging for pair in averaged_statistics(inner(o))]
    variables = [v for o in averaging for v in inner(o)._trainable_variables]
    variables += [statistic for statistic, _ in pairs]
    kept = [v.numpy() for v in variables]
    try:
        for optimizer in averaging:
            optimizer.finalize_variable_values(inner(optimizer)._trainable_variables)
        for statistic, average in pairs:
            statistic.assign(average.numpy())
        yield
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)


def averages(optimizer: keras.optimizers.Optimizer) -> list:
    """The moving averages that an optimizer keeps, of weights and of statistics."""
    of_weights = getattr(optimizer, "_model_variables_moving_average", ())
    return [*of_weights, *(average for _, average in averaged_statistics(optimizer))]


def _statistics(networks):
    """Moving means and variances of batch normalisation, tfgen's and Keras's, each once."""
    found = {id(v): v for n in networks for v in n.non_trainable_variables if v.name in _NAMES}
    return list(found.values())


def _average_of(optimizer, variable):
    # Equal on all replicas, as the statistic itself is.
    shape, name = tuple(variable.shape), f"average_{variable.name}"
    return optimizer.add_variable(shape, dtype=variable.dtype, aggregation="mean", name=name)
