"""What happens in a run between the steps, as Keras callbacks.

Their order matters. A line of metrics is written before the checkpoint of its epoch: a run that is
killed in between resumes from an earlier step, drops the line, and writes it again.
"""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from tfgen import files, pictures
from tfgen.pictures import class_grids
from tfgen.training import diagnosis
from tfgen.training.checkpoints import array, drawn, reportable, taken
from tfgen.training.doctor import in_words
from tfgen.training.errors import Interrupted, TrainingError
from tfgen.training.hosts import Place

if TYPE_CHECKING:
    from tfgen.training.checkpoints import Checkpoints
    from tfgen.training.doctor import TrainingDoctor
    from tfgen.training.options import RunOptions


SMALLEST_SCALE = 2.0**-10


class Clock(keras.callbacks.Callback):
    """Puts a resumed epoch back to where it was: its running means and the seconds spent.

    Args:
        entry: Checkpoint that the run begins from; None for a new run.
    """

    def __init__(self, entry: dict | None):
        super().__init__()
        self.means = (entry or {}).get("means")
        self.before = (entry or {}).get("seconds") or 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic() - self.before
        self.before = 0.0
        if self.means:
            for name, values in self.means.items():
                for variable, value in zip(self.model.means[name].variables, values, strict=True):
                    variable.assign(value)
        self.means = None

    @property
    def seconds(self):
        """Spent in the running epoch, by all starts of the run."""
        return time.monotonic() - self.started


class Guard(keras.callbacks.Callback):
    """Stops at the first value that is not finite."""

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                step = taken(self.model)
                advised = diagnosis.advice("not_finite")
                raise TrainingError(f"step {step}: {name} is {value}. Try: {advised}")
            if name.endswith("loss_scale") and value < SMALLEST_SCALE:
                raise TrainingError(
                    f"step {taken(self.model)}: {name} has fallen to {value}: gradients overflow "
                    "float16 at every scale, and no update is made. Try: "
                    "run.precision=mixed_bfloat16, or a lower learning rate in a new run."
                )

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_batch_end(None, logs)


class Recorder(keras.callbacks.Callback):
    """One line of metrics.jsonl and TensorBoard's scalars for each epoch.

    Args:
        folder: Of the run.
        writer: Of TensorBoard's events.
        clock: The `Clock`.
        images: In an epoch.
        doctor: Whose numbers and findings join the line; None where none looks on.
    """

    def __init__(
        self,
        folder: Path,
        writer: tf.summary.SummaryWriter,
        clock: Clock,
        images: int,
        doctor: "TrainingDoctor | None" = None,
    ):
        super().__init__()
        self.path, self.writer = folder / "metrics.jsonl", writer
        self.clock, self.images, self.doctor = clock, images, doctor

    def on_epoch_end(self, epoch, logs=None):
        step, seconds = taken(self.model), self.clock.seconds
        speed = {"seconds": seconds, "images_per_second": self.images / seconds}
        found = dict(self.doctor.noted) if self.doctor else {}
        line = {"step": step, "epoch": epoch + 1, **reportable(logs), **speed, **found}
        files.append_line(self.path, json.dumps(line, allow_nan=False))
        with self.writer.as_default(step=step):
            if note := found.pop("doctor", None):
                tf.summary.text("doctor", in_words(note))
            for name, value in {**logs, **speed, **found}.items():
                tf.summary.scalar(name, value)
        self.writer.flush()


class Sampler(keras.callbacks.Callback):
    """A grid of samples from the seeds 0, 1, 2, ... every so many epochs.

    Args:
        folder: Of the run.
        writer: Of TensorBoard's events.
        epochs: Between grids; None for none.
        seeds: Pictures in a grid.
    """

    def __init__(
        self, folder: Path, writer: tf.summary.SummaryWriter, epochs: int | None, seeds: int
    ):
        super().__init__()
        self.folder, self.writer = folder / "samples", writer
        self.epochs, self.seeds = epochs, seeds

    def on_epoch_end(self, epoch, logs=None):
        name = next((n for n, s in self.model.signatures().items() if s.drawable), None)
        if not self.epochs or (epoch + 1) % self.epochs or name is None:
            return
        images = self.model.sample(range(self.seeds), signature=name)
        if images.ndim != 4 or images.shape[-1] not in (1, 3) or not np.isfinite(images).all():
            return
        signature = self.model.signatures()[name]
        grid = pictures.grid(images)
        if classes := class_grids.classes_of(signature, signature.draw(range(self.seeds))):
            grid = class_grids.of_classes(images, *classes)
        pictures.save(self.folder / f"epoch-{epoch + 1:04d}.png", grid)
        with self.writer.as_default(step=taken(self.model)):
            tf.summary.image("samples", grid[np.newaxis])
        self.writer.flush()


