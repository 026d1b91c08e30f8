"""GAN and VAE on points, trained by the library's own steps and measured against exact masses."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses, networks
from tfgen.explore.densities import Density, divergences, value
from tfgen.explore.line_records import CELLS, Play, Record, Settings
from tfgen.model import initial_weights
from tfgen.models import GAN, VAE
from tfgen.optimizers import LinearDecay

POINTS = {1: 2**13, 2: 2**14}


def built(density: Density, settings: Settings, steps: int, seed: int) -> Any:
    """The compiled model: perceptrons of two hidden layers, Adam."""

    def adam(rate, times=1, average=0.0):
        updates = times * steps  # Schedules and averages count these.
        half = max(updates // 2, 1)
        kept = max(1.0 - 1.0 / (average * updates), 0.0) if average else None
        averaging = {} if kept is None else {"use_ema": True, "ema_momentum": kept}
        return keras.optimizers.Adam(LinearDecay(rate, half, half), 0.5, **averaging)

    dim = density.dim
    if settings.model == "vae":
        model: Any = VAE(
            (dim,),
            latent_dim=dim,
            # On the library's scale points are half as far apart.
            likelihood={
                "name": "gaussian",
                "squashed": False,
                "stddev": 0.5 * settings.stddev or None,
            },
            hidden=(64, 64),
            activation=settings.activation,
            initial_stddev=None,
            seed=seed,
        )
        model.compile(adam(settings.generator_rate))
        return model
    with initial_weights(seed):
        players: dict[str, Any] = {
            "generator": networks.mlp((dim,), (64, 64), (dim,), settings.activation),
            "discriminator": networks.mlp((dim,), (64, 64), (1,), settings.activation),
        }
        model = GAN(
            (dim,),
            latent_dim=dim,
            latent="normal",
            loss=settings.loss,
            discriminator_steps=settings.discriminator_steps,
            generator_steps=settings.generator_steps,
            seed=seed,
            **players,
        )
    model.compile(
        adam(settings.generator_rate, settings.generator_steps, settings.average),
        adam(settings.discriminator_rate, settings.discriminator_steps),
    )
    return model


def play(
    density: Density,
    settings: Settings,
    steps: int,
    records: int,
    seed: int,
    watch: Callable[[], None] = lambda: None,
    model: Any = None,
) -> Play:
    """Trains a model on a density, and measures it from time to time.

    Args:
        density: Of the data.
        settings: How.
        steps: Training steps; fewer where numbers are no longer finite.
        records: Measurements besides that before the first step.
        seed: Of weights, data and noise.
        watch: Called after each record.
        model: A compiled one in place of that of `built`.
    """
    model = model or built(density, settings, steps, seed)
    rows = settings.batch * (settings.discriminator_steps if settings.model == "gan" else 1)
    advance = _advancing(model, rows, density.dim)
    generator = np.random.default_rng(seed)
    due = np.linspace(0, steps, records + 1).astype(int)
    played = Play(density, settings, [measured(model, density, 0, {})])
    for before, number in itertools.pairwise(due.tolist()):
        if number > before:
            points = [density.draw(generator, rows) for _ in range(number - before)]
            advance(tf.constant(np.stack(points)))
            reported = {name: mean.result() for name, mean in model.means.items()}
            played.records.append(measured(model, density, number, reported))
            watch()
        if not math.isfinite(played.last["mean_norm"]):
            break
        for mean in model.means.values():
            mean.reset_state()
    return played


def _advancing(model, rows, dim):
    """Function: points (steps, rows, dim) -> so many training steps, in one call of a graph.

    A call costs as much as several steps of networks as small as these.
    """

    def advance(points):
        def step(number):
            model.train_step({"image": points[number]})
            return (number + 1,)

        count = tf.shape(points)[0]
        tf.while_loop(lambda number: number < count, step, (0,), parallel_iterations=1)

    of_points = tf.TensorSpec((None, rows, dim), tf.float32)
    return tf.function(advance, autograph=False, input_signature=[of_points])


def measured(model: Any, density: Density, step: int, reported: dict) -> Record:
    """The game as it stands: exact masses of the data, counted ones of the model."""
    dim, cells = density.dim, CELLS[density.dim]
    noise = base_noise(POINTS[dim], 2 * dim)
    z = noise[:, :dim]
    points = drawn(model, noise)
    means = model.decode(z[:400])["image"].numpy() if isinstance(model, VAE) else points[:400]
    numbers: dict[str, Any] = {
        "mean_norm": float(np.abs(points.mean(axis=0)).max()),
        "mean": points.mean(axis=0),
        "stddev": points.std(axis=0),
    }
    if not np.isfinite(points).all():
        numbers["mean_norm"] = float("nan")
        nothing = np.full((cells,) * dim, np.nan)
        return Record(step, nothing, None, (z[:400], means), numbers | dict(jsd=float("nan")))
    p, q = density.masses(cells), density.counted(points, cells)
    numbers |= divergences(p, q)
    numbers["optimum"] = 2.0 * numbers["jsd"] - math.log(4.0)
    if density.modes is not None:
        numbers["modes"] = density.covered(points)
    d = None
    if isinstance(model, VAE):
        # The library's nats are of points on the scale [0, 1], half as wide.
        if "negative_elbo" in reported:
            numbers["negative_elbo"] = float(reported["negative_elbo"]) + dim * math.log(2.0)
    else:
        d, found = of_discriminator(model, density, p, q, points)
        numbers |= found
    return Record(step, q, d, (z[:400], means), numbers)


def drawn(model: Any, noise: np.ndarray) -> np.ndarray:
    """Points (N, D) of a model by base noise (N, 2 D): that of z, then that of p(x|z)."""
    z, rest = tf.constant(np.split(noise, 2, axis=1))
    if isinstance(model, VAE):
        return model.draw(rest, z=z)["image"].numpy()
    with model.averaged():
        return model.generator(z, training=False).numpy()


def of_discriminator(model, density, p, q, points):
    """D in each cell, and what D says of data and samples."""
    logits = model.discriminator(centres(density), training=False).numpy().reshape(p.shape)
    found: dict[str, Any] = {}
    d = logits
    if model.game.logistic:
        d = 1.0 / (1.0 + np.exp(-np.clip(logits, -700.0, 700.0)))
        log_d, log_not_d = -np.logaddexp(0.0, -logits), -np.logaddexp(0.0, logits)
        found["value"] = value(p, q, log_d, log_not_d)
    found |= {"d_data": float(np.sum(p * d)), "d_samples": float(np.sum(q * d))}
    logit = tf.constant(model.discriminator(points[:2048], training=False))
    found["gradient"] = float(np.abs(gradient_at(model.loss, logit)).mean())
    return d, found


def gradient_at(loss: str, logit: tf.Tensor) -> np.ndarray:
    """Derivative of what G minimises by the logit of each of its samples, (N,)."""
    logit = tf.reshape(tf.cast(logit, tf.float32), (-1,))
    with tf.GradientTape() as tape:
        tape.watch(logit)
        lost = losses.ADVERSARIAL[loss].generator(logit)
    return tape.gradient(lost, logit).numpy() * len(logit)


def centres(density: Density) -> np.ndarray:
    """The middles of all cells, (N, D) float32."""
    edges = density.edges(CELLS[density.dim])
    middle = 0.5 * (edges[1:] + edges[:-1])
    axes = np.meshgrid(*[middle] * density.dim, indexing="ij")
    return np.stack(axes, -1).reshape(-1, density.dim).astype(np.float32)


@functools.cache
def base_noise(rows: int, dim: int) -> np.ndarray:
    """Standard normal points (rows, dim) that fill the space evenly; the same at every call."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    even = qmc.Sobol(dim, rng=0).random(rows)
    return ndtri(np.clip(even, 1e-7, 1.0 - 1e-7)).astype(np.float32)
