"""The game as the page shows it: pictures as cells, samples with arrows, the grid of G, numbers."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.explore.densities import Density, divergences, mixture, value
from tfgen.explore.lab.players import Player

CELLS = {1: 120, 2: 40}
POINTS = {1: 2**14, 2: 2**14}
SHOWN = 300
PAIRS = 80
GRID = {1: 41, 2: 17}
# Where neither has more than this share of mass, p / (p + q) is a ratio of noise.
LEAST = 2e-5


class Look:
    """What stays the same while a density is played on.

    Args:
        density: Of the data.
        seed: Of the data that are encoded.
    """

    def __init__(self, density: Density, seed: int):
        self.density, self.dim = density, density.dim
        self.codes = mixture("codes", np.zeros((1, self.dim)), 1.0, 3.5)
        self.p, self.prior = (_masses(one) for one in (density, self.codes))
        self.noise = _even(POINTS[self.dim], 2 * self.dim)
        self.z = self.noise[:SHOWN, : self.dim]
        self.lattice = _lattice(self.dim)
        self.data = density.draw(np.random.default_rng([seed, 2**32]), POINTS[self.dim])

    def still(self) -> dict[str, Any]:
        """What a page is told once."""
        density = self.density
        return {
            "name": density.name,
            "dim": self.dim,
            "cells": CELLS[self.dim],
            "low": density.low,
            "high": density.high,
            "code_end": self.codes.high,
            "p": _lengthwise(self.p),
            "prior": _lengthwise(self.prior),
            "data": _rounded(self.data[:SHOWN]),
            "z": _rounded(self.z),
            "lattice": _rounded(self.lattice),
            "grid": GRID[self.dim],
            "modes": None if density.modes is None else len(density.modes),
        }

    def at(self, player: Player, before: np.ndarray | None = None) -> dict[str, Any]:
        """What a page is told of one model after a step.

        Args:
            player: The model.
            before: The shown samples before the step (N, D): what D, as it is now, tells them.
        """
        points = generated(player.model, self.noise, self.dim)
        if not np.isfinite(points).all():
            return {"finite": False, "numbers": {}}
        q = self.density.counted(points, CELLS[self.dim])
        # A VAE's own report has a `kl`, which is another one.
        found = divergences(self.p, q)
        numbers: dict[str, Any] = {
            "jsd": found["jsd"],
            "forward_kl": found["kl"],
            "reverse_kl": found["reverse_kl"],
        }
        numbers["modes"] = self.density.covered(points)
        numbers |= {"mean": points.mean(axis=0), "stddev": points.std(axis=0)}
        told: dict[str, Any] = {
            "finite": True,
            "numbers": numbers,
            "points": _rounded(points[:SHOWN]),
            "grid": _rounded(decoded(player.model, self.lattice)),
            "q": _lengthwise(q),
        }
        if player.game.model == "gan":
            d, game = player.model.discriminator, player.model.game
            judged = _judged(d, game, self.density, self.p, q)
            numbers |= judged.pop("numbers")
            told |= judged | {"push": push(d, game, points[:SHOWN])}
            if before is not None:
                told |= {"before": _rounded(before), "told": push(d, game, before)}
        else:
            told |= self._coded(player, numbers)
        return told

    def _coded(self, player, numbers):
        """Codes of data, reconstructions, and D on codes where there is one."""
        model, aae = player.model, player.game.model == "aae"
        if aae:
            codes = model.encode(tf.constant(self.data))["z"].numpy()
        else:
            mean, log_var = (v.numpy() for v in model.posterior(tf.constant(self.data)))
            codes = mean + np.exp(0.5 * log_var) * self.noise[:, self.dim :]
        q = self.codes.counted(codes, CELLS[self.dim])
        found = {"points": _rounded(codes[:SHOWN]), "q": _lengthwise(q)}
        numbers["codes_jsd"] = divergences(self.prior, q)["jsd"]
        if aae:
            d = model.discriminators[0]
            judged = _judged(d, model.game, self.codes, self.prior, q)
            numbers |= judged.pop("numbers")
            found |= judged
            found["push"] = push(d, model.game, codes[:SHOWN])
        own = self.data[:PAIRS]
        back = model.reconstruct(tf.constant(own))["image"].numpy()
        return {"codes": found, "pairs": [_rounded(own), _rounded(back)]}


def generated(model: Any, noise: np.ndarray, dim: int) -> np.ndarray:
    """Points (N, D) by base noise (N, 2 D): that of z, then that of p(x|z)."""
    z, rest = (tf.constant(part) for part in (noise[:, :dim], noise[:, dim:]))
    if hasattr(model, "draw"):
        return model.draw(rest, z=z)["image"].numpy()
    return model.generate(z=z)["image"].numpy()


def decoded(model: Any, z: np.ndarray) -> np.ndarray:
    """G(z), or the mean of p(x|z), (N, D)."""
    return model.generate(z=tf.constant(z))["image"].numpy()


def push(discriminator: Any, game: Any, points: np.ndarray) -> list:
    """Which way G's loss moves each of its samples: minus its derivative by the sample, (N, D)."""
    x = tf.constant(points)
    with tf.GradientTape() as tape:
        tape.watch(x)
        lost = game.generator(discriminator(x, training=False))
    return _rounded(-len(points) * tape.gradient(lost, x).numpy(), 4)


def _judged(discriminator, game, density, p, q):
    """D and p / (p + q) in each cell, and what D says of both kinds."""
    logits = discriminator(_centres(density), training=False).numpy().reshape(p.shape)
    numbers: dict[str, Any] = {}
    d = logits
    if game.logistic:
        d = 1.0 / (1.0 + np.exp(-np.clip(logits.astype(float), -500.0, 500.0)))
        numbers["value"] = value(p, q, -np.logaddexp(0.0, -logits), -np.logaddexp(0.0, logits))
        numbers["optimum"] = 2.0 * divergences(p, q)["jsd"] - math.log(4.0)
    numbers |= {"d_data": float(np.sum(p * d)), "d_samples": float(np.sum(q * d))}
    best = np.where(p + q > LEAST, p / np.maximum(p + q, 1e-300), np.nan)
    return {"numbers": numbers, "d": _lengthwise(d, 3), "best": _lengthwise(best, 3)}


def _masses(density):
    return density.masses(CELLS[density.dim])


def _centres(density):
    edges = density.edges(CELLS[density.dim])
    middle = 0.5 * (edges[1:] + edges[:-1])
    axes = np.meshgrid(*[middle] * density.dim, indexing="ij")
    return np.stack(axes, -1).reshape(-1, density.dim).astype(np.float32)


def _even(rows, dim):
    """Standard normal points (rows, dim) that fill the space evenly; the same at every call."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    even = qmc.Sobol(dim, rng=0).random(rows)
    return ndtri(np.clip(even, 1e-7, 1.0 - 1e-7)).astype(np.float32)


def _lattice(dim):
    """z whose neighbours hold equal shares of the prior between them, x first."""
    from scipy.special import ndtri

    line = ndtri(np.linspace(0.01, 0.99, GRID[dim])).astype(np.float32)
    axes = np.meshgrid(*[line] * dim, indexing="xy")
    return np.stack(axes, -1).reshape(-1, dim)


def _lengthwise(cells, digits=6):
    """Cells (X,) or (X, Y) as one row after the other, from the lowest y."""
    return _rounded(cells.T.reshape(-1), digits)


def _rounded(values, digits=3):
    return np.round(np.asarray(values, np.float64), digits)