class Depictor(keras.callbacks.Callback):
    """What a model's `pictures` shows of real examples, every so many epochs.

    Does nothing for a model without the method.

    Args:
        folder: Of the run.
        writer: Of TensorBoard's events.
        epochs: Between pictures; None for none.
        examples: Batches, of which the first are shown; always the same.
    """

    rows = 2000

    def __init__(
        self,
        folder: Path,
        writer: tf.summary.SummaryWriter,
        epochs: int | None,
        examples: Iterable[dict],
    ):
        super().__init__()
        self.folder, self.writer = folder / "samples", writer
        self.epochs, self.examples = epochs, examples
        self.batch: dict[str, np.ndarray] | None = None

    def on_epoch_end(self, epoch, logs=None):
        pictures_of = getattr(self.model, "pictures", None)
        if not self.epochs or (epoch + 1) % self.epochs or pictures_of is None:
            return
        if self.batch is None:
            self.batch = first_rows(self.examples, self.rows)
        with self.model.averaged():
            shown = pictures_of(self.batch)
        for name, picture in shown.items():
            pictures.save(self.folder / f"{name}-{epoch + 1:04d}.png", picture)
        with self.writer.as_default(step=taken(self.model)):
            for name, picture in shown.items():
                tf.summary.image(name, picture[np.newaxis])
        self.writer.flush()


def first_rows(batches: Iterable[dict], rows: int) -> dict[str, np.ndarray]:
    """The first rows of a stream of dict batches, as arrays; all where it has fewer."""
    found, number = [], 0
    for batch in batches:
        found.append({name: np.asarray(value) for name, value in batch.items()})
        number += len(found[-1]["image"])
        if number >= rows:
            break
    return {name: np.concatenate([b[name] for b in found])[:rows] for name in found[0]}


class Saver(keras.callbacks.Callback):
    """Writes the checkpoints, and the last one when a signal has asked the run to stop.

    Args:
        checkpoints: The `Checkpoints`.
        clock: The `Clock`.
        signals: The `Signals`.
        steps_per_epoch: Steps in an epoch.
        options: The `RunOptions`.
        epochs: At which the run ends.
        shift: Batches by which the place in the data is ahead of those that were drawn.
        place: Which host this is: the first writes. Of several hosts all must read the running
            means at the same step, so that neither seconds nor a signal make a checkpoint there.
    """

    def __init__(
        self,
        checkpoints: "Checkpoints",
        clock: Clock,
        signals: "Signals",
        steps_per_epoch: int,
        options: "RunOptions",
        epochs: int,
        shift: int = 0,
        place: Place | None = None,
    ):
        super().__init__()
        self.shift, self.place = shift, place or Place()
        self.checkpoints, self.clock, self.signals = checkpoints, clock, signals
        self.steps_per_epoch, self.options, self.epochs = steps_per_epoch, options, epochs
        self.saved_at = time.monotonic()

    def on_train_begin(self, logs=None):
        self.saved_step = drawn(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        self.began = drawn(self.model)

    def on_train_batch_end(self, batch, logs=None):
        # Counted, not read: reading a variable at every batch slows the step of a small model.
        step = self.began + batch + 1
        if self.signals.received and not self.place.alone:
            raise TrainingError(
                f"step {step}: stopped by signal {self.signals.received}, and so are all hosts."
            )
        epoch, within = divmod(step + self.shift, self.steps_per_epoch)
        if within == 0:
            return  # on_epoch_end follows, when the line of metrics is written.
        steps, seconds = self.options.checkpoint_steps, self.options.checkpoint_seconds
        if not self.place.alone:
            seconds = None
        due = steps is not None and step // steps > self.saved_step // steps
        due = due or (seconds is not None and time.monotonic() - self.saved_at >= seconds)
        if due or self.signals.received:
            means = self.model.means.items()
            self._save(
                epoch,
                means={n: [float(array(v)) for v in mean.variables] for n, mean in means},
                seconds=self.clock.seconds,
            )

    def on_epoch_end(self, epoch, logs=None):
        due = (epoch + 1) % self.options.checkpoint_epochs == 0 or epoch + 1 == self.epochs
        values = reportable(logs)
        if due or self.signals.received or self.checkpoints.improves(values):
            self._save(epoch + 1, values=values)

    def _save(self, epoch, **state):
        if self.place.first:
            self.checkpoints.save(self.model, epoch, **state)
        self.saved_step, self.saved_at = drawn(self.model), time.monotonic()
        if self.signals.received:
            raise Interrupted(self.signals.received, self.checkpoints.last_step)


class Signals:
    """Ctrl-C, SIGTERM and SIGHUP wait for the end of a step, so that a checkpoint can be written.

    A context; a second signal stops at once. A signal that the process was started to ignore, as
    by nohup, stays ignored. Outside the main thread nothing is changed.
    """

    def __init__(self):
        self.received = None
        self.former = {}
        self.terminals = []

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self.former[number] = signal.signal(number, self._receive)
            self.terminals = [stream for stream in (1, 2) if os.isatty(stream)]
        return self

    def __exit__(self, *error):
        for number, handler in self.former.items():
            signal.signal(number, handler)

    def _receive(self, number, frame):
        if self.received:
            raise KeyboardInterrupt
        self.received = number
        if number == signal.SIGHUP and self.terminals:
            # The terminal is gone: a line written to it would end the run before it is saved.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in self.terminals:
                os.dup2(nowhere, stream)
            os.close(nowhere)
        # Not print: the signal may have come in the middle of one.
        os.write(2, b"\ntfgen: stopping after this step (once more: at once)\n")
