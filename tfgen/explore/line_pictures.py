"""The game on a line or a plane, drawn: curves, what settings end with, and what reaches G."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfgen import losses
from tfgen.explore import canvas
from tfgen.explore.line_players import gradient_at
from tfgen.explore.line_records import Play

LINES = ("-", "--", ":", "-.")


def probable(play: Play) -> bool:
    """Whether D is an estimate of p / (p + q): the logistic games, and that of least squares."""
    return losses.ADVERSARIAL[play.settings.loss].logistic or play.settings.loss == "least_squares"


def title_of(play: Play) -> str:
    """What is played on what."""
    name = "VAE" if play.settings.model == "vae" else f"GAN, {play.settings.loss}"
    return f"{play.density.name}: {name}"


def curves(plays: dict[str, Play]) -> np.ndarray:
    """V and its optimum, D on data and on samples, and the divergences of each setting."""
    figure = canvas.new(11, 3.4)
    draw_curves(list(figure.subplots(1, 3)), list(plays.values()), None, list(plays))
    return canvas.pixels(figure)


def draw_curves(
    panels: list, plays: Sequence[Play], upto: int | None, names: Sequence[str] = ("",)
) -> None:
    """The three panels of `curves`, of the first `upto` records; one play has all its lines."""
    first, second, third = panels
    one = len(plays) == 1
    for number, (play, name) in enumerate(zip(plays, names, strict=False)):
        steps = np.array([r.step for r in play.records])[:upto]
        own = {} if one else {"color": f"C{number}"}

        def draw(axes, key, label, shade, style="-", own=own, play=play, steps=steps, name=name):
            values = play.over_time(key)[:upto]
            if np.isfinite(values).any():
                how = own or {"color": canvas.colour(shade)}
                said = label if one else (f"{name}" if style == "-" else None)
                axes.plot(steps, values, style, lw=1.3, label=said, **how)

        draw(first, "value", "V(D, G)", "D")
        draw(
            first, "optimum" if play.settings.model == "gan" else "", "2 JSD - log 4", "exact", "--"
        )
        draw(first, "negative_elbo", "-ELBO of a batch", "D")
        draw(second, "d_data", "D(x), data", "data")
        draw(second, "d_samples", "D(G(z))", "model", "--")
        draw(third, "jsd", "JSD", "exact")
        if one:
            draw(third, "kl", "KL(p || q)", "D")
            draw(third, "reverse_kl", "KL(q || p)", "other")
    last = plays[0].records[-1].step if one else max(p.records[-1].step for p in plays)
    vae = plays[0].settings.model == "vae"
    if one and vae:
        entropy = _entropy(plays[0])
        first.axhline(entropy, color=canvas.colour("exact"), lw=1, ls="--", label="entropy of data")
    elif not vae:
        first.axhline(-np.log(4), color=canvas.colour("quiet"), lw=0.8)
        second.axhline(0.5, color=canvas.colour("quiet"), lw=0.8)
    titles = ["nats a point" if vae else "value, nats", "mean of D", "divergence, nats"]
    for axes, title in zip(panels, titles, strict=True):
        canvas.tidy(axes, title, xlim=(0, max(last, 1)))
        axes.title.set_fontsize(9)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7, frameon=False)
    if any(probable(p) for p in plays) and not vae:
        second.set_ylim(0, 1)
    third.set_ylim(bottom=0, top=None if not one else _top(plays[0]))
    panels[-1].set_xlabel("step", fontsize=8)


def _top(play):
    values = np.concatenate([play.over_time(n) for n in ("jsd", "kl", "reverse_kl")])
    values = values[np.isfinite(values)]
    return max(0.1, min(2.0, 1.1 * values.max())) if len(values) else 1.0


def _entropy(play):
    width = (play.density.high - play.density.low) / len(play.p)
    p = play.p[play.p > 0]
    return float(-np.sum(p * np.log(p)) + play.density.dim * np.log(width))


def gradients(plays: dict[str, Play]) -> np.ndarray:
    """What reaches G as a function of D(G(z)): of each loss exactly, and as it was measured."""
    figure = canvas.new(6.4, 4.2)
    axes = figure.subplots()
    logits = np.linspace(-9.0, 9.0, 721).astype(np.float32)
    d = 1.0 / (1.0 + np.exp(-logits))
    known = [name for name, loss in losses.ADVERSARIAL.items() if loss.logistic]
    for name, style in zip(known, LINES, strict=False):
        size = np.abs(gradient_at(name, tf.constant(logits)))
        axes.plot(d, size, style, color=canvas.colour("data"), lw=1.2, label=name)
    for number, (name, play) in enumerate(plays.items()):
        if play.settings.loss in known:
            at = play.over_time("d_samples"), play.over_time("gradient")
            axes.plot(*at, "o", ms=3.5, alpha=0.7, color=f"C{number}", label=f"measured, {name}")
    canvas.tidy(
        axes,
        "how strongly a sample pulls at G",
        xlabel="D(G(z))",
        ylabel="|d loss / d logit|",
        xlim=(0, 1),
        ylim=(0, 1.05),
    )
    axes.legend(fontsize=8, frameon=False)
    return canvas.pixels(figure)


def finals(plays: dict[str, Play]) -> np.ndarray:
    """What each setting ends with, side by side; what diverged says so."""
    columns = min(4, len(plays))
    rows = -(-len(plays) // columns)
    figure = canvas.new(3.3 * columns, 2.5 * rows)
    for place in figure.subplots(rows, columns, squeeze=False).flat:
        place.axis("off")
    for axes, (name, play) in zip(figure.axes, plays.items(), strict=False):
        axes.set_axis_on()
        record, density = play.records[-1], play.density
        if density.dim == 1:
            edges = density.edges(len(play.p))
            width, middle = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
            axes.fill_between(middle, play.p / width, color=canvas.colour("data"), alpha=0.18, lw=0)
            axes.plot(middle, record.q / width, color=canvas.colour("model"), lw=1.4)
            axes.set_ylim(0, 1.8 * (play.p[1:-1] / width).max())
        else:
            extent = (density.low, density.high) * 2
            axes.imshow(play.p.T, origin="lower", extent=extent, cmap="Greys")
            axes.scatter(*record.arrows[1].T, s=4, color=canvas.colour("model"), lw=0)
            axes.set(xlim=extent[:2], ylim=extent[:2])
        end = play.diverged or f"JSD {record.numbers['jsd']:.3f}"
        canvas.tidy(axes, f"{name}\n{end}")
        axes.title.set_fontsize(8)
        if play.diverged:
            axes.title.set_color(canvas.colour("exact"))
    return canvas.pixels(figure)
