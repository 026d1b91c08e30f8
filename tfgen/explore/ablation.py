"""Maps of a generator that draw one thing, found and dropped."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen.data import Source
from tfgen.explore import examples, judge, latent_space, sheets
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.metrics import intervals
from tfgen.networks.features import convolutional_activations

NAME = "ablate"
POOL = 2000  # Samples that maps are chosen by.
PLACES = 20_000  # Places that the logistic regression learns from.


def ablate(
    model: Any,
    train: Source,
    test: Source,
    target: str | None = None,
    box: Sequence[float] = (),
    share: float = 0.15,
    samples: int = 200,
    rounds: int = 10,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Drop the maps that draw windows, and there are none: is what a map draws its own?

    Of the last layer of maps before the picture, a logistic regression tells activations of what
    is to go from others: of samples of one class from samples of the others, or inside a box from
    outside it in all samples. The maps with the largest positive weights are set to zero, and the
    same seeds are drawn again; beside it as many maps at random (Radford et al. 2015, section
    6.3.1, with boxes drawn by hand).

    Args:
        model: With a generator of convolutions, such as DCGAN.
        train: Its data; a judge of pictures learns the classes from it.
        test: What the judge is measured on.
        target: The class that shall go; by default the one that is drawn most.
        box: In place of a class: top, left, bottom, right as shares of the sides, such as
            0,0,0.5,1 for the upper half.
        share: Of all maps that is dropped.
        samples: That are measured, before and after.
        rounds: Random choices of as many maps.
        seed: Of the first sample and of the random choices.
        progress: Called with (done, total).

    Returns:
        Numbers: maps, how much is left of the class (share of its samples still read as it) or of
        the brightness in the box and outside, for chosen maps and for each random choice, with
        intervals; figures: "before-and-after".

    Raises:
        ValueError: No maps, no labels and no box, or a number out of its range.
    """
    network, space = _chain(model), latent_space.of_run(NAME, model, train)
    if network is None or "label" in space.inputs:
        raise unfit(NAME, model, "it has no chain of convolutions from z alone; DCGAN's has.")
    if not 0.0 < share < 1.0 or min(samples, rounds) < 2:
        raise ValueError(
            f"explore {NAME}: `share` must lie between 0 and 1, `samples` and `rounds` be 2 or "
            f"more. Received: {share}, {samples}, {rounds}."
        )
    if len(box) not in (0, 4) or (not box and "label" not in train.arrays):
        raise ValueError(
            f"explore {NAME}: give `box` as top,left,bottom,right; without labels it is needed. "
            f"Received: {tuple(box)}."
        )
    generator = np.random.default_rng(seed)
    of_classes = None if box else judge.of(train, test, seed)
    with model.averaged():
        first, second = network
        z = space.draw(range(seed, seed + POOL))
        maps = _batched(first, z)  # (N, h, w, M)
        images = _batched(second, maps)
        if of_classes is None:
            name, inside, rows = "the box", _inside(maps, box), np.arange(POOL)
        else:
            name, label, rows, read = _class(of_classes, images, target, train)
            if (read == label).all():
                raise unfit(NAME, model, f"all of its samples show {name}: give `box`.")
            inside = np.broadcast_to((read == label)[:, None, None], maps.shape[:3])
        chosen = choose(maps, inside, share, generator)
        progress(1, 2 + rounds)
        rows = rows[:samples]
        kept = images[rows]

        def without(dropped):
            left = maps[rows].copy()
            left[..., dropped] = 0.0
            return _batched(second, left)

        def effect(after):
            if of_classes is None:
                return _brightness(after, box)[0] / max(_brightness(kept, box)[0], 1e-12)
            return float((of_classes.classes(after) == label).mean())

        after = without(chosen)
        random = []
        for number in range(rounds):
            other = generator.choice(maps.shape[-1], len(chosen), replace=False)
            example = without(other)
            random.append(effect(example))
            progress(2 + number, 2 + rounds)
    left, by_chance = effect(after), intervals.mean(np.array(random))
    numbers: dict[str, Any] = {
        "dropped": name,
        "maps": maps.shape[-1],
        "chosen": chosen,
        "left_without_chosen": left,
        "left_without_random": by_chance.as_dict(),
        "each_random": random,
        "samples": len(kept),
    }
    if of_classes is None:
        numbers["brightness_outside"] = _brightness(after, box)[1] / max(
            _brightness(kept, box)[1], 1e-12
        )
    what = "of the brightness in the box is" if of_classes is None else f"of {name} are"
    says = (
        f"Without {len(chosen)} of {maps.shape[-1]} maps {left:.0%} {what} left; without as many "
        f"random ones {by_chance.value:.0%} ({min(random):.0%} to {max(random):.0%}): "
        + ("the maps chosen draw it." if left < min(random) else "no more than chance takes away.")
    )
    n = 10
    sheet = sheets.sheet([
        ("before", kept[:n]),
        ("chosen maps\ndropped", after[:n]),
        ("random maps\ndropped", example[:n]),
    ])  # fmt: skip
    progress(2 + rounds, 2 + rounds)
    return Explored(NAME, says, numbers, {"before-and-after": sheet})


