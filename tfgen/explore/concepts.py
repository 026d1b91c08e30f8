"""Concepts as codes: what a class, a brightness within it, some seeds or pictures are in z.

3                the class of that name or number
bold 3, thin 3   its brightest and its darkest quarter
seeds:0,4,9      the codes of these seeds
"""

from dataclasses import dataclass

import numpy as np

from tfgen.explore.examples import Examples
from tfgen.explore.explored import unfit
from tfgen.explore.judge import Judge
from tfgen.explore.latent_space import LatentSpace
from tfgen.pictures import samples

POOL = 2000  # Codes that are looked through.
BRIGHT, DARK = "bold", "thin"


@dataclass(frozen=True)
class Pool:
    """Codes with their pictures and what a judge says of them.

    Args:
        space: Of the model.
        known: Pictures of its data, for the names of classes.
        z: Codes (N, Z).
        images: Of the codes, (N, H, W, C).
        classes: Judged classes (N,), -1 without labels.
        margins: How far each lies inside its class, (N,).
    """

    space: LatentSpace
    known: Examples
    z: np.ndarray
    images: np.ndarray
    classes: np.ndarray
    margins: np.ndarray

    def rows(self, label: int) -> np.ndarray:
        """The rows of a class, the surest first; the less sure half is left out.

        Raises:
            ValueError: Fewer than 4 codes of the class.
        """
        rows = np.flatnonzero(self.classes == label)
        if len(rows) < 4:
            raise ValueError(
                f"Of {len(self.z):,} samples {len(rows)} show class {self.known.name(label)}: "
                "too few for a concept."
            )
        return rows[np.argsort(-self.margins[rows])][: max(2, len(rows) // 2)]

    def codes(self, text: str) -> np.ndarray:
        """The codes (M, Z) of a concept; see the module.

        Raises:
            ValueError: No such class, one that is not drawn, or a data set without labels.
        """
        kind, _, rest = text.strip().partition(":")
        if kind == "seeds" and rest:
            return self.space.draw(samples.seeds(rest))
        word, _, name = text.strip().partition(" ")
        shade = word if word in (BRIGHT, DARK) and name else None
        rows = self.rows(self.known.label(name if shade else text.strip()))
        if shade is None:
            return self.z[rows]
        ink = brightness(self.images[rows])
        order = np.argsort(ink if shade == DARK else -ink)
        return self.z[rows[order[: max(2, len(rows) // 4)]]]


def pool(
    name: str,
    space: LatentSpace,
    known: Examples,
    judge: Judge | None,
    count: int = POOL,
    seed: int = 0,
) -> Pool:
    """Codes drawn from the model, or of real pictures where it has an encoder, with their classes.

    Args:
        name: Of the experiment.
        space: Of the model.
        known: Pictures of its data, `count` of them or more.
        judge: Of their classes; None for a data set without labels.
        count: Codes.
        seed: Of the first one.

    Raises:
        ValueError: The label is an input of the model: z knows no class.
    """
    if judge is not None and "label" in space.inputs:
        raise unfit(name, space.model, "the label is an input of its own, so z knows no class.")
    nothing = np.full(count, -1), np.zeros(count)
    if space.encodes and known.labels is not None:
        z = space.encode(known.images[:count])
        classes = known.labels[:count]
        return Pool(space, known, z, space.decode(z), classes, np.zeros(len(z)))
    seeds = range(seed, seed + count)
    z = space.draw(seeds)
    images = space.decode(z, seeds)
    if judge is None:
        return Pool(space, known, z, images, *nothing)
    scores = judge.scores(images)
    best = scores.argmax(1)
    return Pool(space, known, z, images, judge.known[best], scores[np.arange(len(best)), best])


def brightness(images: np.ndarray) -> np.ndarray:
    """Mean of each picture's pixels on the scale of [0, 1], (N,)."""
    return 0.5 * (images.reshape(len(images), -1).mean(1) + 1.0)


def drawn(codes: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """So many of the codes (N, Z), each once as far as they go."""
    return codes[generator.choice(len(codes), count, replace=count > len(codes))]
