"""Classes by Bayes' rule from class-conditional likelihoods, with an option to reject."""

from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import canvas, examples, judge, sheets
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.metrics import intervals

NAME = "classify"
ROWS = 50
CODES = 10  # Of a bound, for each picture and class.
SHOWN = 10
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)


def classify(
    model: Any,
    train: Source,
    test: Source,
    pictures: int = 300,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """A model that draws digits can read them: Bayes' rule, and what is rejected when unsure.

    p(y|x) from log p(x|y), all classes equally likely beforehand. The least sure pictures are
    rejected first: accuracy on the rest against the share that is kept. Beside it a support vector
    machine that was told nothing but the classes.

    Args:
        model: Autoregressive with classes (`num_classes`), or a CVAE whose condition is the label.
        train: Its data, for the other classifier.
        test: Pictures with labels that it was not trained on.
        pictures: How many of them.
        seed: Of the pictures chosen and of the codes of a bound.
        progress: Called with (done, total).

    Returns:
        Numbers: accuracy with its interval, the other classifier's, accuracy by coverage and the
        threshold of p(y|x) that gives it; figures: "coverage" and "unsure".

    Raises:
        ValueError: A model without class-conditional likelihoods, or data without labels.
    """
    way = _way(model)
    if "label" not in test.arrays:
        raise ValueError(f"explore {NAME}: the data set has no labels.")
    if pictures < 10:
        raise ValueError(f"explore {NAME}: `pictures` must be 10 or more. Received: {pictures}.")
    known = examples.mixed(test, pictures, seed)
    images, labels = known.images, known.arrays["label"]
    joint = []
    with model.averaged():
        for first in range(0, len(images), ROWS):
            joint.append(way(images[first : first + ROWS], seed + first))
            progress(min(first + ROWS, len(images)), len(images))
    log_p = np.concatenate(joint)  # (N, Y), up to a constant of each row
    posterior = np.exp(log_p - log_p.max(1, keepdims=True))
    posterior /= posterior.sum(1, keepdims=True)
    guess, sure = posterior.argmax(1), posterior.max(1)
    right = guess == labels
    accuracy = intervals.proportion(int(right.sum()), len(right))
    machine = judge.of(train, test, seed)
    kept = coverage(sure, right)
    numbers: dict[str, Any] = {
        "accuracy": accuracy.as_dict(),
        "accuracy_by_coverage": {f"{share:.2f}": _at(kept, share, right) for share in COVERAGES},
        "threshold_by_coverage": {f"{c:.2f}": np.quantile(sure, 1.0 - c) for c in COVERAGES},
        "pictures": len(images),
    }
    says = f"By Bayes' rule the model reads {accuracy.value:.1%} of unseen pictures rightly"
    if machine is not None:
        numbers["support_vector_machine"] = machine.accuracy.as_dict()
        says += f" (a support vector machine {machine.accuracy.value:.1%})"
    says += (
        f"; of the surest 90 % {numbers['accuracy_by_coverage']['0.90']:.1%}, of the surest half "
        f"{numbers['accuracy_by_coverage']['0.50']:.1%}."
    )
    figures = {"coverage": _chart(kept, machine), "unsure": _sheet(known, guess, sure, right)}
    return Explored(NAME, says, numbers, figures)


def coverage(sure: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Accuracy on the n surest pictures for n = 1 .. N, (N,)."""
    order = np.argsort(-sure, kind="stable")
    return np.cumsum(right[order]) / np.arange(1, len(order) + 1)


def _way(model):
    """A function from images and a seed to log p(x|y) of each class, (N, Y), up to a constant."""
    table = model.signatures()
    if "class_log_prob" in table:

        def exact(images, seed):
            return model.call_signature("class_log_prob", {"image": images})[
                "class_log_prob"
            ].numpy()

        return exact
    inputs = table["elbo"].inputs if "elbo" in table else {}
    if "label" not in inputs:
        raise unfit(
            NAME,
            model,
            "it has no likelihood of a picture for each class; an autoregressive model trained "
            "with `model.num_classes` has, and a CVAE whose condition is the label.",
        )

    def bound(images, seed):
        classes = inputs["label"].num_classes
        found = np.zeros((len(images), classes))
        for label in range(classes):
            for code in range(CODES):  # The same codes for all classes.
                seeds = range(seed + 1_000_003 * code, seed + 1_000_003 * code + len(images))
                feeds = table["elbo"].draw(seeds, image=images, label=label)
                found[:, label] += model.call_signature("elbo", feeds)["elbo"].numpy() / CODES
        return found

    return bound


def _at(kept, share, right):
    return float(kept[max(0, round(share * len(right)) - 1)])


def _chart(kept, machine):
    figure = canvas.new(5.6, 3.6)
    axes = figure.subplots()
    shares = np.arange(1, len(kept) + 1) / len(kept)
    axes.plot(shares, kept, color=canvas.colour("model"), label="Bayes' rule")
    if machine is not None:
        level = machine.accuracy.value
        label = "support vector machine, all kept"
        axes.axhline(level, color=canvas.colour("D"), linestyle="--", label=label)
    axes.legend(fontsize=8)
    canvas.tidy(
        axes,
        "Accuracy on the surest pictures",
        xlabel="share that is kept (coverage)",
        ylabel="accuracy",
        ylim=(min(0.5, kept.min()), 1.01),
    )
    return canvas.pixels(figure)


def _sheet(known, guess, sure, right):
    """The least sure pictures, and the surest mistakes, with what they were read as."""
    parts = []
    wrong = np.flatnonzero(~right)
    for title, rows in (
        ("least sure", np.argsort(sure)[:SHOWN]),
        ("surest mistakes", wrong[np.argsort(-sure[wrong])][:SHOWN]),
    ):
        if len(rows):
            read = [f"{known.name(int(guess[n]))} {sure[n]:.2f}" for n in rows]
            parts.append(sheets.sheet([(title, known.images[rows])], read))
    return sheets.below(parts)
