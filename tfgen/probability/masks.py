"""Masks: which pixels of a picture are seen."""

from collections.abc import Sequence

import numpy as np

QUADRANTS = ("upper_left", "upper_right", "lower_left", "lower_right")


def quadrant_mask(image_shape: Sequence[int], observed: Sequence[str]) -> np.ndarray:
    """1 in the observed quadrants and 0 in the others, float32 (1, H, W, 1).

    Args:
        image_shape: (H, W, C); of an odd side the lower or right part is the larger.
        observed: Names in `QUADRANTS`, one to three of them.

    Raises:
        ValueError: An unknown name, no quadrant, all four, or a side below 2.
    """
    height, width = image_shape[:2]
    unknown = [name for name in observed if name not in QUADRANTS]
    if unknown or not 1 <= len(set(observed)) <= 3 or min(height, width) < 2:
        raise ValueError(
            f"`observed` must name one to three of {', '.join(QUADRANTS)} of a picture with sides "
            f"of at least 2. Received: {list(observed)}, sides {height} and {width}."
        )
    mask = np.zeros((1, height, width, 1), np.float32)
    for name in observed:
        rows = slice(height // 2) if "upper" in name else slice(height // 2, None)
        columns = slice(width // 2) if "left" in name else slice(width // 2, None)
        mask[:, rows, columns] = 1.0
    return mask
