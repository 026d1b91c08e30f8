"""Keras's callbacks that look for the one optimizer of a model, or for the one term of its loss."""

from types import SimpleNamespace
from typing import Any

import keras


def check(model: Any, callbacks: Any) -> None:
    """ValueError for callbacks of Keras that look for the one optimizer of a model."""
    kinds = keras.callbacks
    flat = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or [])
    for callback in flat:
        name = type(callback).__name__
        if isinstance(callback, type):
            raise ValueError(
                f"`callbacks` takes objects, and {callback.__name__} is a class: call it, "
                f"{callback.__name__}(...)."
            )
        if not hasattr(callback, "set_model"):
            raise ValueError(f"`callbacks` takes callbacks of Keras. Received: {callback!r}.")
        if isinstance(callback, kinds.SwapEMAWeights):
            raise ValueError(
                f"{name} is not needed: sampling, `evaluate`, validation and exports use the "
                "moving averages by themselves, and `with model.averaged():` does so elsewhere."
            )
        if isinstance(callback, kinds.ReduceLROnPlateau | kinds.LearningRateScheduler):
            if len(model.players) != 1:
                raise ValueError(
                    f"{name} sets one optimizer's rate, and {type(model).__name__} has "
                    f"{', '.join(model.players)}: give schedules to `compile`, or set "
                    "model.optimizers[name].learning_rate in a callback of your own."
                )
            _show(callback, model, _only(model))
        if isinstance(callback, kinds.TensorBoard):
            _show(callback, model, _only(model) if len(model.players) == 1 else _Players(model))
        if isinstance(callback, kinds.TerminateOnNaN):
            _watch_all_terms(callback)


class _WithOptimizer:
    """A model as a callback sees it that asks for `model.optimizer`."""

    def __init__(self, model, optimizer):
        self._shown, self.optimizer = model, optimizer

    def __getattr__(self, name):
        return getattr(self._shown, name)


class _Players:
    """The optimizers of several players as TensorBoard reads them: the count and each rate."""

    def __init__(self, model):
        self.iterations, self._model = model.step, model

    @property
    def optimizers(self):
        players = self._model.optimizers.items()
        return [SimpleNamespace(name=n, learning_rate=o.learning_rate) for n, o in players]


def _only(model):
    return next(iter(model.optimizers.values()))


def _show(callback, model, optimizer):
    # The model itself has no attribute `optimizer`: Keras would write its averages over the
    # weights when `fit` ends.
    shown = _WithOptimizer(model, optimizer)
    callback.set_model = lambda _: type(callback).set_model(callback, shown)


def _watch_all_terms(callback):
    kind = type(callback)

    def on_batch_end(batch, logs=None):
        # A term that is no number makes the sum none; few models report a `loss`.
        kind.on_batch_end(callback, batch, {"loss": sum((logs or {}).values())})

    callback.on_batch_end = on_batch_end
