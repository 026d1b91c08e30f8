"""D trained alone between two fixed Gaussians, against the optimum that is known exactly."""

import math
from typing import Any

import keras
import numpy as np

from tfgen import networks
from tfgen.explore import canvas, line_players
from tfgen.explore.densities import Density, mixture, normal
from tfgen.explore.line_records import CELLS, Settings
from tfgen.model import initial_weights
from tfgen.models import GAN
from tfgen.optimizers import LinearDecay


def table(
    pairs: Any, settings: Settings, steps: int, seed: int, progress: Any
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """One row a pair of (mean, standard deviation) of data and of samples, and the picture.

    G is z times the deviation plus the mean, and its rate is 0; D is trained by the library's step.
    V is an integral over cells with exact masses of both, and so is its optimum.
    """
    rows, figure = [], canvas.new(11, 5.4)
    for number, (data, samples) in enumerate(pairs):
        p, q = _density(data, samples), _density(samples, data)
        model = _model(samples, settings, steps, seed)
        played = line_players.play(p, settings, steps, 1, seed, model=model)
        found = _row(p, q, model)
        rows.append(found | {"data": p.name, "samples": q.name})
        axes = figure.add_subplot(2, 3, number + 1)
        _draw(axes, p, q, played.records[-1].d, found)
        progress(number + 1, len(pairs))
    return rows, canvas.pixels(figure)


def _density(own, other) -> Density:
    """A Gaussian on the cells that show the other one too."""
    (mean, stddev), (beside, spread) = own, other
    low = min(mean - 6 * stddev, beside - 6 * spread)
    high = max(mean + 6 * stddev, beside + 6 * spread)
    name = normal(mean, stddev).name
    one = mixture(name, np.array([[mean]]), stddev, 1.0)
    return Density(name, one.draw, one.cumulative, low, high)


def _model(samples, settings, steps, seed):
    with initial_weights(seed):
        generator = networks.mlp((1,), (), (1,))
        players: dict[str, Any] = {
            "generator": generator,
            "discriminator": networks.mlp((1,), (64, 64), (1,), "tanh"),
        }
        model = GAN(
            (1,),
            latent_dim=1,
            latent="normal",
            loss=settings.loss,
            discriminator_steps=settings.discriminator_steps,
            seed=seed,
            **players,
        )
    mean, stddev = samples
    generator.set_weights([np.array([[stddev]], np.float32), np.array([mean], np.float32)])
    half = max(steps * settings.discriminator_steps // 2, 1)
    rate = LinearDecay(settings.discriminator_rate, half, half)
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(rate))
    return model


def _row(p, q, model):
    cells = CELLS[1]
    mass, other = p.masses(cells), q.masses(cells)
    d, found = line_players.of_discriminator(model, p, mass, other, line_players.centres(p))
    best = mass / np.maximum(mass + other, 1e-300)
    middle = 0.5 * (mass + other)
    jsd = 0.5 * sum(
        float(np.sum(m[m > 0] * np.log(m[m > 0] / middle[m > 0]))) for m in (mass, other)
    )
    return {
        "value": found["value"],
        "optimum": 2.0 * jsd - math.log(4.0),
        "jsd": jsd,
        "d_error": float(np.sum(middle * np.abs(d - best))),
    }


def _draw(axes, p, q, d, found):
    cells = len(d)
    edges = p.edges(cells)
    width, middle = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
    mass, other = p.masses(cells), q.masses(cells)
    axes.fill_between(middle, mass / width, color=canvas.colour("data"), alpha=0.18, label="data")
    axes.plot(middle, other / width, color=canvas.colour("model"), lw=1.2, label="samples")
    axes.plot(middle, d, color=canvas.colour("D"), lw=1.4, label="D")
    best = mass / np.maximum(mass + other, 1e-300)
    axes.plot(middle, best, "--", color=canvas.colour("exact"), lw=1.2, label="p / (p + q)")
    title = f"{p.name}, {q.name}\nV {found['value']:.4f}, optimum {found['optimum']:.4f}"
    canvas.tidy(axes, title, ylim=(0, 1.05))
    axes.title.set_fontsize(9)
    axes.legend(fontsize=7, frameon=False)
