"""What is fed to a signature, compared with it before anything runs.

TensorFlow does not refuse every wrong shape: some kernels end the whole process instead, and some
broadcast to an answer that is wrong. So rank and fixed sides are compared here, for any SavedModel.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfgen.serving.models import picture_heads
from tfgen.serving.status import Code, Failure, invalid
from tfgen.signature import MOST_PIXELS

FILE = "_bytes"  # Ending of the names of inputs that are files.
# How the base64 of a PNG, of a JPEG and of a data URL begin: text where a file is meant.
_ENCODED = re.compile(rb"iVBORw0KGgo|/9j/[A-Za-z0-9+/]|data:image/")


def check_shape(name: str, array: np.ndarray, info: Any) -> None:
    """Compares rank and fixed sides.

    Args:
        name: Of the input.
        array: What is fed.
        info: TensorInfo of the input; one of unknown rank takes everything.

    Raises:
        Failure: INVALID_ARGUMENT, with the input's name, its shape, what was sent and what to do.
    """
    proto = info.tensor_shape
    if proto.unknown_rank or info.WhichOneof("encoding") != "name":
        return
    wanted = [dim.size for dim in proto.dim]
    if len(wanted) == array.ndim and all(
        side in (-1, sent) for side, sent in zip(wanted, array.shape, strict=True)
    ):
        return
    raise _misfit(name, wanted, array.shape)


def _misfit(name, wanted, sent) -> Failure:
    return invalid(
        f"Input {name} takes shape {_shown(wanted)}, but was sent {_shown(sent)}"
        f"{_remedy(wanted, sent)}"
    )


def _remedy(wanted, sent):
    if len(sent) == len(wanted) - 1:
        what = "value" if len(wanted) == 1 else "row"
        return f": the first side counts rows, so put one {what} into a list of its own."
    if len(sent) == len(wanted) + 1:
        return ": it is nested one list too deep."
    if len(sent) != len(wanted):
        return f": it has {len(sent)} sides in place of {len(wanted)}."
    is_picture = len(wanted) >= 4
    if is_picture and all(w in (-1, s) for w, s in zip(wanted[:-1], sent[:-1], strict=True)):
        return f": these pictures have {sent[-1]} channels in place of {wanted[-1]}."
    return "."


def _shown(shape) -> str:
    return f"[{','.join('?' if side < 0 else str(side) for side in shape)}]"


def check_files(name: str, array: np.ndarray) -> None:
    """Refuses base64 text where a file's bytes are meant, and pictures that would fill the memory.

    Args:
        name: Of the input; only those that end in `_bytes` are files for certain.
        array: Its strings.

    Raises:
        Failure: INVALID_ARGUMENT.
    """
    if array.dtype != object:
        return
    is_file, pixels = name.endswith(FILE), 0
    for row, value in enumerate(array.reshape(-1)):
        if not isinstance(value, bytes):
            continue
        height, width = picture_heads.sides(value)
        pixels += height * width
        if pixels > MOST_PIXELS:
            raise invalid(
                f"Input {name} takes pictures of at most {MOST_PIXELS} pixels in all: row {row}, "
                f"{height} high and {width} wide, is beyond that. Send fewer or smaller ones."
            )
        if is_file and _ENCODED.match(value):
            raise invalid(
                f"Input {name} takes files, but row {row} is base64 text: send "
                '{"b64": "..."} in place of "..." over REST, and the bytes themselves over gRPC.'
            )


def check_finite(name: str, array: np.ndarray) -> None:
    """Refuses NaN and infinity.

    Raises:
        Failure: INVALID_ARGUMENT, with the first place.
    """
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    place = [int(at) for at in np.argwhere(~np.isfinite(array))[0]]
    raise invalid(
        f"Input {name} takes finite numbers, but holds {array[tuple(place)]} at {place}: "
        "replace what is not a number before sending."
    )


def explained(failure: Failure, arrays: Iterable[np.ndarray]) -> Failure:
    """A run's failure, with the cause where what was fed shows one that TensorFlow does not name.

    Args:
        failure: Of the run.
        arrays: What was fed.
    """
    if failure.code != Code.INVALID_ARGUMENT:
        return failure
    for array in arrays:
        for row, value in enumerate(array.reshape(-1) if array.dtype == object else ()):
            if isinstance(value, bytes) and picture_heads.is_cmyk(value):
                return invalid(
                    f"Row {row} is a JPEG in CMYK, the colours of print, which this input does not "
                    f"take: send it as RGB. ({failure.message})"
                )
    return failure
