"""The game on a line or a plane as a film: figure 1 of Goodfellow et al. 2014, moving."""

import numpy as np

from tfgen.explore import canvas, line_pictures
from tfgen.explore.explored import Film
from tfgen.explore.line_records import Play


def film(play: Play) -> Film:
    """Every record as a frame: densities, D beside D*, arrows from z to x; curves so far."""
    figure = canvas.new(10.5, 4.9, layout=None)
    frames = []
    for number in range(len(play.records)):
        figure.clear()
        _frame(figure, play, number)
        frames.append(canvas.pixels(figure))
    return Film(frames, 0.18, 3.0)


def _frame(figure, play, number):
    curves = figure.add_gridspec(3, 1, left=0.735, right=0.985, top=0.94, bottom=0.1, hspace=0.5)
    panels = [figure.add_subplot(curves[n]) for n in range(3)]
    line_pictures.draw_curves(panels, [play], number + 1)
    if play.density.dim == 1:
        main = figure.add_gridspec(
            2, 1, left=0.055, right=0.64, top=0.94, bottom=0.1, hspace=0.08, height_ratios=(3, 1)
        )
        _line(figure.add_subplot(main[0]), play, number)
        _arrows(figure.add_subplot(main[1]), play, number)
    else:
        main = figure.add_gridspec(1, 2, left=0.05, right=0.64, top=0.9, bottom=0.1, wspace=0.12)
        _plane(figure, main, play, number)


def _line(axes, play, number):
    record, density = play.records[number], play.density
    edges = density.edges(len(play.p))
    width, middle = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
    p = play.p
    top = 1.6 * (p[1:-1] / width).max()  # The outermost cells hold all that lies outside.
    axes.fill_between(middle, p / width, color=canvas.colour("data"), alpha=0.16, lw=0)
    axes.plot(middle, p / width, color=canvas.colour("data"), lw=1.2, label="data")
    axes.plot(middle, record.q / width, color=canvas.colour("model"), lw=1.5, label="model")
    axes.set(ylim=(0, top), xlim=(edges[0], edges[-1]))
    canvas.tidy(axes, f"{line_pictures.title_of(play)}, step {record.step}", ylabel="density")
    axes.set_xticklabels([])
    if record.d is not None:
        right = axes.twinx()
        right.axhline(0.5, color=canvas.colour("quiet"), lw=0.8)
        name = "D" if line_pictures.probable(play) else "D, a score"
        right.plot(middle, record.d, color=canvas.colour("D"), lw=1.4, label=name)
        if line_pictures.probable(play):
            best = play.p / np.maximum(play.p + record.q, 1e-12)
            there = play.p + record.q > 1e-6
            right.plot(
                middle,
                np.where(there, best, np.nan),
                color=canvas.colour("exact"),
                lw=1.2,
                ls="--",
                label="D* = p / (p + q)",
            )
            right.set_ylim(0, 1.05)
        right.tick_params(labelsize=8)
        right.spines[["top"]].set_visible(False)
        right.legend(fontsize=8, loc="upper right", frameon=False)
    axes.legend(fontsize=8, loc="upper left", frameon=False)


def _arrows(axes, play, number):
    """From z, in order along the lower line, to G(z) on the upper one."""
    low, high = play.density.low, play.density.high
    z, x = (values[:, 0] for values in play.records[number].arrows)
    chosen = np.argsort(z)[:: max(len(z) // 40, 1)]
    at = low + (z + 3.0) / 6.0 * (high - low)
    for n in chosen:
        axes.plot([at[n], x[n]], [0, 1], color=canvas.colour("model"), lw=0.7, alpha=0.8)
    axes.set(xlim=(low, high), ylim=(-0.05, 1.05))
    axes.set_yticks([0, 1], ["z", "x"], fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["right", "bottom"]].set_visible(False)
    axes.set_xlabel("arrows: x = G(z)", fontsize=8)


def _plane(figure, main, play, number):
    record, density = play.records[number], play.density
    extent = (density.low, density.high) * 2
    titles = [f"{line_pictures.title_of(play)}, step {record.step}", "exact D* = p / (p + q)"]
    both = play.p + record.q
    # Where there is next to nothing of either, D* is a ratio of noise.
    pictures = [record.d, np.where(both > 2e-5, play.p / np.maximum(both, 1e-12), np.nan)]
    if record.d is None:
        titles, pictures = (
            ["data", f"{line_pictures.title_of(play)}, step {record.step}"],
            [play.p, record.q],
        )
    for place, (title, picture) in enumerate(zip(titles, pictures, strict=True)):
        axes = figure.add_subplot(main[place])
        probable = record.d is not None and (place == 1 or line_pictures.probable(play))
        limits = dict(vmin=0, vmax=1) if probable else {}
        colours = "Greys" if record.d is None else "RdBu"
        axes.imshow(
            picture.T,
            origin="lower",
            extent=extent,
            cmap=colours,
            interpolation="nearest",
            **limits,
        )
        if record.d is not None:
            middle = np.linspace(density.low, density.high, len(play.p))
            levels = play.p.max() * np.array([0.1, 0.5])
            shade = canvas.colour("data")
            axes.contour(middle, middle, play.p.T, levels, colors=shade, linewidths=0.6)
        if place == 0 and record.d is not None:
            x, y = record.arrows[1].T
            axes.scatter(x, y, s=5, color=canvas.colour("model"), lw=0, alpha=0.9)
        axes.set(xlim=extent[:2], ylim=extent[:2])
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
