"""Which values of a set are black and white, and sets whose values say that they are not known.

Everything here looks at a whole set: one dark picture is a picture, a set without one bright pixel
is a mistake in its scale.
"""

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

DARK = 17  # Levels 0 .. 16 of 255 are black to the eye; scikit-learn's digits have them.
_CHUNK_BYTES = 1 << 24


class Depth(NamedTuple):
    """The values of one picture of more than 8 bits.

    Args:
        kind: What they are, for messages.
        low, high: The smallest and the largest.
        white: The value of white; None where the file does not say it.
    """

    kind: str
    low: float
    high: float
    white: int | None


def pair(value: Sequence[float]) -> tuple[float, float]:
    """(black, white) from an option.

    Raises:
        ValueError: Not two different finite numbers, the smaller first.
    """
    if isinstance(value, list | tuple) and len(value) == 2:
        numbers = not any(isinstance(v, bool | str) for v in value)
        if numbers and all(np.isfinite(value)) and value[0] < value[1]:
            return tuple(value)
    raise ValueError(
        f"value_range must be (black, white), such as (0, 1) or (0, 4095). Received: {value!r}."
    )


def scaled(values: np.ndarray, value_range: Sequence[float], dtype: type) -> np.ndarray:
    """Values of any dtype as uint8 in 0 .. 255 or float32 in [-1, 1].

    Args:
        values: Of any shape.
        value_range: (black, white).
        dtype: np.uint8 or np.float32.

    Raises:
        ValueError: A value that is not finite or lies outside.
    """
    low, high = values.min(), values.max()
    if not value_range[0] <= low <= high <= value_range[1]:  # NaN fails too.
        raise ValueError(
            f"values from {low:g} to {high:g} lie outside of value_range {list(value_range)}"
        )
    span = value_range[1] - value_range[0]
    share = (values.astype(np.float64) - value_range[0]) / span
    if dtype == np.uint8:
        return np.rint(share * 255.0).astype(np.uint8)
    return (share * 2.0 - 1.0).astype(np.float32)


def suggested(low: float, high: float) -> list[float]:
    """The value range that such values most likely have."""
    if low >= 0 and high <= 1:
        return [0, 1]
    if low >= -1 and high <= 1:
        return [-1, 1]
    if low >= 0 and high <= DARK - 1:
        return [0, math.ceil(high)]
    if low >= 0 and high < 1 << 16:
        bits = max(8, math.ceil(high).bit_length())
        return [0, (1 << bits + bits % 2) - 1]
    return [math.floor(low), math.ceil(high)]


def remedy(low: float, high: float) -> str:
    """What to write where black and white must be named."""
    guess = suggested(low, high)
    return (
        f"say which values are black and white, perhaps value_range={tuple(guess)} "
        f"(in a config data.value_range: {guess})"
    )


def examine(name: str, images: np.ndarray) -> None:
    """Looks at the values of a whole set, (N, H, W, C) uint8 or float32 in [-1, 1].

    Pictures of one colour each tell nothing and pass.

    Raises:
        ValueError: Floats that never go below 0, or uint8 that are 0 and 1 only.

    Warns:
        UserWarning: uint8 below `DARK`, or floats in -0.5 .. 0.5.
    """
    byte = images.dtype == np.uint8
    low, high = _extent(images, _bright if byte else _contrasty)
    if _plain(images, byte, low, high):
        return
    said = f"Data set {name!r}: the values of all its pictures lie in {low:g} .. {high:g}, "
    keep = "value_range=(0, 255)" if byte else "value_range=(-1, 1)"
    other = f"If they mean what they say, write {keep}."
    if byte and high == 1:
        raise ValueError(
            f"{said}where uint8 has 255 for white: they would be black. Please "
            f"{remedy(low, high)}. {other}"
        )
    if byte and high < DARK:
        warnings.warn(
            f"{said}where uint8 has 255 for white: they are nearly black. Please "
            f"{remedy(low, high)}. {other}",
            stacklevel=3,
        )
    elif not byte and low >= 0:
        raise ValueError(
            f"{said}where floats have -1 for black: nothing would be darker than grey. Please "
            f"{remedy(low, high)}. {other}"
        )
    elif not byte and -0.5 <= low and high <= 0.5:
        warnings.warn(
            f"{said}where floats go from -1 (black) to 1 (white): they are pale. Please say which "
            f"values are black and white, perhaps value_range=(-0.5, 0.5) (in a config "
            f"data.value_range: [-0.5, 0.5]). {other}",
            stacklevel=3,
        )


def examine_depths(name: str, depths: Sequence[Depth]) -> None:
    """Looks at the values of all pictures of a set that have more than 8 bits.

    Raises:
        ValueError: Where white lies is not known, or no value comes near it.
    """
    for unknown in (True, False):
        part = [d for d in depths if (d.white is None) == unknown]
        if not part:
            continue
        low, high = min(d.low for d in part), max(d.high for d in part)
        kinds = " and ".join(sorted({d.kind for d in part}))
        said = f"Data set {name!r}: {len(part)} pictures hold {kinds} from {low:g} to {high:g}, "
        if unknown:
            raise ValueError(f"{said}without a known black and white. Please {remedy(low, high)}.")
        if low < high < 1 << 14:
            raise ValueError(
                f"{said}where 65535 is white: they would be nearly black. Please "
                f"{remedy(low, high)}. If they mean what they say, write value_range=(0, 65535)."
            )


def _bright(low, high):
    return high >= DARK


def _contrasty(low, high):
    return low < -0.5 or (low < 0 and high > 0.5)


def _plain(images, byte, low, high):
    """Whether there is nothing to say: usual values, or pictures of one colour each."""
    if (_bright if byte else _contrasty)(low, high):
        return True
    return not any((part.min((1, 2)) != part.max((1, 2))).any() for part in _parts(images))


def _parts(images):
    rows = max(1, _CHUNK_BYTES // max(1, images[:1].nbytes))
    for first in range(0, len(images), rows):
        yield images[first : first + rows]


def _extent(images, enough):
    """(smallest, largest), of the first rows only where these are `enough` to tell."""
    low, high = np.inf, -np.inf
    for part in _parts(images):
        low, high = min(low, part.min()), max(high, part.max())
        if enough(low, high):
            break
    return low, high
