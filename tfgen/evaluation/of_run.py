"""A run as what is to be measured: its model, its data, and what it was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgen import data, pictures
from tfgen.construct import parameters
from tfgen.evaluation import guard, reference, store
from tfgen.evaluation.chosen import chosen_metrics
from tfgen.evaluation.measuring import Options, Subject, applicable, measure
from tfgen.evaluation.report import Report
from tfgen.evaluation.work import Work
from tfgen.training import run
from tfgen.training.config import Config

if TYPE_CHECKING:
    from tfgen.evaluation.reference import Reference
    from tfgen.model import GenerativeModel

# What training does to pictures and measuring does too.
_PREPARATION = ("binarize", "crop")


def subject(
    folder: Path | str,
    split: str = "test",
    checkpoint: str | int = "last",
    dataset: Any = None,
    training: Any = None,
) -> Subject:
    """The model of a run and its data.

    Args:
        folder: Of the run.
        split: Of its data.
        checkpoint: "last", "best" or a step.
        dataset: Other data, as of `tfgen.evaluate`.
        training: Other training data.

    Raises:
        FileNotFoundError: There is no run in this folder.
        ValueError: The data have no such split.
    """
    settings = run.read(folder)
    return Subject(
        lambda: run.load(folder, checkpoint),
        of_config(settings, split) if dataset is None else reference.of(dataset, split),
        of_config(settings) if training is None else reference.of(training, "train"),
        {"run": str(folder), "checkpoint": str(checkpoint)},
        watched(settings, split, checkpoint),
    )


def of_config(settings: Config, split: str | None = None) -> "Reference":
    """The data of a config as a Reference: its training split, or another one."""
    own = parameters(data.source)
    arguments = {k: v for k, v in settings.data.items() if k in own}
    if split is not None:
        arguments["split"] = split
    prepared = {k: settings.data[k] for k in _PREPARATION}
    return reference.of_source(data.source(**arguments), **prepared, seed=settings.seed)


def watched(settings: Config, split: str, checkpoint: str | int) -> tuple[str, ...]:
    """What a reader must know of a split that the run looked at while it trained."""
    if settings.run["validation"] != split:
        return ()
    if checkpoint == "best":
        return (f"the checkpoint was chosen by {settings.run['best']!r} on this split",)
    return ("the run showed its validation on this split while it trained",)


class AfterTraining:
    """Measures the `metrics` of a config when its training ends: `measure` of `training.train`."""

    def check(self, settings: Config, model: "GenerativeModel") -> None:
        """Raises ValueError before a training whose metrics could not be measured after it."""
        one = _subject(settings, None, model)
        guard.check(one.reference, one.training, settings.evaluation["seen"])
        asked = {k: settings.evaluation[k] for k in ("features", "signature")}
        asked["network"] = asked.pop("features")
        work = Work(model, one.reference, one.training, **asked)
        applicable(chosen_metrics(settings.metrics), work, asked=True)

    def __call__(self, settings: Config, folder: Path, model: "GenerativeModel") -> Report:
        """The figures, measured and kept in the folder of the run."""
        wanted = settings.evaluation
        options = Options(
            wanted["samples"],
            list(wanted["seeds"]),
            wanted["features"],
            wanted["seen"],
            signature=wanted["signature"],
        )
        metrics = chosen_metrics(settings.metrics)
        report = measure(_subject(settings, folder, model), metrics, True, options, {})
        keep(report, folder)
        return report


def keep(report: Report, folder: Path | str) -> Path:
    """Writes a report's figures into evaluation.json of a run, and its pictures beside it."""
    folder = Path(folder)
    for name, (images, columns) in report.pictures.items():
        path = folder / "samples" / f"evaluation-{name.replace(' ', '-')}.png"
        pictures.save(path, pictures.grid(images, columns))
    return store.add(folder / store.NAME, report)


def _subject(settings, folder, model):
    split = settings.evaluation["split"]
    return Subject(
        lambda: model,
        of_config(settings, split),
        of_config(settings),
        {"run": str(folder), "checkpoint": "last"},
        watched(settings, split, "last"),
    )
