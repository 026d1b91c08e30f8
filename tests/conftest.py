"""Two logical CPU devices for the tests under MirroredStrategy, set before TensorFlow starts."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import tensorflow as tf

CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)


def pytest_collection_modifyitems(items):
    """One worker for each file, and for each tiny model of the conformance suite.

    Models are built once a worker and shared by the tests on them, which follow each other.
    """
    from tests.tiny import TINY

    def group(item):
        tiny = getattr(getattr(item, "callspec", None), "params", {}).get("tiny")
        name = next((name for name, entry in TINY.items() if entry is tiny), "")
        return f"{item.path.name} {name}"

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
    order = {name: number for number, name in enumerate(dict.fromkeys(map(group, items)))}
    items.sort(key=lambda item: order[group(item)])


@pytest.fixture
def strategy():
    """MirroredStrategy over two logical CPU devices."""
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


@pytest.fixture(autouse=True)
def _float32():
    """A test that sets a precision policy does not leave it behind."""
    yield
    keras.config.set_dtype_policy("float32")
