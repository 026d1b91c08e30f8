"""Runs: a folder that holds everything about one training.

    config.yaml       the resolved config; the same command on the same folder continues
    run.json          versions, data fingerprint, parameter counts, every start with its command
    checkpoints/      see `tfgen.training.checkpoints`
    samples/          epoch-0005.png: grids from the seeds 0, 1, 2, ...
    tensorboard/      the same pictures and the scalars
    metrics.jsonl     one line an epoch
    evaluation.json   what was measured of it, see `tfgen.evaluation.store`

Interrupted anywhere and continued, a run on one CPU device ends with bit-identical weights,
optimizer slots and step: the data and every random number are functions of (seed, step).
"""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfgen import files
from tfgen.training import callbacks, config, devices, experiment, record
from tfgen.training.checkpoints import Checkpoints, taken
from tfgen.training.config import Config, ConfigError, RunOptions
from tfgen.training.errors import Interrupted, TrainingError

__all__ = ["Interrupted", "Run", "TrainingError", "dry_run", "load", "read", "train"]

# Keys that a continued run may change, and sections that measure only.
_FREE = ("fit.epochs", "metrics", "evaluation")


@dataclass(frozen=True)
class Run:
    """A run as `train` leaves it.

    Args:
        folder: Of the run.
        model: Compiled, with the weights of the last step.
        step: Steps taken.
        epochs: Completed.
        metrics: The lines of metrics.jsonl.
    """

    folder: Path
    model: Any
    step: int
    epochs: int
    metrics: list[dict]


def train(
    settings: Config, folder: Path | str, say: Callable[[str], Any] = print, measure: Any = None
) -> Run:
    """Trains into a folder, from the beginning or from where the folder stands.

    Args:
        settings: The experiment.
        folder: Of the run; made where it does not exist.
        say: Called with each line about the progress.
        measure: What measures the config's `metrics` when training ends,
            `tfgen.evaluation.AfterTraining()`: its `check(settings, model)` is called before the
            training, and itself with (settings, folder, model) after it, for a report.

    Returns:
        The run; a finished one is loaded and returned.

    Raises:
        ConfigError: The folder holds another experiment, the config does not fit the data, or it
            has `metrics` and nothing to measure them is given.
        ValueError: The data cannot be used, the folder's data set has changed, another process
            trains into the folder, or no checkpoint can be read.
        TrainingError: A value that is not finite, or a full disk; the checkpoints are kept.
        Interrupted: Ctrl-C or SIGTERM; a checkpoint is written.
    """
    folder = Path(folder)
    _refuse_other(settings, folder)
    if settings.metrics and measure is None:
        raise ConfigError(
            "metrics: the config wants figures when training ends. Give "
            "`measure=tfgen.evaluation.AfterTraining()`, or take the section out of the config."
        )
    # Before the data: TensorFlow's devices are fixed by its first tensor.
    strategy = devices.replicas(settings.run["devices"], settings.data["batch_size"])
    stream, validation = experiment.batches(settings)
    with devices.precision(settings.run["precision"]), contextlib.ExitStack() as stack:
        model = experiment.build(settings, strategy)
        experiment.check(settings, model, stream)
        if settings.metrics:
            measure.check(settings, model)
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(files.lock(folder))
        _refuse_other(settings, folder)
        files.clean(folder)
        checkpoints = _checkpoints(settings, folder)
        entry = checkpoints.restore(model) if checkpoints.entries else None
        steps = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
        step, epochs = taken(model), settings.fit["epochs"]
        if step >= epochs * steps:
            done = step // steps
            say(f"{folder}: finished: {done} epochs, {step} steps. Raise fit.epochs to go on.")
            _measure(measure, settings, folder, model, say, again=False)
            return Run(folder, model, step, done, record.lines(folder / "metrics.jsonl"))
        record.begin(settings, folder, model, stream, step)
        checkpoints.forget_after(step)
        record.trim(folder / "metrics.jsonl", step)
        if step:
            say(f"{folder}: continuing from step {step} (epoch {step / steps:.2f} of {epochs}).")
        _fit(settings, folder, model, stream, validation, checkpoints, entry)
        say(f"{folder}: finished: {epochs} epochs, {taken(model)} steps.")
        _measure(measure, settings, folder, model, say)
        lines = record.lines(folder / "metrics.jsonl")
        return Run(folder, model, taken(model), epochs, lines)


def load(folder: Path | str, checkpoint: str | int = "last"):
    """The compiled model of a run.

    Args:
        folder: Of the run.
        checkpoint: "last", "best" or a step. A damaged last checkpoint is passed over with a
            warning.

    Raises:
        FileNotFoundError: There is no run in this folder.
        ValueError: There is no such checkpoint, or none that can be read.
    """
    folder = Path(folder)
    settings = read(folder)
    checkpoints = _checkpoints(settings, folder)
    checkpoints.wanted(checkpoint)
    with devices.precision(settings.run["precision"]):
        model = experiment.build(settings)
    checkpoints.restore(model, checkpoint)
    return model


