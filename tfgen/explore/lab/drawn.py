"""Densities drawn by hand: levels of equal cells of a line or a plane, and their text.

A level is a letter, "a" for none up to "j" for the most, and may be followed by how often it
comes: "a120b3" are 120 empty cells and three of the lowest level. Of a plane the rows follow each
other from the lowest, and each from the left.
"""

import re

import numpy as np

from tfgen.construct import no_such
from tfgen.explore.densities import Density

LEVELS = "abcdefghij"
# Name -> (D, cells of an axis, what is shown).
DRAWN = {"line": (1, 40, 4.0), "plane": (2, 24, 3.0)}


def drawn(kind: str, text: str) -> Density:
    """The density that is even within each cell, and as high as its level.

    Args:
        kind: "line" (40 cells from -4 to 4) or "plane" (24 x 24 cells from -3 to 3).
        text: The levels.

    Raises:
        ValueError: Another kind, a text of other length or letters, or nothing drawn.
    """
    if kind not in DRAWN:
        raise ValueError(no_such("kind of drawing", kind, DRAWN))
    dim, cells, end = DRAWN[kind]
    levels = np.array(_levels(text, cells**dim))
    if not levels.any():
        raise ValueError("Nothing is drawn: the density has no place with a level above a.")
    width = 2.0 * end / cells
    found = np.flatnonzero(levels)
    # A cell of level n counts as n equally likely squares.
    squares = np.repeat(found, levels[found])
    places = [squares % cells] if dim == 1 else [squares % cells, squares // cells]
    lows = -end + width * np.stack(places, 1)  # (squares, D)

    def draw(generator, rows):
        chosen = lows[generator.integers(0, len(lows), rows)]
        return (chosen + width * generator.random(chosen.shape)).astype(np.float32)

    def cumulative(axis):
        return lambda points: np.clip((points[None] - lows[:, axis, None]) / width, 0.0, 1.0)

    axes = tuple(cumulative(axis) for axis in range(dim))
    return Density("what is drawn", draw, axes, -end, end)


def _levels(text, size):
    if re.fullmatch(rf"(?:[{LEVELS}]\d{{0,4}})*", text) is None:
        raise ValueError(
            f"A drawing is letters {LEVELS[0]} to {LEVELS[-1]}, each perhaps with a number. "
            f"Received: {text[:40]!r}."
        )
    found: list[int] = []
    for letter, times in re.findall(r"([a-z])(\d*)", text):
        found += [LEVELS.index(letter)] * int(times or 1)
        if len(found) > size:
            break
    if len(found) != size:
        raise ValueError(
            f"A drawing of this kind has {size} cells. Received {len(found)}"
            f"{' or more' if len(found) > size else ''}."
        )
    return found
