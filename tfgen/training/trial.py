"""How long a step of an experiment takes on this machine."""

import time

from tfgen.training import experiment
from tfgen.training.config import Config

STEPS = 10


def seconds_per_step(settings: Config, steps: int = STEPS) -> float:
    """The mean time of a step, after two that trace the graph; nothing is written.

    Raises:
        ValueError: As `tfgen.training.train`.
    """
    stream, _ = experiment.batches(settings)
    model = experiment.build(settings)
    experiment.check(settings, model, stream)
    model.fit(stream.from_step(0), steps_per_epoch=2, verbose=0)
    # A second fit continues with the traced step; what it takes to begin is small beside ten steps.
    start = time.perf_counter()
    model.fit(stream.from_step(2), steps_per_epoch=steps, verbose=0)
    return (time.perf_counter() - start) / steps
