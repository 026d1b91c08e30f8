"""Batches that TensorFlow's data service makes: in other processes, in the order of this one.

Audibert et al. 2023, "tf.data service: a case for disaggregating ML input data processing",
https://arxiv.org/abs/2210.14826. A worker cannot compute the order, which is a permutation of
NumPy's, so it is sent: the pictures and the rows of some thousand batches are one job, which the
dispatcher shares out among its workers. Batches come back as they are ready and are put in order
here, so a step sees what it sees without the service, whatever the number of workers.
"""

import contextlib
import queue
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

PROTOCOL = "grpc"
# Batches of one job. A dispatcher keeps what each job was sent, so there should be few.
JOB = 4096
WAITING = 1024  # Batches that may be here before an earlier one is.
_HEARTBEAT_MS = 2000  # A worker that is told to stop waits for its next one.
_PATIENCE, _END_OF_PATIENCE = 30.0, 300.0  # Seconds without a batch: said, and an error.
_TRAVELS = 1 << 29  # Bytes of pictures that a job may be sent.


def checked(address: str) -> str:
    """The address of a dispatcher, once something is found to answer there.

    Raises:
        ValueError: Not of the form grpc://HOST:PORT.
        ConnectionError: Nothing answers.
    """
    kind, _, place = address.partition("://") if isinstance(address, str) else ("", "", "")
    host, _, port = place.rpartition(":")
    if kind != PROTOCOL or not host or not port.isdecimal():
        raise ValueError(
            f"service must be a dispatcher's address, such as '{PROTOCOL}://localhost:5050'. "
            f"Received: {address!r}."
        )
    try:
        # TensorFlow itself would try for an hour.
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(
            f"service: nothing answers at {address} ({error}). Start `tfgen data dispatcher "
            f"--port {port}` there, and one or more of `tfgen data worker --dispatcher "
            f"{place}`, or leave data.service out."
        ) from error
    return address


def through(
    address: str, numbers: tf.data.Dataset, fetch: Callable, batches: int | None
) -> tf.data.Dataset:
    """The batches `fetch(*element)` of the elements of `numbers`, made by the service.

    Args:
        address: Of a dispatcher.
        numbers: Elements of one shape, which this process computes.
        fetch: Graph operations only: no Python runs in a worker.
        batches: How many there are; None for an endless stream.
    """
    sharded = tf.data.experimental.service.ShardingPolicy.DYNAMIC

    def job(*some):
        made = tf.data.Dataset.from_tensor_slices(some).map(
            lambda place, element: (place, fetch(*element)), num_parallel_calls=tf.data.AUTOTUNE
        )
        with warnings.catch_warnings():
            # Of the options of `made`: it has none.
            warnings.filterwarnings("ignore", "To make it possible to preserve tf.data options")
            return made.apply(tf.data.experimental.service.distribute(sharded, address))

    # In a parallel form even of one job at a time the next one is asked for before it is needed.
    arriving = numbers.enumerate().batch(JOB).interleave(job, 1, num_parallel_calls=1)
    _, form = arriving.element_spec

    def in_order():
        return _in_order(_watched(arriving, address), address, batches)

    ordered = tf.data.Dataset.from_generator(in_order, output_signature=form)
    count = tf.data.INFINITE_CARDINALITY if batches is None else batches
    return ordered.apply(tf.data.experimental.assert_cardinality(count))


def _in_order(arriving, address, batches) -> Iterator[Any]:
    """The batches of (place, batch) by place; ConnectionError where one does not come."""
    early, place = {}, 0
    for at, batch in arriving:
        early[int(at)] = batch
        while place in early:
            yield early.pop(place)
            place += 1
        if len(early) > WAITING:
            break
    if early or batches not in (None, place):
        raise ConnectionError(
            f"service: batch {place} did not come from {address}, and {len(early)} later ones did: "
            "a worker was lost or is very slow. The same command again goes on."
        )


def _watched(arriving, address):
    """The same; ConnectionError where the next batch does not come, which TensorFlow waits for."""
    ready: queue.Queue = queue.Queue(maxsize=2)
    ended = threading.Event()

    def give(kind, value):
        while not ended.is_set():
            with contextlib.suppress(queue.Full):
                return ready.put((kind, value), timeout=1.0)

    def read():
        try:
            for element in arriving:
                give("batch", element)
                if ended.is_set():
                    return
            give("end", None)
        except Exception as error:
            give("error", error)

    # A thread of its own: one that waits inside TensorFlow hears nothing else.
    threading.Thread(target=read, name=f"batches of {address}", daemon=True).start()
    try:
        while True:
            kind, value = _next(ready, address)
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        ended.set()


def _next(ready, address):
    """What is ready; a warning where it takes long, an error where it takes too long."""
    with contextlib.suppress(queue.Empty):
        return ready.get(timeout=_PATIENCE)
    _warn(f"service: no batch from {address} for {_PATIENCE:.0f} s: are there workers?")
    with contextlib.suppress(queue.Empty):
        return ready.get(timeout=_END_OF_PATIENCE - _PATIENCE)
    raise ConnectionError(
        f"service: no batch from {address} for {_END_OF_PATIENCE:.0f} s: a worker was lost, or "
        "there is none. Start workers, or leave data.service out; the same command goes on."
    )


def _warn(text):
    warnings.warn(text, stacklevel=2)


def check(arrays: dict[str, np.ndarray]) -> None:
    """ValueError for a set that cannot be sent to the workers."""
    size = sum(value.nbytes for value in arrays.values())
    if size > _TRAVELS:
        raise ValueError(
            f"service: the data set has {size / 1e6:,.0f} MB, and at most {_TRAVELS / 1e6:,.0f} MB "
            "are sent to the workers, which no operation of TensorFlow lets read single rows of a "
            "file. Leave data.service out: rows are then gathered from the file here."
        )


def dispatcher(port: int, folder: str | None = None) -> Any:
    """A running `tf.data.experimental.service.DispatchServer`.

    Args:
        port: 0 for any that is free; the server's `target` has it.
        folder: Where it keeps its state, so that one that is started anew goes on; None for none.
    """
    service = tf.data.experimental.service
    return service.DispatchServer(
        service.DispatcherConfig(
            port,
            PROTOCOL,
            work_dir=folder,
            fault_tolerant_mode=folder is not None,
        )
    )


def worker(dispatcher: str, port: int = 0, address: str | None = None) -> Any:
    """A running `tf.data.experimental.service.WorkerServer`.

    Args:
        dispatcher: HOST:PORT of the dispatcher.
        port: 0 for any that is free.
        address: HOST:PORT by which the training process reaches this one; by default localhost.
    """
    service = tf.data.experimental.service
    return service.WorkerServer(
        service.WorkerConfig(
            dispatcher, address, port, PROTOCOL, heartbeat_interval_ms=_HEARTBEAT_MS
        )
    )
