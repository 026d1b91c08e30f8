"""What a step of an experiment takes on this machine: a few are taken."""

import sys
import time
from dataclasses import dataclass

import keras

from tfgen.training import experiment
from tfgen.training.config import Config

STEPS, SECONDS = 10, 3.0


@dataclass(frozen=True)
class Trial:
    """Of some steps, after two executions that traced the graph.

    Args:
        steps: How many.
        seconds: Of one, their mean.
        peak_bytes: Of the process's memory until then, the program and the data included; None
            where the system does not tell.
    """

    steps: int
    seconds: float
    peak_bytes: int | None


def take(settings: Config, seconds: float = SECONDS) -> Trial:
    """Builds the model and takes the first steps of its training; nothing is written.

    Args:
        settings: The experiment.
        seconds: For how long, once it is traced; ten steps at least.

    Raises:
        ValueError: As `tfgen.training.train`.
    """
    stream, _ = experiment.batches(settings)
    model = experiment.build(settings)
    experiment.check(settings, model, stream)
    clock = _Clock(seconds)
    many = 10**6 * (settings.compile.get("steps_per_execution") or 1)
    model.fit(stream.from_step(0), steps_per_epoch=many, verbose=0, callbacks=[clock])
    return Trial(clock.steps, clock.seconds / clock.steps, _peak())


class _Clock(keras.callbacks.Callback):
    """Ends the training when there was time enough after the second execution."""

    def __init__(self, enough):
        super().__init__()
        self.enough, self.executions = enough, 0

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.executions += 1
        if self.executions == 2:
            self.first, self.begun = batch, now
        if self.executions > 2:
            self.steps, self.seconds = batch - self.first, now - self.begun
            done = self.steps >= STEPS and self.seconds >= self.enough
            self.model.stop_training = done


def _peak():
    try:
        import resource
    except ImportError:  # Windows.
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
