"""Several hosts that train one model: `tf.distribute.MultiWorkerMirroredStrategy` from TF_CONFIG.

Every host runs the same command with the same config; TF_CONFIG says where the others are and which
one this is, as Kubeflow, Vertex AI and Slurm's scripts set it. The first host writes the run's
folder, the others only read their checkpoint there. The number of hosts is no part of the config: a
run goes on with as many or as few as there are.
"""

import dataclasses
import functools
import json
import os
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence

from tfgen.construct import ConfigError

GRACE = 90.0  # Seconds that the others have to end by themselves when one has ended badly.
_ROLES = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Place:
    """Which host this is.

    Args:
        index: Its number; 0 writes.
        count: Of all hosts.
    """

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this host writes the run."""
        return self.index == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other."""
        return self.count == 1

    def __str__(self):
        return f"host {self.index + 1} of {self.count}"


def place() -> Place:
    """This host's place by TF_CONFIG; alone without it.

    Raises:
        ConfigError: TF_CONFIG is no JSON, or names no host of its cluster.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return Place()
    try:
        values = json.loads(text)
        cluster, task = values.get("cluster") or {}, values.get("task") or {}
        known = [(role, n) for role in _ROLES for n in range(len(cluster.get(role, ())))]
        if not known:
            return Place()
        return Place(known.index((task["type"], int(task["index"]))), len(known))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"TF_CONFIG: names no chief or worker of its own cluster: {text[:200]!r} ({error}). "
            'Expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", '
            '"index": 0}}.'
        ) from error


@functools.cache
def strategy():
    """The strategy over all hosts, one a process; all of a host's GPUs, or its processor."""
    import tensorflow as tf

    options = None
    if not tf.config.list_physical_devices("GPU"):
        ring = tf.distribute.experimental.CommunicationImplementation.RING
        options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def agree(over, what: str) -> None:
    """Waits for all hosts and compares what they are about to do.

    Args:
        over: The `strategy`.
        what: Config, data and step, as text.

    Raises:
        ConfigError: They differ.
    """
    import tensorflow as tf

    number = zlib.crc32(what.encode()) & 0x7FFFFFFF

    @tf.function
    def compare():
        def one():
            context = tf.distribute.get_replica_context()
            return context.all_gather(tf.constant([number]), axis=0)

        return over.run(one)

    (found, *_) = over.experimental_local_results(compare())
    if len(set(found.numpy().tolist())) > 1:
        raise ConfigError(
            "The hosts do not agree on what to train: give all the same command, the same data and "
            "the same run folder, on a disk that all of them see."
        )


def free_ports(count: int) -> list[int]:
    """So many ports of the loopback address that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def start(command: Sequence[str], count: int) -> int:
    """Runs a command as so many local processes, hosts to each other on the loopback address.

    When one ends badly the others have `GRACE` seconds to notice, and are then ended.

    Args:
        command: Arguments of `python`, the same for all.
        count: Processes.

    Returns:
        The exit status: 0, or that of the process which ended badly first.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    processes = []
    for index in range(count):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(task)}
        processes.append(subprocess.Popen([sys.executable, *command], env=environment))
    failed, deadline = 0, float("inf")
    try:
        while None in [process.poll() for process in processes]:
            bad = [p.returncode for p in processes if p.returncode]
            if bad and not failed:
                failed, deadline = bad[0], time.monotonic() + GRACE
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
    except KeyboardInterrupt:  # The terminal has told all of them.
        deadline = time.monotonic() + GRACE
        while None in [p.poll() for p in processes] and time.monotonic() < deadline:
            time.sleep(0.1)
        raise
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
    statuses = [failed, *(p.returncode for p in processes)]
    status = next((s for s in statuses if s), 0)
    return status if status >= 0 else 128 - status
