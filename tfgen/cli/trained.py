"""A trained model as commands take it: a run folder, or `zoo:` and a name of the zoo."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfgen.evaluation.measuring import Subject
    from tfgen.evaluation.report import Report
    from tfgen.training.config import Config

HELP = "a run folder, or zoo:NAME"


def is_of_zoo(given: str) -> bool:
    """Whether a model of the zoo is meant."""
    from tfgen.zoo import shelf

    return given.startswith(shelf.PREFIX)


def load(given: str, checkpoint: str = "last") -> Any:
    """The compiled model.

    Raises:
        FileNotFoundError: There is no run in this folder, or the zoo is not installed.
        ValueError: There is no such checkpoint or no such model.
    """
    from tfgen import zoo
    from tfgen.training import run

    if not is_of_zoo(given):
        return run.load(given, checkpoint)
    _last_alone(given, checkpoint)
    return zoo.load(given)


def config(given: str) -> "Config":
    """The config that it was trained with; errors as of `load`."""
    from tfgen.training import run
    from tfgen.zoo import loading, shelf

    return loading.read(shelf.find(given)) if is_of_zoo(given) else run.read(given)


def subject(given: str, split: str, checkpoint: str) -> "Subject":
    """The model and its data, to be measured; errors as of `load`."""
    from tfgen.evaluation import of_run
    from tfgen.zoo import loading

    if not is_of_zoo(given):
        return of_run.subject(given, split, checkpoint)
    _last_alone(given, checkpoint)
    return loading.subject(given, split)


def inputs(given: str, signature: str | None, rows: int) -> dict[str, Any]:
    """What a model of the zoo is given where nobody gives it anything: its own example inputs.

    Nothing for a run, and for another signature than the first.
    """
    from tfgen.zoo import inputs, shelf

    if not is_of_zoo(given) or signature is not None:
        return {}
    return inputs.given(shelf.find(given), rows)


def name(given: str) -> str:
    """What it is called in file names and on a server: the folder's name, or that of the model."""
    from pathlib import Path

    from tfgen.zoo import shelf

    return given.removeprefix(shelf.PREFIX) if is_of_zoo(given) else Path(given).absolute().name


def origin(given: str) -> dict[str, Any]:
    """What export.json says of where a model came from; errors as of `load`."""
    shown = given if is_of_zoo(given) else name(given)
    return {"run": shown, "config": config(given).resolved()}


def card(export: str, given: str, record: dict, license: str) -> Any:  # noqa: A002
    """Writes the model card of an export beside it, and says where; see `tfgen.reports.card`."""
    from tfgen.reports import card
    from tfgen.zoo import shelf

    if not is_of_zoo(given):
        return card.write(export, given, record, license)
    entry = shelf.find(given)
    return card.write(
        export,
        entry.folder,
        record,
        entry.license if license == "unknown" else license,
        figures=entry.folder / shelf.FIGURES,
        picture=entry.folder / shelf.SAMPLES,
        limits=(f"Licence of the data: {entry.data_license}.", *entry.notes),
    )


def beside_the_card(given: str, report: "Report") -> list[str]:
    """A line for each figure that a model's card has too: whether it lies in the card's interval.

    Figures of another protocol (number of samples, seeds, split) say nothing of each other and are
    left out.
    """
    from tfgen.evaluation import store
    from tfgen.evaluation.report import protocol, shown
    from tfgen.zoo import shelf

    known = {f.name: f for f in store.latest(shelf.find(given).folder / shelf.FIGURES)}
    lines = []
    for figure in report.figures:
        own = known.get(figure.name)
        if own is None or protocol(own.stamp) != protocol(figure.stamp):
            continue
        low, high = min(own.low, own.value), max(own.high, own.value)
        inside = own.value == figure.value or low <= figure.value <= high
        verdict = "within its interval" if inside else "OUTSIDE its interval"
        lines.append(f"card: {figure.name} {shown(own.value)} {own.interval()}: {verdict}")
    return lines or ["card: nothing there was measured by this protocol"]


def _last_alone(given, checkpoint):
    if checkpoint != "last":
        raise ValueError(
            f"--checkpoint {checkpoint}: {given} is a model of the zoo, which has one state only. "
            "Leave the option out."
        )
