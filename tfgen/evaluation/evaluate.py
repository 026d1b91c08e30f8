"""One call that measures a model of any family, with an interval and a stamp for every figure."""

import datetime
import hashlib
import os
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tfgen import record
from tfgen.checkpoints import taken
from tfgen.construct import ConfigError, construct
from tfgen.evaluation import combine, drawing, guard, needs, reference
from tfgen.evaluation.report import Figure, Report
from tfgen.evaluation.table import METRICS
from tfgen.evaluation.work import Work


@dataclass(frozen=True)
class Subject:
    """One model to be measured.

    Args:
        load: Makes or returns the model.
        reference: The `Reference` that it is measured against.
        training: The `Reference` of its training pictures, or None.
        about: What its stamps say: its run, its config's seed.
        notes: What a reader of its figures must know.
    """

    load: Any
    reference: Any
    training: Any
    about: dict
    notes: tuple[str, ...] = ()


def evaluate(
    model,
    dataset=None,
    metrics: str | Iterable | None = None,
    samples: int = 10_000,
    seeds: int | Sequence[int] = (0,),
    split: str = "test",
    features=None,
    training=None,
    seen: bool = False,
    batch_size: int = 100,
    progress: bool | None = None,
) -> Report:
    """Measures a model, or several trained alike.

    Pictures are generated and reduced to features in batches; what is kept of 10,000 of them is
    their features and at most 128 MiB of pixels.

    Args:
        model: A `GenerativeModel`, the folder of a run, or a list of either: the figures are then
            means over them, with intervals over them.
        dataset: The real pictures: a name as of `tfgen.data.load`, a `Source`, finite batches as
            `fit` takes them, images in [-1, 1], (images, labels), or a dict of arrays. For runs,
            by default the data of their config.
        metrics: Names in `METRICS` ("fid,kid" or a list), mappings with `name` and options, or
            None for all that apply to this model and these data.
        samples: Pictures to generate.
        seeds: Numbers of sets of samples; with several, figures are means over the sets.
        split: Of a data set given by its name, and of a run's data.
        features: Feature network: a name or path, (name, whether it resizes), or a loaded one;
            None for the shipped one that fits.
        training: The training pictures, as `dataset`; known for a run. Without them, metrics that
            need them do not apply, and nobody checks that the model has not seen the data.
        seen: Measure even though the model was trained on these pictures; the stamp says so.
        batch_size: Pictures generated at once.
        progress: Whether bars are shown; None for on a terminal only.

    Raises:
        ValueError: An unknown metric or one that does not apply, data that do not fit the model,
            data that it was trained on, or generated pictures that are not finite, outside [-1, 1]
            or of another size.
    """
    sets = [seeds] if isinstance(seeds, int) else list(seeds)
    options = Options(samples, sets, features, seen, batch_size, progress).checked()
    chosen = chosen_metrics(metrics)
    models = list(model) if isinstance(model, list | tuple) else [model]
    if not models:
        raise ValueError("There is no model to evaluate: the list is empty.")
    given = {"dataset": dataset, "split": split, "training": training}
    shared: dict = {}
    reports = [
        measure(subject(one, **given), chosen, metrics is not None, options, shared)
        for one in models
    ]
    return combine.over_models(reports)


@dataclass(frozen=True)
class Options:
    """How much is drawn and by what it is measured; see `evaluate`."""

    samples: int = 10_000
    sets: Sequence[int] = (0,)
    features: Any = None
    seen: bool = False
    batch_size: int = 100
    progress: bool | None = None

    def checked(self):
        """These options.

        Raises:
            ValueError: A number out of range.
        """
        for name, least in (("samples", 2), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"`{name}` must be at least {least}. Received: {getattr(self, name)}."
                )
        whole = all(isinstance(s, int | np.integer) and 0 <= s < 2**31 for s in self.sets)
        if not self.sets or not whole or len(set(self.sets)) < len(self.sets):
            raise ValueError(
                f"`seeds` must be different whole numbers of 31 bits. Received: {self.sets!r}."
            )
        return self


def subject(model, dataset=None, split="test", training=None) -> Subject:
    """A model or run folder together with its data."""
    if isinstance(model, str | Path):
        from tfgen.evaluation import of_run

        return of_run.subject(model, split, dataset=dataset, training=training)
    if dataset is None:
        raise ValueError("A model needs a data set to be measured against. Give `dataset`.")
    against = reference.of(dataset, split)
    known = None if training is None else reference.of(training, "train")
    return Subject(lambda: model, against, known, {})


