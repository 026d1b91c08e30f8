"""The edge runtime: the same pictures from the same seeds, without TensorFlow."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
import tensorflow as tf
from PIL import Image

from tests.export.network import Network, Serves, pictures
from tfgen import text
from tfgen.export import edge, onnx_files
from tfgen.pictures.grids import grid
from tfgen.signature import Input

SEEDS = [0, 3, 64, -2, 2**40, 2**64 - 1]
# Runs the command where only the standard library and these packages can be imported.
ALONE = """
import runpy, sys

class Only:
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        known = {"numpy", "onnxruntime", "PIL", "tfgen"}
        if root not in known and root not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Only())
try:
    import tensorflow
except ModuleNotFoundError:
    pass
else:
    sys.exit("TensorFlow is there")
runpy.run_module("tfgen.export.edge", run_name="__main__", alter_sys=True)
"""


def describe(tokens, z):
    return {"y": tf.cast(tokens, tf.float32) + z[:, :1]}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(model, signature -> ONNX file)"""
    model, folder = Network(), tmp_path_factory.mktemp("onnx")
    return model, onnx_files.write(model, model.signatures(), folder)


def test_a_seed_is_the_same_picture(exported):
    model, files = exported
    it = edge.Edge(files["generate"], rows=4)
    np.testing.assert_allclose(it.sample(SEEDS), model.sample(SEEDS), atol=1e-5)
    label = np.full(len(SEEDS), 2)
    expected = model.sample(SEEDS, label=label)
    np.testing.assert_allclose(it.sample(SEEDS, label=label), expected, atol=1e-5)
    assert it.name == "generate" and list(it.signature.inputs) == ["z", "label"]
    np.testing.assert_array_equal(it.sample(SEEDS, label=2), it.sample(SEEDS, label=label))
    np.testing.assert_array_equal(it.sample(SEEDS, label="shoes"), it.sample(SEEDS, label=label))
    assert it.signature.inputs["label"].class_names == ("bags", "hats", "shoes", "socks")
    assert it.sample([]).shape == (0, 8, 8, 3) and it.sample([]).dtype == np.float32
    np.testing.assert_array_equal(it.sample(iter(SEEDS)), it.sample(SEEDS))
    with pytest.raises(ValueError, match="Seeds must be integers of 64 bits"):
        it.sample(5)


def test_all_outputs(exported):
    model, files = exported
    feeds = model.signatures()["generate"].draw(range(3))
    outputs = edge.Edge(files["generate"], threads=1)(**feeds)
    for name, value in model.call_signature("generate", feeds).items():
        np.testing.assert_allclose(outputs[name], value, atol=1e-5)


def test_without_tensorflow(exported, tmp_path):
    model, files = exported
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "black.png")
    commands = {
        "grid.png": [str(files["generate"]), "--seeds", "0-4", "--input", "label=1"],
        "x.npy": [str(files["discriminate"]), "--seeds", "0-1", "--input", "image=black.png"],
    }
    for out, arguments in commands.items():
        done = subprocess.run(
            [sys.executable, "-c", ALONE, *arguments, "--out", out],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    expected = grid(model.sample(range(5), label=np.ones(5, int)))
    written = np.asarray(Image.open(tmp_path / "grid.png")).astype(int)
    assert np.abs(written - expected).max() <= 1  # Half a level may be rounded either way.
    black = np.full((2, 8, 8, 3), -1, np.float32)
    logits = model.call_signature("discriminate", {"image": black})["logit"]
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), logits, atol=1e-5)


