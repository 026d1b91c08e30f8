"""Outliers by log p(x): how well they are found, and the known way in which it fails."""

from functools import partial
from typing import Any

import numpy as np

from tfgen import data
from tfgen.data import Source
from tfgen.explore import canvas, examples, likelihoods, sheets
from tfgen.explore.explored import Explored, Progress, silent
from tfgen.metrics import intervals
from tfgen.metrics.intervals import Value

NAME = "outliers"
SHOWN = 10


def outliers(
    model: Any,
    test: Source,
    pictures: int = 300,
    other: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Is an odd picture an unlikely one? Ranked by log p(x), with the case in which it fails.

    Real unseen pictures against others: noise, inverted, mixed-up pixels, flat ones, real ones
    whose lower half is empty, and a set or folder of your own. Simple pictures are often likelier
    than all real ones (Nalisnick et al. 2019); taking away what a PNG needs for the picture (Serra
    et al. 2020) mends part of that.

    Args:
        model: With a likelihood or its bound: VAE and all autoregressive models.
        test: Pictures that it was not trained on.
        pictures: Of each kind.
        other: One more kind: a data set by name, such as "folder:PATH", brought to the same size.
        seed: Of the pictures chosen and of the noise.
        progress: Called with (done, total).

    Returns:
        Numbers: for each kind mean nats, and AUROC with its interval (0.5 is chance, below it the
        others are likelier than real ones) by log p and by its ratio to complexity; figures:
        "ranked", "histograms" and "auroc".

    Raises:
        ValueError: A model without a likelihood of pictures, or fewer than 10 pictures.
    """
    if pictures < 10:
        raise ValueError(f"explore {NAME}: `pictures` must be 10 or more. Received: {pictures}.")
    scores = likelihoods.of(NAME, model)
    real = examples.mixed(test, pictures, seed).images
    kinds = {"real": real, **odd(real, np.random.default_rng(seed))}
    if other:
        kinds[other] = _others(other, real, pictures, seed)
    levels = getattr(model, "levels", None) or (2 if (np.abs(real) == 1.0).all() else 256)
    kinds = {name: _levelled(images, levels) for name, images in kinds.items()}
    nats, done = {}, 0
    total = sum(len(images) for images in kinds.values())
    for name, images in kinds.items():
        nats[name] = scores.of(images, partial(_told, progress, done, total))
        done += len(images)
    bare = {name: -likelihoods.complexity(images) for name, images in kinds.items()}
    corrected = {name: nats[name] - bare[name] for name in kinds}
    odd_ones = [name for name in kinds if name != "real"]
    by = {
        "log p": {name: auroc(nats["real"], nats[name], seed) for name in odd_ones},
        "ratio": {name: auroc(corrected["real"], corrected[name], seed) for name in odd_ones},
    }
    numbers = {
        "scored_by": scores.kind,
        "nats": {name: values.mean() for name, values in nats.items()},
        "auroc": {k: {n: v.as_dict() for n, v in found.items()} for k, found in by.items()},
        "pictures": {name: len(images) for name, images in kinds.items()},
    }
    figures = {
        "ranked": _ranked(kinds, nats),
        "histograms": _histograms(nats, scores.kind),
        "auroc": _chart(by),
    }
    return Explored(NAME, _says(by, scores.kind), numbers, figures)


def odd(real: np.ndarray, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Kinds of pictures that are none of the data set, each as many as real ones."""
    n, shape = len(real), real.shape[1:]
    mixed = real.reshape(n, -1, shape[-1])[:, generator.permutation(shape[0] * shape[1])]
    flat = np.full(real.shape, -1.0, np.float32)
    flat += generator.uniform(0.0, 0.2, (n, 1, 1, 1)).astype(np.float32)
    half = real.copy()
    half[:, shape[0] // 2 :] = -1.0
    return {
        "noise": generator.uniform(-1.0, 1.0, real.shape).astype(np.float32),
        "inverted": -real,
        "mixed up": mixed.reshape(real.shape),
        "flat": flat,
        "half empty": half,
    }


def auroc(real: np.ndarray, others: np.ndarray, seed: int = 0) -> Value:
    """The chance that a real picture scores above another one, ties half, and its interval.

    Args:
        real, others: Scores (N,) and (M,).
        seed: Of the bootstrap.
    """

    def area(a, b):
        b = np.sort(b)
        below, upto = np.searchsorted(b, a, "left"), np.searchsorted(b, a, "right")
        return float((below + upto).mean() / (2.0 * len(b)))

    return intervals.bootstrap(area, real, others, resamples=300, seed=seed)


def _told(progress, before, total, count):
    progress(before + count, total)


def _others(name, real, limit, seed):
    height, width, channels = real.shape[1:]
    form: dict[str, Any] = {"image_size": (height, width), "channels": channels}
    split = "test" if ":" not in name or name.startswith("tfds:") else "all"
    return examples.mixed(data.source(name, split, **form), limit, seed).images


def _levelled(images, levels):
    """The nearest of so many equally spaced values."""
    steps = np.round((np.clip(images, -1.0, 1.0) + 1.0) * 0.5 * (levels - 1))
    return (steps * 2.0 / (levels - 1) - 1.0).astype(np.float32)


def _says(by, kind):
    found = by["log p"]
    worst = min(found, key=lambda name: found[name].value)
    best = max(found, key=lambda name: found[name].value)
    if found[worst].value > 0.995:
        return f"By {kind} every kind of odd picture is told from real ones (AUROC 1.00)."
    says = (
        f"By {kind} {best} pictures are told from real ones with an AUROC of "
        f"{found[best].value:.2f}, {worst} ones with {found[worst].value:.2f}"
    )
    mended = by["ratio"][worst].value
    if found[worst].high < 0.5:
        says += ": the model finds them likelier than real ones, simple as they are"
    return f"{says}. Taking away the nats of their PNG, {worst} ones come to {mended:.2f}."


def _ranked(kinds, nats):
    """Of each kind the most and the least likely pictures."""
    rows = []
    for name, images in kinds.items():
        order = np.argsort(-nats[name])
        half = SHOWN // 2
        shown = np.concatenate([order[:half], order[-half:]])
        rows.append((f"{name}\n{nats[name].mean():.1f} nats", images[shown]))
    columns = ["likely", *[""] * (SHOWN - 2), "unlikely"]
    return sheets.sheet(rows, columns)


def _histograms(nats, kind):
    figure = canvas.new(7.0, 3.8)
    axes = figure.subplots()
    values = np.concatenate(list(nats.values()))
    edges = np.linspace(values.min(), values.max() + 1e-6, 60)
    for number, (name, part) in enumerate(nats.items()):
        weights = np.full(len(part), 1.0 / len(part))
        colour = canvas.colour("data") if name == "real" else f"C{number - 1}"
        axes.hist(part, edges, weights=weights, histtype="stepfilled", color=colour, alpha=0.2)
        axes.hist(part, edges, weights=weights, histtype="step", color=colour, label=name)
    axes.legend(fontsize=8)
    canvas.tidy(axes, f"How likely the model finds pictures: {kind}", xlabel="nats", ylabel="share")
    return canvas.pixels(figure)


def _chart(by):
    figure = canvas.new(6.4, 3.6)
    axes = figure.subplots()
    for number, found in enumerate(by.values()):
        at = np.arange(len(found)) + 0.2 * (2 * number - 1)
        heights = np.array([v.value for v in found.values()])
        low = np.maximum(0.0, heights - [v.low for v in found.values()])
        high = np.maximum(0.0, [v.high for v in found.values()] - heights)
        label = "log p" if number == 0 else "log p less the PNG's"
        axes.bar(at, heights, 0.38, yerr=[low, high], capsize=3, color=f"C{number}", label=label)
    axes.axhline(0.5, color=canvas.colour("exact"), linestyle="--")
    axes.set_xticks(range(len(by["log p"])), list(by["log p"]))
    axes.legend(fontsize=8)
    canvas.tidy(axes, "Told from real pictures (dashed: chance)", ylabel="AUROC", ylim=(0, 1.02))
    return canvas.pixels(figure)
