"""Negative log-likelihood over a whole data set."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfgen.probability.levels import bits_per_dim, level_index

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


@dataclass(frozen=True)
class NLL:
    """A mean over images.

    Args:
        nats: Mean of -log p(x), nats an image.
        standard_error: Of that mean over images, nats; NaN for a single image.
        bits_per_dim: The mean in bits a sub-pixel.
        images: How many there were.
    """

    nats: float
    standard_error: float
    bits_per_dim: float
    images: int

    def __str__(self):
        return (
            f"{self.nats:.3f} +- {self.standard_error:.3f} nats, {self.bits_per_dim:.4f} bits/dim "
            f"({self.images} images)"
        )


def nll(model: "GenerativeModel", dataset: Iterable[dict], signature: str = "log_prob") -> NLL:
    """-log p(x) of every image of a data set, averaged; nothing is drawn and nothing changes.

    Averaged weights are used where the model keeps them. One batch is in memory at a time.

    Args:
        model: A model whose signature gives "log_prob" (B,) in nats.
        dataset: Finite batches, dicts with the signature's inputs (`image`, and `label` where the
            model is conditional).
        signature: "log_prob", or "class_log_prob" for log p(x) without the labels.

    Raises:
        ValueError: The model has no such likelihood, a batch lacks an input, the data set is
            empty, or a log-likelihood is not finite.
    """
    count, total, squares, shift = 0, 0.0, 0.0, 0.0
    for values in per_image(model, dataset, signature):
        # Differences from the first value: the plain sum of squares would cancel.
        shift = shift if count else float(values[0])
        count += len(values)
        total += float((values - shift).sum())
        squares += float(np.square(values - shift).sum())
    if not count:
        raise ValueError("The data set holds no image.")
    mean = total / count + shift
    spread = max(squares / count - (total / count) ** 2, 0.0)
    error = (spread / (count - 1)) ** 0.5 if count > 1 else float("nan")
    return NLL(mean, error, bits_per_dim(mean, model.image_shape), count)


def per_image(
    model: "GenerativeModel", dataset: Iterable[dict], signature: str = "log_prob"
) -> Iterator[np.ndarray]:
    """-log p(x) in nats, one float64 array (B,) for each batch; arguments and errors as `nll`."""
    table = model.signatures()
    if signature not in table:
        raise ValueError(
            f"{type(model).__name__} has no signature {signature!r}. It has: {', '.join(table)}."
        )
    inputs = table[signature].inputs
    with model.averaged():
        for batch in dataset:
            missing = [name for name in inputs if name not in batch]
            if missing:
                raise ValueError(f"The batches lack {missing}. They hold: {', '.join(batch)}.")
            if hasattr(model, "levels"):
                level_index(batch["image"], model.levels)  # A graph would take the nearest level.
            outputs = model.call_signature(signature, {name: batch[name] for name in inputs})
            values = -np.asarray(outputs["log_prob"], np.float64)
            if not np.isfinite(values).all():
                raise ValueError("A log-likelihood is not finite (NaN or infinity).")
            yield values
