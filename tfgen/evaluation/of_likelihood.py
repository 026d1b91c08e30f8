"""Likelihoods of real pictures under the model."""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfgen.evaluation import needs
from tfgen.metrics import intervals, likelihood, per_image
from tfgen.metrics.intervals import Value
from tfgen.probability.conditional_likelihood import conditional_log_likelihood

if TYPE_CHECKING:
    from tfgen.evaluation.work import Work


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """Exact -log p(x) of autoregressive models, nats a picture and bits/dim."""

    needs = (needs.log_prob,)
    units = {"nll": "nats", "nll_bits_per_dim": "bits/dim"}

    def measure(self, work: "Work") -> dict[str, Value]:
        batches = work.watched(work.reference.batches(work.batch_size), "likelihood")
        parts = list(per_image(work.model, batches))
        value = intervals.mean(np.concatenate(parts), work.level)
        return {"nll": value, "nll_bits_per_dim": _bits(value, work)}


@dataclass(frozen=True)
class ELBO:
    """Negative evidence lower bound, nats a picture and bits/dim, and the KL in it.

    Args:
        samples: Codes of a picture that the bound is averaged over.
        seed: Of the codes.
    """

    samples: int = 1
    seed: int = 0

    needs = (needs.bound,)
    units = {"negative_elbo": "nats", "elbo_bits_per_dim": "bits/dim", "kl": "nats"}

    def measure(self, work: "Work") -> dict[str, Value]:
        found = _estimated(work, self.samples, self.seed)
        value = _value(found, 1, "negative_elbo", work)
        bits = {"elbo_bits_per_dim": _bits(value, work)} if found.bits_per_dim else {}
        low, high = intervals.around(found.kl, found.kl_standard_error, max(1, found.images - 1))
        over = f"t interval over {found.images} pictures"
        fewest, most = found.active_units_interval
        units = f"percentile bootstrap over {found.images} pictures"
        return {
            "negative_elbo": value,
            **bits,
            "kl": intervals.Value(found.kl, low, high, over),
            "active_units": intervals.Value(found.active_units, fewest, most, units),
        }


@dataclass(frozen=True)
class IWAE:
    """-log p(x) by importance sampling, nats a picture and bits/dim; Burda et al., 1509.00519.

    Args:
        samples: k, codes of a picture; the tighter bound has the more.
        seed: Of the codes.
    """

    samples: int = 100
    seed: int = 0

    needs = (needs.bound,)

    def measure(self, work: "Work") -> dict[str, Value]:
        found = _estimated(work, self.samples, self.seed)
        name = f"iwae_{self.samples}"
        value = _value(found, self.samples, name, work)
        bits = {f"{name}_bits_per_dim": _bits(value, work)} if found.bits_per_dim else {}
        return {name: value, **bits}


@dataclass(frozen=True)
class ConditionalNLL:
    """-log p(y|x) of a CVAE by importance sampling, nats of the hidden pixels; Sohn et al. 2015.

    Args:
        samples: Codes of a picture.
        method: "importance" or "monte_carlo".
        limit: Pictures.
        seed: Of the codes.
    """

    samples: int = 100
    method: str = "importance"
    limit: int = 10_000
    seed: int = 0

    needs = (needs.conditional_bound,)
    units = {"conditional_nll": "nats"}

    def measure(self, work: "Work") -> dict[str, Value]:
        keys = [k for k in ("image", "label", "mask") if k in work.reference.keys]
        rows = work.reference.rows(*keys, limit=self.limit)
        values = -conditional_log_likelihood(
            work.model, dict(zip(keys, rows, strict=True)), self.samples, self.method, self.seed
        )
        return {"conditional_nll": intervals.mean(values, work.level)}


def _estimated(work, samples, seed):
    """An estimate shared by the metrics that ask for the same."""
    key = ("likelihood", samples, seed)
    if key not in work.own:
        import tensorflow as tf

        shape = (None, *work.reference.image_shape)
        batches = tf.data.Dataset.from_generator(
            lambda: (
                {"image": b["image"]}
                for b in work.watched(work.reference.batches(), f"{samples} codes a picture")
            ),
            output_signature={"image": tf.TensorSpec(shape, tf.float32)},
        )
        work.own[key] = likelihood.estimate(work.model, batches, samples, seed)
    return work.own[key]


def _value(found, k, name, work):
    mean, error = -found.iwae[k], found.standard_error[k]
    low, high = intervals.around(mean, error, max(1, found.images - 1), work.level)
    codes = "1 code" if found.samples == 1 else f"{found.samples} codes"
    method = f"t interval over {found.images} pictures, {codes} each"
    return intervals.Value(mean, low, high, method, work.level)


def _bits(value, work):
    scale = math.prod(work.reference.image_shape) * math.log(2.0)
    shares = {k: getattr(value, k) / scale for k in ("value", "low", "high")}
    return dataclasses.replace(value, **shares)
