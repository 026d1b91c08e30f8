"""Pictures that a report shows of a model: samples, and what becomes of given pictures."""

import time
from typing import TYPE_CHECKING

import numpy as np

from tfgen import pictures
from tfgen.evaluation import drawing, needs
from tfgen.evaluation.work import Work

if TYPE_CHECKING:
    from tfgen.evaluation.reference import Reference
    from tfgen.model import GenerativeModel

SAMPLES, PAIRS = 64, 16


def of_model(model: "GenerativeModel", reference: "Reference") -> dict[str, np.ndarray]:
    """Caption -> uint8 grid, for whatever the model's family can do.

    Args:
        model: A `GenerativeModel`.
        reference: The `tfgen.evaluation.reference.Reference` whose first pictures are shown.

    Raises:
        ValueError: Pictures that cannot be shown (NaN, another shape).
    """
    work, made = Work(model, reference), {}
    (images,) = reference.rows("image", limit=SAMPLES)
    made["real pictures"] = pictures.grid(images)
    if not isinstance(work.way, str):
        shown = _drawn(work)
        if work.way.repeats:
            made["samples"] = pictures.grid(shown)
        else:
            made["given picture, sample"] = _pairs(images, shown)
    if not needs.reconstructions(work):
        made["picture, reconstruction"] = _pairs(images, _served(work, "reconstruct", {}))
    table = model.signatures()
    if "generate" in table and "complete" in table:
        mask = np.zeros((PAIRS, *reference.image_shape[:2], 1), np.int32)
        mask[:, : mask.shape[1] // 2] = 1  # The upper half is given.
        made["picture, its upper half completed"] = _pairs(
            images, _served(work, "complete", {"mask": mask})
        )
    return made


def speed(model: "GenerativeModel", reference: "Reference") -> float | None:
    """Samples drawn a second, `SAMPLES` at once, here and now; None where the model draws none.

    The second draw is timed: the first compiles.
    """
    work = Work(model, reference)
    if isinstance(work.way, str):
        return None
    count = len(_drawn(work))
    start = time.perf_counter()
    _drawn(work)
    return count / (time.perf_counter() - start)


def _drawn(work):
    count = drawing.count(work.way, work.reference, SAMPLES)
    stream = drawing.pictures(work.model, work.way, work.reference, count, 0, SAMPLES)
    return np.concatenate([images for images, _, _ in stream])


def _served(work, name, given):
    """A signature's first output on the data's first pictures."""
    inputs = work.model.signatures()[name].inputs
    keys = [k for k in inputs if k in work.reference.keys and k not in given]
    rows = work.reference.rows(*keys, limit=PAIRS)
    batch = {**dict(zip(keys, rows, strict=True)), **given}
    count = min(map(len, batch.values()))
    with work.model.averaged():
        images = drawing.served(work.model, name, {k: v[:count] for k, v in batch.items()})["image"]
    drawing.check(np.clip(images, -1, 1), work.reference.image_shape, name)
    return images


def _pairs(images, made):
    rows = min(len(images), len(made), 2 * PAIRS)
    both = np.concatenate([images[:rows], made[:rows]], axis=2)  # (N, H, 2W, C)
    return pictures.grid(both, min(4, rows))
