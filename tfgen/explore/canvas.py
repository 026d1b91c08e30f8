"""Drawing with matplotlib, without a display and without its global state."""

from typing import Any

import numpy as np

from tfgen.construct import no_such

# What has one colour in all drawings.
COLOURS = {
    "data": "#1b1b1b",
    "model": "#2a9d5c",
    "D": "#2f6fb5",
    "exact": "#d1495b",
    "other": "#e09f3e",
    "quiet": "#9aa5ad",
}


def new(width: float, height: float, layout: Any = "constrained") -> Any:
    """A matplotlib `Figure` of so many inches, 100 pixels each; None for a layout by hand."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=100, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def colour(name: str) -> str:
    """One of `COLOURS`.

    Raises:
        ValueError: An unknown name.
    """
    if name not in COLOURS:
        raise ValueError(no_such("colour", name, COLOURS))
    return COLOURS[name]


def pixels(figure: Any) -> np.ndarray:
    """What a figure shows, uint8 (H, W, 3)."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def tidy(axes: Any, title: str = "", **labels) -> None:
    """Title, labels (`xlabel`, `ylabel`, `xlim`, ...) and small ticks, with two spines only."""
    axes.set(**labels)
    if title:
        axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
