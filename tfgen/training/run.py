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
import math
import shlex
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfgen import files
from tfgen.optimizers import inner
from tfgen.training import (
    callbacks,
    config,
    continuing,
    devices,
    experiment,
    hosts,
    profiling,
    record,
)
from tfgen.training.checkpoints import Checkpoints, array, drawn, taken
from tfgen.training.config import Config, ConfigError, RunOptions
from tfgen.training.doctor import TrainingDoctor
from tfgen.training.errors import Interrupted, TrainingError
from tfgen.training.explained import explained, memory_explained

__all__ = ["Interrupted", "Run", "TrainingError", "dry_run", "load", "read", "train"]

PROBE = 64  # Pictures that the doctor looks at.


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
    settings: Config,
    folder: Path | str,
    say: Callable[[str], Any] = print,
    measure: Any = None,
    accept_changes: bool = False,
    profile: int | None = None,
) -> Run:
    """Trains into a folder, from the beginning or from where the folder stands.

    Args:
        settings: The experiment.
        folder: Of the run; made where it does not exist.
        say: Called with each line about the progress.
        measure: What measures the config's `metrics` when training ends,
            `tfgen.evaluation.AfterTraining()`: its `check(settings, model)` is called before the
            training, and itself with (settings, folder, model) after it, for a report.
        accept_changes: Whether a run goes on with another learning rate, batch size or number of
            devices than it was begun with (`tfgen.training.continuing` has the list). What
            differs is noted in run.json.
        profile: Executions of the graph that are profiled for TensorBoard, a few after the start.

    Returns:
        The run; a finished one is loaded and returned.

    Raises:
        ConfigError: The folder holds another experiment, the config does not fit the data, or it
            has `metrics` and nothing to measure them is given.
        ValueError: The data cannot be used, the folder's data set has changed, another process
            trains into the folder, or no checkpoint can be read.
        TrainingError: A value that is not finite, too little memory, or a full disk; the
            checkpoints are kept.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; a checkpoint is written.
    """
    folder, host = Path(folder), hosts.place()
    if not host.first:
        say(f"{folder}: {host}: takes its part of each step; the first host writes and tells.")
        say = _silent
    else:
        continuing.check(settings, folder, accept_changes)
    if settings.metrics and measure is None:
        raise ConfigError(
            "metrics: the config wants figures when training ends. Give "
            "`measure=tfgen.evaluation.AfterTraining()`, or take the section out of the config."
        )
    # Before the data: TensorFlow's devices are fixed by its first tensor.
    strategy = devices.replicas(settings.run["devices"], settings.data["batch_size"])
    with devices.precision(settings.run["precision"]), contextlib.ExitStack() as stack:
        with memory_explained():
            stream, validation = experiment.batches(settings)
            model = experiment.build(settings, strategy)
        experiment.check(settings, model, stream)
        model.class_names = stream.source.class_names
        if settings.metrics:
            measure.check(settings, model)
        changes: list[str] = []
        if host.first:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(files.lock(folder))
            changes = continuing.check(settings, folder, accept_changes)
            files.clean(folder)
        checkpoints = checkpoints_of(settings, folder)
        rates = _rates(model)
        entry = checkpoints.restore(model) if checkpoints.entries else None
        for variable, rate in rates:
            variable.assign(rate)  # The config's, which an accepted change may have changed.
        steps = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
        step, epochs = taken(model), settings.fit["epochs"]
        note = record.read(folder, strict=False)
        shift = continuing.shifted(note, steps, drawn(model)) if step else 0
        place = drawn(model) + shift
        if not host.alone:
            fingerprint, same = stream.source.fingerprint, settings.text()
            with explained(checkpoints):
                hosts.agree(strategy, f"{same} {fingerprint} {step} {place}")
        if host.first:
            checkpoints.save_index()
        if place >= epochs * steps:
            done = place // steps
            say(f"{folder}: finished: {done} epochs, {step} steps. Raise fit.epochs to go on.")
            if host.first:
                _measure(measure, settings, folder, model, say, again=False)
            return Run(folder, model, step, done, record.lines(folder / "metrics.jsonl"))
        if host.first:
            record.begin(settings, folder, model, stream, step, changes, shift)
            checkpoints.forget_after(step)
            _tell(folder, step, place / steps, epochs, changes, say)
            record.trim(folder / "metrics.jsonl", step)
        _fit(settings, folder, model, stream, validation, checkpoints, entry, shift, say, profile)
        say(f"{folder}: finished: {epochs} epochs, {taken(model)} steps.")
        if host.first:
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
    checkpoints = checkpoints_of(settings, folder)
    checkpoints.wanted(checkpoint)
    with devices.precision(settings.run["precision"]), memory_explained():
        model = experiment.build(settings)
    checkpoints.restore(model, checkpoint)
    names = record.read(folder, strict=False).get("data", {}).get("class_names")
    model.class_names = names and tuple(names)
    return model


def read(folder: Path | str) -> Config:
    """The config of a run.

    Raises:
        FileNotFoundError: There is no run in this folder.
    """
    path = Path(folder) / "config.yaml"
    if not path.exists():
        raise FileNotFoundError(
            f"{folder}: there is no run here (no config.yaml).{_beside(path.parent)} "
            f"`tfgen train CONFIG --run {shlex.quote(str(folder))}` makes one."
        )
    if continuing.edited(path.parent):
        warnings.warn(
            f"{path} was edited since the run wrote it, and is used as it stands now; what the run "
            f"was trained with is in {path.with_name('run.json')}, under config.",
            stacklevel=2,
        )
    return config.load(path)


