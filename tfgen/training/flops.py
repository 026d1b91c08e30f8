"""Floating-point operations of a TensorFlow graph, by its matrix products and convolutions."""

import math
from typing import Any

_FORWARD = {"Conv2D", "DepthwiseConv2dNative"}
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2")


def count(graph: Any) -> float:
    """Operations of one call, a multiplication and an addition counting two.

    Matrix products and convolutions with their two gradients, in nested functions too. The body of
    a loop counts once, whatever its number of rounds; everything elementwise is left out.
    """
    functions = {}
    owner = graph
    while owner is not None:
        for name in [op.get_attr("f").name for op in owner.get_operations() if op.type in _CALLS]:
            functions.setdefault(name, owner._get_function(name))
        owner = getattr(owner, "outer_graph", None)
    total = 0.0
    for op in graph.get_operations():
        if op.type in _CALLS:
            inner = graph._get_function(op.get_attr("f").name) or functions[op.get_attr("f").name]
            total += count(inner.graph)
        elif op.type in ("While", "StatelessWhile"):
            total += count(graph._get_function(op.get_attr("body").name).graph)
        else:
            total += _operations(op)
    return total


def loops(graph: Any) -> bool:
    """Whether a graph has a loop, whose rounds `count` does not know."""
    return any(op.type in ("While", "StatelessWhile") for op in graph.get_operations())


def _operations(op):
    if op.type in _PRODUCTS:
        first = op.inputs[0].shape
        transposed = "transpose_a" if op.type == "MatMul" else "adj_x"
        inner = first[-2] if op.get_attr(transposed) else first[-1]
        return 2.0 * _size(op.outputs[0].shape) * (inner or 0)
    if op.type in _FORWARD:
        kernel = op.inputs[1].shape
        return 2.0 * _size(op.outputs[0].shape) * _size(kernel[:3]) / _depth(op)
    if op.type == "Conv2DBackpropInput":  # (sizes, kernel, gradient of the output)
        kernel = op.inputs[1].shape
        return 2.0 * _size(op.inputs[2].shape) * _size(kernel[:3])
    if op.type == "Conv2DBackpropFilter":  # (picture, sizes, gradient of the output)
        kernel = op.outputs[0].shape
        return 2.0 * _size(op.inputs[2].shape) * _size(kernel[:3])
    return 0.0


def _depth(op):
    """A depthwise convolution has one input map for each output map."""
    return op.inputs[1].shape[2] if op.type == "DepthwiseConv2dNative" else 1


def _size(shape):
    sides = [shape[i] for i in range(len(shape))] if shape.rank is not None else [None]
    return 0.0 if None in sides else float(math.prod(side or 0 for side in sides))
