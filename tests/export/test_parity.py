"""The judge of an export: the worker process, and the comparison."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfgen.export import ExportError, parity, probes, verify, worker
from tfgen.signature import Input, Signature


def test_the_package_imports_nothing_heavy():
    code = (
        "import sys, tfgen.export; tfgen.export.ExportError; "
        "print([m for m in ('tensorflow', 'keras', 'onnx', 'tf2onnx') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"


def test_unknown_attribute():
    import tfgen.export

    with pytest.raises(AttributeError, match="coreml"):
        _ = tfgen.export.coreml
    assert {"export", "saved_model", "onnx"} <= set(dir(tfgen.export))


def test_pack_and_unpack(tmp_path):
    arrays = {
        "1/x": np.arange(6, dtype=np.float32).reshape(2, 3),
        "bytes": np.array([b"a\0", b"", b"\xff\0\0"], object),
        "text": np.array([["é", "x"]]),
    }
    verify.pack(tmp_path / "a.npz", arrays)
    got = verify.unpack(tmp_path / "a.npz")
    np.testing.assert_array_equal(got["1/x"], arrays["1/x"])
    assert got["bytes"].tolist() == [b"a\0", b"", b"\xff\0\0"]
    assert got["text"].tolist() == [["é".encode(), b"x"]]
    assert set(got) == set(arrays)


def test_the_worker_says_what_failed_and_is_replaced(tmp_path):
    job = {"format": "onnx", "path": str(tmp_path / "missing.onnx"), "calls": []}
    for _ in range(2):
        with pytest.raises(ExportError, match="missing.onnx does not run outside of tfgen"):
            worker.ask(job)


def test_a_worker_that_dies_or_hangs(monkeypatch, tmp_path):
    script = tmp_path / "dies.py"
    script.write_text("import sys\nsys.stdin.readline()\nsys.exit('out of memory')\n")
    monkeypatch.setattr(worker, "SCRIPT", script)
    one = worker.Worker()
    with pytest.raises(ExportError, match="ended with code 1: out of memory"):
        one.ask({})
    one.close()
    script.write_text("import time\ntime.sleep(60)\n")
    one = worker.Worker()
    with pytest.raises(ExportError, match="ended with code -9"):
        one.ask({}, timeout=0.1)
    one.close()


def test_the_worker_cannot_import_tfgen():
    code = (
        "import runpy, sys; sys.stdin = open('/dev/null'); "
        f"runpy.run_path({str(worker.SCRIPT)!r}, run_name='__main__'); import tfgen"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "import of tfgen halted" in result.stderr


def call(tmp_path, **outputs):
    path = str(tmp_path / "outputs.npz")
    verify.pack(path, outputs)
    return {"endpoint": "generate", "outputs": path, "batch_sizes": [2]}


def test_compare(tmp_path):
    wanted = {"y": np.array([[0.5, 1.0], [0.0, -1.0]], np.float32)}
    near = call(tmp_path, **{"2/y": wanted["y"] + np.float32(5e-5)})
    assert parity.compare("onnx", near, wanted, False)["y"] == pytest.approx(5e-5, rel=1e-2)
    far = call(tmp_path, **{"2/y": wanted["y"] + np.float32(2e-4)})
    with pytest.raises(ExportError, match="onnx 'generate', output 'y', batch size 2: differs"):
        parity.compare("onnx", far, wanted, False)
    with pytest.raises(ExportError, match="gives NaN"):
        parity.compare("onnx", call(tmp_path, **{"2/y": wanted["y"] * np.nan}), wanted, False)
    with pytest.raises(ExportError, match=r"shape \(2, 1\) instead of \(2, 2\)"):
        parity.compare("onnx", call(tmp_path, **{"2/y": wanted["y"][:, :1]}), wanted, False)
    with pytest.raises(ExportError, match=r"gives \['x'\] instead of \['y'\]"):
        parity.compare("onnx", call(tmp_path, **{"2/x": wanted["y"]}), wanted, False)


def test_large_outputs_are_judged_by_their_size(tmp_path):
    wanted = {"log_prob": np.array([-2000.0, -1500.0], np.float32)}
    near = call(tmp_path, **{"2/log_prob": wanted["log_prob"] + np.float32(1e-2)})
    assert parity.compare("onnx", near, wanted, False)["log_prob"] == pytest.approx(1e-2, rel=0.05)
    far = call(tmp_path, **{"2/log_prob": wanted["log_prob"] + np.float32(0.3)})
    with pytest.raises(ExportError, match="bound 0.2"):
        parity.compare("onnx", far, wanted, False)


def test_strings_must_be_equal(tmp_path):
    wanted = {"text": np.array([b"a", b"b"], object)}
    equal = call(tmp_path, **{"2/text": wanted["text"]})
    assert parity.compare("saved_model", equal, wanted, False) == {"text": 0.0}
    with pytest.raises(ExportError, match="differs from Keras by inf"):
        parity.compare(
            "saved_model", call(tmp_path, **{"2/text": wanted["text"][::-1]}), wanted, False
        )


def png(levels):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def test_png_error():
    image = np.array([[[[-1.0], [0.0]], [[0.5], [1.0]]]], np.float32)
    exact = np.array([[0, 128], [191, 255]], np.uint8)
    files = np.array([png(exact)], object)
    assert parity.png_error("x", files, image) == 0.0
    off = np.array([png(exact - np.uint8([[0, 2], [0, 0]]))], object)
    assert parity.png_error("x", off, image) == pytest.approx(1 / 127.5)
    with pytest.raises(ExportError, match="1 PNG files for 2 rows|PNG files for 2 rows"):
        parity.png_error("x", files, np.concatenate([image, image]))
    with pytest.raises(ExportError, match="pictures of shape"):
        parity.png_error("x", np.array([png(exact[:1])], object), image)


def test_extremes_are_the_ends_of_what_is_drawn():
    inputs = {
        "z": Input.noise(3),
        "u": Input.uniform(2, low=-1.0, high=3.0),
        "label": Input.label(5),
        "image": Input.image((16, 16, 1)),
        "text": Input((), "string"),
    }
    feeds = probes.extreme(Signature(None, inputs))
    low, high, mixed = range(3)
    assert feeds["label"].tolist()[:2] == [0, 4]
    assert feeds["u"][low].tolist() == [-1.0, -1.0] and 2.999 < feeds["u"][high].max() < 3.0
    assert set(np.unique(feeds["image"])) == {-1.0, 1.0}
    means = feeds["image"].mean((1, 2, 3))
    np.testing.assert_allclose(means, [-0.8, 0.0, 0.8], atol=0.15)  # None is without contrast.
    assert feeds["z"][mixed].tolist() == [-feeds["z"].max(), feeds["z"].max(), -feeds["z"].max()]
    assert feeds["z"].max() == pytest.approx(5.6777, abs=1e-3)
    assert all(feeds[name].dtype == np.dtype(inputs[name].dtype) for name in ("z", "u", "label"))


def test_examples_take_the_place_of_random_rows():
    signature = Signature(None, {"domain": Input((2,))})
    mine = {"domain": np.eye(2, dtype=np.float32)[[0, 1] * 4]}
    np.testing.assert_array_equal(
        probes.typical(signature, examples=mine)["domain"], mine["domain"][:7]
    )
    np.testing.assert_array_equal(probes.extreme(signature, mine)["domain"], mine["domain"][:3])
    with pytest.raises(ValueError, match="must have shape"):
        probes.typical(signature, examples={"domain": mine["domain"][:2]})