@pytest.mark.parametrize("kind", ["words", "characters"])
def test_texts_become_the_tokens_that_the_graph_makes(kind, tmp_path):
    words = ["a", "small", "red", "circle"] if kind == "words" else []
    tokenizer = text.tokenizer(kind, words, 12)
    signature = text.served(describe, tokenizer, {"z": Input.noise(2)})
    files = onnx_files.write(Serves({"describe": signature}), {"describe": signature}, tmp_path)
    it = edge.Edge(files["describe"])
    texts = ["A small  RED circle!", " grün-red 7", "red " + "x" * 99, "a\t?", "red_circle"]
    np.testing.assert_array_equal(it.tokens(texts), tokenizer(texts).numpy())
    seeds = range(len(texts))
    feeds = signature.draw(seeds, text=np.array([t.encode() for t in texts], object))
    expected = signature.fn(**feeds)["y"]
    np.testing.assert_allclose(it.sample(seeds, text=texts), expected, atol=1e-5)
    one = it.sample(seeds, text="small red")
    np.testing.assert_array_equal(one, it.sample(seeds, text=["small red"] * len(texts)))
    outputs = it(text=["a red x三"], z=np.zeros((1, 2)))
    assert outputs["unknown_tokens"].tolist() == [1]
    for unread in ("", "三つ", "\t", b"\xff"):
        with pytest.raises(ValueError, match="'text': no (word|character) of it is known"):
            it.sample([0], text=unread)
        with pytest.raises(ValueError, match="'text': no (word|character) of it is known"):
            signature.fn(text=tf.constant([unread, "a"]), z=tf.zeros((2, 2)))
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match="no tokenizer.json"):
        edge.Edge(files["describe"]).sample([1], text=["a"])


def test_inputs_that_do_not_fit(exported):
    it = edge.Edge(exported[1]["generate"])
    with pytest.raises(ValueError, match="takes z, label, of one number of rows"):
        it(z=np.zeros((2, 6)))
    with pytest.raises(ValueError, match="of one number of rows"):
        it(z=np.zeros((2, 6)), label=np.zeros(3, int))
    with pytest.raises(ValueError, match="must lie in 0 .. 3"):
        it.sample([1], label=[4])
    for label in (1.0, "1", True, None, -1, [[1]], [2**40]):
        with pytest.raises(ValueError, match="Input 'label'"):
            it.sample([1], label=label)
    for z in (np.full((1, 6), np.nan), np.full((1, 6), 1e300), np.zeros((1, 5)), 3.0, "text"):
        with pytest.raises(ValueError, match="Input 'z'"):
            it.sample([1], z=z)
    critic = edge.Edge(exported[1]["discriminate"])
    for image in (np.zeros((2, 8, 8)), np.full((1, 8, 8, 3), 255), np.zeros((8, 8, 3))):
        with pytest.raises(ValueError, match="Input 'image'"):
            critic(image=image)
    assert critic(image=np.zeros((0, 8, 8, 3)))["logit"].shape == (0, 1)
    with pytest.raises(ValueError, match="cannot be drawn and must be given"):
        edge.Edge(exported[1]["discriminate"]).sample([1])
    for wrong in ({"rows": 0}, {"rows": 1.5}, {"rows": "a"}, {"threads": -1}, {"threads": 10**6}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be a whole number from"):
            edge.Edge(exported[1]["generate"], **wrong)


def test_files_that_are_not_ours(exported, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        edge.Edge(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no ONNX")
    with pytest.raises(ValueError, match="cannot be run by onnxruntime"):
        edge.Edge(tmp_path / "text.onnx")
    proto = onnx.load(exported[1]["discriminate"])
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "bare.onnx")
    with pytest.raises(ValueError, match="was not written by tfgen.export"):
        edge.Edge(tmp_path / "bare.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "3-1"], "expected a form such as 0-63"),
        (["--seeds", "0-99999999999"], "more than 10,000,000 seeds. Draw them in parts"),
        (["--input", "label"], "expected the form name=value"),
        (["--input", "label=[1, 2]"], "2 rows for 16 seeds"),
        (["--input", "label=9"], "must lie in 0 .. 3"),
        (["--out", "x.txt"], "is no picture format"),
    ],
)
def test_errors_of_the_command(exported, tmp_path, capsys, arguments, message):
    out = ["--out", str(tmp_path / "x.png")]
    assert edge.main([str(exported[1]["generate"]), *out, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_pictures_of_several_rows(exported, tmp_path):
    model, files = exported
    np.save(tmp_path / "images.npy", pictures(3))
    out = tmp_path / "logits.npy"
    common = [str(files["discriminate"]), "--seeds", "0-2", "--out", str(out)]
    assert edge.main([*common, "--input", f"image={tmp_path / 'images.npy'}"]) == 0
    expected = model.call_signature("discriminate", {"image": pictures(3)})["logit"]
    np.testing.assert_allclose(np.load(out), expected, atol=1e-5)
