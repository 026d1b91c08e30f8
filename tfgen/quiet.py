"""TensorFlow imported without its start-up chatter."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


def start_tensorflow() -> None:
    """Imports TensorFlow and Keras and looks for devices, in silence.

    Some of TensorFlow's lines are written before any setting counts, so the file descriptor itself
    goes elsewhere meanwhile. Where the import fails, they are shown. `TF_CPP_MIN_LOG_LEVEL=0` in
    the environment shows everything.
    """
    if "tensorflow" in sys.modules:
        return
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _diverted():
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()


@contextlib.contextmanager
def _diverted() -> Iterator[None]:
    """Standard error of the whole process goes to a file, shown if the context fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            file.seek(0)
            os.write(kept, file.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
