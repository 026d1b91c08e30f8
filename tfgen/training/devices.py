"""Where a model computes and in which precision."""

import contextlib

import keras
import tensorflow as tf

from tfgen.construct import ConfigError
from tfgen.training import hosts


@contextlib.contextmanager
def precision(policy: str):
    """Keras's dtype policy while the context lasts: layers made in it keep it."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)


def replicas(devices: int | str, batch_size: int | None = None) -> tf.distribute.Strategy | None:
    """The strategy over so many devices; None for one.

    Where TF_CONFIG names several hosts it is that over all of them, each with all of its devices.
    A machine without GPUs is divided into logical CPU devices, if TensorFlow has not started yet.

    Args:
        devices: A number, or "all".
        batch_size: Global batch, which must divide among the devices.

    Raises:
        ConfigError: There are fewer devices, or the batch cannot be divided.
    """
    if not (place := hosts.place()).alone:
        return _over_hosts(place, devices, batch_size)
    if devices == 1:
        return None
    gpus = tf.config.list_physical_devices("GPU")
    kind = "GPU" if gpus else "CPU"
    if not gpus and devices != "all":
        _divide_processor(devices)
    found = [d.name for d in tf.config.list_logical_devices(kind)]
    number = len(found) if isinstance(devices, str) else devices
    if number > len(found):
        raise ConfigError(f"run.devices: {devices} asked for, {len(found)} {kind} found.")
    if batch_size is not None and batch_size % number:
        raise ConfigError(
            f"data.batch_size: {batch_size} cannot be divided among {number} devices."
        )
    if number == 1:
        return None
    operations = None if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(found[:number], cross_device_ops=operations)


def _over_hosts(place, devices, batch_size):
    if devices not in (1, "all"):
        raise ConfigError(
            f"run.devices: {devices} asked for on each of {place.count} hosts, which use all that "
            "they have: set it to all (or to 1 where a host has one)."
        )
    found = hosts.strategy()
    if batch_size is not None and batch_size % found.num_replicas_in_sync:
        raise ConfigError(
            f"data.batch_size: {batch_size} cannot be divided among the "
            f"{found.num_replicas_in_sync} devices of {place.count} hosts."
        )
    return found


def scope(strategy: tf.distribute.Strategy | None):
    """The strategy's scope; nothing without one."""
    return strategy.scope() if strategy else contextlib.nullcontext()


def _divide_processor(devices):
    processor = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    try:
        tf.config.set_logical_device_configuration(processor, parts)
    except RuntimeError:
        return  # TensorFlow runs already; `replicas` counts what there is.
