"""Sums and differences of codes, and how often a class comes out that was asked for."""

from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import canvas, concepts, examples, judge, latent_space, sheets
from tfgen.explore.concepts import Pool, brightness, drawn
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.explore.judge import Judge
from tfgen.metrics import intervals

NAME = "arithmetic"
MEANS = (1, 3, 10, 30)  # Codes in a mean.
NOISE = 0.25
SHOWN = 4  # Of the samples, and of the single sums.
ROUNDS = 4  # Results for each pair of classes and each size of a mean.
WITHOUT_LABELS = ("seeds:0-2", "seeds:3-5", "seeds:6-8")


def arithmetic(
    model: Any,
    train: Source,
    test: Source,
    plus: str | None = None,
    minus: str | None = None,
    start: str | None = None,
    samples: int = 10,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Sums of codes: smiling woman - woman + man; with digits, bold 3 - thin 3 + thin 7.

    The codes of a few samples of each concept are averaged, and plus - minus + start is shown in
    the middle of its neighbourhood, by uniform noise of +-0.25; beside it the sums of single
    samples, which are less sure (Radford et al. 2015, section 6.3.2, with three samples). Over all
    pairs of classes, how often does mean(a) - mean(b) + one b become an a?

    Args:
        model: With a latent vector.
        train: Its data; a judge of pictures learns the classes from it.
        test: What the judge is measured on.
        plus: A concept: a class ("3"), "bold" or "thin" with it ("bold 3"), or "seeds:0,4,9".
        minus: The concept that is taken away.
        start: The concept that the difference is added to.
        samples: Codes of a concept.
        seed: Of the codes chosen and of the noise.
        progress: Called with (done, total).

    Returns:
        Numbers: what the results are read as, the spread of single sums, and over all pairs of
        classes the share of results that are read as asked for, by the number of codes in a mean,
        with chance beside it; figures: "sum" and "means".

    Raises:
        ValueError: A model without a latent vector or whose label is an input of its own, a concept
            that there is not, or `samples` below 1.
    """
    if samples < 1:
        raise ValueError(f"explore {NAME}: `samples` must be at least 1. Received: {samples}.")
    space = latent_space.of_run(NAME, model, train)
    asked = (plus, minus, start)
    by_class = any(text and not text.startswith("seeds:") for text in asked)
    classes = "label" in train.arrays and ("label" not in space.inputs or by_class)
    of_classes = judge.of(train, test) if classes else None
    progress(1, 4)
    known = examples.mixed(train, concepts.POOL)
    pool = concepts.pool(NAME, space, known, of_classes, seed=seed)
    progress(2, 4)
    usual = _usual(pool) if of_classes else WITHOUT_LABELS
    texts = tuple(text or other for text, other in zip(asked, usual, strict=True))
    numbers, figure, singles = _sum(pool, texts, samples, np.random.default_rng(seed))
    progress(3, 4)
    says = f"{texts[0]} - {texts[1]} + {texts[2]}, from means of {samples}"
    if of_classes is None:
        says += ": the middle of the nine pictures; the sums of single samples are below it."
        progress(4, 4)
        return Explored(NAME, says, numbers, {"sum": figure})
    images = space.decode(singles)
    numbers["single_sums_are"] = [known.name(int(n)) for n in of_classes.classes(images[1:])]
    numbers["sum_is"] = known.name(int(of_classes.classes(images[:1])[0]))
    numbers["classes"] = found = over_classes(pool, of_classes, seed)
    one, many = (found["share"][str(count)]["value"] for count in (MEANS[0], MEANS[-1]))
    says += (
        f", is read as {numbers['sum_is']}. Over all pairs of classes mean(a) - mean(b) + one b is "
        f"read as a in {one:.0%} with single codes and in {many:.0%} with means of {MEANS[-1]}; "
        f"chance gives {found['chance']:.0%}."
    )
    progress(4, 4)
    return Explored(NAME, says, numbers, {"sum": figure, "means": _chart(found)})


def _usual(pool):
    """Bold a - thin a + thin b, of the two classes that are drawn most."""
    values, counts = np.unique(pool.classes, return_counts=True)
    first, second = (
        pool.known.name(int(n)) for n in values[np.argsort(-counts, kind="stable")][:2]
    )
    return f"bold {first}", f"thin {first}", f"thin {second}"


def _sum(pool, texts, samples, generator):
    """Numbers, the figure, and the codes of the sum and of the single sums."""
    decode = pool.space.decode
    a, b, c = (drawn(pool.codes(text), samples, generator) for text in texts)
    result = (a.mean(0) - b.mean(0) + c.mean(0))[None]
    around = generator.uniform(-NOISE, NOISE, (9, pool.space.size)) * (np.arange(9) != 4)[:, None]
    neighbours = decode((result + around).astype(np.float32))
    singles = a - b + c
    rows = [
        (f"{sign}{text}", decode(np.concatenate([z[:SHOWN], z.mean(0, keepdims=True)])))
        for sign, text, z in zip(("", "- ", "+ "), texts, (a, b, c), strict=True)
    ]
    rows += [("= of single ones", decode(singles[:SHOWN]))]
    columns = [*map(str, range(1, min(SHOWN, samples) + 1)), "mean"]
    nine = [("", neighbours[3 * n : 3 * n + 3]) for n in range(3)]
    figure = sheets.beside([sheets.sheet(rows, columns), sheets.sheet(nine, ["= means", "", ""])])
    lights = {text: brightness(decode(z)).mean() for text, z in zip(texts, (a, b, c), strict=True)}
    numbers = {
        "plus": texts[0],
        "minus": texts[1],
        "start": texts[2],
        "samples": samples,
        "spread_of_single_sums": np.std(decode(singles), axis=0).mean(),
        "spread_of_neighbours": np.std(neighbours, axis=0).mean(),
        "brightness": {**lights, "sum": brightness(neighbours[4:5])[0]},
    }
    return numbers, figure, np.concatenate([result, singles])


def _chart(found):
    figure = canvas.new(5.0, 3.6)
    axes = figure.subplots()
    share = found["share"]
    middle = [share[k]["value"] for k in share]
    ends = [[m - share[k]["low"], share[k]["high"] - m] for k, m in zip(share, middle, strict=True)]
    axes.bar(list(share), middle, yerr=np.array(ends).T, capsize=4, color=canvas.colour("model"))
    axes.axhline(found["chance"], color=canvas.colour("exact"), linestyle="--", label="chance")
    axes.legend(fontsize=8)
    canvas.tidy(
        axes,
        "mean(a) - mean(b) + one b, read as a",
        xlabel="codes in each mean",
        ylabel="share of all pairs of classes",
        ylim=(0, 1),
    )
    return canvas.pixels(figure)


def over_classes(pool: Pool, of_classes: Judge, seed: int = 0) -> dict:
    """How often mean(a) - mean(b) + b' is read as a, over all pairs of classes a and b.

    Returns:
        "share": codes in a mean -> value and interval over the results; "chance": the share that
        a class has in the pool, on average; "judge": the judge's accuracy on real pictures;
        "left_out": classes that are hardly ever drawn.
    """
    generator = np.random.default_rng([seed, 1])
    codes, left_out = {}, []
    for label in of_classes.known.tolist():
        try:
            codes[label] = pool.z[pool.rows(label)]
        except ValueError:
            left_out.append(pool.known.name(label))
    share = {}
    for count in MEANS:
        sums, wanted = [], []
        for a in codes:
            for b in codes:
                for _ in range(ROUNDS if a != b else 0):
                    here = drawn(codes[a], count, generator).mean(0)
                    there = drawn(codes[b], count, generator).mean(0)
                    sums.append(here - there + drawn(codes[b], 1, generator)[0])
                    wanted.append(a)
        if not sums:
            reason = "it draws a single class: there is nothing to calculate with."
            raise unfit(NAME, pool.space.model, reason)
        hits = of_classes.classes(pool.space.decode(np.array(sums, np.float32))) == np.array(wanted)
        share[str(count)] = intervals.proportion(int(hits.sum()), len(hits)).as_dict()
    present = [float((pool.classes == label).mean()) for label in codes]
    return {
        "share": share,
        "chance": float(np.mean(present)),
        "judge": of_classes.accuracy.as_dict(),
        "left_out": left_out,
    }
