"""Optimizers: how a step changes weights, and what the papers' recipes need beside Keras.

`updating` takes gradients to weights on one device or many, `scaling` keeps float16 finite,
`averaging` keeps moving averages, `recipes` has schedules and the momentum of the first papers.
"""

from tfgen.optimizers.averaging import averaged_statistics, averages, averages_in_place
from tfgen.optimizers.recipes import GeometricDecay, LinearDecay, RampedSGD
from tfgen.optimizers.scaling import (
    LossScaling,
    inner,
    scaled,
    scales,
    skipped_steps,
    step_taken,
    updates,
)
from tfgen.optimizers.updating import among_hosts, built, collecting, descend, update, weights

__all__ = [
    "GeometricDecay",
    "LinearDecay",
    "LossScaling",
    "RampedSGD",
    "among_hosts",
    "averaged_statistics",
    "averages",
    "averages_in_place",
    "built",
    "collecting",
    "descend",
    "inner",
    "scaled",
    "scales",
    "skipped_steps",
    "step_taken",
    "update",
    "updates",
    "weights",
]
