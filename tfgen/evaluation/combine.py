"""Figures of several sets of samples, or of several models, as one figure each."""

import dataclasses

import numpy as np

from tfgen.evaluation.report import Report
from tfgen.metrics import intervals


def over_sets(found: list[list]) -> list:
    """Means over sets of samples of one model, figure by figure.

    The ends are means of the sets' ends: the sets share the real pictures, whose chance more sets
    do not lessen.
    """
    if len(found) == 1:
        return found[0]
    made = []
    for figures in zip(*found, strict=True):
        first = figures[0]
        ends = {k: float(np.mean([getattr(f, k) for f in figures])) for k in ("low", "high")}
        sets = [n for f in figures for n in f.stamp["samples"]["sets"]]
        made.append(
            dataclasses.replace(
                first,
                value=float(np.mean([f.value for f in figures])),
                **ends,
                method=f"{first.method}; mean over {len(figures)} sets of samples",
                stamp={**first.stamp, "samples": {**first.stamp["samples"], "sets": sets}},
                notes=_notes(figures),
                parts=tuple(f.value for f in figures),
            )
        )
    return made


def over_models(reports: list[Report]) -> Report:
    """Means over models trained alike, with t intervals over them; figures that all have."""
    if len(reports) == 1:
        return reports[0]
    made, first = [], reports[0]
    skipped = {k: v for report in reports for k, v in report.skipped.items()}
    for figure in first.figures:
        same = [r[figure.name] for r in reports if figure.name in r]
        if len(same) < len(reports):
            skipped[figure.name] = "not measured on every model"
            continue
        value = intervals.over_seeds([f.value for f in same])
        made.append(
            dataclasses.replace(
                figure,
                value=value.value,
                low=value.low,
                high=value.high,
                method=value.method,
                level=value.level,
                stamp={**figure.stamp, "model": [f.stamp["model"] for f in same]},
                notes=_notes(same),
                parts=tuple(f.value for f in same),
            )
        )
    return Report(made, skipped, first.pictures)


def _notes(figures):
    return tuple(dict.fromkeys(note for f in figures for note in f.notes))
