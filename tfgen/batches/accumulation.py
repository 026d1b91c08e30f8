"""One update by the gradients of a batch's parts, taken one after the other.

The memory of a step is then that of one part, and the weights are those that the whole batch gives
at once: every row draws what it draws in the whole batch, and the optimizer moves once.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfgen import optimizers


def check(model: Any, count: int) -> None:
    """ValueError where `count` parts would not give the weights of the whole batch.

    Args:
        model: A compiled `tfgen.GenerativeModel`.
        count: Parts of a batch.
    """
    if count == 1:
        return
    who, rest = type(model).__name__, f"one update from {count} parts of a batch is not that of"
    if len(model.players) != 1:
        raise ValueError(
            f"{who}: {rest} the whole, because its players move in turn "
            f"({', '.join(model.players)}) and each needs the one before to have moved. "
            "Do not accumulate; more devices (run.devices) share a batch out exactly."
        )
    moved = [v.path for v in model.non_trainable_weights if v is not model.step]
    free_bits: float = getattr(model, "free_bits", 0.0)
    if moved or free_bits:
        what = f"its layers keep statistics of a batch ({moved[0]})" if moved else "of `free_bits`"
        raise ValueError(
            f"{who}: {rest} the whole, because {what}, which each part would have of its own. "
            "Do not accumulate, or choose other options of the model."
        )


def in_parts(model: Any, batch: dict[str, tf.Tensor], one: Callable) -> dict[str, tf.Tensor]:
    """Takes a training step in `model.accumulate` parts and one update.

    Args:
        model: The model, with one player.
        batch: Name -> (B, ...), with B a multiple of the parts.
        one: (part of the batch, its number) -> reported values; the step without its update.

    Returns:
        The reported values, their means over the parts among them.

    Raises:
        ValueError: As `check`, or the rows of the batch cannot be divided.
    """
    count = model.accumulate
    check(model, count)
    rows = batch["image"].shape[0]
    if rows is None or rows % count:
        raise ValueError(
            f"{type(model).__name__}: batches of a known size that is a multiple of `accumulate` = "
            f"{count} are needed on each replica. Received: {rows} rows."
        )
    cut = {k: tf.reshape(v, (count, rows // count, *v.shape[1:])) for k, v in batch.items()}
    (optimizer,) = model.optimizers.values()
    variables = list(optimizers.inner(optimizer)._trainable_variables)
    seen: dict[str, Any] = {}

    def part(number, sums):
        with optimizers.collecting() as found:
            values = one(type(batch)({key: value[number] for key, value in cut.items()}), number)
        (gradients,) = found
        seen["names"], seen["moved"] = list(values), set(gradients)
        each = [gradients.get(id(v)) for v in variables]
        return number + 1, [s if g is None else s + g for s, g in zip(sums, each, strict=True)]

    zeros = [tf.zeros(v.shape, v.dtype) for v in variables]
    _, sums = tf.while_loop(
        lambda number, sums: number < count,
        part,
        (tf.constant(0), zeros),
        parallel_iterations=1,  # One part at a time is in memory.
    )
    moved = seen["moved"]
    pairs = zip(sums, variables, strict=True)
    means = [s / count if id(v) in moved else None for s, v in pairs]
    optimizers.update(optimizer, means, variables)
    return {name: model.means[name].result() for name in seen["names"]}
