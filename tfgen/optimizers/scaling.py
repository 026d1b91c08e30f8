"""Loss scaling under float16 that counts the updates it skips."""

import keras
import tensorflow as tf
from keras import ops

SUMMED = "_tfgen_summed"  # On an optimizer: updates under way whose gradients come summed.


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
        if alone or getattr(self.inner_optimizer, SUMMED, 0):
            return finite
        count = context.all_reduce("sum", tf.cast(finite, tf.float32))
        return count == context.num_replicas_in_sync

    def _stateful_handle_non_finite_grads(self):
        super()._stateful_handle_non_finite_grads()
        self.skipped_updates.assign_add(1)


def inner(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer itself, without its loss scaling."""
    return getattr(optimizer, "inner_optimizer", optimizer)


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
