"""Drawings of `order`: the receptive field, the film of a sample, and the cost of pixels."""

import numpy as np

from tfgen.explore import canvas, sheets
from tfgen.explore.explored import Film

FRAMES = 64  # Of the film, about.


def film(drawn: np.ndarray) -> Film:
    """Pictures (N, H, W, C) as they are drawn: what is not there yet is grey-blue."""
    height, width, channels = drawn.shape[1:]
    every = max(1, height * width // FRAMES)
    colours = np.repeat(drawn, 3 // channels, axis=-1)
    empty = np.broadcast_to(np.array([-0.55, -0.45, -0.3], np.float32), colours.shape)
    frames = []
    for done in [*range(0, height * width, every), height * width]:
        there = (np.arange(height * width) < done).reshape(1, height, width, 1)
        frames.append(sheets.sheet([("", np.where(there, colours, empty))], cell=72))
    return Film(frames, 0.06, 1.5)


def field(fields: list, where: tuple[int, int]) -> np.ndarray:
    """Logarithms of derivatives (H, W, C), one drawing a colour; the pixel itself is marked."""
    figure = canvas.new(3.6 * len(fields), 3.9)
    for number, influence in enumerate(fields):
        axes = figure.add_subplot(1, len(fields), number + 1)
        strength = influence.sum(-1)
        shown = np.full(strength.shape, np.nan)
        shown[strength > 0] = np.log10(strength[strength > 0] / strength.max())
        axes.set_facecolor("0.92")
        picture = axes.imshow(shown, cmap="viridis", vmin=-6, vmax=0)
        axes.plot(where[1], where[0], "s", color=canvas.colour("exact"), markersize=5)
        canvas.tidy(axes, "what the red pixel sees" + (f", colour {number}" if number else ""))
    figure.colorbar(picture, ax=figure.axes, shrink=0.7, label="influence, powers of 10")
    return canvas.pixels(figure)


def costs(images: np.ndarray, nats: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, C) over what each of their pixels costs, (N, H, W)."""
    rows = [("real", images), ("-log p", sheets.heat(nats, 0.0))]
    return sheets.sheet(rows, [f"{total:.1f}" for total in nats.sum((1, 2))], cell=72)
