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

    again = tf.recompute_grad if tf.executing_eagerly() else _computed_again
    return again(numbered)(*tensors)


def _computed_again(function):
    """`function`, whose gradient computes it again; in a graph, which alone keeps nothing between.

    `tf.recompute_grad` lets the gradients of weights wait while the blocks before are computed
    again. A device with one thread takes what became ready last, so there all blocks would be in
    memory at the end. Here a block's inputs get their gradients when its weights have theirs.
    """

    @tf.custom_gradient
    def forward(*tensors):
        def backward(*upstream, variables=None):
            inputs = _not_before(upstream[0], tensors)
            weights = list(variables or ())
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = function(*inputs)
            found = tape.gradient(
                outputs,
                [*inputs, *weights],
                output_gradients=list(upstream),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            with tf.control_dependencies(found):
                found = [tf.identity(gradient) for gradient in found]
            count = len(inputs)
            return found[:count] if variables is None else (found[:count], found[count:])

        return function(*tensors), backward

    return forward


def _not_before(gradient, tensors):
    """The tensors, as values that depend on `gradient`.

    By arithmetic, because XLA keeps no control dependencies: it would see that what is computed
    again is the same, and keep it from the forward pass.
    """
    one = tf.reduce_max(tf.reshape(gradient, [-1])[:1])
    truth = tf.cast(one, tf.bool)
    zero = tf.where(tf.equal(truth, truth), 0.0, float("nan"))
    return [x + tf.cast(zero, x.dtype) for x in tensors]
