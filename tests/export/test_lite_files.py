"""The LiteRT files: names, free batch axis, parity, refusals."""

import json

import pytest
import tensorflow as tf

import tfgen.export
from tests.export.network import Network, Serves
from tfgen import text
from tfgen.export import ExportError, bundle, lite_files
from tfgen.signature import Input, Signature


def test_files_and_record(tmp_path):
    image = {"image": Input.image((4, 4, 1))}
    table = {
        **Network().signatures(),
        "invert": Signature(lambda image: {"image": -image}, image),
        "described": text.served(
            lambda tokens, z: {"y": tf.cast(tokens, tf.float32) + z},
            text.tokenizer("words", ["red"], 2),
            {"z": Input.noise(2)},
        ),
    }
    formats, variants = ("onnx", "tflite"), ("fp16",)
    record = bundle.export(Serves(table), tmp_path, formats=formats, variants=variants)
    errors = record["verification"]["max_abs_error"]["tflite"]
    assert set(errors) == set(table) and 0 < errors["generate"]["image"] < 1e-5
    assert errors["invert"] == {"image": 0.0}
    names = {path.name for path in (tmp_path / "tflite").iterdir()}
    assert names == {*(f"{name}.tflite" for name in table), "tokenizer.json"}
    assert json.loads((tmp_path / "export.json").read_text())["quantized"]["fp16"]["generate"]
    assert "onnx/generate.fp16.onnx" in record["files"]

    only = {"generate": table["generate"]}
    record = bundle.export(Serves(only), tmp_path, formats=("onnx",))
    assert "tflite/invert.tflite" in record["files"]  # Still the first version's.
    assert {p.name for p in (tmp_path / "onnx").iterdir()} == {"generate.onnx"}


def test_a_wrong_file_is_found(tmp_path, monkeypatch):
    model = Network()
    write = lite_files.write

    def wrong(signatures, folder):
        bias = model.generator.layers[-2].bias
        bias.assign_add(bias * 0.0 + 0.01)
        files = write(signatures, folder)
        bias.assign_sub(bias * 0.0 + 0.01)
        return files

    monkeypatch.setattr(lite_files, "write", wrong)
    with pytest.raises(ExportError, match="tflite 'generate', output"):
        tfgen.export.tflite(model, tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    files = tfgen.export.tflite(model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"generate.tflite", "discriminate.tflite"}
    assert set(files) == {"generate", "discriminate"}


def test_an_operation_that_lite_rt_lacks(tmp_path):
    gamma = Signature(lambda z: {"y": tf.math.igamma(z, z)}, {"z": Input.noise(3)})
    with pytest.raises(ExportError, match="'gamma' cannot be written for LiteRT"):
        tfgen.export.tflite(Serves({"gamma": gamma}), tmp_path)
    assert not list(tmp_path.iterdir())
