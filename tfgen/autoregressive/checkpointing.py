"""Gradient checkpointing: until a block's gradient is taken, only the block's inputs are kept.

Chen, Xu, Zhang, Guestrin 2016, "Training deep nets with sublinear memory cost",
https://arxiv.org/abs/1604.06174. What a block computes between its inputs and its outputs is
computed again in the backward pass, so the memory of a step is that of the blocks' inputs and of
one block, for one more forward pass. Random numbers are the same ones both times.
"""

from collections import Counter
from collections.abc import Callable

import tensorflow as tf

from tfgen.step import running


def block(function: Callable, *tensors: tf.Tensor):
    """`function(*tensors)`; in a step that checkpoints, computed again for its gradient.

    Args:
        function: Tensors -> a tensor or a tuple of them. What it takes from around it may be
            variables and constants; a tensor that a gradient goes through must be an argument.
        tensors: Its arguments.
    """
    current = running()
    if current is None or not current.recompute:
        return function(*tensors)
    before = Counter(current.seen)

    def numbered(*tensors):
        # A draw is numbered by its place in the step: the second time begins where the first did.
        after, current.seen = current.seen, Counter(before)
        try:
            return function(*tensors)
        finally:
            current.seen |= after

    return tf.recompute_grad(numbered)(*tensors)
