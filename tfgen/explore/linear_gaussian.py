"""A VAE whose log p(x), posterior and bound are known exactly: everything in it is linear.

z is standard normal on a line, p(y|z) = N(w z + b, s^2 I) on a plane, q(z|y) a Gaussian whose mean
and logarithm of the variance are linear in y. So p(y) = N(b, w w' + s^2 I), and the true posterior
is N(v w'(y - b) / s^2, v) with v = 1 / (1 + w'w / s^2). The library's VAE without hidden layers is
this model; points y are the x of its likelihood, which counts on the scale (x + 1) / 2.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses
from tfgen.models import VAE
from tfgen.optimizers import LinearDecay

STDDEV = 0.5  # s, of the data as of the decoder.
DIRECTION = np.array([1.0, 0.6])
CENTRE = np.array([0.5, -0.25])
SAMPLES = (1, 2, 5, 10, 50, 200)  # k of the importance-weighted bounds.


@dataclass(frozen=True)
class Moment:
    """The exact terms at one step, means over the test points, in nats.

    Args:
        step: Training steps taken.
        log_p, elbo, gap: log p(y), the bound, and KL(q || p(z|y)).
        reconstruction, kl: E_q log p(y|z) and KL(q || p(z)): their difference is the bound.
        iwae: k -> importance-weighted bound, estimated.
        posterior: For a few points the mean and deviation of q, then of p(z|y), (P, 4).
        error: Largest |log p - bound - KL(q || p(z|y))| over the test points.
    """

    step: int
    log_p: float
    elbo: float
    gap: float
    reconstruction: float
    kl: float
    iwae: dict[int, float]
    posterior: np.ndarray
    error: float


def points(rows: int, seed: int) -> np.ndarray:
    """Data: points y (rows, 2) that the model can be exact about."""
    generator = np.random.default_rng(seed)
    z, noise = generator.normal(size=(rows, 1)), generator.normal(size=(rows, 2))
    return CENTRE + DIRECTION * z + STDDEV * noise


def built(seed: int, rate: float, steps: int) -> VAE:
    """The library's VAE without hidden layers, compiled."""
    model = VAE(
        (2,),
        latent_dim=1,
        likelihood={"name": "gaussian", "squashed": False, "stddev": STDDEV},
        hidden=(),
        initial_stddev=0.3,
        seed=seed,
    )
    half = max(steps // 2, 1)
    model.compile(keras.optimizers.Adam(LinearDecay(rate, half, half)))
    return model


def image(y: np.ndarray) -> np.ndarray:
    """What the library calls the picture of a point."""
    return (2.0 * y - 1.0).astype(np.float32)


def moment(model: VAE, y: np.ndarray, step: int, shown: int = 3) -> Moment:
    """The exact terms for points y (N, 2), in double precision."""
    mean, log_var = posterior(model, y)
    w, b = decoder(model)
    noise = STDDEV**2
    # log p(y), from the covariance of the marginal.
    covariance = np.outer(w, w) + noise * np.eye(2)
    apart = y - b
    distance = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)
    log_p = -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])
    # The bound, by its two terms.
    squares = ((y - mean * w - b) ** 2).sum(1) + np.exp(log_var[:, 0]) * (w @ w)
    reconstruction = -0.5 * (squares / noise + 2 * np.log(2 * np.pi * noise))
    kl = losses.kl_to_standard_normal(tf.constant(mean), tf.constant(log_var)).numpy()
    # KL(q || p(z|y)), from the true posterior.
    variance = 1.0 / (1.0 + w @ w / noise)
    true_mean = (variance * (apart @ w) / noise)[:, None]
    true_log_var = np.full_like(true_mean, np.log(variance))
    gap = losses.kl_between_normals(
        *(tf.constant(t) for t in (mean, log_var, true_mean, true_log_var))
    ).numpy()
    deviations = np.exp(0.5 * log_var), np.exp(0.5 * true_log_var)
    parts = (mean, deviations[0], true_mean, deviations[1])
    return Moment(
        step=step,
        log_p=float(log_p.mean()),
        elbo=float((reconstruction - kl).mean()),
        gap=float(gap.mean()),
        reconstruction=float(reconstruction.mean()),
        kl=float(kl.mean()),
        iwae=importance_weighted(model, y),
        posterior=np.concatenate(parts, axis=1)[:shown],
        error=float(np.abs(log_p - (reconstruction - kl) - gap).max()),
    )


def posterior(model: VAE, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and logarithm of the variance of q(z|y), (N, 1) each, in double precision."""
    kernel, bias = (t.astype(np.float64) for t in model.encoder.get_weights())
    mean, log_var = (image(y).astype(np.float64) @ kernel + bias).T
    return mean[:, None], log_var[:, None]


def decoder(model: VAE) -> tuple[np.ndarray, np.ndarray]:
    """w and b, (2,) each."""
    w, b = (t.astype(np.float64) for t in model.decoder.get_weights())
    return w[0], b


def importance_weighted(model: VAE, y: np.ndarray, seed: int = 0) -> dict[int, float]:
    """k -> mean importance-weighted bound, by the library's weights; the same noise at every call.

    Of 200 samples of z for each point, in groups of k.
    """
    most = SAMPLES[-1]
    eps = np.random.default_rng(seed).normal(size=(len(y), most, 1)).astype(np.float32)
    weights = model.log_weights(tf.constant(image(y)), tf.constant(eps)).numpy()  # (N, most)
    found = {}
    for k in SAMPLES:
        groups = tf.constant(np.float64(weights[:, : most - most % k].reshape(-1, k)))
        found[k] = float(np.mean(losses.importance_weighted(groups)))
    return found


def monte_carlo_kl(model: VAE, y: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """KL(q || p(z)) of one point in closed form, and by ever more samples of log q - log p."""
    mean, log_var = (float(t[0, 0]) for t in posterior(model, y[:1]))
    counts = np.unique(np.logspace(0, 4, 60).astype(int))
    eps = np.random.default_rng(seed).normal(size=counts[-1])
    z = mean + np.exp(0.5 * log_var) * eps
    terms = 0.5 * (z**2 - eps**2 - log_var)
    closed = 0.5 * (np.exp(log_var) + mean**2 - 1.0 - log_var)
    return {
        "closed": float(closed),
        "samples": counts,
        "estimate": np.cumsum(terms)[counts - 1] / counts,
        "standard_error": float(terms.std()) / np.sqrt(counts),
    }
