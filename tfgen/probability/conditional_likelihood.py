"""Estimates of log p(y|x) of a CVAE, Sohn et al. 2015, section 4.1 (its last equations).

Monte Carlo draws z from the prior net, importance sampling from the recognition net:

    log p(y|x) ~ log 1/S sum_s p(y|x,z_s),                           z_s ~ p(z|x)
    log p(y|x) ~ log 1/S sum_s p(y|x,z_s) p(z_s|x) / q(z_s|x,y),     z_s ~ q(z|x,y)

Both are lower bounds in expectation, which rise with S; the second is tighter at the same S.
"""

import numpy as np
import tensorflow as tf

from tfgen import losses, random
from tfgen.construct import no_such
from tfgen.model import GenerativeModel

METHODS = ("monte_carlo", "importance")
_PURPOSE = random.purpose("conditional likelihood")


def conditional_log_likelihood(
    model: GenerativeModel,
    data: dict[str, np.ndarray],
    samples: int = 100,
    method: str = "importance",
    seed: int = 0,
    chunk: int = 100,
    batch_size: int = 100,
) -> np.ndarray:
    """log p(y|x) of each example in nats, over the hidden pixels only.

    Memory is that of `batch_size * chunk` pictures, whatever the number of samples.

    Args:
        model: A `tfgen.models.CVAE`.
        data: Dict of arrays with what the model's batches hold ("image", and "label" or "mask"),
            N rows each.
        samples: Number S of samples of z for each example.
        method: "monte_carlo" or "importance".
        seed: Of the samples; those of an example depend on the seed and its row alone.
        chunk: Samples at a time.
        batch_size: Examples at a time.

    Returns:
        (N,) float64.

    Raises:
        ValueError: Unknown method, or a count below 1.
    """
    if method not in METHODS:
        raise ValueError(no_such("method", method, METHODS))
    for name, value in (("samples", samples), ("chunk", chunk), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {value}.")
    rows, chunk = len(data["image"]), min(chunk, samples)
    xp, result = random.namespace("tensorflow"), np.zeros(rows)

    @tf.function(reduce_retracing=True)
    def weights(batch, first, part):
        shape = (tf.shape(batch["image"])[0], model.latent_dim)

        def sample(number):
            # Each sample has a stream of its own, so a longer chunk draws the same numbers.
            stream = (part * chunk + number, _PURPOSE)
            return random.normal(xp, shape, tf.constant(seed, tf.int64), stream, first)

        eps = tf.map_fn(sample, tf.range(chunk, dtype=tf.int64), fn_output_signature=tf.float32)
        return log_weights(model, batch, tf.transpose(eps, (1, 0, 2)), method)

    with model.averaged():
        for first in range(0, rows, batch_size):
            batch = {
                key: tf.constant(value[first : first + batch_size])
                for key, value in data.items()
                if key in ("image", "label", "mask")
            }
            total = np.full(len(batch["image"]), -np.inf)
            for part in range(-(-samples // chunk)):
                left = samples - part * chunk
                found = weights(batch, tf.constant(first, tf.int64), tf.constant(part, tf.int64))
                total = np.logaddexp(total, _logsumexp(found.numpy()[:, :left]))
            result[first : first + batch_size] = total - np.log(samples)
    return result


def log_weights(
    model: GenerativeModel, batch: dict[str, tf.Tensor], eps: tf.Tensor, method: str
) -> tf.Tensor:
    """Logarithms of the terms whose mean estimates p(y|x), nats.

    Args:
        model: A `tfgen.models.CVAE`.
        batch: A dict batch of B rows.
        eps: Standard normal numbers, (B, S, Z).
        method: "monte_carlo" or "importance".

    Returns:
        (B, S).
    """
    samples = eps.shape[1]
    y, given = batch["image"], model.given(batch)
    posterior = model.posterior(y, given) if method == "importance" else given.prior

    def repeated(t):
        # What is the same for the whole batch (B = 1 in its first axis) stays so.
        return tf.repeat(t, samples, axis=0)

    hidden = repeated(given.hidden) if model.condition == "mask" else given.hidden
    prior = [repeated(t) for t in given.prior]
    mean, log_var = (repeated(t) for t in posterior)
    z = mean + tf.exp(0.5 * log_var) * tf.reshape(eps, (-1, model.latent_dim))  # (B S, Z)
    logits = model.logits(given._replace(x=repeated(given.x), guess=repeated(given.guess)), z)
    nll = losses.bernoulli_nll(0.5 * (repeated(y) + 1.0), logits, hidden)
    ratio = losses.gaussian_nll(z, mean, log_var) - losses.gaussian_nll(z, *prior)  # (B S,)
    return tf.reshape(ratio - nll, (-1, samples))


def _logsumexp(x):
    x = x.astype(np.float64)
    top = x.max(axis=1)
    return top + np.log(np.exp(x - top[:, None]).sum(axis=1))
