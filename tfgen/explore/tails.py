"""Why a VAE blurs: a Gaussian decoder beside a GAN on what is not Gaussian."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from tfgen.explore import canvas
from tfgen.explore.explored import Explored, Progress, silent

QUANTILES = (0.01, 0.99)


def heavy_tails(
    degrees: Sequence[int] = (1, 3, 10),
    stddev: float = 1.0,
    steps: int = 2000,
    batch: int = 256,
    activation: Literal["relu", "leaky_relu", "tanh"] = "relu",
    average: float = 0.25,
    pictures: str = "digits",
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Why a VAE blurs: a Gaussian decoder and a GAN on Student's t, and on pictures.

    The t distribution has heavier tails the fewer its degrees of freedom. A decoder that says
    p(x|z) = N(mean(z), spread^2) pays for a point far away by the square of its distance, and
    draws by adding Gaussian noise; a GAN says nothing about the shape of its density. On pictures
    the mean of p(x|z) has lost what the noise would have to say, a draw has the noise, and the GAN
    shows neither.

    Args:
        degrees: Of freedom of each t.
        stddev: Spread of the decoder, fixed as in a squared error; 0 for a learned one.
        steps: Training steps of each model.
        batch: Points in a step.
        activation: Of the hidden layers of all networks. A generator of "tanh" is bounded, so that
            its tails end; rectifiers go on in straight lines.
        average: Share of the steps over which the weights of the GAN's generator are averaged: a
            game circles around where it should end. 0 for the last weights.
        pictures: A data set of small grey pictures, "none" to leave that part out.
        seed: Of weights, data and noise.
        progress: Called with (done, total).

    Returns:
        Numbers of each t: quantiles of data, VAE and GAN at 1 % and 99 %, the mass beyond the
        data's, JSD in nats. Figures: "tails" and, with pictures, "pictures".

    Raises:
        ValueError: A number out of its range, or an unknown data set.
    """
    from tfgen.explore import densities, line_players, line_records

    if not degrees or min(degrees) < 1 or steps < 1 or stddev < 0 or not 0 <= average <= 1:
        raise ValueError(
            "explore heavy-tails: `degrees` and `steps` must be at least 1, `stddev` not negative "
            f"and `average` in [0, 1]. Received: {list(degrees)}, {steps}, {stddev}, {average}."
        )
    total = 2 * len(degrees) + (2 if pictures != "none" else 0)
    done, rows = 0, []
    for number in degrees:
        density = densities.student_t(number)
        found: dict[str, Any] = {
            "degrees": number,
            "name": density.name,
            "data": _of_data(number),
        }
        for model in ("vae", "gan"):
            settings = line_records.Settings(
                model, stddev=stddev, batch=batch, activation=activation, average=average
            )
            trained = line_players.built(density, settings, steps, seed)
            played = line_players.play(density, settings, steps, 1, seed, model=trained)
            noise = line_players.base_noise(2**15, 2)
            points = line_players.drawn(trained, noise)[:, 0]
            found[model] = _of_model(points, found["data"], played)
            done += 1
            progress(done, total)
        rows.append(found)
    figures = {"tails": _draw(rows)}
    numbers: dict[str, Any] = {
        "stddev": stddev,
        "activation": activation,
        "average": average,
        "t": [_without_curves(row) for row in rows],
    }
    says = _says(rows, stddev)
    if pictures != "none":
        from tfgen.explore import blurred

        figures["pictures"], numbers["pictures"] = blurred.side_by_side(pictures, seed)
        progress(total, total)
        says += " " + blurred.says(numbers["pictures"])
    return Explored("heavy-tails", says, numbers, figures)


def _of_data(degrees):
    from scipy import stats

    t = stats.t(degrees)
    levels = _levels()
    return {
        "quantiles": {str(q): float(t.ppf(q)) for q in QUANTILES},
        "curve": t.ppf(levels),
        "pdf": t.pdf,
    }


def _of_model(points, data, played):
    if not np.isfinite(points).all():
        return {"diverged": "not finite"}
    low, high = (data["quantiles"][str(q)] for q in QUANTILES)
    found = {str(q): float(np.quantile(points, q)) for q in QUANTILES}
    return {
        "diverged": played.diverged,
        "quantiles": found,
        "error": float(np.mean([abs(found[k] - data["quantiles"][k]) for k in found])),
        "beyond": float(np.mean((points < low) | (points > high))),
        "jsd": played.last["jsd"],
        "curve": np.quantile(points, _levels()),
        "points": points,
    }


def _levels():
    inner = np.linspace(0.02, 0.98, 97)
    return np.concatenate([[0.001, 0.002, 0.005, 0.01], inner, [0.99, 0.995, 0.998, 0.999]])


def _without_curves(row):
    """What is written: the curves are in the picture."""
    return {
        key: {k: v for k, v in value.items() if k not in ("curve", "pdf", "points")}
        if isinstance(value, dict)
        else value
        for key, value in row.items()
    }


def _says(rows, stddev):
    kind = f"a spread of {stddev:g}" if stddev else "a learned spread"
    parts = []
    for row in rows:
        texts = [
            f"{name} misses them by {row[key]['error']:.2f}, has {row[key]['beyond']:.1%} beyond, "
            f"JSD {row[key]['jsd']:.3f}"
            if "error" in row[key]
            else f"{name} diverged"
            for key, name in (("vae", "the VAE"), ("gan", "the GAN"))
        ]
        ends = [f"{v:.2f}" for v in row["data"]["quantiles"].values()]
        parts.append(f"{row['name']} (1 % and 99 %: {', '.join(ends)}): " + "; ".join(texts))
    return f"A Gaussian decoder with {kind} beside a GAN. " + ". ".join(parts) + "."


def _draw(rows):
    figure = canvas.new(11, 2.9 * len(rows))
    places = figure.subplots(len(rows), 3, squeeze=False)
    for (left, middle, right), row in zip(places, rows, strict=True):
        at = np.linspace(-8, 8, 161)
        shades = {"vae": ("VAE", canvas.colour("D")), "gan": ("GAN", canvas.colour("model"))}
        pdf = row["data"]["pdf"](at)
        for axes in (left, middle):
            axes.fill_between(at, pdf, color=canvas.colour("data"), alpha=0.18, lw=0, label="data")
        for key, (name, shade) in shades.items():
            if "points" not in row[key]:
                continue
            share, edges = np.histogram(row[key]["points"], at)
            share = share / len(row[key]["points"]) / (edges[1] - edges[0])
            centre = 0.5 * (edges[1:] + edges[:-1])
            for axes in (left, middle):
                axes.plot(centre, np.where(share > 0, share, np.nan), color=shade, label=name)
            right.plot(row["data"]["curve"], row[key]["curve"], color=shade, marker=".", ms=3)
        ends = row["data"]["curve"][[3, -4]] * 1.6  # A little beyond 1 % and 99 %.
        right.plot(ends, ends, color=canvas.colour("data"), lw=0.8)
        for quantile in row["data"]["quantiles"].values():
            right.axvline(quantile, color=canvas.colour("quiet"), lw=0.8, ls=":")
        canvas.tidy(left, row["name"], ylim=(0, 1.5 * pdf.max()))
        canvas.tidy(middle, "logarithmic", ylim=(1e-4, 1))
        middle.set_yscale("log")
        canvas.tidy(
            right,
            "quantiles (dotted: 1 %, 99 %)",
            xlabel="of the data",
            ylabel="of the model",
            xlim=ends,
            ylim=ends,
        )
        left.legend(fontsize=8, frameon=False)
    return canvas.pixels(figure)
