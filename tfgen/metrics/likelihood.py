"""log p(x) of variational autoencoders, estimated by importance sampling; Burda et al. 2015.

With z_1 .. z_K from q(z|x) and w_i = p(x, z_i) / q(z_i|x), IWAE_k is the mean over the K / k
disjoint groups of log (1/k) sum w (https://arxiv.org/abs/1509.00519, equation 8). It is a lower
bound of log p(x) in expectation, tighter for larger k; k = 1 is the evidence lower bound. Because
each k divides the next and all share the same samples, the estimates themselves never fall in k.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.model import GenerativeModel
from tfgen.step import as_batch

BLOCK = 50  # Samples of one image that are drawn together.
ACTIVE = 0.01  # Burda et al. 2015, section 5.2: variance of the posterior mean over the data.


@dataclass(frozen=True)
class Likelihood:
    """What `estimate` measures; everything in nats for each image unless it says otherwise.

    Args:
        images: Number of images.
        samples: K, samples of z for each.
        iwae: k -> estimate of log p(x); 1 is the evidence lower bound.
        standard_error: k -> of the mean over the images.
        bits_per_dim: k -> -log2 p(x) for each pixel and channel; None for a density.
        kl: KL(q(z|x) || p(z)); by the same samples where it has no closed form.
        kl_per_dimension: Its parts; None where there is no closed form.
        kl_standard_error: Of `kl` over the images.
        active_units: Latent dimensions whose posterior mean has a variance above 0.01 over the
            images; the others say nothing about x.
        active_units_interval: The 95 % percentile bootstrap of `active_units` over the images.
        latent_dim: Number of latent dimensions.
    """

    images: int
    samples: int
    iwae: dict[int, float]
    standard_error: dict[int, float]
    bits_per_dim: dict[int, float] | None
    kl: float
    kl_per_dimension: tuple[float, ...] | None
    kl_standard_error: float
    active_units: int
    active_units_interval: tuple[float, float]
    latent_dim: int

    @property
    def elbo(self) -> float:
        """The evidence lower bound, averaged over all samples."""
        return self.iwae[1]

    @property
    def log_likelihood(self) -> float:
        """The tightest estimate, by all samples together."""
        return self.iwae[self.samples]

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return {"elbo": self.elbo, "log_likelihood": self.log_likelihood, **asdict(self)}


def estimate(
    model: GenerativeModel,
    dataset: tf.data.Dataset | np.ndarray,
    samples: int = 1000,
    seed: int = 0,
    decodes: int = 10_000,
) -> Likelihood:
    """Estimates log p(x) of every image.

    The same numbers at any `decodes` and any batch size, up to rounding: sample j of image i is a
    pure function of (seed, i, j).

    Args:
        model: A `tfgen.models.VAE`, or what has its `terms`, `posterior`, `latent_prior` and
            `pixels`. The moving averages of its weights are used where an optimizer keeps them.
        dataset: Batches as `fit` takes them, or images (N, H, W, C) in [-1, 1].
        samples: K, samples of z for each image.
        seed: Of the samples.
        decodes: Codes decoded at once; the memory needed grows with it and not with `samples`.

    Raises:
        ValueError: `samples` or `decodes` below 1, no images, or pixels that are not on the levels
            of a discrete likelihood.
    """
    if samples < 1 or decodes < 1:
        raise ValueError(
            f"`samples` and `decodes` must be positive. Received: {samples}, {decodes}"
        )
    if not isinstance(dataset, tf.data.Dataset):
        dataset = tf.data.Dataset.from_tensor_slices(np.asarray(dataset)).batch(256)
    chain, seen, parts = nested(samples), 0, []
    measure = _measurer(model, seed)
    with model.averaged():
        for batch in dataset:
            images = as_batch(batch, model.image_shape)["image"]
            _check_levels(images, model.pixels.levels, seen)
            rows = max(1, decodes // min(samples, BLOCK))
            for start in range(0, len(images), rows):
                parts.append(_rows(measure, images[start : start + rows], seen, samples, chain))
                seen += len(parts[-1][0])
    if not parts:
        raise ValueError("The data set holds no images.")
    return _summary(model, chain, *(np.concatenate(c) for c in zip(*parts, strict=True)))


def nested(samples: int) -> tuple[int, ...]:
    """The powers of ten that divide `samples`, and `samples`: each divides the next."""
    powers = [10**n for n in range(len(str(samples))) if samples % 10**n == 0]
    return tuple(dict.fromkeys([*powers, samples]))


def grouped(log_weights: np.ndarray, k: int) -> np.ndarray:
    """IWAE_k of each row: the mean over groups of k of the log of a group's mean weight.

    (N, K) -> (N,), in float64.
    """
    groups = np.asarray(log_weights, np.float64).reshape(len(log_weights), -1, k)  # (N, K / k, k)
    largest = groups.max(-1, keepdims=True)
    means = np.log(np.exp(groups - largest).mean(-1)) + largest[..., 0]  # (N, K / k)
    return means.mean(-1)


def _measurer(model, seed):
    """Compiled function of images, the number of the first, a block's number and its width."""
    xp, key = random.namespace("tensorflow"), tf.constant(seed, tf.int64)

    def measure(images, first, block, width):
        shape = (tf.shape(images)[0], width, model.latent_dim)
        stream = (block, random.purpose("importance samples"))
        eps = random.normal(xp, shape, key, stream, first)  # (B, width, Z)
        u = None
        if model.pixels.dequantizes:  # One draw an image, the same in every block.
            stream = (0, random.purpose("dequantization"))
            u = random.uniform(xp, (tf.shape(images)[0], *model.image_shape), key, stream, first)
        nll, kl, log_ratio = model.terms(images, eps, u)  # (B, width), (B, Z) or (B, 1), (B, width)
        return -nll - log_ratio, model.posterior(images)[0], kl

    return tf.function(measure, reduce_retracing=True, autograph=False)


