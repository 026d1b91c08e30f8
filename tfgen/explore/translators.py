"""StarGAN and CycleGAN as one thing: pictures, their own domains, and what they are brought to."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import examples
from tfgen.explore.explored import unfit
from tfgen.explore.judge import MOST, Judge

ROWS = 100  # Pictures translated at a time.


@dataclass(frozen=True)
class Translated:
    """Pictures of a data set, and the domains that a model can bring them to.

    Args:
        images: (N, H, W, C) float32 in [-1, 1].
        own: The domain of each: (N,) int32, or attributes (N, K) float32 of 0 and 1.
        targets: Name -> the domain that each picture is brought to, as `own`. Of attributes one
            target changes one of them.
        other: A domain that is not a picture's own, for the way there and back; as `own`.
    """

    images: np.ndarray
    own: np.ndarray
    targets: dict[str, np.ndarray]
    other: np.ndarray

    def moved(self, target: str) -> np.ndarray:
        """Whether a target is another domain than the picture's own, (N,) bool."""
        return _differs(self.own, self.targets[target])

    def first(self, count: int) -> "Translated":
        """The first pictures alone."""
        targets = {name: domain[:count] for name, domain in self.targets.items()}
        return Translated(self.images[:count], self.own[:count], targets, self.other[:count])


def of(experiment: str, model: Any, source: Source, count: int, seed: int) -> Translated:
    """Pictures of a source in the order of their domains: one of each, then again.

    Raises:
        ValueError: A model that translates nothing, or a source that lacks the second set or the
            domains of its pictures.
    """
    if "a_to_b" in model.signatures():
        return _of_two_sets(experiment, source, count, seed)
    if "translate" not in model.signatures():
        reason = "it translates no pictures; CycleGAN and StarGAN do."
        raise unfit(experiment, model, reason)
    key = "label" if model.kind == "class" else "attributes"
    arrays = examples.mixed(source, count, seed).arrays
    if key not in arrays:
        raise ValueError(f"explore {experiment}: {source.name!r} has no {key!r} of its pictures.")
    images, own = arrays["image"], arrays[key]
    if "label_set" in arrays:  # Of two label sets the first one is shown.
        images, own = (values[arrays["label_set"] == 0] for values in (images, own))
    names = [str(name) for name in model.class_names or range(model.num_domains)]
    if model.kind == "class":
        order = _in_turn(own)
        images, own = images[order], own[order].astype(np.int32)
        targets = {name: np.full_like(own, n) for n, name in enumerate(names)}
        return Translated(images, own, targets, (own + 1) % len(names))
    own = own.astype(np.float32)
    changes = {f"{name} changed": _flipped(own, n) for n, name in enumerate(names)}
    turns = np.arange(len(own)) % len(names)
    other = np.stack([list(changes.values())[k][row] for row, k in enumerate(turns)])
    return Translated(images, own, changes, other)


def translated(model: Any, images: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, C) brought to domains (N,) or (N, K), (N, H, W, C)."""
    made = []
    with model.averaged():
        for first in range(0, len(images), ROWS):
            part = slice(first, first + ROWS)
            made.append(_part(model, images[part], domain[part]))
    return np.concatenate(made)


class Reader:
    """Classifiers of real pictures that say in which domain a picture is.

    Args:
        known: Real pictures to learn from.
        unseen: Real pictures for `accuracy`.
    """

    def __init__(self, known: Translated, unseen: Translated):
        columns = [None] if known.own.ndim == 1 else range(known.own.shape[1])
        self._judges = [
            Judge(
                known.images[:MOST],
                _column(known.own, k)[:MOST],
                unseen.images,
                _column(unseen.own, k),
            )
            for k in columns
        ]
        self.accuracy = float(np.mean([judge.accuracy.value for judge in self._judges]))

    def right(self, images: np.ndarray, domain: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Whether pictures are read as what they were to become, (N,) bool.

        Of attributes those count that were to change.

        Args:
            images: (N, H, W, C).
            domain: What they were brought to.
            own: Where they come from.
        """
        if domain.ndim == 1:
            return self._judges[0].classes(images) == domain
        read = np.stack([judge.classes(images) for judge in self._judges], 1)
        return ((read == domain) | (domain == own)).all(axis=1)


def _of_two_sets(experiment, source, count, seed):
    if source.second is None:
        raise ValueError(f"explore {experiment}: {source.name!r} has one set of pictures, not two.")
    sets = [examples.mixed(s, -(-count // 2), seed).images for s in (source, source.second)]
    most = min(map(len, sets))
    images = np.stack([images[:most] for images in sets], 1)
    images = images.reshape(-1, *images.shape[2:])
    own = np.arange(2 * most, dtype=np.int32) % 2
    targets = {name: np.full_like(own, n) for n, name in enumerate("AB")}
    return Translated(images, own, targets, 1 - own)


def _part(model, images, domain):
    if "translate" in model.signatures():
        feeds = {"image": images, "domain": domain}
        return model.call_signature("translate", feeds)["image"].numpy()
    both = [
        model.call_signature(n, {"image": images})["image"].numpy() for n in ("b_to_a", "a_to_b")
    ]
    return np.stack(both)[domain, np.arange(len(images))]


def _in_turn(own):
    """An order in which each domain comes once before one comes again."""
    turn = np.zeros(len(own), int)
    for value in np.unique(own):
        rows = np.flatnonzero(own == value)
        turn[rows] = np.arange(len(rows))
    return np.lexsort((own, turn))


def _flipped(own, column):
    changed = own.copy()
    changed[:, column] = 1.0 - changed[:, column]
    return changed


def _differs(a, b):
    return a != b if a.ndim == 1 else (a != b).any(axis=1)


def _column(own, k):
    return own if k is None else own[:, k].astype(np.int32)
