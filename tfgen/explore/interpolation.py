"""Paths between two codes, straight and on the sphere, and how evenly pictures change along them.

Radford et al. 2015, section 6.1. The sphere is the path of White 2016,
https://arxiv.org/abs/1609.04468.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import canvas, latent_space, sheets
from tfgen.explore.explored import Explored, Film, Progress, silent

NAME = "interpolate"
RANDOM_PAIRS = 200
SHOWN = 11  # Pictures of a path on the sheet.
FRAMES = 30


def linear(a: np.ndarray, b: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Points of the straight line from a to b, (Z,) each, at shares (S,) in [0, 1]: (S, Z)."""
    return (1.0 - shares[:, None]) * a + shares[:, None] * b


def spherical(a: np.ndarray, b: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Points of the great circle from a to b (Shoemake 1985), their lengths changing evenly.

    Where a and b are parallel, there is no one circle, and the path is the straight line.
    """
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) == 0.0:
        return linear(a, b, shares)
    u, v = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.clip(u @ v, -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return linear(a, b, shares)
    t = shares[:, None]
    points = (np.sin((1.0 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)
    return points * ((1.0 - t) * lengths[0] + t * lengths[1])


PATHS = {"linear": linear, "spherical": spherical}


def interpolate(
    model: Any,
    train: Source | None = None,
    seeds: Sequence[int] = (0, 1, 2, 3),
    pictures: Sequence[int] = (),
    steps: int = 20,
    seed: int = 10_000,
    progress: Progress = silent,
) -> Explored:
    """A path between two codes, straight and on the sphere: is every picture on it one of the kind?

    From each seed to the next and from the last one back to the first. A generator that had
    memorised its training pictures would jump from one to the other (Radford et al. 2015, section
    6.1); the sphere avoids codes that are shorter than any that was trained on (White 2016).

    Args:
        model: With a latent vector.
        train: Its data, for `pictures` and for what the model needs besides z.
        seeds: The ends of the paths, two or more.
        pictures: Rows of the training pictures in place of seeds, for models with an encoder.
        steps: Of each path.
        seed: Of the first of the random pictures that steps are compared with.
        progress: Called with (done, total).

    Returns:
        Numbers: for both kinds of path the largest and the mean distance between neighbouring
        pictures (Euclidean, of pixels in [-1, 1]), and the distance of random pictures; figures:
        "paths" and "steps", and the film "walk".

    Raises:
        ValueError: A model without a latent vector, fewer than two ends or two steps, or pictures
            and no encoder.
    """
    space = latent_space.of_run(NAME, model, train)
    if pictures:
        known = latent_space.real(NAME, space, train)
        ends = space.encode(known[np.asarray(pictures)])
        names, seeds = [f"picture {n}" for n in pictures], [0] * len(pictures)
    else:
        ends, names = space.draw(seeds), [str(seed) for seed in seeds]
    if len(ends) < 2 or steps < 2:
        raise ValueError(
            f"explore {NAME}: paths need two ends and two steps, or more. Received: {len(ends)} "
            f"and {steps}."
        )
    pairs = [(n, (n + 1) % len(ends)) for n in range(1 if len(ends) == 2 else len(ends))]
    shares = np.linspace(0.0, 1.0, steps + 1)
    found, strips = {}, {}
    for number, (kind, path) in enumerate(PATHS.items()):
        codes = [path(ends[a], ends[b], shares) for a, b in pairs]
        strips[kind] = [
            space.decode(z, np.full(len(z), seeds[a]))
            for z, (a, _) in zip(codes, pairs, strict=True)
        ]
        found[kind] = _evenness(strips[kind], codes)
        progress(number + 1, 3)
    others = range(seed, seed + 2 * RANDOM_PAIRS)
    drawn = space.draw(others)
    images = space.decode(drawn, others)
    apart = float(_distances(images[::2], images[1::2]).mean())
    numbers = {
        **found,
        "distance_of_random_pictures": apart,
        "mean_length_of_z": float(np.linalg.norm(drawn, axis=1).mean()),
        "paths": [f"{names[a]} to {names[b]}" for a, b in pairs],
        "steps": steps,
    }
    figures = {
        "walk": _walk(strips),
        "paths": _sheet(strips, pairs, names, steps),
        "steps": _chart(found, pairs, names, shares, apart),
    }
    progress(3, 3)
    return Explored(NAME, _says(numbers, space), numbers, figures)


def _evenness(strips, codes):
    sizes = np.array([_distances(strip[1:], strip[:-1]) for strip in strips])  # (P, S)
    middle = len(codes[0]) // 2
    return {
        "largest_step": float(sizes.max()),
        "mean_step": float(sizes.mean()),
        "largest_over_mean": float((sizes.max(1) / np.maximum(sizes.mean(1), 1e-12)).max()),
        "length_of_z_in_the_middle": float(np.mean([np.linalg.norm(z[middle]) for z in codes])),
        "steps": sizes,
    }


def _says(numbers, space):
    straight, round_, apart = (
        numbers["linear"]["largest_step"],
        numbers["spherical"]["largest_step"],
        numbers["distance_of_random_pictures"],
    )
    says = (
        f"Along {len(numbers['paths'])} straight paths of {numbers['steps']} steps the largest "
        f"change between neighbours is {straight:.2f} (on spheres {round_:.2f}), "
    )
    if straight < apart:
        says += f"below the {apart:.2f} between random pictures: no path jumps."
    else:
        says += f"not below the {apart:.2f} between random pictures: a path jumps."
    share = numbers["linear"]["length_of_z_in_the_middle"] / max(numbers["mean_length_of_z"], 1e-12)
    says += f" In the middle of a straight path z has {share:.0%} of its usual length"
    return says + (", which is inside the cube that z is drawn from." if space.is_uniform else ".")


def _chart(found, pairs, names, shares, apart):
    figure = canvas.new(6.4, 4.0)
    axes = figure.subplots()
    for kind, style in (("linear", "-"), ("spherical", "--")):
        for number, (a, b) in enumerate(pairs[:4]):
            sizes = found[kind]["steps"][number]
            label = f"{names[a]} to {names[b]}, {kind}"
            axes.plot(shares[1:], sizes, style, color=f"C{number}", label=label)
    axes.axhline(apart, color=canvas.colour("quiet"))
    axes.legend(fontsize=7, ncols=2)
    canvas.tidy(
        axes,
        "Change from one picture to the next (grey line: between random pictures)",
        xlabel="share of the path",
        ylabel="distance",
        ylim=(0, None),
    )
    return canvas.pixels(figure)


def _sheet(strips, pairs, names, steps):
    shown = np.unique(np.round(np.linspace(0, steps, min(SHOWN, steps + 1))).astype(int))
    rows = []
    for number, (a, b) in enumerate(pairs):
        for kind in PATHS:
            rows.append((f"{names[a]} to {names[b]}\n{kind}", strips[kind][number][shown]))
    return sheets.sheet(rows, [f"{100 * n // steps} %" for n in shown])


def _walk(strips):
    """All paths at once, there and back."""
    count = len(strips["linear"][0])
    order = [*range(count), *range(count - 2, 0, -1)]
    frames = [
        sheets.sheet([(kind, np.stack([s[n] for s in strips[kind]])) for kind in PATHS])
        for n in order[:: max(1, count // FRAMES)]
    ]
    return Film(frames, 0.1, 0.1)


def _distances(a, b):
    return np.linalg.norm((a - b).reshape(len(a), -1), axis=1)
