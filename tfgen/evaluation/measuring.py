"""The figures of one model: which metrics apply, what they give, and the stamp of each."""

import datetime
import math
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from tfgen import files
from tfgen.evaluation import combine, drawing, guard, needs, progress
from tfgen.evaluation.report import Figure, Report
from tfgen.evaluation.work import Work
from tfgen.training import record
from tfgen.training.checkpoints import taken

PIXEL_RANGE = (-1.0, 1.0)  # What every metric takes; another is refused.


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


@dataclass(frozen=True)
class Options:
    """How much is drawn and by what it is measured; see `evaluate`."""

    samples: int = 10_000
    sets: Sequence[int] = (0,)
    features: Any = None
    seen: bool = False
    batch_size: int = 100
    progress: bool | None = None
    signature: str | None = None

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
    stamp = _stamp(model, one, options, share)
    found: dict[str, list] = {}
    pictures: dict = {}
    for turn, number in enumerate(options.sets):
        work = _work(model, one, options, number, shared)  # With it the set before is freed.
        if not turn:
            names, skipped = applicable(metrics, work, asked)
        else:
            names = [n for n in found if needs.samples in metrics[n].needs]
        title = f"metrics, samples {number}" if len(options.sets) > 1 else "metrics"
        with progress.bar(len(names), title, "metrics", options.progress, leave=False) as bar:
            for name in names:
                bar.set_description(f"{title}: {name}")
                try:
                    own = _figures(name, metrics[name], work, stamp, one.notes)
                    found.setdefault(name, []).append(own)
                except drawing.Unmeasurable:
                    raise
                except ValueError as error:
                    if asked:
                        raise ValueError(f"Metric {name!r}: {error}") from error
                    skipped[name] = str(error)
                    found.pop(name, None)
                bar.update()
        pictures = pictures or work.pictures
    figures = [figure for sets in found.values() for figure in combine.over_sets(sets)]
    return Report(figures, skipped, pictures)


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
        options.signature,
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
            "weights": files.sha256_of_arrays(model.get_weights())[:16],
            **one.about,
        },
        "data": one.reference.stamp(),
        "training": training,
        "also_trained_on": share,
        "pixel_range": list(PIXEL_RANGE),
        "versions": {
            **record.versions(),
            **{name: version(name) for name in ("scipy", "scikit-learn")},
        },
        "cores": os.cpu_count(),
    }


def _figures(name, metric, work, common, notes):
    """The figures of one metric on one set of samples, stamped."""
    start = time.monotonic()
    work.notes.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = metric.measure(work)
    for warning in caught:  # They belong beside the figure, not on a screen that scrolls away.
        work.note(str(warning.message).rstrip("."))
    stamp = {
        **common,
        "metric": {"name": name, **asdict(metric)},
        "seconds": round(time.monotonic() - start, 3),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if needs.samples in metric.needs:
        stamp["samples"] = {"count": work.count, "sets": [work.sample_set], **work.way.stamp()}
        stamp["kept_pictures"] = len(work.fake.pictures)
    if needs.features in metric.needs or needs.classes in metric.needs:
        stamp["features"] = work.features_from.protocol()
        if work.strange:
            work.note(work.strange)
    sampled = work.sample_notes if needs.samples in metric.needs else []
    own = [*notes, *sampled, *work.notes]
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
            tuple(dict.fromkeys([*own, *_outside(key, value)])),
        )
        for key, value in found.items()
    ]


def _outside(key, value):
    """A note where a biased estimate lies outside the interval of what it estimates."""
    if not (math.isfinite(value.low) and math.isfinite(value.high)):
        return []
    if value.low <= value.value <= value.high:
        return []
    return [
        f"{key!r} is biased at this number of samples, and lies outside its interval, which is of "
        "the large-sample value"
    ]


def _unit(name, units):
    if name in units:
        return units[name]
    if name.endswith("bits_per_dim"):
        return "bits/dim"
    return "nats" if name.startswith("iwae") else ""
