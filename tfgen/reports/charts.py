"""Charts as PNG bytes, drawn without a display and without matplotlib's global state."""

import io
import math

import numpy as np


def curves(lines: list[dict], names: list[str]) -> bytes:
    """Reported values over the epochs, one small chart a name; a validation beside its training.

    Args:
        lines: Of metrics.jsonl.
        names: Reported values; "val_loss" is drawn into the chart of "loss".
    """
    shown = [n for n in names if not (n.startswith("val_") and n[4:] in names)]
    columns = min(3, max(1, len(shown)))
    rows = max(1, math.ceil(len(shown) / columns))
    figure, canvas = _figure(4.2 * columns, 2.6 * rows)
    for number, name in enumerate(shown):
        axes = figure.add_subplot(rows, columns, number + 1)
        for own, label in ((name, "training"), (f"val_{name}", "validation")):
            points = [(line["epoch"], line[own]) for line in lines if _number(line.get(own))]
            if points:
                axes.plot(*np.transpose(points), lw=1.2, label=label)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("epoch", fontsize=8)
        if f"val_{name}" in names:
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
