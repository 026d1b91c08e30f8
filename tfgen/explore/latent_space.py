"""The latent space of a model, whatever its kind: codes drawn, decoded and found for pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import examples
from tfgen.explore.explored import unfit
from tfgen.probability import Prior

ROWS = 256  # Codes decoded at a time.
FEW, MANY = 16, 2000  # Pictures read of a data set: for what is given besides z, and for codes.
# What makes pictures of a code, the first that a model has; `decode` takes the code itself where
# `generate` takes the noise that a prior makes codes of.
DECODING = ("decode", "generate", "complete", "assemble")


@dataclass(frozen=True)
class LatentSpace:
    """How pictures are made of codes z, and perhaps codes of pictures.

    Args:
        model: A `GenerativeModel`.
        signature: The served function that takes z.
        prior: Distribution of z where the signature does not draw it itself.
        given: Inputs besides z that cannot be drawn, one value of each for all rows.
        known: Codes of real pictures (M, Z), for a model without a prior: seed n is row n mod M.
    """

    model: Any
    signature: str
    prior: Prior | None = None
    given: dict[str, np.ndarray] | None = None
    known: np.ndarray | None = None

    @property
    def inputs(self) -> dict:
        """Of the signature: name -> `tfgen.signature.Input`."""
        return self.model.signatures()[self.signature].inputs

    @property
    def size(self) -> int:
        """Length of z."""
        return int(self.inputs["z"].shape[0] or 0)

    @property
    def is_uniform(self) -> bool:
        """Whether z is drawn from a cube, which a sphere would leave."""
        return self.prior is None and self.inputs["z"].distribution == "uniform"

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the largest number in a z that is drawn from a cube; else None."""
        z = self.inputs["z"]
        return (z.low, z.high) if self.is_uniform else None

    def draw(self, seeds: Sequence[int] | np.ndarray) -> np.ndarray:
        """Codes of the model's own distribution, (N, Z); row n is a function of seeds[n]."""
        if self.known is not None:
            return self.known[np.asarray(seeds) % len(self.known)]
        if self.prior is not None:
            return np.asarray(self.prior.sample(seeds), np.float32)
        return self._feeds(seeds)["z"]

    def decode(self, z: np.ndarray, seeds: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Pictures (N, H, W, C) of codes (N, Z).

        Args:
            z: Codes.
            seeds: (N,), of all other inputs that are drawn, such as a label; by default 0 for all.
        """
        seeds = np.zeros(len(z), np.int64) if seeds is None else np.asarray(seeds)
        feeds = {**self._feeds(seeds), "z": np.asarray(z, np.float32)}
        parts = []
        with self.model.averaged():
            for first in range(0, len(z), ROWS):
                part = {name: value[first : first + ROWS] for name, value in feeds.items()}
                parts.append(self.model.call_signature(self.signature, part)["image"].numpy())
        return np.concatenate(parts)

    def tensors(self, z, seed: int = 0):
        """`decode` of a tensor (N, Z), to be differentiated; the other inputs are those of a seed.

        Under `model.averaged()` it is the served function.
        """
        import tensorflow as tf

        feeds = {k: tf.constant(v) for k, v in self._feeds([seed]).items() if k != "z"}
        rows = {k: tf.repeat(v, tf.shape(z)[0], axis=0) for k, v in feeds.items()}
        return self.model.signatures()[self.signature].fn(**rows, z=z)["image"]

    @property
    def encodes(self) -> bool:
        """Whether the model has an encoder of pictures alone."""
        return encoder_of(self.model) is not None

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes (N, Z) by the model's encoder, a mean where it gives a distribution."""
        return encoded(self.model, images)

    def _feeds(self, seeds):
        given = dict(self.given or {})
        if self.inputs["z"].distribution is None:
            given["z"] = np.zeros(self.size, np.float32)
        return self.model.signatures()[self.signature].draw(seeds, **given)


def of_run(name: str, model: Any, source: Source | None) -> LatentSpace:
    """The latent space of a model for an experiment, with the pictures that it needs.

    Args:
        name: Of the experiment.
        model: A `GenerativeModel`.
        source: Of the run's data, for what is not drawn: patches, hidden pictures, texts, and the
            codes of an autoencoder, which has no distribution of its own.

    Raises:
        ValueError: The model has no latent vector, or needs what the data set lacks.
    """
    table = model.signatures()
    found = next((n for n in DECODING if n in table and "z" in table[n].inputs), None)
    if found is None:
        raise unfit(name, model, _reason(table))
    inputs = table[found].inputs
    needs = [n for n, i in inputs.items() if n != "z" and not i.distribution]
    known = examples.of(source, FEW if needs else MANY).arrays if source is not None else {}
    lacking = [n for n in needs if n not in known]
    if lacking:
        reason = f"it needs {', '.join(lacking)} besides z, which the data set lacks."
        raise unfit(name, model, reason)
    return _space(name, model, found, {n: known[n][0] for n in needs}, known.get("image"))


def real(name: str, space: LatentSpace, source: Source | None, limit: int = MANY) -> np.ndarray:
    """Pictures of the run's data set for a model with an encoder, (N, H, W, C).

    Raises:
        ValueError: No encoder, or no data.
    """
    if not space.encodes:
        raise unfit(name, space.model, "it has no encoder of pictures alone; `invert` searches z.")
    if source is None:
        raise ValueError(f"explore {name}: pictures need the run's data.")
    return examples.of(source, limit).images


def of(model: Any) -> LatentSpace:
    """The latent space of a model that needs nothing besides z; errors as `of_run`."""
    return of_run("", model, None)


def _space(name, model, signature, given, images):
    priors = (getattr(model, n, None) for n in ("latent_prior", "codes"))
    prior = (
        next((p for p in priors if isinstance(p, Prior)), None) if signature == "decode" else None
    )
    known = None
    if prior is None and model.signatures()[signature].inputs["z"].distribution is None:
        if images is None:
            reason = "z has no distribution, and there are no pictures to take codes from."
            raise unfit(name, model, reason)
        known = encoded(model, images)
    return LatentSpace(model, signature, prior, given, known)


def encoder_of(model: Any) -> str | None:
    """The signature that encodes pictures alone, or None."""
    table = model.signatures()
    if "encode" not in table:
        return None
    inputs = table["encode"].inputs
    alone = all(n == "image" or i.distribution == "normal" for n, i in inputs.items())
    return "encode" if alone else None


def encoded(model: Any, images: np.ndarray) -> np.ndarray:
    """Codes (N, Z) of pictures; noise of an encoder is drawn, row n by seed n.

    Raises:
        ValueError: The model has no encoder of pictures alone.
    """
    name = encoder_of(model)
    if name is None:
        raise ValueError(f"{type(model).__name__} has no encoder of pictures alone.")
    feeds = model.signatures()[name].draw(range(len(images)), image=images)
    parts = []
    with model.averaged():
        for first in range(0, len(images), ROWS):
            part = {n: value[first : first + ROWS] for n, value in feeds.items()}
            parts.append(next(iter(model.call_signature(name, part).values())).numpy())
    return np.concatenate(parts)


def _reason(table):
    """Why a model has no latent space, in one line."""
    if "log_prob" in table:
        return "it has no latent vector, each sub-pixel is drawn from those before it; see `order`."
    if any("_to_" in name or name.startswith("translate") for name in table):
        return "it has no latent vector, it makes pictures of pictures; see `domains`."
    return f"it has no latent vector z. Its signatures: {', '.join(table)}."
