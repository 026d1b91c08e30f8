"""Errors of TensorFlow, Python and the disk as one line for people."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from tfgen.training import hosts
from tfgen.training.errors import TrainingError

# What the others' collective operations end with when one host has died.
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
_UNREACHED = "ConnectionError: "


class explained:
    """Errors of training as messages for people: a context.

    Args:
        checkpoints: Where the run can be continued from; None where nothing is written.
    """

    def __init__(self, checkpoints=None):
        self.checkpoints = checkpoints

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, tf.errors.InvalidArgumentError) and "assertion failed" in str(error):
            said = str(error.message).partition("assertion failed:")[2].splitlines()[0]
            raise ValueError(said.strip().strip("[]")) from error
        if isinstance(error, tf.errors.ResourceExhaustedError | MemoryError):
            raise TrainingError(self._kept(_too_large(error))) from error
        if not hosts.place().alone and isinstance(error, _GONE):
            said = "another host is gone. The same command on all hosts, as many or fewer, goes on."
            raise TrainingError(self._kept(said)) from error
        if isinstance(error, tf.errors.UnknownError) and _UNREACHED in str(error):
            # Raised in Python below tf.data, which gives its text only.
            said = str(error.message).partition(_UNREACHED)[2].splitlines()[0]
            raise TrainingError(self._kept(said)) from error
        if isinstance(error, TrainingError):
            raise TrainingError(self._kept(str(error))) from error
        if isinstance(error, OSError):
            raise TrainingError(self._kept(f"cannot write: {error}.")) from error

    def _kept(self, said):
        if self.checkpoints is None:
            return said
        last = self.checkpoints.last_step
        if last is None:
            return f"{said} There was no checkpoint yet."
        return f"{said} The last good checkpoint is step {last}; it is kept."


@contextlib.contextmanager
def memory_explained() -> Iterator[None]:
    """What does not fit into memory becomes a TrainingError: a context."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TrainingError(_too_large(error)) from error


def _too_large(error):
    said = str(getattr(error, "message", error)).strip().partition("\n")[0].rstrip(".")
    what = f"out of memory or disk: {said}" if said else "out of memory"
    return f"{what}. Use a smaller model, smaller pictures or a smaller data.batch_size."
