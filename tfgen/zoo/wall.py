"""One picture of all families: the samples of seeds 0 to 7 of one model of the zoo each.

    python -m tfgen.zoo.wall --out docs/wall.png

Nothing is chosen: the seeds are the first eight, and of several models of a family the one with the
largest pictures is shown, the first by name where they are alike.
"""

import argparse
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen.pictures import grids
from tfgen.zoo import shelf
from tfgen.zoo.shelf import Entry

# Pixels: of letters, between strips, between pictures, of a picture at most.
TEXT, GAP, BETWEEN, SIDE = 15, 16, 4, 64
PAPER, INK = (255, 255, 255), (32, 32, 32)


def shown(entries: Sequence[Entry]) -> list[Entry]:
    """One entry a family, families in the order of `tfgen.models.MODELS`."""
    from tfgen.models import MODELS

    found: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda e: (-math.prod(e.image_shape), e.name)):
        found.setdefault(entry.model, entry)
    return [found[name] for name in MODELS if name in found]


def draw(entries: Sequence[Entry], columns: int = 2) -> np.ndarray:
    """The wall.

    Args:
        entries: Whose strips it shows, in this order, downwards.
        columns: Of strips.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: No entries.
    """
    from PIL import Image

    if not entries:
        raise ValueError("There is nothing in the zoo to show.")
    blocks = [_block(entry) for entry in entries]
    width = max(block.width for block in blocks)
    parts = _parted([block.height for block in blocks], columns)
    heights = [sum(b.height + GAP for b in blocks[slice(*part)]) for part in parts]
    size = (len(parts) * (width + GAP) + GAP, max(heights) + GAP)
    wall = Image.new("RGB", size, PAPER)
    for column, (start, end) in enumerate(parts):
        top = GAP
        for block in blocks[start:end]:
            wall.paste(block, (GAP + column * (width + GAP), top))
            top += block.height + GAP
    return np.asarray(wall)


def _block(entry: Entry) -> Any:
    """A strip under its family and the name of its model."""
    from PIL import Image, ImageDraw, ImageFont

    from tfgen.models import MODELS

    strip = _enlarged(entry)
    height, width = strip.shape[:2]
    block = Image.new("RGB", (width, height + TEXT + 8), PAPER)
    given = ", above what it was given" if (entry.folder / shelf.INPUTS).is_file() else ""
    words = f"{MODELS[entry.model].__name__}   zoo:{entry.name}{given}"
    font: Any = ImageFont.load_default(TEXT)
    ImageDraw.Draw(block).text((0, 0), words, fill=INK, font=font)
    block.paste(Image.fromarray(strip), (0, TEXT + 8))
    return block


def _enlarged(entry: Entry) -> np.ndarray:
    """uint8 (H, W, 3): the stored samples, each pixel some pixels, on paper."""
    from PIL import Image

    stored = np.asarray(Image.open(entry.folder / shelf.SAMPLES).convert("RGB"))
    number = len(shelf.SEEDS)
    side = (stored.shape[1] + 1) // number - 1
    rows = (stored.shape[0] + 1) // (side + 1)  # Of square pictures, one pixel apart.
    scale = max(1, SIDE // side)
    step = side * scale + BETWEEN
    strip = np.full((rows * step - BETWEEN, number * step - BETWEEN, 3), PAPER, np.uint8)
    for row, column in np.ndindex(rows, number):
        y, x = row * (side + 1), column * (side + 1)
        picture = stored[y : y + side, x : x + side].repeat(scale, 0).repeat(scale, 1)
        y, x = row * step, column * step
        strip[y : y + side * scale, x : x + side * scale] = picture
    return strip


def _parted(heights, columns):
    """(start, end) of the blocks of each column, so that the tallest is as low as it can be."""
    bounds = itertools.combinations(range(1, len(heights)), min(columns, len(heights)) - 1)
    splits = [list(itertools.pairwise([0, *inner, len(heights)])) for inner in bounds]
    return min(splits, key=lambda parts: max(sum(heights[slice(*part)]) for part in parts))


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    one = argparse.ArgumentParser(prog="python -m tfgen.zoo.wall", description=draw.__doc__)
    one.add_argument("--out", type=Path, default=Path("docs", "wall.png"))
    one.add_argument("--columns", type=int, default=2)
    given = one.parse_args(argv)
    entries = shown(shelf.entries())
    grids.save(given.out, draw(entries, given.columns))
    print(f"{given.out}: {', '.join(entry.name for entry in entries)}")


if __name__ == "__main__":
    main()
