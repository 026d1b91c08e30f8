"""Log-likelihoods of pictures under any model that has one, exactly or by its bound."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tfgen.explore.explored import unfit

ROWS = 100
CODES = 10  # Of a bound, for each picture: the mean of so many ELBOs.


@dataclasses.dataclass(frozen=True)
class Scores:
    """How likely a model finds pictures.

    Args:
        model: A `GenerativeModel`.
        signature: "log_prob", "class_log_prob" or "elbo".
        kind: "log p(x)" or "a lower bound of log p(x)".
    """

    model: Any
    signature: str
    kind: str

    def of(self, images: np.ndarray, told: Callable[[int], Any] | None = None) -> np.ndarray:
        """Nats of each picture, (N,) float64.

        Args:
            images: (N, H, W, C) in [-1, 1].
            told: Called with the number of pictures done.
        """
        signature = self.model.signatures()[self.signature]
        found = []
        with self.model.averaged():
            for first in range(0, len(images), ROWS):
                part = images[first : first + ROWS]
                seeds = range(first, first + len(part))
                rounds = CODES if self.signature == "elbo" else 1
                total = np.zeros(len(part))
                for number in range(rounds):
                    feeds = signature.draw([s + number * 1_000_003 for s in seeds], image=part)
                    outputs = self.model.call_signature(self.signature, feeds)
                    name = "elbo" if self.signature == "elbo" else "log_prob"
                    total += np.asarray(outputs[name], np.float64)
                found.append(total / rounds)
                if told:
                    told(first + len(part))
        return np.concatenate(found)


def of(name: str, model: Any) -> Scores:
    """How a model scores pictures alone.

    Args:
        name: Of the experiment.
        model: A `GenerativeModel`.

    Raises:
        ValueError: It has no likelihood of pictures alone.
    """
    table = model.signatures()
    for signature in ("class_log_prob", "log_prob", "elbo"):
        inputs = table[signature].inputs if signature in table else {}
        if inputs and all(n == "image" or i.distribution for n, i in inputs.items()):
            bound = signature == "elbo"
            return Scores(model, signature, "a lower bound of log p(x)" if bound else "log p(x)")
    raise unfit(
        name,
        model,
        "it has no likelihood of a picture, not even a bound; VAE, PixelCNN, Gated PixelCNN, "
        "PixelCNN++ and PixelRNN have.",
    )


def complexity(images: np.ndarray) -> np.ndarray:
    """Nats that a PNG of each picture takes, (N,): Serra et al. 2020's estimate of complexity."""
    import io

    from PIL import Image

    from tfgen.pictures import to_uint8

    sizes = []
    for image in to_uint8(images):
        buffer = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(
            buffer, "PNG", optimize=True
        )
        sizes.append(buffer.tell())
    return np.array(sizes) * 8.0 * np.log(2.0)
