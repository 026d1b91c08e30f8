"""What Keras's `fit` and `evaluate` are given: its form, its numbers of rows, and counts."""

import os
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.construct import is_count

EMPTY = "The data hold no examples: look at how they are made, filtered or cut."
_FORMS = (
    "Pass a tf.data.Dataset of batches (tfgen.data.load, tfgen.data.batches), an array of pictures "
    "(N, H, W, C), with labels as `y`, or a dict of arrays by name"
)
_NO_NUMBERS = "OSUcMm"  # Kinds of dtype of objects, texts, complex numbers and times.
# Count -> its least value.
_COUNTS = {
    "epochs": 0,
    "initial_epoch": 0,
    "batch_size": 1,
    "steps_per_epoch": 1,
    "steps": 1,
    "validation_steps": 1,
    "validation_batch_size": 1,
}


def check_counts(who: str, arguments: dict[str, Any]) -> None:
    """ValueError for counts that are no whole numbers, or too small to mean anything."""
    for name, least in _COUNTS.items():
        value = arguments.get(name)
        if value is not None and not is_count(value, least):
            raise ValueError(
                f"`{name}` of {who} must be a whole number of {least} or more. Received: {value!r}."
            )


def batches_of(x: Any, y: Any = None) -> tuple[Any, Any]:
    """(x, y) as Keras takes them: an iterator yields tuples, and labels are an array.

    Raises:
        ValueError: It is no data, is known to hold nothing, or its arrays differ in rows.
    """
    if hasattr(x, "__next__"):
        return (_in_tuple(batch) for batch in x), y
    if x is None or isinstance(x, str | os.PathLike | list | tuple) or _is_source(x):
        raise ValueError(f"{_FORMS}. Received: {_described(x)}")
    if isinstance(x, dict):
        if y is not None:
            raise ValueError(
                f"Labels of a dict stand in it, by name: {{{', '.join(map(repr, x))}, 'label'}}, "
                "and `y` is for an array of pictures."
            )
        x = {key: _column(key, value) for key, value in x.items()}
        _check_rows(x)
    parts = x.values() if isinstance(x, dict) else [x]
    known = isinstance(x, tf.data.Dataset) and int(x.cardinality()) == 0
    if known or any(isinstance(part, np.ndarray) and not part.size for part in parts):
        raise ValueError(EMPTY)
    if isinstance(x, np.ndarray) and x.dtype.kind in _NO_NUMBERS:
        raise ValueError(f"{_FORMS}. Received: an array of dtype {x.dtype}.")
    return x, np.asarray(y) if isinstance(y, list | tuple) else y


def _in_tuple(batch):
    """A batch of a Python iterator in the tuple that Keras asks for."""
    if isinstance(batch, list):
        return tuple(batch)
    return batch if isinstance(batch, tuple) else (batch,)


def _is_source(x):
    # By its attributes: data sets stand above this file.
    return hasattr(x, "arrays") and hasattr(x, "fingerprint")


def _described(x):
    if isinstance(x, str | os.PathLike):
        return f"{str(x)!r}, a name: tfgen.data.load(name, batch_size=64) makes batches of it."
    if _is_source(x):
        return "a source of examples: tfgen.data.batches(source, 64) makes batches of it."
    if isinstance(x, list | tuple):
        return f"a {type(x).__name__} of {len(x)}: make one array of it, np.stack(...)."
    return "nothing."


def _column(key, value):
    """The array of one key of a dict."""
    value = np.asarray(value) if isinstance(value, list | tuple) else value
    picture = key == "image" or key.startswith("image_")
    if not getattr(value, "shape", ()):
        raise ValueError(
            f"{key!r} must be an array with one row an example. Received: a {type(value).__name__}."
        )
    if picture and isinstance(value, np.ndarray) and value.dtype.kind in _NO_NUMBERS:
        raise ValueError(f"{key!r} must be an array of floats. Received dtype {value.dtype}.")
    return value


def _check_rows(x):
    rows = {key: value.shape[0] for key, value in x.items()}
    if len(set(rows.values())) > 1:
        found = ", ".join(f"{key!r} has {count}" for key, count in rows.items())
        raise ValueError(f"Arrays of one data set must have as many rows, and {found}.")


def warn_of_range(x: Any) -> None:
    """A warning where arrays of pictures, which lie in [-1, 1], never go below 0."""
    image = x.get("image") if isinstance(x, dict) else x
    if not isinstance(image, np.ndarray) or image.dtype.kind != "f" or not image.size:
        return
    low, high = image.min(), image.max()
    if 0 <= low < high <= 1:
        warnings.warn(
            f"The pictures go from {low:g} to {high:g}, and -1 is black here: if 0 is, pass "
            "2 * x - 1, or tfgen.data.batches(tfgen.data.array(x, value_range=(0, 1)), 64).",
            stacklevel=3,
        )


def shuffled(x: Any) -> bool:
    """Whether Keras can shuffle `x`: its default of True warns where it cannot."""
    return not (isinstance(x, tf.data.Dataset) or hasattr(x, "__next__"))
