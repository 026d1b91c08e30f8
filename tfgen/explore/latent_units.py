"""The bound of a trained VAE by latent unit: which units it uses, and where its codes lie."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.explore import canvas
from tfgen.explore.explored import Explored, Progress, unfit

# Burda et al. 2015, section 5.2: a unit is in use where its mean moves with the picture.
ACTIVE = 0.01
BATCH = 100


def explored(model: Any, data: Any, rows: int, seed: int, progress: Progress) -> Explored:
    """See `tfgen.explore.elbo`.

    Args:
        model: With the signatures `encode` (mean and log_var) and `elbo`, from pictures alone.
        data: A `tfgen.data.Source`, or pictures (N, H, W, C) in [-1, 1].
        rows: Pictures, at most.
        seed: Of the noise of the bound.
        progress: Called with (done, total).
    """
    table = model.signatures()
    if "elbo" not in table or not hasattr(model, "latent_prior"):
        raise unfit("elbo", model, "it has no evidence lower bound; a VAE has.")
    if data is None:
        raise ValueError("explore elbo: a trained model needs `test`, pictures of its data.")
    x = pictures_of(model, data, rows)
    means, variances, bounds, kls = [], [], [], []
    with model.averaged():
        for first in range(0, len(x), BATCH):
            part = x[first : first + BATCH]
            code = model.call_signature("encode", {"image": part})
            mean, log_var = code["mean"], code["log_var"]
            numbers = range(seed + first, seed + first + len(part))
            feeds = table["elbo"].draw(numbers, image=part)
            bounds.append(model.call_signature("elbo", feeds)["elbo"].numpy())
            kl = model.latent_prior.kl(mean, log_var)
            if kl is None:
                raise unfit("elbo", model, "the KL of its prior has no closed form by unit.")
            kls.append(kl.numpy())
            means.append(mean.numpy())
            variances.append(tf.exp(log_var).numpy())
            progress(min(first + BATCH, len(x)), len(x))
    mean, variance, kl = (np.concatenate(parts) for parts in (means, variances, kls))
    bound = np.concatenate(bounds)
    spread = mean.var(axis=0)
    active = spread > ACTIVE
    by_unit = kl.mean(axis=0)
    order = np.argsort(-by_unit)
    total = variance.mean(axis=0) + spread  # Of q(z), the mixture of all posteriors.
    per_picture, whole = float(by_unit.sum()), float(bound.mean())
    prior = model.latent_prior.sample(range(seed, seed + 2000))
    says = (
        f"The bound is {whole:.1f} nats a picture: reconstruction {whole + per_picture:.1f}, less "
        f"a KL of {per_picture:.1f}. {int(active.sum())} of {len(active)} latent units are in use "
        f"(their mean varies by more than {ACTIVE} over {len(x)} pictures); the busiest unit costs "
        f"{by_unit[order[0]]:.2f} nats. The codes of those in use have a spread of "
        f"{_spread(total, active)}, that of the prior is {prior.std():.2f}."
    )
    numbers = {
        "elbo": whole,
        "reconstruction": whole + per_picture,
        "kl": per_picture,
        "pictures": len(x),
        "active": int(active.sum()),
        "units": len(active),
        "unit_kl": by_unit,
        "unit_mean_variance": spread,
        "aggregated_mean": mean.mean(axis=0),
        "aggregated_stddev": np.sqrt(total),
    }
    figures = {
        "units": _units(by_unit, spread, order),
        "aggregated": _aggregated(mean, variance, prior, order, seed),
    }
    return Explored("elbo", says, numbers, figures)


def pictures_of(model: Any, data: Any, rows: int) -> np.ndarray:
    """The first pictures (N, H, W, C) in [-1, 1], binary for a model of binary pixels."""
    x = np.asarray(getattr(data, "arrays", {"image": data})["image"][:rows])
    if x.dtype == np.uint8:
        x = x.astype(np.float32) / np.float32(127.5) - np.float32(1)
    if getattr(model.pixels, "levels", None) == 2:
        x = np.where(x >= 0, np.float32(1), np.float32(-1))
    return x.astype(np.float32)


def _spread(total, active):
    if not active.any():
        return "no size (none is)"
    low, high = np.sqrt(total[active]).min(), np.sqrt(total[active]).max()
    return f"{low:.2f} to {high:.2f}"


def _units(by_unit, spread, order):
    figure = canvas.new(10, 3.4)
    left, right = figure.subplots(1, 2)
    places = np.arange(len(order))
    shades = [canvas.colour("D" if spread[u] > ACTIVE else "quiet") for u in order]
    left.bar(places, by_unit[order], color=shades)
    canvas.tidy(left, "KL by latent unit (grey: not in use)", ylabel="nats a picture")
    right.bar(places, spread[order], color=shades)
    right.axhline(ACTIVE, color=canvas.colour("exact"), lw=1, ls="--", label=f"{ACTIVE}")
    right.set_yscale("log")
    canvas.tidy(right, "variance of the unit's mean over pictures")
    right.legend(fontsize=8, frameon=False)
    for axes in (left, right):
        few = places[:: max(1, len(places) // 20)]
        axes.set_xticks(few, [str(order[n]) for n in few])
        axes.set_xlabel("unit", fontsize=8)
    return canvas.pixels(figure)


def _aggregated(mean, variance, prior, order, seed):
    """The two busiest units: a draw of q(z) and of the prior; then each of up to six as a curve."""
    shown = order[:6]
    figure = canvas.new(11, 3.8)
    places = figure.subplot_mosaic([["plane", "a", "b", "c"], ["plane", "d", "e", "f"]])
    generator = np.random.default_rng(seed)
    z = mean + np.sqrt(variance) * generator.normal(size=mean.shape)
    axes = places["plane"]
    first, second = order[0], order[min(1, len(order) - 1)]
    axes.scatter(
        prior[:, first], prior[:, second], s=4, color=canvas.colour("quiet"), lw=0, label="prior"
    )
    axes.scatter(z[:, first], z[:, second], s=4, color=canvas.colour("D"), lw=0, label="q(z)")
    reach = 1.3 * max(np.abs(prior).max(), np.abs(mean).max())
    canvas.tidy(
        axes,
        xlabel=f"unit {first}",
        ylabel=f"unit {second}",
        xlim=(-reach, reach),
        ylim=(-reach, reach),
    )
    axes.legend(fontsize=8, frameon=False, markerscale=3)
    at = np.linspace(-reach, reach, 200)
    for name in "abcdef":
        places[name].axis("off")
    for name, unit in zip("abcdef", shown, strict=False):
        axes = places[name]
        axes.set_axis_on()
        apart = at[:, None] - mean[None, :, unit]
        density = np.exp(-0.5 * apart**2 / variance[:, unit]) / np.sqrt(
            2 * np.pi * variance[:, unit]
        )
        axes.hist(prior[:, unit], 40, density=True, color=canvas.colour("quiet"), alpha=0.5)
        axes.plot(at, density.mean(axis=1), color=canvas.colour("D"), lw=1.4)
        canvas.tidy(axes, f"unit {unit}")
        axes.set_yticks([])
    return canvas.pixels(figure)