def _beside(folder):
    """The runs in a folder that is none, or in the one that it lies in, as a sentence."""
    for place in (folder, folder.absolute().parent):
        found = sorted(p.parent for p in place.glob("*/config.yaml")) if place.is_dir() else []
        if found:
            more = ", ..." if len(found) > 10 else ""
            return f" There are: {', '.join(map(str, found[:10]))}{more}."
    return ""


def dry_run(settings: Config) -> dict[str, Any]:
    """What a run would do, after one step of it; nothing is written.

    Raises:
        ValueError: As `train`.
    """
    strategy = devices.replicas(settings.run["devices"], settings.data["batch_size"])
    with devices.precision(settings.run["precision"]):
        with memory_explained():
            stream, _ = experiment.batches(settings)
            model = experiment.build(settings, strategy)
        experiment.check(settings, model, stream)
        with explained():
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


def _rates(model):
    """(variable, value) of each constant learning rate."""
    own = [inner(optimizer) for optimizer in model.optimizers.values()]
    rates = [optimizer._learning_rate for optimizer in own]
    return [(rate, float(array(rate))) for rate in rates if isinstance(rate, keras.Variable)]


def _tell(folder, step, place, epochs, changes, say):
    """How a start stands to what the folder holds."""
    metrics = folder / "metrics.jsonl"
    if step:
        say(f"{folder}: continuing from step {step} (epoch {place:.2f} of {epochs}).")
        if place >= 1 and not (metrics.exists() and metrics.stat().st_size):
            say(f"{metrics}: is missing or empty; the lines up to step {step} are lost.")
    elif metrics.exists() and metrics.stat().st_size:
        say(f"{folder}: there is no checkpoint; what metrics.jsonl reports is trained again.")
    for line in changes:
        say(f"{folder}: changed: {line}")


def _fit(settings, folder, model, stream, validation, checkpoints, entry, shift, say, profile):
    """The rest of the epoch that was interrupted, then whole epochs."""
    options, steps = RunOptions(**settings.run), settings.fit["steps_per_epoch"]
    steps = steps or stream.steps_per_epoch
    place, epochs, verbose = drawn(model) + shift, settings.fit["epochs"], settings.fit["verbose"]
    if verbose == "auto":  # A log file wants a line an epoch, not a bar drawn a thousand times.
        verbose = 1 if sys.stdout.isatty() else 2
    host = hosts.place()
    verbose = verbose if host.first else 0
    writer = None
    if host.first:
        writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    clock = callbacks.Clock(entry)
    examples = validation or stream.from_step(0)
    with callbacks.Signals() as signals, explained(checkpoints), contextlib.ExitStack() as stack:
        doctor = _doctor(settings, folder, model, examples, say)
        if doctor:
            doctor.attach(model)
            stack.callback(doctor.detach)
        images = steps * experiment.rows(settings)
        hooks = [clock, callbacks.Guard(), *([doctor] if doctor else [])]
        if writer is not None:
            hooks += [
                callbacks.Recorder(folder, writer, clock, images, doctor),
                callbacks.Sampler(folder, writer, options.sample_epochs, options.sample_seeds),
                callbacks.Depictor(folder, writer, options.sample_epochs, examples),
            ]
            if profile:
                profiler = profiling.Profiler(folder / "tensorboard", profile, say)
                hooks.append(profiler)
                stack.callback(profiler.close)
        hooks.append(
            callbacks.Saver(checkpoints, clock, signals, steps, options, epochs, shift, host)
        )
        wanted = model.steps_per_execution
        while place < epochs * steps:
            epoch, done = divmod(place, steps)
            # What is left of an epoch ends with an execution, as whole epochs do.
            _execute(model, math.gcd(wanted, steps - done))
            model.fit(
                stream.from_step(place),
                initial_epoch=epoch,
                epochs=epoch + 1 if done else epochs,
                steps_per_epoch=steps - done,
                verbose=verbose,
                validation_data=validation,
                validation_freq=settings.fit["validation_freq"],
                callbacks=hooks,
            )
            place = drawn(model) + shift
            if doctor and doctor.stopped:
                raise TrainingError(f"step {taken(model)}: stopped by run.doctor_stop.")
    if writer is not None:
        writer.close()


def _silent(line):
    """What a host that does not write says."""


def _execute(model, steps):
    """So many steps in one call of the model's graph."""
    if model.steps_per_execution != steps:
        model.steps_per_execution = steps
        model.make_train_function(force=True)


def _doctor(settings, folder, model, examples, say):
    """Who watches an adversarial training; None for another, and where the config wants none."""
    options = settings.run
    if options["doctor_epochs"] is None or not hasattr(model, "game"):
        return None
    if not hosts.place().alone:
        if options["doctor_stop"] or options["doctor_balance"]:
            raise ConfigError(
                "run.doctor_stop, run.doctor_balance: the doctor looks on at one host only, where "
                "it cannot stop the others. Leave them out."
            )
        return None
    every = options["doctor_epochs"]
    batch_size = settings.data["batch_size"] // model.distribute_strategy.num_replicas_in_sync
    return TrainingDoctor(
        callbacks.first_rows(examples, PROBE),
        epochs=max(1, settings.fit["epochs"] // 50) if every == "auto" else every,
        folder=folder,
        stop_on=options["doctor_stop"],
        balance=options["doctor_balance"],
        batch_size=batch_size,
        say=say,
        of_run=True,
    )


def _measure(measure, settings, folder, model, say, again=True):
    """The metrics of the config, where it has some; not again where there are figures already."""
    if settings.metrics and (again or not (folder / "evaluation.json").exists()):
        say(measure(settings, folder, model).table())


def checkpoints_of(settings: Config, folder: Path) -> Checkpoints:
    """Those of a run, as its config keeps them."""
    options = settings.run
    return Checkpoints(
        folder / "checkpoints", options["keep"], options["best"], options["best_mode"]
    )
