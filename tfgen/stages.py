"""Training in stages: one `fit` whose steps change their form at known counts, each traced once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

from tfgen.model import GenerativeModel
from tfgen.optimizers import averages, inner

if TYPE_CHECKING:
    import tensorflow as tf


def train_function(model: GenerativeModel, make: Callable, enter: Callable):
    """What Keras calls for each step, with one graph for each stage.

    The stage is chosen in Python between two steps: a graph that held all stages at once would be
    traced, compiled and kept in memory whole, and a strategy cannot update weights in a branch.

    Args:
        model: The model; its `train_function` is replaced.
        make: Keras's own `make_train_function` of the model.
        enter: Function without arguments that brings the model into the stage of the next step and
            returns it, hashable. The step may read it while it is traced.
    """
    traced = {}

    def run(iterator):
        stage = enter()
        if stage not in traced:
            traced.clear()  # A stage that is over does not come back.
            make(force=True)
            traced[stage] = model.train_function
            model.train_function = run
        return traced[stage](iterator)

    return run


def one_step_an_execution(who: str, keras_arguments: dict):
    """Refuses `steps_per_execution`: the next stage is chosen between two executions.

    Raises:
        ValueError: Another number than 1.
    """
    steps = keras_arguments.get("steps_per_execution", 1)
    if steps != 1:
        raise ValueError(
            f"{who} trains in stages that may begin at any step, so `steps_per_execution` must be "
            f"1. Received: {steps!r}."
        )


def restart(optimizer: keras.optimizers.Optimizer, strategy: "tf.distribute.Strategy"):
    """Puts an optimizer's slots back to those of a new one; moving averages of weights stay.

    Its count of updates goes back to 1 and not to 0, because at 0 Keras would begin the averages
    anew; in Adam's bias correction that is one update more. A learning rate schedule begins anew.

    Args:
        optimizer: With its slots built.
        strategy: The distribution strategy of its variables.
    """
    used = inner(optimizer)
    kept = {id(v) for v in averages(used)}
    with strategy.scope():
        # Built anew instead of set to zero: not every optimizer's slots begin there.
        fresh = type(used).from_config(used.get_config())
        fresh.build(used._trainable_variables)
        count = min(int(keras.ops.convert_to_numpy(used._iterations)), 1)
        anew = {id(v) for v in averages(fresh)}
        olds = [v for v in used.variables if id(v) not in kept]
        news = [v for v in fresh.variables if id(v) not in anew]
        for old, new in zip(olds, news, strict=True):
            old.assign(keras.ops.convert_to_numpy(new))
        used._iterations.assign(count)
