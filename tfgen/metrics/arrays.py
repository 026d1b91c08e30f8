"""What the metrics take: features (N, F), pictures (N, H, W, C) in [-1, 1]; others are refused."""

import numpy as np


def features(*sets, least: int = 2) -> list[np.ndarray]:
    """The sets as float64 (N, F), all of one F.

    Raises:
        ValueError: Another shape, fewer rows than `least`, several lengths, NaN or infinity.
    """
    sets = [np.asarray(s, np.float64) for s in sets]
    for s in sets:
        if s.ndim != 2 or s.shape[1] == 0 or s.shape[1] != sets[0].shape[1]:
            raise ValueError(
                "Features must have shape (N, F) with one F for all sets. Received: "
                f"{', '.join(str(s.shape) for s in sets)}."
            )
        if len(s) < least:
            raise ValueError(f"At least {least} samples are needed. Received: {len(s)}.")
        _check_finite(s, "Features")
    return sets


def pictures(*sets, least: int = 1) -> list[np.ndarray]:
    """The sets as float32 (N, H, W, C) of one size.

    Raises:
        ValueError: Another shape, fewer than `least`, several sizes or channels, integers, NaN,
            or values outside [-1, 1].
    """
    sets = [np.asarray(s) for s in sets]
    for s in sets:
        if s.ndim != 4 or 0 in s.shape[1:] or s.shape[1:] != sets[0].shape[1:]:
            raise ValueError(
                "Pictures must have shape (N, H, W, C) with one (H, W, C) for all sets. Received: "
                f"{', '.join(str(s.shape) for s in sets)}."
            )
        if len(s) < least:
            raise ValueError(f"At least {least} pictures are needed. Received: {len(s)}.")
        if s.dtype.kind != "f":
            raise ValueError(
                f"Pictures must be floats in [-1, 1]. Received dtype {s.dtype}: for uint8 pass "
                "pictures / 127.5 - 1."
            )
        _check_finite(s, "Pictures")
        low, high = float(s.min()), float(s.max())
        if low < -1.0001 or high > 1.0001:
            raise ValueError(
                f"Pictures must lie in [-1, 1]. Received values from {low:g} to {high:g}."
            )
    return [s.astype(np.float32, copy=False) for s in sets]


def _check_finite(array, what):
    bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{what} must be finite: {int(bad.sum())} of {len(array)} samples hold NaN or "
            f"infinity, the first is sample {int(bad.argmax())}."
        )