def chosen_metrics(metrics) -> dict:
    """Name -> metric, of what was asked for; all for None.

    Raises:
        ConfigError: An unknown name or option, or nothing.
    """
    if metrics is None:
        metrics = list(METRICS)
    if isinstance(metrics, str):
        metrics = [m.strip() for m in metrics.split(",") if m.strip()]
    specs = [{"name": m} if isinstance(m, str) else dict(m) for m in metrics]
    if not specs:
        raise ConfigError(f"metrics: none asked for. Known: {', '.join(METRICS)}.")
    return {
        spec.get("name"): construct(METRICS, spec, f"metrics[{n}]") for n, spec in enumerate(specs)
    }


def measure(one: Subject, metrics: dict, asked: bool, options: Options, shared: dict) -> Report:
    """The figures of one model.

    Args:
        one: The model and its data.
        metrics: Name -> metric.
        asked: Whether each was asked for: one that does not apply is then an error.
        options: See `evaluate`.
        shared: Kept passes over real pictures.
    """
    known = one.training is not None
    share = guard.check(one.reference, one.training, options.seen) if known else None
    model = one.load()
    works = [_work(model, one, options, number, shared) for number in options.sets]
    applying, skipped = applicable(metrics, works[0], asked)
    stamp = _stamp(model, one, options, share)
    parts, pictures = [], {}
    bar = tqdm(applying, unit="metric", disable=works[0].progress_off, leave=False)
    for name in bar:
        bar.set_description(name)
        metric = metrics[name]
        sampled = needs.samples in metric.needs
        try:
            found = [
                _figures(name, metric, work, stamp, options, one.notes)
                for work in (works if sampled else works[:1])
            ]
        except drawing.Unmeasurable:
            raise
        except ValueError as error:
            if asked:
                raise
            skipped[name] = str(error)
            continue
        parts += combine.over_sets(found)
    for work in works[:1]:
        pictures |= work.pictures
    return Report(parts, skipped, pictures)


def applicable(metrics: dict, work: Work, asked: bool) -> tuple[list[str], dict[str, str]]:
    """(names that apply, name -> why another does not).

    Raises:
        ValueError: One that was asked for does not apply.
    """
    skipped = {name: needs.lacking(metric, work) for name, metric in metrics.items()}
    skipped = {name: why for name, why in skipped.items() if why}
    if skipped and asked:
        name, why = next(iter(skipped.items()))
        raise ValueError(
            f"Metric {name!r} does not apply to {type(work.model).__name__} on "
            f"{work.reference.name!r}: {why}."
        )
    return [name for name in metrics if name not in skipped], skipped


def _work(model, one, options, number, shared):
    return Work(
        model,
        one.reference,
        one.training,
        options.samples,
        number,
        options.features,
        options.batch_size,
        options.seen,
        shared,
        options.progress,
    )


def _stamp(model, one, options, share):
    """What every figure of a model has in common."""
    training = None
    if one.training is not None:
        training = {k: v for k, v in one.training.stamp().items() if k != "image_shape"}
    return {
        "model": {
            "name": type(model).__name__,
            "seed": int(model.seed),
            "step": taken(model),
            "weights": weights_hash(model),
            **one.about,
        },
        "data": one.reference.stamp(),
        "training": training,
        "also_trained_on": share,
        "versions": {
            **record.versions(),
            **{name: version(name) for name in ("scipy", "scikit-learn")},
        },
        "cores": os.cpu_count(),
    }


def _figures(name, metric, work, common, options, notes):
    """The figures of one metric on one set of samples, stamped."""
    before, start = set(work.notes), time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = metric.measure(work)
    for warning in caught:  # They belong beside the figure, not on a screen that scrolls away.
        work.note(str(warning.message).rstrip("."))
    stamp = {**common, "metric": {"name": name, **asdict(metric)}}
    if needs.samples in metric.needs:
        stamp["samples"] = {"count": work.count, "sets": [work.sample_set], **work.way.stamp()}
        stamp["kept_pictures"] = len(work.fake.pictures)
    if needs.features in metric.needs or needs.classes in metric.needs:
        stamp["features"] = work.features_from.protocol()
    stamp["seconds"] = round(time.monotonic() - start, 3)
    stamp["time"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    own = tuple(dict.fromkeys([*notes, *(n for n in work.notes if n not in before)]))
    units = getattr(metric, "units", {})
    return [
        Figure(
            key,
            name,
            float(value.value),
            float(value.low),
            float(value.high),
            value.method,
            value.level,
            _unit(key, units),
            stamp,
            own,
        )
        for key, value in found.items()
    ]


def _unit(name, units):
    if name in units:
        return units[name]
    if name.endswith("bits_per_dim"):
        return "bits/dim"
    return "nats" if name.startswith("iwae") else ""


def weights_hash(model) -> str:
    """Sixteen letters of the SHA-256 of a model's weights."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]
