"""From plain values to Python calls, checked against the real signatures.

The one rule for everything that a config can choose: a mapping with `name` calls that entry of one
literal table with the remaining keys. There is no second schema: names, defaults and types are
those of the function that is called. This package imports without TensorFlow.
"""

from tfgen.construct.calls import (
    NESTED,
    OPTIMIZERS,
    SCHEDULES,
    check,
    construct,
    elsewhere,
    entry,
    fill,
    parameters,
    resolved,
    split,
)
from tfgen.construct.kinds import NUMBER_CLASSES, ConfigError, is_count, label_fix, settled
from tfgen.construct.names import ALSO_CALLED, nearest, no_such, unknown

__all__ = [
    "ALSO_CALLED",
    "NESTED",
    "NUMBER_CLASSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "ConfigError",
    "check",
    "construct",
    "elsewhere",
    "entry",
    "fill",
    "is_count",
    "label_fix",
    "nearest",
    "no_such",
    "parameters",
    "resolved",
    "settled",
    "split",
    "unknown",
]
