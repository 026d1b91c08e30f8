"""The ONNX files and what they refuse."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

import tfgen.export
from tests.export.network import Network, Serves
from tfgen.export import ExportError, bundle
from tfgen.signature import Input, Signature


def test_files(tmp_path):
    model = Network()
    files = tfgen.export.onnx(model, tmp_path / "onnx")
    assert {p.name for p in (tmp_path / "onnx").iterdir()} == {
        "generate.onnx",
        "discriminate.onnx",
    }
    proto = onnx.load(files["generate"])
    assert [o.version for o in proto.opset_import if not o.domain] == [17]
    assert [value.name for value in proto.graph.input] == ["z", "label"]
    assert [value.name for value in proto.graph.output] == ["image", "brightness"]
    for value in (*proto.graph.input, *proto.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"

    session = onnxruntime.InferenceSession(str(files["generate"]))
    properties = session.get_modelmeta().custom_metadata_map
    assert properties["tfgen.model"] == "Network"
    assert "tfgen.version" in properties
    manifest = json.loads(properties["tfgen.signature"])
    assert manifest["name"] == "generate"
    assert manifest["outputs"] == {"image": "image", "brightness": "brightness"}
    inputs = {k: Input(**{**v, "shape": tuple(v["shape"])}) for k, v in manifest["inputs"].items()}
    feeds = Signature(None, inputs).draw(range(3))  # Needs NumPy only.
    image = session.run(["image"], feeds)[0]
    np.testing.assert_allclose(image, model.sample(range(3)), atol=1e-5)

    tfgen.export.onnx(model, tmp_path / "onnx", opset=15)
    assert onnx.load(files["generate"]).opset_import[0].version == 15


def refused(name, signature, folder, match):
    with pytest.raises(ExportError, match=match):
        tfgen.export.onnx(Serves({name: signature}), folder)
    assert not list(folder.iterdir())


def test_an_operation_without_onnx_form(tmp_path):
    gamma = Signature(lambda z: {"y": tf.math.lgamma(z)}, {"z": Input.noise(3)})
    refused("gamma", gamma, tmp_path, "'gamma' cannot be written as ONNX .*Lgamma")


def test_operations_that_tf2onnx_lacks(tmp_path):
    z = {"z": Input.noise(3)}
    table = {
        "cross_entropy": Signature(
            lambda z: {"y": tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(z), z)}, z
        ),
        "gelu": Signature(lambda z: {"y": tf.nn.gelu(z, approximate=False)}, z),
        "expm1": Signature(lambda z: {"y": tf.math.expm1(z)}, z),
    }
    errors = bundle.export(Serves(table), tmp_path, formats=("onnx",))["verification"]
    # expm1(5.68) is 291, a float32 of which has steps of 3e-5.
    assert all(e["y"] < 1e-4 for e in errors["max_abs_error"]["onnx"].values())


def test_an_output_named_like_an_input(tmp_path):
    image = {"image": Input.image((4, 4, 1))}
    table = {"invert": Signature(lambda image: {"image": -image}, image)}
    record = bundle.export(Serves(table), tmp_path)
    assert record["signatures"]["invert"]["onnx_outputs"] == {"image": "image_out"}
    assert record["verification"]["max_abs_error"]["onnx"]["invert"] == {"image": 0.0}
    session = onnxruntime.InferenceSession(str(tmp_path / "onnx" / "invert.onnx"))
    x = np.ones((2, 4, 4, 1), np.float32)
    np.testing.assert_array_equal(session.run(["image_out"], {"image": x})[0], -x)
    manifest = session.get_modelmeta().custom_metadata_map["tfgen.signature"]
    assert json.loads(manifest)["outputs"] == {"image": "image_out"}


def test_an_eager_tensor_captured_in_a_loop(tmp_path):
    captured = tf.constant([1.0, 2.0, 3.0])

    def add(z):
        return {
            "y": tf.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, y + captured), (0, z))[1]
        }

    refused("add", Signature(add, {"z": Input.noise(3)}), tmp_path, "'add'")


def test_an_unused_input_stays_an_input(tmp_path):
    inputs = {"z": Input.noise(3), "unused": Input.noise(2)}
    one = Signature(lambda z, unused: {"y": z * 2.0}, inputs)
    files = tfgen.export.onnx(Serves({"one": one}), tmp_path)
    assert [v.name for v in onnxruntime.InferenceSession(str(files["one"])).get_inputs()] == [
        "z",
        "unused",
    ]


def test_opset(tmp_path):
    with pytest.raises(ExportError, match="must be 13 to 18"):
        tfgen.export.onnx(Network(), tmp_path, opset=21)
