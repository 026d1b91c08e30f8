"""Features of several models side by side, against raw pixels and untrained networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfgen.data import Source
from tfgen.explore import canvas, examples, feature_probe
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.metrics import intervals

NAME = "probe"
RAW, UNTRAINED = "raw pixels", "untrained"
POINTS = 0.03  # By so much features must be better to be called so.


def probe(
    models: Mapping[str, Any],
    train: Source,
    test: Source,
    labels: int = 100,
    draws: int = 20,
    tested: int = 2000,
    classifier: Literal["linear_svm", "logistic", "rbf_svm"] = "linear_svm",
    signature: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """How much of the class is in a model's features? With few labels, against raw pixels.

    A linear classifier on what DCGAN's discriminator or an encoder makes of a few labelled
    pictures, on the pixels themselves, and on each network with the weights it began with (Radford
    et al. 2015, section 5): the same labels for all, and as many draws of them as wanted.

    Args:
        models: Each with a signature "features" or "encode" of pictures alone, all of one size.
        train: Labelled pictures; of several runs the data of the first.
        test: Pictures that the classifiers are measured on.
        labels: Labelled pictures in a draw, as many of each class; 0 for all of them, once.
        draws: How often labels are drawn.
        tested: Pictures that are measured; of more so many are chosen by `seed`.
        classifier: Of scikit-learn, its scaling and penalty by cross-validation in the labels.
        signature: Which served function holds the features; by default "features" or "encode".
        seed: Of the draws.
        progress: Called with (done, total).

    Returns:
        Numbers: for each kind of features its length, accuracy in each draw, and for each model
        what it is ahead of raw pixels and of its untrained network, with an interval over the
        draws; the table as text. Figure: "accuracy".

    Raises:
        ValueError: No models, one without features of pictures, pictures of another size, no
            labels, or more labels than there are.
    """
    if not models or min(draws, tested) < 1 or labels < 0:
        raise ValueError(
            f"explore {NAME}: give a model or more, `draws` and `tested` of 1 or more and `labels` "
            f"of 0 or more. Received: {len(models)} models, {draws}, {tested}, {labels}."
        )
    if "label" not in train.arrays:
        raise ValueError(
            f"explore {NAME}: {train.name!r} has no labels to be read off the features."
        )
    names = _short(models)
    functions: dict[str, Any] = {RAW: feature_probe.pixels}
    for name, model in zip(names, models.values(), strict=True):
        shape = tuple(model.image_shape)
        if shape != train.image_shape:
            raise ValueError(
                f"explore {NAME}: {name} takes pictures of {shape}, {train.name!r} has "
                f"{train.image_shape}."
            )
        fresh = type(model).from_config(model.get_config())
        try:
            functions[name] = feature_probe.features_of(model, signature)
            functions[f"{name}, {UNTRAINED}"] = feature_probe.features_of(fresh, signature)
        except ValueError as error:
            raise unfit(NAME, model, str(error)) from error
    done = 0

    def watch():
        nonlocal done
        done += 1
        progress(done, len(functions))

    unseen = examples.mixed(test, tested, seed).arrays
    result = feature_probe.compared(
        functions, train, unseen, labels or None, draws, classifier, seed, watch
    )
    ahead = {name: _ahead(result.accuracy, name) for name in names}
    numbers = {
        "data": train.name,
        "classifier": classifier,
        "labels": result.labels,
        "tested": result.tested,
        "accuracy": result.accuracy,
        "dimensions": result.dimensions,
        "ahead": ahead,
        "table": result.table().split("\n"),
    }
    return Explored(NAME, _says(result, ahead, train), numbers, {"accuracy": _draw(result, names)})


def _short(models):
    """Names to show: the last part of a folder or of zoo:NAME, where these differ."""
    names = [Path(name.rpartition(":")[2]).name for name in models]
    return names if len(set(names)) == len(names) else list(models)


def _ahead(accuracy, name):
    """Mean advantage over raw pixels and over the untrained network, draw by draw."""
    found = {}
    for other, key in ((RAW, RAW), (UNTRAINED, f"{name}, {UNTRAINED}")):
        difference = accuracy[name] - accuracy[key]
        found[other] = (
            intervals.mean(difference).as_dict()
            if len(difference) > 1
            else {"value": float(difference[0])}
        )
    return found


def _says(result, ahead, train):
    parts = []
    for name, found in ahead.items():
        by = {other: value["value"] for other, value in found.items()}
        better = [other for other in by if by[other] >= POINTS]
        verdict = f"better than {' and '.join(better)}" if better else "no better than either"
        parts.append(
            f"{name} {result.mean(name):.1%} ({100 * by[RAW]:+.1f} points against {RAW}, "
            f"{100 * by[UNTRAINED]:+.1f} against its untrained network: {verdict})"
        )
    return (
        f"With {result.labels} labels a {result.classifier.replace('_', ' ')} reads {train.name} "
        f"rightly in {result.mean(RAW):.1%} by {RAW}, and by the features of {'; '.join(parts)}. "
        f"Better means by {100 * POINTS:.0f} points or more."
    )


def _draw(result, names):
    figure = canvas.new(max(4.5, 1.5 + 1.3 * len(names)), 3.6)
    axes = figure.subplots()
    places = np.arange(len(names))
    kinds = (("trained", "", "model", -0.2), (UNTRAINED, f", {UNTRAINED}", "quiet", 0.2))
    for label, ending, shade, shift in kinds:
        keys = [f"{name}{ending}" for name in names]
        means, spreads = [result.mean(k) for k in keys], [result.stddev(k) for k in keys]
        style: dict[str, Any] = {"color": canvas.colour(shade), "label": label, "capsize": 3}
        axes.bar(places + shift, means, 0.36, yerr=spreads, **style)
    raw = result.mean(RAW)
    axes.axhline(raw, color=canvas.colour("exact"), lw=1.2, ls="--", label=RAW)
    lowest = min(result.mean(name) for name in result.accuracy)
    axes.set_xticks(places, names)
    title = f"{result.classifier.replace('_', ' ')}, {result.labels} labels"
    canvas.tidy(axes, title, ylabel="accuracy", ylim=(max(0.0, lowest - 0.1), 1.0))
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper left")
    return canvas.pixels(figure)
