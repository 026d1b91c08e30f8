"""Rows of several requests as one batch, and the outputs of the batch as theirs again."""

from collections.abc import Sequence

import numpy as np

from tfgen.serving.settings.batch_options import BatchOptions
from tfgen.serving.status import Code, Failure


def gathered(pieces: list, rows: int, options: BatchOptions):
    """The inputs of a batch.

    Args:
        pieces: (task, first row, row after the last), in order.
        rows: Rows of all pieces.
        options: BatchOptions.

    Returns:
        One array an input, and how many rows at the end are padding.

    Raises:
        Failure: FAILED_PRECONDITION: rows of different shapes, and padding is off.
    """
    size = next((size for size in options.allowed_batch_sizes if size >= rows), rows)
    padding = size - rows
    arrays = []
    for index in range(len(pieces[0][0].arrays)):
        parts = [task.arrays[index][start:stop] for task, start, stop in pieces]
        shapes = {part.shape[1:] for part in parts}
        if len(shapes) > 1:
            parts = _same_shape(parts, shapes, options)
        if padding:
            # Rows that are known to be valid inputs.
            parts.append(np.repeat(parts[0][:1], padding, axis=0))
        arrays.append(parts[0] if len(parts) == 1 else np.concatenate(parts))
    return tuple(arrays), padding


def _same_shape(parts, shapes, options):
    if not options.pad_variable_length_inputs or len({len(shape) for shape in shapes}) > 1:
        raise Failure(
            Code.FAILED_PRECONDITION,
            "Tensors with the same name from different tasks have different shapes and padding is "
            "turned off. Set pad_variable_length_inputs to true, or ensure that all tensors with "
            "the same name have equal dimensions starting with the first dim.",
        )
    largest = np.max([list(shape) for shape in shapes], axis=0)
    return [_padded(part, largest) for part in parts]


def _padded(part, shape):
    """As TensorFlow Serving does, the first element of the tensor is what fills it up."""
    widths = [(0, 0)] + [(0, int(b) - a) for a, b in zip(part.shape[1:], shape, strict=True)]
    if part.dtype == object:
        fill = part.reshape(-1)[0] if part.size else b""
    else:
        fill = part.reshape(-1)[0] if part.size else part.dtype.type(0)
    return np.pad(part, widths, constant_values=fill)


def split(outputs: Sequence[np.ndarray], pieces: list, rows: int, padding: int) -> list:
    """The outputs of each piece.

    Raises:
        Failure: FAILED_PRECONDITION: an output without the batch's 0th dimension.
    """
    for array in outputs:
        if not array.ndim:
            raise Failure(Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
        if len(array) != rows + padding:
            raise Failure(
                Code.FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                "dimension sizes of the input tensors",
            )
    parts, at = [], 0
    for _, start, stop in pieces:
        parts.append([array[at : at + stop - start] for array in outputs])
        at += stop - start
    return parts
