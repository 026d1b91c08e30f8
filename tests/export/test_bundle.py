"""One model through the whole export: layout, record, versions and failure."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import tfgen.export
from tests.export.network import Network
from tfgen.export import ExportError, bundle, endpoints
from tfgen.export import record as records


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "network"
    model = Network()
    record = tfgen.export.export(model, folder, manifest_extra={"run": "runs/network"})
    return model, folder, record


def tree(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_layout_and_record(exported):
    _, folder, record = exported
    assert {p.name for p in folder.iterdir()} == {"1", "onnx", "export.json"}
    assert (folder / "1" / "saved_model.pb").is_file()
    assert {p.name for p in (folder / "onnx").iterdir()} == {"generate.onnx", "discriminate.onnx"}
    assert record["extra"] == {"run": "runs/network"}
    written = json.loads((folder / "export.json").read_text())
    assert written == json.loads(json.dumps(record))
    assert written == json.loads((folder / "1/assets.extra/export.json").read_text())
    assert written["version"] == 1
    assert written["model"] == {"class": "Network", "config": {"z_dim": 6, "seed": 0}, "step": 0}
    for name, entry in written["files"].items():
        data = (folder / name).read_bytes()
        assert entry["bytes"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert entry["version"] == 1
    assert "1/assets.extra/tf_serving_warmup_requests" in written["files"]


def test_manifest(exported):
    record = exported[2]
    assert record["default"] == "generate"
    generate = record["signatures"]["generate"]
    assert generate["drawable"]
    assert list(generate["inputs"]) == ["z", "label"]
    assert generate["inputs"]["label"]["num_classes"] == 4
    assert generate["outputs"]["image"] == {"dtype": "float32", "shape": [8, 8, 3]}
    assert not record["signatures"]["discriminate"]["drawable"]
    endpoint_names = ["generate", "discriminate", "sample", "sample_label"]
    endpoint_names += [f"{name}_png" for name in endpoint_names]
    assert list(record["endpoints"]) == endpoint_names
    assert record["endpoints"]["sample"]["inputs"]["seed"]["dtype"] == "int64"
    assert record["endpoints"]["sample_png"]["outputs"] == {
        "image_bytes": {"dtype": "string", "shape": []}
    }


def test_parity_is_measured(exported):
    verification = exported[2]["verification"]
    errors = verification["max_abs_error"]
    assert verification["batch_sizes"] == [1, 3, 7]
    assert set(errors["saved_model"]) == set(exported[2]["endpoints"])
    assert set(errors["onnx"]) == set(exported[2]["signatures"])
    assert set(errors["onnx"]["generate"]) == {"image", "brightness"}
    # Two runtimes never agree exactly: an error of zero would mean that nothing was compared.
    assert 0 < errors["onnx"]["generate"]["image"] < 1e-5
    assert errors["saved_model"]["sample"]["image"] < 1e-5


@pytest.mark.slow
def test_next_versions(exported, tmp_path):
    import shutil

    model, folder, _ = exported
    folder = shutil.copytree(folder, tmp_path / "copy")
    (folder / "onnx" / "notes.txt").write_text("mine")
    first = tree(folder / "1")

    record = bundle.export(model, folder, formats=("saved_model",))
    assert record["version"] == 2
    assert (folder / "2" / "saved_model.pb").is_file()
    assert record["files"]["onnx/generate.onnx"]["version"] == 1  # Still the first version's.

    signatures = model.signatures()
    only = {"generate": signatures["generate"]}
    model_with_one = type("One", (Network,), {"signatures": lambda self: only})()
    record = bundle.export(model_with_one, folder, formats=("onnx",))
    assert record["version"] == 3
    assert not (folder / "3").exists()
    assert {p.name for p in (folder / "onnx").iterdir()} == {"generate.onnx", "notes.txt"}
    assert record["files"]["onnx/generate.onnx"]["version"] == 3
    assert tree(folder / "1") == first
    assert bundle.next_version(folder, record) == 4


def test_a_wrong_export_leaves_nothing(exported, tmp_path, monkeypatch):
    import shutil

    model, folder, _ = exported
    folder = shutil.copytree(folder, tmp_path / "copy")
    before = tree(folder)
    write = endpoints.write

    def wrong(table, path):
        bias = model.generator.layers[-2].bias
        kept = bias.numpy()
        bias.assign(kept + 0.01)
        write(table, path)
        bias.assign(kept)

    monkeypatch.setattr(bundle, "write_saved_model", wrong)
    with pytest.raises(ExportError, match=r"saved_model 'generate', output .* bound 0\.0001") as e:
        bundle.export(model, folder)
    assert float(str(e.value).split(" by ")[1].split(",")[0]) > 1e-3
    assert tree(folder) == before
    assert {p.name for p in folder.iterdir()} == {"1", "onnx", "export.json"}


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="Cannot write the export to .*file"):
        bundle.export(Network(), tmp_path / "file" / "exports")


def test_disk_full(exported, tmp_path, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "build", full)
    with pytest.raises(ExportError, match="No space left on device"):
        bundle.export(exported[0], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("formats", [(), ("coreml",)])
def test_unknown_format(tmp_path, formats):
    with pytest.raises(ExportError, match="must be some of"):
        bundle.export(Network(), tmp_path, formats=formats)


def test_an_unreadable_record_does_not_hide_versions(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "export.json").write_text("{ half")
    previous = bundle.previous_record(tmp_path)
    assert previous == {}
    assert bundle.next_version(tmp_path, previous) == 8


def test_a_seed_is_the_same_picture_everywhere(exported):
    import io

    import onnxruntime
    import tensorflow as tf
    from PIL import Image

    model, folder, _ = exported
    seeds = [0, 3, 64, -2, 2**40]
    expected = model.sample(seeds)
    assert np.abs(expected).max() > 0.5

    loaded = tf.saved_model.load(str(folder / "1"))
    seed = tf.constant(seeds, tf.int64)
    np.testing.assert_allclose(loaded.signatures["sample"](seed=seed)["image"], expected, atol=1e-5)

    session = onnxruntime.InferenceSession(str(folder / "onnx" / "generate.onnx"))
    feeds = model.signatures()["generate"].draw(seeds)
    np.testing.assert_allclose(session.run(["image"], feeds)[0], expected, atol=1e-5)

    files = loaded.signatures["sample_png"](seed=seed)["image_bytes"].numpy()
    decoded = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    assert decoded.shape == (5, 8, 8, 3)
    assert np.abs(decoded - (expected + 1) * 127.5).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("folder:/home/me/birds", "folder:birds"),
        ("data.name=folder:/home/me/my birds", "data.name=folder:my birds"),
        ("pairs:A=folder:/a/cats,B=folder:/b/dogs", "pairs:A=folder:cats,B=folder:dogs"),
        (Path("/home/me/run"), "run"),
        ({"a": ["/x/y", 3, ("1/2", None)]}, {"a": ["y", 3, ["1/2", None]]}),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("runs/gan", "runs/gan"),
        ("/home/me/a.png: truncated", "a.png: truncated"),
    ],
)
def test_what_is_published_holds_no_folder_of_the_machine(value, expected):
    assert records.public(value) == expected
