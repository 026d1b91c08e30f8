"""A trial of an experiment: the time and memory of some of its steps on this machine."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tfgen.model import GenerativeModel
from tfgen.training import devices, experiment
from tfgen.training.config import Config, ConfigError

STEPS, SECONDS = 10, 3.0


@dataclass(frozen=True)
class Trial:
    """What the steps took; the first two executions, which trace the graph, are not counted.

    Args:
        steps: Number of steps that were timed.
        seconds: Their mean time.
        before_bytes: Peak of the process's memory before the model was built, with the program and
            the data; None where the system does not tell.
        peak_bytes: The same after the steps. Memory of a GPU is not in it.
    """

    steps: int
    seconds: float
    before_bytes: int | None
    peak_bytes: int | None


def take(settings: Config, seconds: float = SECONDS) -> Trial:
    """Builds the model and takes the first steps of its training; nothing is written.

    On one device, whatever `run.devices` says, and in the precision of `run.precision`.

    Args:
        settings: The experiment.
        seconds: How long to take steps once they are traced; ten at least.

    Raises:
        ValueError: As `tfgen.training.train`; or the model grows, so that its first steps tell
            nothing of the others.
    """
    stream, _ = experiment.batches(settings)
    before = peak()
    with devices.precision(settings.run["precision"]):
        model = built(settings, stream)
        clock = _Clock(seconds)
        many = 10**6 * (settings.compile.get("steps_per_execution") or 1)
        model.fit(stream.from_step(0), steps_per_epoch=many, verbose=0, callbacks=[clock])
    return Trial(clock.steps, clock.seconds / clock.steps, before, peak())


def built(settings: Config, stream: Any) -> GenerativeModel:
    """The checked model of a config, each of whose steps costs what its first one costs.

    Raises:
        ConfigError: The model trains in stages.
    """
    model = experiment.build(settings)
    experiment.check(settings, model, stream)
    if hasattr(model, "enter_stage"):
        raise ConfigError(
            f"model.name: {settings.model['name']} grows, so its steps are of several sizes, and "
            "the first tells nothing of the run's hours. The headers of configs/progan_*.yaml say "
            "what theirs took."
        )
    return model


class _Clock(keras.callbacks.Callback):
    """Ends the training once enough time has passed since the second execution."""

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


def peak() -> int | None:
    """Bytes that this process has had in memory at most; None where the system does not tell."""
    # Linux's getrusage begins at the peak of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(found[0].split()[1]) * 1024 if found else None
    try:
        import resource
    except ImportError:  # Windows.
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
