"""Faults of tf2onnx that `tfgen.export.onnx_repairs` puts right."""

from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from tf2onnx import tf_loader
from tf2onnx.graph import GraphUtil
from tf2onnx.optimizer.identity_optimizer import IdentityOptimizer
from tf2onnx.optimizer.reshape_optimizer import ReshapeOptimizer

from tfgen.export import onnx_repairs


def test_functions_know_the_shapes_that_their_callers_give():
    def halves(x):
        return tf.while_loop(lambda i, _: i < 2, lambda i, y: (i + 1, y / 2.0), (0, x))[1]

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, 3))])
    def nested(x):
        return tf.while_loop(lambda i, _: i < 2, lambda i, y: (i + 1, halves(y)), (0, x))[1]

    graph = nested.get_concrete_function().graph
    functions = onnx_repairs.functions_of(graph)
    assert {f.name for f in functions} == set(graph._functions)
    assert all(x.shape.rank is not None for f in functions for x in f.inputs)
    for number, function in enumerate(functions):
        called = set(tf_loader.tflist_to_onnx(function, {})[-1])
        assert called <= {f.name for f in functions[:number]}


def channels_last():
    """A picture of one channel, (B, 1, H, W) -> (B, H, W, 1), as tf2onnx writes it."""
    make = onnx.helper.make_node
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Gather", ["shape", "order"], ["sides"]),
        make("Reshape", ["x", "sides"], ["y"]),
    ]
    value = partial(onnx.helper.make_tensor_value_info, elem_type=onnx.TensorProto.FLOAT)
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [value("x", shape=["b", 1, "h", "w"])],
        [value("y", shape=["b", "h", "w", 1])],
        [onnx.numpy_helper.from_array(np.array([0, 2, 3, 1]), "order")],
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )


@pytest.mark.parametrize(
    ("optimizer", "rank"), [(onnx_repairs.InnerReshapes, 4), (ReshapeOptimizer, 5)]
)
def test_an_output_keeps_its_rank(optimizer, rank):
    graph = GraphUtil.create_graph_from_onnx_model(channels_last())
    graph = IdentityOptimizer().optimize(graph, 0)  # Now the reshape itself gives the output.
    proto = optimizer().optimize(graph, 0).make_model("m")
    proto.ir_version = 8
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    image = np.zeros((3, 1, 4, 8), np.float32)
    assert session.run(None, {"x": image})[0].ndim == rank


def test_the_repairs_end_with_the_conversion():
    before = onnx_repairs.tfonnx.resolve_functions
    with onnx_repairs.repaired():
        assert onnx_repairs.tfonnx.resolve_functions is onnx_repairs.functions_of
    assert onnx_repairs.tfonnx.resolve_functions is before