def choose(
    maps: np.ndarray, inside: np.ndarray, share: float, generator: np.random.Generator
) -> np.ndarray:
    """The maps whose activations speak most for what is inside, by logistic regression.

    Args:
        maps: Activations (N, h, w, M).
        inside: Whether each place counts, (N, h, w) bool.
        share: Of all maps, at least one.
        generator: Of the places looked at.

    Returns:
        Numbers of maps, the largest positive weight first; at most those with positive weights.
    """
    from sklearn.linear_model import LogisticRegression

    x, y = maps.reshape(-1, maps.shape[-1]), inside.reshape(-1)
    places = generator.permutation(len(x))[:PLACES]
    x, y = x[places], y[places]
    scale = x.std(0) + 1e-6
    weights = LogisticRegression(C=0.1, max_iter=200).fit(x / scale, y).coef_[0]
    order = np.argsort(-weights)[: max(1, round(share * maps.shape[-1]))]
    return order[weights[order] > 0] if weights[order[0]] > 0 else order[:1]


def _class(of_classes, images, target, train):
    """Name and number of the class, the rows that show it, and what all are read as."""
    read = of_classes.classes(images)
    values, counts = np.unique(read, return_counts=True)
    known = examples.of(train, 1)
    named = examples.Examples({"label": values}, known.class_names)
    label = int(values[counts.argmax()]) if target is None else named.label(target)
    return f"class {known.name(label)}", label, np.flatnonzero(read == label), read


def _chain(model):
    """The generator up to its last maps, and from there to the picture; None where it has none."""
    network = getattr(model, "generator", None)
    if not isinstance(network, keras.Sequential):
        return None
    outputs = convolutional_activations(network)
    shape = network.output_shape
    inner = [h for h in outputs if h.shape[1:] != tuple(shape[1:])]
    if not inner:
        # The first maps of a shallow generator come from a reshaped dense layer.
        inner = [layer.output for layer in network.layers if isinstance(layer, keras.layers.Reshape)
                 and len(layer.output.shape) == 4]  # fmt: skip
    if not inner:
        return None
    number = next(n for n, layer in enumerate(network.layers) if layer.output is inner[-1])
    first = keras.Model(network.inputs[0], inner[-1])
    later = network.layers[number + 1 :]

    def second(h):
        for layer in later:
            h = layer(h, training=False)
        return h

    return first, second


def _batched(function, x, rows=250):
    parts = []
    for first in range(0, len(x), rows):
        part = tf.constant(np.asarray(x[first : first + rows], np.float32))
        parts.append(function(part, training=False) if isinstance(function, keras.Model)
                     else function(part))  # fmt: skip
    return np.concatenate([part.numpy() for part in parts])


def _inside(maps, box):
    height, width = maps.shape[1:3]
    y = (np.arange(height) + 0.5) / height
    x = (np.arange(width) + 0.5) / width
    there = ((y >= box[0]) & (y < box[2]))[:, None] & ((x >= box[1]) & (x < box[3]))
    return np.broadcast_to(there, maps.shape[:3])


def _brightness(images, box):
    """Mean in the box and outside it, on the scale of [0, 1]."""
    there = _inside(images, box)
    light = 0.5 * (images.mean(-1) + 1.0)
    return float(light[there].mean()), float(light[~there].mean())