def read(folder: Path | str) -> Config:
    """The config of a run.

    Raises:
        FileNotFoundError: There is no run in this folder.
    """
    path = Path(folder) / "config.yaml"
    if not path.exists():
        raise FileNotFoundError(
            f"{folder}: there is no run here (no config.yaml). "
            f"`tfgen train CONFIG --run {folder}` makes one."
        )
    return config.load(path)


def dry_run(settings: Config) -> dict[str, Any]:
    """What a run would do, after one step of it; nothing is written.

    Raises:
        ValueError: As `train`.
    """
    strategy = devices.replicas(settings.run["devices"], settings.data["batch_size"])
    stream, _ = experiment.batches(settings)
    with devices.precision(settings.run["precision"]):
        model = experiment.build(settings, strategy)
        experiment.check(settings, model, stream)
        with _explained():
            history = model.fit(stream.from_step(0), epochs=1, steps_per_epoch=1, verbose=0)
    steps = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
    return {
        "model": settings.model["name"],
        "parameters": record.parameters(model),
        "batch": {k: [v.dtype.name, *v.shape] for k, v in stream.element_spec.items()},
        "data": record.data(stream.source),
        "steps_per_epoch": steps,
        "steps": steps * settings.fit["epochs"],
        "first_step": {name: values[-1] for name, values in history.history.items()},
    }


def _fit(settings, folder, model, stream, validation, checkpoints, entry):
    """The rest of the epoch that was interrupted, then whole epochs."""
    options, steps = RunOptions(**settings.run), settings.fit["steps_per_epoch"]
    steps = steps or stream.steps_per_epoch
    step, epochs, verbose = taken(model), settings.fit["epochs"], settings.fit["verbose"]
    if verbose == "auto":  # A log file wants a line an epoch, not a bar drawn a thousand times.
        verbose = 1 if sys.stdout.isatty() else 2
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    clock = callbacks.Clock(entry)
    with callbacks.Signals() as signals, _explained(checkpoints):
        hooks = [
            clock,
            callbacks.Guard(),
            callbacks.Recorder(folder, writer, clock, steps * settings.data["batch_size"]),
            callbacks.Sampler(folder, writer, options.sample_epochs, options.sample_seeds),
            callbacks.Depictor(
                folder, writer, options.sample_epochs, validation or stream.from_step(0)
            ),
            callbacks.Saver(checkpoints, clock, signals, steps, options, epochs),
        ]
        while step < epochs * steps:
            epoch, done = divmod(step, steps)
            model.fit(
                stream.from_step(step),
                initial_epoch=epoch,
                epochs=epoch + 1 if done else epochs,
                steps_per_epoch=steps - done,
                verbose=verbose,
                validation_data=validation,
                validation_freq=settings.fit["validation_freq"],
                callbacks=hooks,
            )
            step = taken(model)
    writer.close()


def _measure(measure, settings, folder, model, say, again=True):
    """The metrics of the config, where it has some; not again where there are figures already."""
    if settings.metrics and (again or not (folder / "evaluation.json").exists()):
        say(measure(settings, folder, model).table())


class _explained:
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
        if isinstance(error, tf.errors.ResourceExhaustedError):
            raise TrainingError(self._kept(f"out of memory or disk: {error.message}.")) from error
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


def _refuse_other(settings, folder):
    """ConfigError where the folder belongs to something else; nothing is changed."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; a run needs a folder.")
    if not (folder / "config.yaml").exists():
        strangers = [p.name for p in folder.glob("[!.]*") if p.name not in ("lock", "run.json")]
        if strangers:
            raise ConfigError(
                f"{folder}: is not empty and no run (it holds {', '.join(sorted(strangers)[:3])}). "
                "Give another folder."
            )
        return
    lines = config.difference(read(folder).resolved(), settings.resolved())
    keys = [line.partition(":")[0] for line in lines]
    changed = [not (key in _FREE or key.partition(".")[0] in _FREE) for key in keys]
    lines = [line for line, counts in zip(lines, changed, strict=True) if counts]
    if lines:
        raise ConfigError(
            f"{folder}: holds a run with another config. Give another folder, or undo the "
            f"difference (run -> yours):\n  " + "\n  ".join(lines)
        )


def _checkpoints(settings, folder):
    options = settings.run
    return Checkpoints(
        folder / "checkpoints", options["keep"], options["best"], options["best_mode"]
    )
