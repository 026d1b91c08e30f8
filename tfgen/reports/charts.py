"""Charts as PNG bytes, drawn without a display and without matplotlib's global state."""

import io
import math

import numpy as np


def grouped(lines: list[dict]) -> dict[str, list[str]]:
    """Chart -> the reported values that belong into it, of those that change.

    The terms of one loss stand together, and a validation beside its training; what a run notes of
    its time, and the doctor's numbers, have no chart.

    Args:
        lines: Of metrics.jsonl.
    """
    found: dict[str, list[str]] = {}
    aside = ("step", "epoch", "seconds", "images_per_second")
    for name in [k for k in (lines[-1] if lines else {}) if k not in aside and "/" not in k]:
        values = [line[name] for line in lines if _number(line.get(name))]
        if len(values) < 2 or min(values) == max(values):
            continue
        training = name.removeprefix("val_")
        first, _, rest = training.partition("_")
        terms = first in ("real", "fake") and rest in ("loss", "probability", "score")
        chart = {"loss": "discriminator's loss, its terms", "probability": "D(real) and D(fake)"}
        title = chart.get(rest, "D's scores") if terms else training
        found.setdefault(title, []).append(name)
    return found


def curves(lines: list[dict], groups: dict[str, list[str]]) -> bytes:
    """Reported values over the epochs, one small chart a group.

    Args:
        lines: Of metrics.jsonl.
        groups: See `grouped`.
    """
    columns = min(3, max(1, len(groups)))
    rows = max(1, math.ceil(len(groups) / columns))
    figure, canvas = _figure(4.2 * columns, 2.6 * rows)
    for number, (title, names) in enumerate(groups.items()):
        axes = figure.add_subplot(rows, columns, number + 1)
        for name in names:
            points = [(line["epoch"], line[name]) for line in lines if _number(line.get(name))]
            if points:
                axes.plot(*np.transpose(points), lw=1.2, label=name.replace("_", " "))
        axes.set_title(title.replace("_", " "), fontsize=9)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("epoch", fontsize=8)
        if len(names) > 1:
            axes.legend(fontsize=7, frameon=False)
    return _png(figure, canvas)


def intervals(rows: list[tuple[str, list[tuple[str, float, float, float]]]]) -> bytes:
    """One panel a figure, one line a run: its value as a point, its interval as a bar.

    Args:
        rows: (figure's name, [(run, value, low, high)]); ends are NaN where there is no interval.
    """
    columns = min(3, max(1, len(rows)))
    lines = max(1, math.ceil(len(rows) / columns))
    most = max((len(runs) for _, runs in rows), default=1)
    figure, canvas = _figure(4.4 * columns, (0.8 + 0.34 * most) * lines)
    for number, (name, runs) in enumerate(rows):
        axes = figure.add_subplot(lines, columns, number + 1)
        for height, (_, value, low, high) in enumerate(runs):
            if _number(low) and _number(high):
                axes.plot([low, high], [height, height], color="C0", lw=2.5, alpha=0.5)
            axes.plot([value], [height], "o", color="C0", ms=4)
        axes.set_yticks(range(len(runs)), [run for run, *_ in runs], fontsize=7)
        axes.set_ylim(len(runs) - 0.5, -0.5)
        axes.set_title(name, fontsize=9)
        axes.tick_params(axis="x", labelsize=7)
    return _png(figure, canvas)


def _figure(width, height):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=110, layout="constrained")
    return figure, FigureCanvasAgg(figure)


def _png(figure, canvas):
    canvas.draw()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _number(value):
    return isinstance(value, int | float) and math.isfinite(value)
