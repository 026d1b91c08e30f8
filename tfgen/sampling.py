"""How a trained model is asked for many rows: in batches of a size that its cost chooses."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.signature import Signature, as_seeds

# Rows at a time that are chosen where none are asked for.
LEAST, MOST = 64, 1024
# Bytes of all that such a batch computes on its way.
_BYTES = 64 << 20


def rows_at_a_time(graph: tf.Graph) -> int:
    """A power of two from `LEAST` to `MOST`: the more, the less a row costs.

    A network of a few vectors spends small batches on being called, and one of large maps gains
    nothing by larger ones but memory.

    Args:
        graph: Of a served function, with a free first axis where rows are.
    """
    each = sum(_bytes(out) for op in graph.get_operations() for out in op.outputs)
    fitting = int(_BYTES // max(1, each))
    return max(LEAST, min(MOST, 1 << max(0, fitting.bit_length() - 1)))


def _bytes(tensor):
    """Of one row of a tensor; 0 where there are no rows, or where a side is not known."""
    shape, dtype = tensor.shape, tensor.dtype
    if not shape.rank or shape[0] is not None or None in shape[1:].as_list():
        return 0
    return shape[1:].num_elements() * (dtype.size or 0)


def sliceable(seeds: Iterable[int]) -> Sequence[int] | np.ndarray:
    """The seeds, checked; a range stays one, whatever its length.

    Raises:
        ValueError: None, or one that is no integer of 64 bits.
    """
    if isinstance(seeds, range):
        as_seeds([*seeds[:1], *seeds[-1:]])
    else:
        seeds = as_seeds(seeds)
    if not len(seeds):
        raise ValueError("`seeds` is empty.")
    return seeds


def batches(
    graph: Any,
    signature: Signature,
    seeds: Sequence[int] | np.ndarray,
    given: dict[str, np.ndarray],
    batch_size: int,
) -> Iterator[np.ndarray]:
    """The first output of a served function, some rows at a time; noise is drawn as it is needed.

    Args:
        graph: (feeds) -> outputs by name.
        signature: What it serves.
        seeds: One a row.
        given: Inputs that are not drawn, each with as many rows.
        batch_size: Rows at a time.
    """
    for first in range(0, len(seeds), batch_size):
        last = first + batch_size
        part: dict[str, Any] = {name: value[first:last] for name, value in given.items()}
        feeds = signature.draw(seeds[first:last], **part)
        # Tensors, because `draw` has checked them.
        outputs = graph({name: tf.constant(value) for name, value in feeds.items()})
        yield next(iter(outputs.values())).numpy()
