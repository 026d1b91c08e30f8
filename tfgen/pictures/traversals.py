"""Pictures of what one input of a generator does while all others are held."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfgen import pictures
from tfgen.construct import no_such

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


def traversal(
    model: "GenerativeModel",
    name: str,
    values: Sequence[float] | None = None,
    index: int | None = None,
    rows: int = 10,
    seed: int = 0,
    signature: str | None = None,
) -> np.ndarray:
    """One input of a generator varied along each row of a grid.

    Figure 2 of Chen et al. 2016 (InfoGAN); as useful for a label, or for one entry of z.

    Args:
        model: A `GenerativeModel`.
        name: Of the input, such as "category_1", "continuous", "label" or "z".
        values: What it takes from left to right; by default all classes of a categorical input, or
            10 numbers from -2 to 2.
        index: Which entry of an input that is a vector; the others are drawn.
        rows: Each with all other inputs drawn for itself, from the seeds `seed`, `seed` + 1, ...
        seed: Of the first row.
        signature: Which served function; by default the first.

    Returns:
        One uint8 picture (H', W', C).

    Raises:
        ValueError: There is no such input or entry, or an input that cannot be drawn.
    """
    table = model.signatures()
    served = table[signature or next(iter(table))]
    if name not in served.inputs:
        raise ValueError(no_such("input", name, served.inputs))
    spec = served.inputs[name]
    if values is None:
        values = range(spec.num_classes) if spec.num_classes else np.linspace(-2.0, 2.0, 10)
    values = np.asarray(values, spec.dtype)
    sides = [side or 0 for side in spec.shape]
    if len(sides) != (index is not None) or (index is not None and index >= sides[0]):
        raise ValueError(
            f"Input {name!r} has shape {spec.shape} in each row; `index` must "
            + ("be None." if not spec.shape else f"lie in 0 .. {sides[0] - 1}.")
            + f" Received: {index}."
        )
    seeds = np.repeat(np.arange(seed, seed + rows), len(values))
    feeds = served.draw(seeds)
    if index is None:
        feeds[name] = np.tile(values, rows)
    else:
        feeds[name][:, index] = np.tile(values, rows)
    return pictures.grid(model.sample(seeds, signature, **feeds), len(values))
