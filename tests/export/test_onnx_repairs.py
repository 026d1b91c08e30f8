"""Faults of tf2onnx that `tfgen.export.onnx_repairs` puts right."""

import numpy as np
import onnxruntime
import tensorflow as tf
from tf2onnx import tf_loader

from tfgen.export import onnx_repairs
from tfgen.export.onnx_files import convert
from tfgen.models import cyclegan
from tfgen.signature import Input, Signature


def picture(fn, channels=1):
    return Signature(fn, {"image": Input.image((None, None, channels))})


def run(proto, image):
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(None, {"image": image})[0]


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


def test_one_channel_and_free_sides_keep_their_rank():
    network = cyclegan.generator(1, 2, 1, 0, 3, "instance")
    proto, _ = convert("f", picture(lambda image: {"y": network(image)}), 17)
    for shape in ((1, 8, 8, 1), (3, 4, 8, 1)):
        image = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
        np.testing.assert_allclose(run(proto, image), network(image), atol=1e-5)


def test_the_repairs_end_with_the_conversion():
    before = onnx_repairs.tfonnx.resolve_functions
    with onnx_repairs.repaired():
        assert onnx_repairs.tfonnx.resolve_functions is onnx_repairs.functions_of
    assert onnx_repairs.tfonnx.resolve_functions is before
