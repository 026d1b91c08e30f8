"""The code of a given picture: by the encoder, and by a search."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.data import Source
from tfgen.explore import canvas, examples, latent_space, sheets
from tfgen.explore.explored import Explored, Progress, silent
from tfgen.explore.latent_space import LatentSpace

NAME = "invert"
RATE = 0.05


def invert(
    model: Any,
    test: Source,
    pictures: int = 8,
    starts: int = 8,
    steps: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """The z of a real picture: what can a model draw, and what not?

    From several drawn starts z is moved by Adam to where the picture is nearest (squared error);
    where the model has an encoder, its answer stands beside the search's. The model's own samples
    go through the same: for them there is a z, so what remains of their error is the search's own.

    Args:
        model: With a latent vector.
        test: Pictures that it was not trained on.
        pictures: How many of them, and how many samples.
        starts: Of the search for each.
        steps: Of the search.
        seed: Of the first start, and of the choice of pictures.
        progress: Called with (done, total).

    Returns:
        Numbers: error of each picture (root of the mean square, pixels in [-1, 1]) by the encoder,
        by the best and the typical start, and at the best start before the search; figures:
        "pictures" and "search".

    Raises:
        ValueError: A model without a latent vector, or numbers below 1.
    """
    if min(pictures, starts, steps) < 1:
        raise ValueError(
            f"explore {NAME}: `pictures`, `starts` and `steps` must be 1 or more. Received: "
            f"{pictures}, {starts}, {steps}."
        )
    space = latent_space.of_run(NAME, model, test)
    real = examples.mixed(test, pictures, seed).images
    own_seeds = range(seed + 5000, seed + 5000 + len(real))
    own = space.decode(space.draw(own_seeds))
    both = np.concatenate([real, own])
    z, errors = search(space, both, starts, steps, seed, progress)
    best = errors[-1].argmin(1)  # (N,)
    found = z[np.arange(len(both)), best]
    made = space.decode(found)
    final = errors[-1]
    n = len(real)
    numbers: dict[str, Any] = {
        part: {
            "best_start": final[rows].min(1),
            "typical_start": np.median(final[rows], axis=1),
            "before_the_search": errors[0][rows].min(1),
        }
        for part, rows in (("real", slice(0, n)), ("own", slice(n, None)))
    }
    mean = {part: float(np.mean(numbers[part]["best_start"])) for part in ("real", "own")}
    says = (
        f"The nearest picture that {steps} steps from {starts} starts find differs by "
        f"{mean['real']:.3f} from real pictures and by {mean['own']:.3f} from the model's own "
        "samples (root of the mean square)"
    )
    rows = [("real", real), ("found", made[:n])]
    if space.encodes:
        encoded = space.decode(space.encode(real))
        numbers["real"]["encoder"] = _error(encoded, real)
        says += f"; the encoder's answer by {numbers['real']['encoder'].mean():.3f}"
        rows.insert(1, ("encoder", encoded))
    worst = z[np.arange(len(both)), errors[-1].argmax(1)]
    rows += [("worst start", space.decode(worst)[:n]), ("own sample", own), ("found", made[n:])]
    length = float(np.linalg.norm(space.draw(range(500)), axis=1).mean())
    numbers |= {
        "length_of_z_found": np.linalg.norm(found, axis=1),
        "usual_length_of_z": length,
        "steps": steps,
        "starts": starts,
    }
    if mean["real"] > 2 * mean["own"]:
        says += ". What real pictures have beyond that, the model cannot draw."
    else:
        says += ": it draws the ones about as well as the others."
    figures = {"pictures": sheets.sheet(rows), "search": _chart(errors, n)}
    return Explored(NAME, says, numbers, figures)


def search(
    space: LatentSpace,
    images: np.ndarray,
    starts: int,
    steps: int,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[np.ndarray, np.ndarray]:
    """Codes whose pictures are near to given ones, by Adam on the squared error.

    Where z is drawn from a cube, it is kept in there.

    Args:
        space: Of the model.
        images: (N, H, W, C) in [-1, 1].
        starts: For each picture, S.
        steps: Of Adam, at a rate of 0.05.
        seed: Of the first start.
        progress: Called with (done, total).

    Returns:
        Codes (N, S, Z), and the error (root of the mean square) of each before, about 40 times
        during, and after the search, (T, N, S).
    """
    n = len(images)
    with space.model.averaged():
        z = tf.Variable(space.draw(range(seed, seed + starts)).repeat(n, axis=0))  # (S * N, Z)
        target = tf.constant(np.tile(images, (starts, 1, 1, 1)).astype("float32"))
        limits = space.limits
        first, second = tf.Variable(tf.zeros_like(z)), tf.Variable(tf.zeros_like(z))

        @tf.function
        def step(number):
            with tf.GradientTape() as tape:
                error = tf.reduce_mean(tf.square(space.tensors(z) - target), axis=(1, 2, 3))
                loss = tf.reduce_sum(error)
            slope = tape.gradient(loss, z)
            first.assign(0.9 * first + 0.1 * slope)
            second.assign(0.999 * second + 0.001 * tf.square(slope))
            unbiased = (1.0 - 0.9**number), (1.0 - 0.999**number)
            move = (first / unbiased[0]) / (tf.sqrt(second / unbiased[1]) + 1e-8)
            moved = z - RATE * move
            z.assign(moved if limits is None else tf.clip_by_value(moved, *limits))
            return tf.sqrt(error)

        errors, every = [], max(1, steps // 40)
        for number in range(1, steps + 1):
            error = step(tf.constant(float(number)))
            if (number - 1) % every == 0:
                errors.append(error.numpy())
            progress(number, steps)
    codes = z.numpy().reshape(starts, n, -1).swapaxes(0, 1)
    last = _error(space.decode(z.numpy()), target.numpy())
    return codes, np.stack([*errors, last]).reshape(-1, starts, n).swapaxes(1, 2)


def _error(a, b):
    return np.sqrt(np.square(a - b).mean(axis=(1, 2, 3)))


def _chart(errors, n):
    figure = canvas.new(6.4, 3.6)
    axes = figure.subplots()
    share = np.linspace(0.0, 1.0, len(errors))
    for name, part, colour in (
        ("real pictures", errors[:, :n], "data"),
        ("own samples", errors[:, n:], "model"),
    ):
        axes.plot(share, part.min(2).mean(1), color=canvas.colour(colour), label=f"{name}, best")
        middle = np.median(part, axis=2).mean(1)
        axes.plot(share, middle, "--", color=canvas.colour(colour), label=f"{name}, typical start")
    axes.legend(fontsize=8)
    canvas.tidy(
        axes, "The search for z", xlabel="share of the steps", ylabel="error", ylim=(0, None)
    )
    return canvas.pixels(figure)
