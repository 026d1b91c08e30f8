"""The evidence lower bound: exact where all is linear, and by latent unit for a trained model."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.explore import canvas
from tfgen.explore.explored import Explored, Film, Progress, silent


def elbo(
    model: Any = None,
    test: Any = None,
    steps: int = 800,
    rate: float = 0.02,
    rows: int = 500,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """The bound of a VAE: log p(x) = ELBO + KL(q || p(z|x)), seen exactly.

    Without a run: a VAE in which all is linear and Gaussian, so that log p(x), the true posterior
    and the bound are known. While it learns, the two terms stay a sum, q becomes the posterior, and
    importance weighting (Burda et al. 2015) closes what is left. Of a run: reconstruction and KL of
    each latent unit, the units that are in use, and the prior beside the aggregated posterior.

    Args:
        model: A trained VAE; none for the linear one.
        test: Its data: a `tfgen.data.Source`, or pictures (N, H, W, C) in [-1, 1].
        steps: Training steps of the linear one.
        rate: Of its Adam; falls linearly to 0 over the second half.
        rows: Test points, or test pictures.
        seed: Of weights, data and noise.
        progress: Called with (done, total).

    Returns:
        Numbers and figures: "decomposition", "posterior" (a film), "importance_weighted" and "kl";
        of a run "units" and "aggregated".

    Raises:
        ValueError: A model without a bound and a posterior, no data, or a number below 1.
    """
    if rows < 1 or steps < 1:
        raise ValueError(f"explore elbo: `rows` and `steps` must be at least 1: {rows}, {steps}.")
    if model is None:
        return _linear(steps, rate, rows, seed, progress)
    from tfgen.explore import latent_units

    return latent_units.explored(model, test, rows, seed, progress)


def _linear(steps, rate, rows, seed, progress):
    from tfgen.explore import linear_gaussian as exact

    model, y = exact.built(seed, rate, steps), exact.points(rows, seed + 1)
    step = tf.function(model.train_step, reduce_retracing=True, autograph=False)
    generator = np.random.default_rng(seed)
    due = set(np.unique((np.linspace(0, 1, 31) ** 2 * steps).astype(int)).tolist())
    moments, many = [exact.moment(model, y, 0)], 256
    for number in range(1, steps + 1):
        batch = exact.points(many, int(generator.integers(2**62)))
        step({"image": tf.constant(exact.image(batch))})
        if number in due:
            moments.append(exact.moment(model, y, number))
            progress(number, steps)
    end, error = moments[-1], max(m.error for m in moments)
    kl = exact.monte_carlo_kl(model, y, seed)
    numbers = {
        "largest_error": error,
        "records": {
            name: [getattr(m, name) for m in moments]
            for name in ("step", "log_p", "elbo", "gap", "reconstruction", "kl", "error")
        },
        "importance_weighted": {"first": moments[0].iwae, "last": end.iwae},
        "kl": kl,
    }
    says = (
        f"At each of {len(moments)} recorded steps log p(x) is the bound plus KL(q || p(z|x)), to "
        f"{error:.0e} nats. The gap falls from {moments[0].gap:.3f} to {end.gap:.4f} as q becomes "
        f"the posterior, and log p(x) rises from {moments[0].log_p:.3f} to {end.log_p:.3f}. Before "
        f"training, {exact.SAMPLES[-1]} importance samples leave "
        f"{moments[0].log_p - moments[0].iwae[exact.SAMPLES[-1]]:.4f} of it."
    )
    figures = {
        "decomposition": _decomposition(moments),
        "posterior": _posterior(moments),
        "importance_weighted": _weighted(moments),
        "kl": _kl(kl),
    }
    return Explored("elbo", says, numbers, figures)


def _decomposition(moments):
    figure = canvas.new(10, 3.6)
    left, right = figure.subplots(1, 2)
    steps = [m.step for m in moments]
    bound, log_p = [m.elbo for m in moments], [m.log_p for m in moments]
    low = min(bound) - 0.1 * (max(log_p) - min(bound))
    left.fill_between(steps, low, bound, color=canvas.colour("D"), alpha=0.3, lw=0, label="ELBO")
    left.fill_between(
        steps, bound, log_p, color=canvas.colour("exact"), alpha=0.5, lw=0, label="KL(q || p(z|x))"
    )
    left.plot(steps, log_p, color=canvas.colour("data"), lw=1.4, label="log p(x), exact")
    canvas.tidy(left, "log p(x) = ELBO + KL(q || p(z|x))", xlabel="step", ylabel="nats a point")
    right.plot(
        steps, [-m.reconstruction for m in moments], label="-E log p(x|z)", color=canvas.colour("D")
    )
    right.plot(steps, [m.kl for m in moments], label="KL(q || p(z))", color=canvas.colour("other"))
    right.plot(steps, [-b for b in bound], "--", label="their sum", color=canvas.colour("data"))
    canvas.tidy(right, "the two terms of the loss", xlabel="step", ylabel="nats a point")
    for axes in (left, right):
        axes.set_xscale("symlog", linthresh=10)
        axes.set_xlim(0, steps[-1])
        axes.legend(fontsize=8, frameon=False)
    return canvas.pixels(figure)


def _posterior(moments):
    """q and the true posterior of a few points, at every recorded step."""
    z = np.linspace(-4, 4, 300)
    figure = canvas.new(9, 2.6)
    places = figure.subplots(1, len(moments[0].posterior), sharey=True)
    frames = []
    for m in moments:
        for number, (axes, row) in enumerate(zip(places, m.posterior, strict=True)):
            axes.clear()
            mean, stddev, true_mean, true_stddev = row
            prior, q, true = (
                np.exp(-0.5 * ((z - at) / by) ** 2) / by / np.sqrt(2 * np.pi)
                for at, by in ((0.0, 1.0), (mean, stddev), (true_mean, true_stddev))
            )
            axes.plot(z, prior, color=canvas.colour("quiet"), lw=1, label="p(z)")
            axes.plot(z, true, color=canvas.colour("exact"), lw=1.6, ls="--", label="p(z|x)")
            axes.plot(z, q, color=canvas.colour("D"), lw=1.6, label="q(z|x)")
            title = f"point {number + 1}, step {m.step}"
            canvas.tidy(axes, title, ylim=(0, 1.3), xlabel="z")
            axes.legend(fontsize=7, frameon=False)
        frames.append(canvas.pixels(figure))
    return Film(frames, 0.2, 2.0)


def _weighted(moments):
    figure = canvas.new(6.4, 3.8)
    axes = figure.subplots()
    chosen = [moments[0], moments[len(moments) // 2], moments[-1]]
    for number, m in enumerate(chosen):
        shade = ("exact", "other", "D")[number]
        axes.plot(
            list(m.iwae),
            [m.log_p - v for v in m.iwae.values()],
            "o-",
            color=canvas.colour(shade),
            ms=4,
            label=f"step {m.step}",
        )
    axes.axhline(0, color=canvas.colour("quiet"), lw=0.8)
    axes.set_xscale("log")
    canvas.tidy(
        axes,
        "what k importance samples leave of the gap",
        xlabel="k",
        ylabel="log p(x) - bound with k samples, nats",
    )
    axes.legend(fontsize=8, frameon=False)
    return canvas.pixels(figure)


def _kl(kl):
    figure = canvas.new(6.4, 3.4)
    axes = figure.subplots()
    counts, estimate, error = kl["samples"], kl["estimate"], kl["standard_error"]
    axes.fill_between(
        counts, kl["closed"] - error, kl["closed"] + error, color=canvas.colour("quiet"), alpha=0.3
    )
    axes.axhline(kl["closed"], color=canvas.colour("exact"), lw=1.4, label="closed form")
    axes.plot(counts, estimate, color=canvas.colour("D"), lw=1.2, label="Monte Carlo")
    axes.set_xscale("log")
    middle, reach = kl["closed"], 3 * float(error[0])
    canvas.tidy(
        axes,
        "KL(q || p(z)) of one point; grey: one standard error",
        xlabel="samples",
        ylabel="nats",
        ylim=(middle - reach, middle + reach),
    )
    axes.legend(fontsize=8, frameon=False)
    return canvas.pixels(figure)
