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
import shlex
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tfgen import files
from tfgen.optimizers import inner
from tfgen.training import (
    config,
    continuing,
    devices,
    experiment,
    fitting,
    hosts,
    record,
)
from tfgen.training.checkpoints import Checkpoints, array, drawn, taken
from tfgen.training.config import Config, ConfigError
from tfgen.training.errors import Interrupted, TrainingError
from tfgen.training.explained import explained, memory_explained

__all__ = ["Interrupted", "Run", "TrainingError", "dry_run", "load", "read", "train"]


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
        fitting.fit(
            settings, folder, model, stream, validation, checkpoints, entry, shift, say, profile
        )
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


def _silent(line):
    """What a host that does not write says."""


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
