"""Whether pictures that a model is measured on are among those that it was trained on."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfgen.evaluation.reference import Reference

# Data sets have a few pictures twice (CIFAR-10 has some in both splits); more is no accident.
TOLERATED = 0.01


def overlap(reference: "Reference", training: "Reference") -> float:
    """Share of the reference's pictures that are, bit for bit, among the training pictures."""
    if reference.fingerprint == training.fingerprint:
        return 1.0
    known = {digest for r in _domains(training) for digest in _digests(r)}
    found = [digest in known for r in _domains(reference) for digest in _digests(r)]
    return float(np.mean(found))


def check(reference: "Reference", training: "Reference | None", seen: bool) -> float:
    """The overlap, refused where it is more than an accident.

    Raises:
        ValueError: The model was trained on the pictures and `seen` is not set.
    """
    share = overlap(reference, training)
    if share > TOLERATED and not seen:
        raise ValueError(
            f"The model was trained on {share:.0%} of the pictures of {reference.name!r}, split "
            f"{reference.split!r} (its training split is {training.split!r}): a figure on them "
            "says nothing about new pictures. Measure on another split, or set seen=True "
            "(--seen), which is then written beside every figure."
        )
    return share


def _domains(reference):
    return [reference] + ([reference.second] if reference.second is not None else [])


def _digests(reference):
    for pixels in _pixels(reference):
        # Half a grey level is no difference: float and uint8 sources of one picture agree.
        if pixels.dtype != np.uint8:
            pixels = np.round((pixels + 1.0) * 127.5).astype(np.uint8)
        for picture in pixels:
            yield hashlib.blake2b(picture.tobytes(), digest_size=16).digest()


def _pixels(reference):
    """Pictures as the source has them: binarized ones may be equal by chance."""
    if reference.source is None or reference.preparation.get("batches"):
        yield from (batch["image"] for batch in reference.batches(500))
        return
    images = reference.source.arrays["image"]
    for first in range(0, len(images), 500):
        yield np.asarray(images[first : first + 500])
