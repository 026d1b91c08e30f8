"""A profile of some steps of a run, for TensorBoard: where their time goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

WARM = 5  # Executions before it: the first ones trace, compile and fill queues.


class Profiler(keras.callbacks.Callback):
    """Profiles some executions of the model's graph, once.

    An execution is one step, or `steps_per_execution` of them.

    Args:
        folder: Of TensorBoard's files; the profile lies in `plugins/profile` below it.
        count: Executions.
        say: Called with the line that says where it is.
    """

    def __init__(self, folder: Path, count: int, say: Callable[[str], Any] = print):
        super().__init__()
        self.folder, self.count, self.say = folder, count, say
        self.seen, self.running = 0, False

    def on_train_batch_begin(self, batch, logs=None):
        if self.seen == WARM:
            tf.profiler.experimental.start(str(self.folder))
            self.running = True

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.running and self.seen == WARM + self.count:
            self._stop()

    def close(self) -> None:
        """Ends the profile where the training has ended before it, or says that there is none."""
        if self.running:
            self._stop()
        elif self.seen <= WARM:
            self.say(f"--profile: only {self.seen} executions; it begins after {WARM}.")

    def _stop(self):
        tf.profiler.experimental.stop()
        self.running = False
        self.say(
            f"{self.folder / 'plugins' / 'profile'}: {self.seen - WARM} executions; "
            f"`pip install tensorboard-plugin-profile`, `tensorboard --logdir {self.folder}`."
        )
