"""GAN and VAE on points, trained by the library's own steps and measured against exact masses."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses, networks
from tfgen.explore.densities import Density, divergences, value
from tfgen.model import initial_weights
from tfgen.models import GAN, VAE
from tfgen.optimizers import LinearDecay

CELLS = {1: 200, 2: 48}
POINTS = {1: 2**13, 2: 2**14}
# From here on a JSD, at most log 2, means that data and samples hardly meet.
APART = 0.6


@dataclass(frozen=True)
class Settings:
    """What is played, and how.

    Args:
        model: "gan" or "vae".
        loss: A name in `tfgen.losses.ADVERSARIAL`; of the GAN.
        discriminator_steps, generator_steps: In one training step; of the GAN.
        discriminator_rate, generator_rate: Of Adam, the VAE's is the second; they fall linearly to
            0 over the second half of the steps.
        batch: Points that each step of D sees, or a step of the VAE.
        stddev: Spread of the VAE's p(x|z); 0 for one that is learned.
    """

    model: str = "gan"
    loss: str = "non_saturating"
    discriminator_steps: int = 1
    generator_steps: int = 1
    discriminator_rate: float = 2e-3
    generator_rate: float = 1e-3
    batch: int = 256
    stddev: float = 0.0

    def changed(self, name: str, text: str) -> "Settings":
        """With one setting from its text.

        Raises:
            ValueError: No such setting, or another type of value.
        """
        known = {f.name: f.type for f in dataclasses.fields(self)}
        if name not in known:
            raise ValueError(f"compare: unknown {name!r}. Known: {', '.join(known)}.")
        kind = type(getattr(self, name))
        try:
            return dataclasses.replace(self, **{name: kind(text)})
        except ValueError as error:
            raise ValueError(f"compare: {name}={text!r} is no {kind.__name__}.") from error


@dataclass(frozen=True)
class Record:
    """The game at one moment.

    Args:
        step: Training steps taken.
        q: Mass of the model in each cell.
        d: D in each cell: a probability, for a game without one its score; None for a VAE.
        arrows: z (N, D) and G(z) (N, D), those of the VAE the means of p(x|z).
        numbers: What was measured.
    """

    step: int
    q: np.ndarray
    d: np.ndarray | None
    arrows: tuple[np.ndarray, np.ndarray]
    numbers: dict[str, Any]


@dataclass
class Play:
    """A training from its first to its last record.

    Args:
        density: Of the data.
        settings: How it was played.
        records: In the order of the steps.
    """

    density: Density
    settings: Settings
    records: list[Record] = field(default_factory=list)

    @property
    def p(self) -> np.ndarray:
        """The data's mass in each cell."""
        return self.density.masses(CELLS[self.density.dim])

    @property
    def last(self) -> dict[str, Any]:
        return self.records[-1].numbers

    @property
    def diverged(self) -> str:
        """In words why this is no result; "" where it is one."""
        if not math.isfinite(self.last["mean_norm"]):
            return f"diverged: not finite at step {self.records[-1].step}"
        if self.last["jsd"] > APART:
            return f"diverged: JSD {self.last['jsd']:.2f} of at most 0.69"
        return ""

    def over_time(self, name: str) -> np.ndarray:
        """One number of all records."""
        return np.array([r.numbers.get(name, np.nan) for r in self.records], float)


def built(density: Density, settings: Settings, steps: int, seed: int) -> Any:
    """The compiled model: perceptrons of two hidden layers, Adam."""

    def adam(rate):
        half = max(steps // 2, 1)
        return keras.optimizers.Adam(LinearDecay(rate, half, half), 0.5)

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
            initial_stddev=None,
            seed=seed,
        )
        model.compile(adam(settings.generator_rate))
        return model
    with initial_weights(seed):
        players: dict[str, Any] = {
            "generator": networks.mlp((dim,), (64, 64), (dim,), "tanh"),
            "discriminator": networks.mlp((dim,), (64, 64), (1,), "tanh"),
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
    model.compile(adam(settings.generator_rate), adam(settings.discriminator_rate))
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
    step = tf.function(model.train_step, reduce_retracing=True, autograph=False)
    generator = np.random.default_rng(seed)
    rows = settings.batch * (settings.discriminator_steps if settings.model == "gan" else 1)
    due = set(np.linspace(0, steps, records + 1).astype(int).tolist())
    played = Play(density, settings, [measured(model, density, 0, {})])
    for number in range(1, steps + 1):
        reported = step({"image": tf.constant(density.draw(generator, rows))})
        if number in due:
            played.records.append(measured(model, density, number, reported))
            watch()
            if not math.isfinite(played.last["mean_norm"]):
                break
            for mean in model.means.values():
                mean.reset_state()
    return played


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


def base_noise(rows: int, dim: int) -> np.ndarray:
    """Standard normal points (rows, dim) that fill the space evenly; the same at every call."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    even = qmc.Sobol(dim, rng=0).random(rows)
    return ndtri(np.clip(even, 1e-7, 1.0 - 1e-7)).astype(np.float32)
