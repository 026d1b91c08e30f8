"""The training of a run itself: `fit` with everything that looks on."""

import contextlib
import math
import sys

import tensorflow as tf

from tfgen.training import callbacks, experiment, hosts, profiling
from tfgen.training.checkpoints import drawn, taken
from tfgen.training.config import ConfigError, RunOptions
from tfgen.training.doctor import TrainingDoctor
from tfgen.training.errors import TrainingError
from tfgen.training.explained import explained

PROBE = 64  # Pictures that the doctor looks at.


def fit(settings, folder, model, stream, validation, checkpoints, entry, shift, say, profile):
    """The rest of the epoch that was interrupted, then whole epochs.

    Args:
        settings: The experiment.
        folder: Of the run.
        model: Built and restored.
        stream: Training batches, with `from_step`.
        validation: Batches, or None.
        checkpoints: Where they are kept.
        entry: Of the index, of the checkpoint that was restored; None for a new run.
        shift: Batches between the model's place in its data and the batches that it has drawn.
        say: Called with each line about the progress.
        profile: Executions of the graph to profile, or None.

    Raises:
        TrainingError: A value that is not finite, too little memory, a full disk, or the doctor.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; a checkpoint is written.
    """
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
