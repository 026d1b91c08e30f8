"""What a Progressive GAN draws at each side that it has grown to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.explore import sheets
from tfgen.explore.explored import Explored, Progress, silent, unfit

NAME = "stages"


def stages(
    model: Any,
    seeds: Sequence[int] = (0, 1, 2, 3, 4, 5, 6, 7),
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """The same seeds at every side of a Progressive GAN: small pictures say what, large ones how.

    The generator's own pictures of each level, from the weights as they are at the end; the layer
    that turns a lower level's maps into a picture is the one that its own stage left.

    Args:
        model: ProgressiveGAN.
        seeds: Of the pictures, one a column.
        seed: Added to each of them.
        progress: Called with (done, total).

    Returns:
        Numbers: for each pair of neighbouring sides the correlation of the small picture with the
        large one shrunk to it, over all pixels; figures: "sides".

    Raises:
        ValueError: Another model, no seeds, or a run that has not grown yet.
    """
    if not hasattr(model, "trained_stage"):
        raise unfit(NAME, model, "it does not grow; ProgressiveGAN does.")
    last = model.trained_stage()
    if not seeds or not last.level:
        raise ValueError(
            f"explore {NAME}: give a seed or more, and a run that has grown: it is at side "
            f"{last.side}. Received seeds: {list(seeds)}."
        )
    shifted = [seed + number for number in seeds]
    z = tf.constant(model.signatures()["generate"].draw(shifted)["z"])
    found = {}
    with model.averaged():
        # Levels are numbered from 0; a stage of each at which nothing fades.
        for level in range(last.level + 1):
            stage = type(last)(level, False)
            made = model.generator.pictures(z, stage, tf.ones(()))
            found[stage.side] = np.clip(made.numpy(), -1.0, 1.0)
            progress(level + 1, last.level + 1)
    sides = list(found)
    alike = {
        f"{small} and {large}": _correlation(found[small], _halved(found[large]))
        for small, large in zip(sides, sides[1:], strict=False)
    }
    most = max(sides)
    rows = [
        (f"{side}x{side}", images.repeat(most // side, 1).repeat(most // side, 2))
        for side, images in found.items()
    ]
    says = (
        f"The same {len(seeds)} seeds at the sides {', '.join(map(str, sides))}: shrunk to "
        "the side before it, a picture correlates with what was drawn there by "
        f"{', '.join(f'{value:.2f}' for value in alike.values())} (1 is the same picture)."
    )
    return Explored(
        NAME, says, {"correlation": alike, "seeds": shifted}, {"sides": sheets.sheet(rows)}
    )


def _halved(images):
    n, height, width, channels = images.shape
    return images.reshape(n, height // 2, 2, width // 2, 2, channels).mean((2, 4))


def _correlation(a, b):
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
