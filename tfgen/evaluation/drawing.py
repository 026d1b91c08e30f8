"""Pictures drawn from a model for the metrics: a few at a time, checked, none of them kept here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfgen.evaluation.reference import Reference
    from tfgen.model import GenerativeModel

# What makes pictures, by the names that the models use; the first that a model has is measured.
GENERATING = ("generate", "complete", "assemble", "translate", "a_to_b")
# Samples of p(x|z), measured in place of its means where real pictures are black and white too.
DRAW = "draw"
# A picture as condition: each is used once, since its results are much alike.
_PICTURES = ("image", "patches")
# Share of values outside [-1, 1] beyond which pictures are not on this scale at all. A network with
# a linear output oversteps a little, and is cut off as when its pictures are shown.
OUTSIDE = 0.1
# Sets of samples lie this far apart, so that no two share a seed.
_APART = 1 << 32


class Unmeasurable(ValueError):
    """Generated pictures with which no metric can do anything."""


@dataclass(frozen=True)
class Way:
    """How samples are drawn from one model, given one data set.

    Args:
        signature: The served function.
        given: Inputs that come from the data, row by row.
        drawn: Inputs that are drawn, by the sample's seed.
        second: Whether the pictures belong to the data's second domain.
    """

    signature: str
    given: tuple[str, ...]
    drawn: tuple[str, ...]
    second: bool = False

    @property
    def repeats(self) -> bool:
        """Whether one row of the data can serve several samples."""
        return not any(name in _PICTURES for name in self.given)

    def stamp(self) -> dict:
        """What a figure's stamp says about its samples."""
        return {"signature": self.signature, "from_data": list(self.given)}


def way(
    model: "GenerativeModel", reference: "Reference", signature: str | None = None
) -> Way | str:
    """How samples are drawn, or why none can be.

    Args:
        model: Whose signatures are looked through.
        reference: What their inputs may be taken from.
        signature: The one to take; by default "draw" where the pictures are binary and the model
            has it, else the first of `GENERATING`, else one whose inputs can all be drawn.

    Raises:
        ValueError: The model has no such signature.
    """
    table = model.signatures()
    if signature is not None and signature not in table:
        raise ValueError(
            f"The model has no signature {signature!r} to draw samples by. Known: "
            f"{', '.join(table)}."
        )
    names = [signature] if signature else [n for n in GENERATING if n in table]
    if not signature and DRAW in table and reference.binary:
        names = [DRAW]
    names += [n for n, s in table.items() if s.drawable and n not in names]
    if not names:
        return "the model has no signature that generates pictures"
    inputs = table[names[0]].inputs
    given = tuple(n for n in inputs if n in reference.keys)
    lacking = [n for n, i in inputs.items() if n not in given and not i.distribution]
    if lacking:
        return f"samples need {', '.join(map(repr, lacking))}, which the data lack"
    second = names[0] == "a_to_b"
    if second and reference.second is None:
        return "samples belong to a second domain, which the data lack"
    drawn = tuple(n for n in inputs if n not in given)
    return Way(names[0], given, drawn, second)


def count(found: Way, reference: "Reference", samples: int) -> int:
    """How many samples are drawn where so many are asked for."""
    return samples if found.repeats else min(samples, reference.size)


def pictures(
    model: "GenerativeModel",
    found: Way,
    reference: "Reference",
    samples: int,
    sample_set: int,
    batch_size: int,
) -> Iterator[tuple[np.ndarray, np.ndarray | None, np.ndarray]]:
    """(images (B, H, W, C), labels (B,) or None, seeds (B,)) in batches.

    Sample n of a set is a pure function of (set, n), and of the data's row n (modulo their number)
    where the model is conditional; the label is that row's. Averaged weights are used where the
    model keeps them. Values a little outside [-1, 1] are left as they are.

    Raises:
        Unmeasurable: Pictures that are not finite, on another scale than [-1, 1], or of another
            shape than real ones.
    """
    expected = (reference.second if found.second else reference).image_shape
    signature, done = model.signatures()[found.signature], 0
    with model.averaged():
        for rows, given, labels in _conditions(found, reference, samples, batch_size):
            seeds = np.arange(done, done + rows, dtype=np.int64) + sample_set * _APART
            feeds = signature.draw(seeds, **_one_each(signature, given, done))
            outputs = model.call_signature(found.signature, feeds)
            images = next(iter(outputs.values())).numpy()
            check(images, expected, found.signature, done)
            yield images, labels, seeds
            done += rows


def served(
    model: "GenerativeModel", name: str, batch: dict[str, np.ndarray], first: int = 0
) -> dict[str, np.ndarray]:
    """The outputs of a signature for a batch of the data; what the batch lacks is drawn.

    Args:
        model: A `GenerativeModel`, in the state that counts.
        name: Of the signature.
        batch: Arrays by name; each input that is among them is taken from it.
        first: Seed of the first row.
    """
    signature = model.signatures()[name]
    given = {k: batch[k] for k in signature.inputs if k in batch}
    rows = len(next(iter(batch.values())))
    given = _one_each(signature, given, first)
    feeds = signature.draw(range(first, first + rows), **given)
    return {k: v.numpy() for k, v in model.call_signature(name, feeds).items()}


def check(images: np.ndarray, expected: tuple, signature: str, first: int = 0) -> None:
    """Raises Unmeasurable where generated pictures cannot be measured."""
    who = f"Signature {signature!r} of the model"
    if images.shape[1:] != tuple(expected):
        raise Unmeasurable(
            f"{who} makes pictures of shape {images.shape[1:]}, but those of the data are "
            f"{tuple(expected)}. Give data of the model's size and channels "
            "(options image_size and channels of the data)."
        )
    finite = np.isfinite(images).reshape(len(images), -1).all(axis=1)
    if not finite.all():
        raise Unmeasurable(
            f"{who} makes pictures that are not finite (NaN or infinity): {np.sum(~finite)} of "
            f"the {len(images)} from sample {first} on, the first is sample "
            f"{first + int(np.argmin(finite))}. Such a model cannot be measured."
        )
    outside = np.mean(np.abs(images) > 1.0)
    if outside > OUTSIDE:
        raise Unmeasurable(
            f"{who} makes pictures outside [-1, 1]: {outside:.0%} of the values, which go from "
            f"{images.min():.4g} to {images.max():.4g}."
        )


def _one_each(signature, given, first):
    """Where rows hold several values, such as captions, the next one in turn for each row."""
    chosen = {}
    for name, value in given.items():
        if value.ndim == len(signature.inputs[name].shape) + 2:
            rows = np.arange(len(value))
            value = value[rows, (first + rows) % value.shape[1]]
        chosen[name] = value
    return chosen


def _conditions(found, reference, samples, batch_size):
    """(rows, inputs that come from the data, their labels or None), until there are enough."""
    if not found.given:
        for first in range(0, samples, batch_size):
            yield min(batch_size, samples - first), {}, None
        return
    left = samples
    while left:
        for batch in reference.batches(batch_size):
            rows = min(left, len(batch["image"]))
            labels = batch["label"][:rows] if "label" in batch else None
            yield rows, {n: batch[n][:rows] for n in found.given}, labels
            left -= rows
            if not left:
                break
