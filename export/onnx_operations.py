"""Operations that tf2onnx lacks, in terms of those it has; importing this module registers them.

Those of numbers are exact to the rounding of 1 + x, about 6e-8 absolute, which is the precision
that the bound of an export is about (not the relative precision near zero of the originals).
"""

import numpy as np
from onnx import TensorProto
from tf2onnx import utils
from tf2onnx.handler import tf_op


def replace_by(ctx, node, operations):
    """Replaces a node of one input by a chain of (ONNX operation, its two operands).

    An operand is "x", the chain so far (at first the node's input), or a number.
    """
    dtype, shape = ctx.get_dtype(node.output[0]), ctx.get_shape(node.output[0])
    value, output = node.input[0], node.output[0]
    ctx.remove_node(node.name)
    for number, (operation, operands) in enumerate(operations):
        inputs = []
        for operand in operands:
            if operand == "x":
                inputs.append(value)
            else:
                constant = np.array(operand, utils.map_onnx_to_numpy_type(dtype))
                name = utils.make_name(f"{node.name}_constant")
                inputs.append(ctx.make_const(name, constant).output[0])
        last = number == len(operations) - 1
        made = ctx.make_node(
            operation,
            inputs,
            outputs=[output] if last else None,
            name=utils.make_name(node.name),
            shapes=[shape],
            dtypes=[dtype],
        )
        value = made.output[0]


@tf_op("Log1p")
class Log1p:
    """log(1 + x), inside TensorFlow's sigmoid cross-entropy."""

    @classmethod
    def version_7(cls, ctx, node, **kwargs):
        replace_by(ctx, node, [("Add", ("x", 1)), ("Log", ("x",))])


@tf_op("Expm1")
class Expm1:
    """exp(x) - 1."""

    @classmethod
    def version_7(cls, ctx, node, **kwargs):
        replace_by(ctx, node, [("Exp", ("x",)), ("Sub", ("x", 1))])


@tf_op("Erfc")
class Erfc:
    """1 - erf(x), inside the exact GELU."""

    @classmethod
    def version_9(cls, ctx, node, **kwargs):
        replace_by(ctx, node, [("Erf", ("x",)), ("Sub", (1, "x"))])


@tf_op("BroadcastArgs")
class BroadcastArgs:
    """The shape that two shapes broadcast to, in the log_prob of TensorFlow Probability."""

    @classmethod
    def version_9(cls, ctx, node, **kwargs):
        output, dtype = node.output[0], ctx.get_dtype(node.output[0])
        shape = ctx.get_shape(output)
        first, second = (
            ctx.make_node("Cast", [name], attr={"to": TensorProto.INT64}).output[0]
            for name in node.input
        )
        ctx.remove_node(node.name)
        filled = ctx.make_node("ConstantOfShape", [first])
        together = ctx.make_node("Expand", [filled.output[0], second])
        found = ctx.make_node("Shape", [together.output[0]])
        ctx.make_node(
            "Cast",
            [found.output[0]],
            {"to": dtype},
            outputs=[output],
            shapes=[shape],
            dtypes=[dtype],
        )
