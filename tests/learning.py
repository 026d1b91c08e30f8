"""Real data for the learning tests, as plain arrays."""

import numpy as np

from tfgen import data


def arrays(name, binary=False):
    """Training and test images (N, H, W, C) in [-1, 1]; thresholded where `binary`."""
    images = []
    for split in ("train", "test"):
        batches = data.load(
            name, split, 500, shuffle=False, drop_remainder=False,
            binarize="threshold" if binary else None,
        )  # fmt: skip
        images.append(np.concatenate([batch["image"].numpy() for batch in batches]))
    return images