def _rows(measure, images, first, samples, chain):
    """Bounds (B, len(chain)), posterior means (B, Z) and the KL's parts (B, Z) or (B, 1)."""
    weights, kl = [], 0.0
    for block, start in enumerate(range(0, samples, BLOCK)):
        width = min(BLOCK, samples - start)
        numbers = (tf.constant(n, tf.int64) for n in (first, block))
        log_weights, means, part = measure(images, *numbers, width)
        weights.append(log_weights.numpy())
        kl = kl + part.numpy() * (width / samples)
    weights = np.concatenate(weights, 1)  # (B, K)
    return np.stack([grouped(weights, k) for k in chain], 1), means.numpy(), kl


def _summary(model, chain, bounds, means, kl):
    number, error = len(bounds), bounds.std(0, ddof=min(1, len(bounds) - 1))
    iwae = {k: float(v) for k, v in zip(chain, bounds.mean(0), strict=True)}
    dimensions = math.prod(model.image_shape) * math.log(2.0)
    one = tf.zeros((1, model.latent_dim))
    estimated = model.latent_prior.kl(one, one) is None
    every = kl.sum(1)  # (N,)
    return Likelihood(
        images=number,
        samples=chain[-1],
        iwae=iwae,
        standard_error={k: float(e / math.sqrt(number)) for k, e in zip(chain, error, strict=True)},
        bits_per_dim=(
            {k: -v / dimensions for k, v in iwae.items()} if model.pixels.levels else None
        ),
        kl=float(every.mean()),
        kl_per_dimension=None if estimated else tuple(map(float, kl.mean(0))),
        kl_standard_error=float(every.std(ddof=min(1, number - 1)) / math.sqrt(number)),
        active_units=int((means.var(0) > ACTIVE).sum()),
        active_units_interval=_active_interval(means),
        latent_dim=model.latent_dim,
    )


def _active_interval(means, resamples=500):
    """Ends of the percentile bootstrap; the variances of a resample come from its counts."""
    number, generator = len(means), np.random.default_rng(0)
    centred = means.astype(np.float64) - means.mean(0)
    found = []
    for _ in range(resamples):
        share = generator.multinomial(number, np.full(number, 1.0 / number)) / number
        found.append(int((share @ centred**2 - (share @ centred) ** 2 > ACTIVE).sum()))
    return tuple(map(float, np.quantile(found, [0.025, 0.975])))


def _check_levels(images, levels, first):
    if levels is None:
        return
    steps = 0.5 * (images + 1.0) * (levels - 1)
    off = tf.reduce_max(tf.abs(steps - tf.round(steps))).numpy()
    if not off < 0.01:
        binarized = (
            'give binarized data, as tfgen.data.load(NAME, SPLIT, binarize="threshold") does'
        )
        advice = binarized if levels == 2 else "set `levels` to those of the data"
        raise ValueError(
            f"The likelihood is that of {levels} levels from -1 to 1, and batch from image {first} "
            f"on has pixels between them: {advice}."
        )
