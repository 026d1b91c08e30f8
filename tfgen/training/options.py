"""What the sections `fit`, `run` and `evaluation` of a config can set."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tfgen.construct import ConfigError, unknown
from tfgen.training.diagnosis import FINDINGS


@dataclass(frozen=True)
class FitOptions:
    """What the section `fit` can set: arguments of `keras.Model.fit`.

    Args:
        epochs: Passes over the data, all starts of the run together.
        steps_per_epoch: Batches in an epoch; by default as many as the data set fills.
        verbose: 0 silent, 1 progress bar, 2 one line an epoch; "auto" is 1 on a terminal, else 2.
        validation_freq: Epochs between validations.
        validation_steps: Batches of a validation; by default all.
        accumulate: Batches of `data.batch_size` whose gradients are added up for one step, which
            is that of the batch so many times larger; for models with one optimizer and without
            statistics of a batch.
        gradient_checkpointing: Whether a step keeps of each block of the network only its inputs,
            and computes the rest again for the gradient: less memory, one more forward pass. For
            models made of residual or gated blocks (`pixelcnn` and its like).
    """

    epochs: int = 1
    steps_per_epoch: int | None = None
    verbose: int | str = "auto"
    validation_freq: int = 1
    validation_steps: int | None = None
    accumulate: int = 1
    gradient_checkpointing: bool = False

    def __post_init__(self):
        positive = ("epochs", "steps_per_epoch", "validation_freq", "validation_steps")
        for name in (*positive, "accumulate"):
            at_least(1, f"fit.{name}", getattr(self, name))


@dataclass(frozen=True)
class RunOptions:
    """What the section `run` can set.

    Args:
        checkpoint_epochs: Epochs between checkpoints.
        checkpoint_steps: Steps between further checkpoints within an epoch.
        checkpoint_seconds: Seconds between further checkpoints within an epoch.
        keep: How many of the last checkpoints stay; with two or more, one that the disk has
            damaged costs no more than the steps since the one before.
        best: Reported value that chooses the checkpoint `best`, such as "val_negative_elbo".
        best_mode: "min" or "max": whether lower or higher is better.
        sample_epochs: Epochs between sample grids; null for none.
        sample_seeds: Pictures in a grid; their seeds are 0, 1, 2, ...
        validation: Split that `test_step` measures after an epoch.
        precision: "float32", "mixed_bfloat16" or "mixed_float16".
        doctor_epochs: Epochs between examinations of an adversarial training by the doctor
            (`tfgen.training.TrainingDoctor`); "auto" for about fifty in a run, null for none.
        doctor_stop: Findings that end the training when they last: names in
            `tfgen.training.diagnosis.FINDINGS`, or "all".
        doctor_balance: Whether the doctor changes the players' numbers of steps when one of them
            wins.
        devices: Replicas of MirroredStrategy: 1 for no strategy, a number, or "all".
    """

    checkpoint_epochs: int = 1
    checkpoint_steps: int | None = None
    checkpoint_seconds: float | None = 600.0
    keep: int = 3
    best: str | None = None
    best_mode: str = "min"
    sample_epochs: int | None = 1
    sample_seeds: int = 64
    validation: str | None = None
    precision: str = "float32"
    doctor_epochs: int | str | None = "auto"
    doctor_stop: tuple[str, ...] | str = ()
    doctor_balance: bool = False
    devices: int | str = 1

    def __post_init__(self):
        for name in ("checkpoint_epochs", "checkpoint_steps", "keep", "sample_epochs"):
            at_least(1, f"run.{name}", getattr(self, name))
        at_least(1, "run.sample_seeds", self.sample_seeds)
        at_least(0, "run.checkpoint_seconds", self.checkpoint_seconds)
        one_of("run.best_mode", self.best_mode, ("min", "max"))
        policies = ("float32", "mixed_bfloat16", "mixed_float16")
        one_of("run.precision", self.precision, policies)
        if isinstance(self.doctor_epochs, str):
            one_of("run.doctor_epochs", self.doctor_epochs, ("auto",))
        else:
            at_least(1, "run.doctor_epochs", self.doctor_epochs)
        for name in () if self.doctor_stop == "all" else self.doctor_stop:
            one_of("run.doctor_stop", name, FINDINGS)
        if isinstance(self.devices, str):
            one_of("run.devices", self.devices, ("all",))
        else:
            at_least(1, "run.devices", self.devices)


@dataclass(frozen=True)
class EvaluationOptions:
    """What the section `evaluation` can set: on what the `metrics` are measured.

    Args:
        split: Of the run's data.
        samples: Pictures to generate.
        seeds: Numbers of the sets of samples.
        features: Feature network, a name or a path; by default the shipped one that fits.
        seen: Measure on pictures that the model was trained on; every figure then says so.
        signature: Whose pictures are measured; by default the one that fits the data.
    """

    split: str = "test"
    samples: int = 10_000
    seeds: tuple[int, ...] = (0,)
    features: str | None = None
    seen: bool = False
    signature: str | None = None

    def __post_init__(self):
        at_least(2, "evaluation.samples", self.samples)
        for seed in self.seeds:
            at_least(0, "evaluation.seeds", seed)


def at_least(least: float, where: str, value: float | None) -> None:
    """Raises ConfigError for a value below `least`; null passes."""
    if value is not None and value < least:
        raise ConfigError(f"{where}: expected at least {least}. Received: {value}.")


def one_of(where: str, value: Any, known: Iterable) -> None:
    """Raises ConfigError for a value that is not among the known ones."""
    if value not in known:
        raise ConfigError(f"{where}: {unknown(value, [str(k) for k in known])}")
