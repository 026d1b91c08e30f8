"""The game on a line or a plane: everything that Goodfellow et al. 2014 prove, watched."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tfgen.explore.explored import Explored, Progress, silent

MOST_SETTINGS = 8
# Steps and records where none are given, of one setting and of each of several.
ALONE, COMPARED = (2500, 40), (1500, 20)
# papers' table of V* = 2 JSD - log 4: (mean, standard deviation) of data and of samples.
PAIRS = (
    ((0.0, 1.0), (0.0, 1.0)),
    ((0.0, 1.0), (1.0, 1.0)),
    ((0.0, 1.0), (2.0, 1.0)),
    ((0.0, 1.0), (4.0, 1.0)),
    ((0.0, 1.0), (0.0, 2.0)),
    ((4.0, 0.5), (0.0, 1.0)),
)


def game(
    data: Literal[
        "normal", "mixture", "student_t", "uniform", "ring", "grid", "spiral", "moons"
    ] = "normal",
    model: Literal["gan", "vae"] = "gan",
    loss: Literal[
        "minimax", "non_saturating", "least_squares", "hinge", "wasserstein"
    ] = "non_saturating",
    discriminator_steps: int = 1,
    generator_steps: int = 1,
    discriminator_rate: float = 2e-3,
    generator_rate: float = 1e-3,
    batch: int = 256,
    steps: int | None = None,
    records: int | None = None,
    compare: Mapping[str, Sequence[str]] | None = None,
    only_d: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """The game on a line: D beside p / (p + q), V beside 2 JSD - log 4, G becoming the data.

    Figure 1 of Goodfellow et al. 2014 as a film, by small perceptrons through the library's own
    training steps. Everything is measured on cells whose mass under the data is exact; the model's
    mass is that of many evenly spread z. What lies outside of what is shown counts in the outermost
    cells; in a KL no cell has less than 1e-6.

    Args:
        data: The density: N(4, 0.5), three modes, t with 3 degrees, U(-1, 1) on a line; a ring of
            8, a grid of 25, a spiral, two moons on a plane.
        model: "gan" or "vae" (a Gaussian decoder with learned spread; it has no D).
        loss: Of the GAN; "wasserstein" is without a penalty.
        discriminator_steps: Of D in a training step (k).
        generator_steps: Of G in a training step.
        discriminator_rate: Of D's Adam; falls linearly to 0 over the second half.
        generator_rate: Of G's Adam, or the VAE's.
        batch: Points that each step of D sees.
        steps: Training steps; by default 2500, and 1500 of each where settings are compared.
        records: Measurements, and frames of the film; by default 40, and 20 of each setting.
        compare: Settings to be played side by side from one seed, such as
            loss=minimax,non_saturating; of several all combinations, 8 at most.
        only_d: Whether G stays as it is and D alone is trained, on the pairs of Gaussians whose
            optimum is known in closed form.
        seed: Of weights, data and noise.
        progress: Called with (done, total).

    Returns:
        Numbers of every record and of the end; figures: "game" (a film), "curves", "gradient" and,
        side by side, "finals".

    Raises:
        ValueError: A number below 1, too many combinations, or an unknown setting.
    """
    from tfgen.explore import densities, line_film, line_pictures, line_players, line_records

    usual = COMPARED if compare else ALONE
    steps = usual[0] if steps is None else steps
    records = usual[1] if records is None else records
    for name, number in (("steps", steps), ("records", records), ("batch", batch)):
        if number < 1:
            raise ValueError(f"explore game: `{name}` must be at least 1. Received: {number}.")
    own = line_records.Settings(
        model,
        loss,
        discriminator_steps,
        generator_steps,
        discriminator_rate,
        generator_rate,
        batch,
    )
    if only_d:
        return _only_d(own, steps, seed, progress)
    chosen = _settings(own, compare or {})
    records = min(records, steps)
    total, done = records * len(chosen), 0

    def watch():
        nonlocal done
        done += 1
        progress(done, total)

    density = densities.density(data)
    plays = {
        name: line_players.play(density, one, steps, records, seed, watch)
        for name, one in chosen.items()
    }
    progress(total, total)
    figures: dict[str, Any] = {"curves": line_pictures.curves(plays)}
    if compare:
        figures["finals"] = line_pictures.finals(plays)
    else:
        (only,) = plays.values()
        film = line_film.film(only)
        figures = {"game": film, "end": film.frames[-1], **figures}
    if model == "gan":
        figures["gradient"] = line_pictures.gradients(plays)
    numbers = {name: _numbers(play) for name, play in plays.items()}
    return Explored("game", _says(plays, density), numbers, figures)


def _settings(own, compare):
    """Name -> settings, all combinations."""
    if not compare:
        return {f"{own.model}": own}
    combinations = list(itertools.product(*compare.values()))
    if len(combinations) > MOST_SETTINGS:
        raise ValueError(
            f"explore game: {len(combinations)} combinations in `compare`; at most {MOST_SETTINGS} "
            "are played side by side."
        )
    found = {}
    for values in combinations:
        one = own
        for name, text in zip(compare, values, strict=True):
            one = one.changed(name, text)
        label = ", ".join(f"{_short(n)} {v}".strip() for n, v in zip(compare, values, strict=True))
        found[label] = one
    return found


def _short(name):
    return {"discriminator_steps": "k", "generator_steps": "k of G", "loss": ""}.get(
        name, name.replace("_", " ")
    )


def _numbers(play):
    keys = [k for k in play.last if k not in ("mean", "stddev", "mean_norm")]
    return {
        "settings": vars(play.settings),
        "data": play.density.name,
        "diverged": play.diverged,
        "end": play.last,
        "records": {
            "step": [r.step for r in play.records],
            **{key: play.over_time(key) for key in keys},
        },
    }


def _says(plays, density):
    if len(plays) > 1:
        ends = [
            f"{name}: {play.diverged or 'JSD {:.3f}'.format(play.last['jsd'])}"
            for name, play in plays.items()
        ]
        return f"On {density.name}, from one seed: " + "; ".join(ends) + "."
    (play,) = plays.values()
    end = play.last
    if not math.isfinite(end["mean_norm"]):
        return f"On {density.name} the game {play.diverged}."
    parts = [f"After {play.records[-1].step} steps on {density.name} JSD is {end['jsd']:.3f}"]
    if "value" in end:
        parts.append(
            f"V = {end['value']:.3f} beside its optimum 2 JSD - log 4 = {end['optimum']:.3f} "
            f"(lowest: -log 4 = {-math.log(4):.3f}), and D says {end['d_data']:.2f} of data and "
            f"{end['d_samples']:.2f} of samples (no difference left: 0.50)"
        )
    if "modes" in end and end["modes"] is not None:
        parts.append(f"{end['modes']} of {len(density.modes)} modes are covered")
    if density.dim == 1:
        parts.append(f"mean {float(end['mean'][0]):.2f}, spread {float(end['stddev'][0]):.2f}")
    return "; ".join(parts) + "."


def _only_d(own, steps, seed, progress):
    """D alone on pairs of Gaussians: D learns p / (p + q), V becomes 2 JSD - log 4."""
    from tfgen.explore import only_d

    if own.model != "gan" or own.loss not in ("minimax", "non_saturating"):
        raise ValueError(
            "explore game: `only_d` is about V(D, G), so it needs the model 'gan' with the loss "
            f"'minimax' or 'non_saturating'. Received: {own.model}, {own.loss}."
        )
    rows, picture = only_d.table(PAIRS, own, steps, seed, progress)
    worst = max(abs(row["value"] - row["optimum"]) for row in rows)
    error = float(np.mean([row["d_error"] for row in rows]))
    says = (
        f"With G held, D learns p / (p + q) to {error:.3f} on average, and V(D, G) becomes "
        f"2 JSD - log 4 to {worst:.4f} on each of {len(rows)} pairs of Gaussians."
    )
    return Explored("game", says, {"pairs": rows, "largest_error": worst}, {"only_d": picture})
