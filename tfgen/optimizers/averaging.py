"""Moving averages of weights, and of the statistics that go with them."""

import contextlib
from collections.abc import Iterable

import keras

from tfgen.optimizers.scaling import inner

_AVERAGED = "_tfgen_averaged_statistics"
_NAMES = ("moving_mean", "moving_variance")


def average_statistics(optimizer: keras.optimizers.Optimizer, networks: Iterable) -> None:
    """Has a built optimizer average the moving statistics of these networks, once."""
    if not hasattr(optimizer, _AVERAGED):
        pairs = [(v, _average_of(optimizer, v)) for v in _statistics(networks)]
        object.__setattr__(optimizer, _AVERAGED, pairs)  # Keras would track their variables.


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
