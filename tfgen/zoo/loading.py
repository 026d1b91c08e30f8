"""A model of the zoo as `load` gives it, and as what is to be measured."""

from typing import TYPE_CHECKING

from tfgen.evaluation import of_run
from tfgen.evaluation.measuring import Subject
from tfgen.training import config, devices, experiment, record
from tfgen.training.config import Config
from tfgen.training.explained import memory_explained
from tfgen.zoo import weights
from tfgen.zoo.shelf import CONFIG, PREFIX, Entry, find

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


def load(name: str) -> "GenerativeModel":
    """A trained model by its name, compiled as it was trained: ready to sample, serve and `fit`.

    Its optimizers begin anew; `compile` gives it others, for fine-tuning. Averages of weights
    (`use_ema`), where it was trained with some, are its weights.

    Args:
        name: Such as "dcgan-mnist5k": `tfgen.zoo.names()`, `tfgen zoo list`.

    Raises:
        FileNotFoundError: The zoo is not installed; the message says how to.
        ValueError: There is no such model, or its weight file is not the one whose SHA-256 the
            index has.
    """
    return of_entry(find(name))


def of_entry(entry: Entry) -> "GenerativeModel":
    """`load`, of an entry."""
    entry.check()
    settings = read(entry)
    with devices.precision(settings.run["precision"]), memory_explained():
        model = experiment.bare(settings)
        weights.read(model, entry.weights)
        experiment.compile_as(settings, model)
    known = record.read(entry.folder)["data"]["class_names"]
    model.class_names = known and tuple(known)
    return model


def read(entry: Entry) -> Config:
    """The config of an entry."""
    return config.load(entry.folder / CONFIG)


def subject(name: str, split: str = "test") -> Subject:
    """A model of the zoo and the data of its config, to be measured.

    Args:
        name: Such as "dcgan-mnist5k".
        split: Of its data.

    Raises:
        FileNotFoundError: The zoo is not installed.
        ValueError: There is no such model, or its data have no such split.
    """
    return subject_of(find(name), split)


def subject_of(entry: Entry, split: str = "test") -> Subject:
    """`subject`, of an entry."""
    settings = read(entry)
    return Subject(
        lambda: of_entry(entry),
        of_run.of_config(settings, split),
        of_run.of_config(settings),
        {"run": PREFIX + entry.name, "checkpoint": "last"},
        of_run.watched(settings, split, "last"),
    )
