"""The nearest training pictures of samples: does the model copy?"""

from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import canvas, examples, sheets
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.metrics import intervals, neighbours

NAME = "nearest"
NEIGHBOURS = 5
MOST = 10_000  # Training pictures that are looked through.


def nearest(
    model: Any,
    train: Source,
    test: Source,
    samples: int = 300,
    shown: int = 8,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """The training pictures nearest to samples: does the model copy them?

    Distances from samples to their nearest training picture beside those from held-out real
    pictures. A sample counts as a copy where it is closer to a training picture than that is to
    any other (Alaa et al. 2022); held-out pictures show what share chance gives.

    Args:
        model: One that draws pictures.
        train: What it was trained on; of many pictures 10,000 are looked through.
        test: Real pictures that it was not trained on.
        samples: How many are measured.
        shown: How many are drawn with their neighbours, the closest ones first.
        seed: Of the first sample.
        progress: Called with (done, total).

    Returns:
        Numbers: shares of copies among samples and among held-out pictures, with intervals, and
        the distances; figures: "neighbours" and "distances".

    Raises:
        ValueError: A model that draws no pictures by itself, or of another size than the data's.
    """
    if samples < 2 or shown < 1:
        raise ValueError(
            f"explore {NAME}: `samples` must be 2 or more and `shown` 1 or more. Received: "
            f"{samples}, {shown}."
        )
    table = model.signatures()
    name = next((n for n, signature in table.items() if signature.drawable), None)
    if name is None:
        raise unfit(NAME, model, "it draws no pictures from seeds alone.")
    known = examples.mixed(train, MOST).images
    fresh = examples.mixed(test, samples).images
    drawn = model.sample(range(seed, seed + samples), name)
    if drawn.shape[1:] != known.shape[1:]:
        reason = f"its pictures are {drawn.shape[1:]}, the data's {known.shape[1:]}."
        raise unfit(NAME, model, reason)
    progress(1, 3)
    rows, distances = neighbours.nearest(known, drawn, NEIGHBOURS)
    _, of_fresh = neighbours.nearest(known, fresh, 1)
    progress(2, 3)
    copies = {
        part: intervals.proportion(int((~neighbours.authentic(known, images)).sum()), len(images))
        for part, images in (("samples", drawn), ("held_out", fresh))
    }
    ratio = float(np.median(distances[:, 0]) / max(np.median(of_fresh), 1e-12))
    numbers = {
        "copies": {part: value.as_dict() for part, value in copies.items()},
        "median_distance_of_samples": np.median(distances[:, 0]),
        "median_distance_of_held_out": np.median(of_fresh),
        "least_distance_of_samples": distances[:, 0].min(),
        "least_distance_of_held_out": of_fresh.min(),
        "training_pictures": len(known),
    }
    more = copies["samples"].low > copies["held_out"].high
    says = (
        f"By the rule {copies['samples'].value:.0%} of the samples are copies of training "
        f"pictures, and {copies['held_out'].value:.0%} of real pictures that were never seen: "
        + ("more than chance; look at the closest ones." if more else "no more than chance.")
        + f" Samples lie {ratio:.2f} times as far from their nearest neighbour as unseen pictures."
    )
    order = np.argsort(distances[:, 0])[:shown]
    sheet = sheets.sheet(
        [
            (f"seed {seed + n}", np.concatenate([drawn[n : n + 1], known[rows[n]]]))
            for n in order.tolist()
        ],
        ["sample", *(f"{n}." for n in range(1, NEIGHBOURS + 1))],
    )
    progress(3, 3)
    chart = _chart(distances[:, 0], of_fresh[:, 0])
    return Explored(NAME, says, numbers, {"neighbours": sheet, "distances": chart})


def _chart(samples, fresh):
    figure = canvas.new(6.4, 3.6)
    axes = figure.subplots()
    edges = np.linspace(0.0, max(samples.max(), fresh.max()) * 1.001, 40)
    for name, values, colour in (("samples", samples, "model"), ("unseen", fresh, "data")):
        weights = np.full(len(values), 1.0 / len(values))
        style = {"color": canvas.colour(colour), "label": name, "histtype": "step"}
        axes.hist(values, edges, weights=weights, linewidth=1.5, **style)
    axes.legend(fontsize=8)
    canvas.tidy(
        axes,
        "Distance to the nearest training picture",
        xlabel="Euclidean distance of the pixels",
        ylabel="share",
    )
    return canvas.pixels(figure)
