"""The LiteRT files: names, free batch axis, parity, refusals."""

import json

import numpy as np
import pytest
import tensorflow as tf

import tfgen.export
from tests.export.network import Network, Serves
from tests.export.test_fuzz import shapes, wrong_values
from tfgen import text
from tfgen.export import ExportError, bundle, edge, endpoints, lite_files, onnx_files, probes
from tfgen.export.runtimes import lite_runner
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


SEEDS = [0, 3, 64, -2, 2**64 - 1]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(model, signature -> LiteRT file, signature -> ONNX file)"""
    model, folder = Network(), tmp_path_factory.mktemp("lite")
    signatures = model.signatures()
    lite = lite_files.write(signatures, folder)
    return model, lite, onnx_files.write(model, signatures, folder)


def test_a_seed_is_the_same_picture_in_lite_rt(files):
    model, lite, _ = files
    it = edge.Edge(lite["generate"], threads=1, rows=2)
    np.testing.assert_allclose(it.sample(SEEDS), model.sample(SEEDS), atol=1e-5)
    named = it.sample(SEEDS, label="shoes")
    np.testing.assert_allclose(named, model.sample(SEEDS, label=[2] * len(SEEDS)), atol=1e-5)
    assert it.name == "generate" and it.sample([]).shape == (0, 8, 8, 3)
    feeds = model.signatures()["generate"].draw(range(3))
    for name, value in model.call_signature("generate", feeds).items():
        np.testing.assert_allclose(it(**feeds)[name], value, atol=1e-5)


def test_files_are_the_same_whenever_they_are_written(files, tmp_path):
    model, lite, _ = files
    only = {"discriminate": model.signatures()["discriminate"]}
    again = lite_files.write(only, tmp_path)["discriminate"]
    assert again.read_bytes()[-800:] == lite["discriminate"].read_bytes()[-800:]


@pytest.mark.parametrize("name", ["generate", "discriminate"])
def test_every_form_refuses_the_same(files, name):
    """The SavedModel's graph checks by itself; in front of the other files `Edge` does."""
    model, lite, onnx = files
    signature = model.signatures()[name]
    graph = endpoints.traced(name, signature)
    edges = [edge.Edge(lite[name]), edge.Edge(onnx[name])]
    good = probes.typical(signature, range(2))
    asked = 0
    for key, spec in signature.inputs.items():
        value = good[key]
        reshaped = (np.resize(value, s) for s in shapes(spec, value.shape) if np.prod(s))
        # Types are another matter: Edge takes what a float32 or an int32 holds.
        values = (v for v in wrong_values(spec, value) if v.dtype == value.dtype)
        for wrong in (*reshaped, *values):
            feeds = {**good, key: wrong}
            try:
                graph(**{k: tf.constant(v) for k, v in feeds.items()})
            except (tf.errors.InvalidArgumentError, ValueError, TypeError):
                for it in edges:
                    with pytest.raises(ValueError, match=f"Input '{key}'|of one number of rows"):
                        it(**feeds)
                asked += 1
            else:
                assert [len(next(iter(it(**feeds).values()))) for it in edges] == [len(wrong)] * 2
    assert asked > 10


def test_lite_rt_itself_refuses_other_shapes(files):
    """What it says of ranks and sides; ranges and labels it cannot express."""
    _, lite, _ = files
    for shape in ((8, 8), (2, 8, 8, 1), (2, 9, 8, 3), (1, 2, 8, 8, 3)):
        run = lite_runner(lite["discriminate"])
        with pytest.raises((ValueError, RuntimeError)):
            run(image=np.zeros(shape, np.float32))


def test_lite_files_that_are_not_ours(files, tmp_path):
    (tmp_path / "text.tflite").write_text("no model")
    with pytest.raises(ValueError, match="text.tflite cannot be run by LiteRT"):
        edge.Edge(tmp_path / "text.tflite")
    data = files[1]["discriminate"].read_bytes()
    (tmp_path / "bare.tflite").write_bytes(data[: data.index(b"PK\x03\x04")])
    with pytest.raises(ValueError, match="was not written by tfgen.export"):
        edge.Edge(tmp_path / "bare.tflite")
