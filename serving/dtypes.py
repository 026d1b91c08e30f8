"""The names and NumPy types of TensorFlow's data types."""

import functools

import numpy as np

_NAMES = {"float32": "float", "float64": "double", "float16": "half"}
LARGEST = (1 << 31) - 1  # Bytes of one tensor, the limit of a message.


@functools.cache
def name(number: int) -> str:
    """TensorFlow's name of a DataType value, such as "float" or "half"."""
    import tensorflow as tf

    full = tf.dtypes.as_dtype(number).name
    return _NAMES.get(full, full)


@functools.cache
def numpy(number: int) -> np.dtype:
    """The NumPy type; object for strings.

    Raises:
        TypeError: A type without one.
    """
    import tensorflow as tf

    return np.dtype(tf.dtypes.as_dtype(number).as_numpy_dtype)
