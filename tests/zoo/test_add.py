"""An entry made of a run, the float16 file, and the picture of all families."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image

from tfgen.training import config, experiment, run
from tfgen.zoo import add, loading, shelf, wall, weights

TEXT = """\
model: {name: gan, image_shape: [8, 8, 1], latent_dim: 4, generator_hidden: [8],
  discriminator_hidden: [8]}
data: {name: digits, batch_size: 256}
compile:
  run_eagerly: true
  generator_optimizer: {name: adam, learning_rate: 1.0e-2, use_ema: true, ema_momentum: 0.5}
fit: {epochs: 1, verbose: 0}
run: {sample_epochs: null, doctor_epochs: null}
"""
LINE = "A GAN that has hardly learned"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run whose generator has averages."""
    folder = tmp_path_factory.mktemp("add")
    (folder / "gan.yaml").write_text(TEXT)
    run.train(config.load(folder / "gan.yaml"), folder / "run", say=str)
    return folder / "run"


@pytest.fixture(scope="module")
def entry(trained):
    command = [str(trained), "--name", "gan-tiny", "--line", LINE, "--note", "One epoch only."]
    to = ["--to", str(trained.parent / "zoo"), "--samples", "64", "--metrics", "parzen"]
    (trained.parent / "zoo").mkdir()
    assert add.main([*command, *to]) == 0
    return shelf.read(trained.parent / "zoo")["gan-tiny"]


def test_weights_are_the_averages_in_float16(trained, entry):
    model = run.load(trained)
    with model.averaged():
        expected = [w.numpy() for w in model.weights]
    last = [w.numpy() for w in model.weights]
    assert any((a != b).any() for a, b in zip(expected, last, strict=True)), "nothing to tell apart"
    found = loading.of_entry(entry)
    for value, wanted in zip(found.weights, expected, strict=True):
        if wanted.dtype.kind == "f":
            wanted = wanted.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(value.numpy(), wanted)
    with found.averaged():  # An optimizer that has taken no step has no averages to put there.
        again = [w.numpy() for w in found.weights]
    for value, wanted in zip(again, found.weights, strict=True):
        np.testing.assert_array_equal(value, wanted.numpy())


def test_the_file_has_no_optimizer(entry):
    with h5py.File(entry.weights) as file:
        assert not [name for name in file if "optimizer" in name]


def test_the_entry_says_where_it_comes_from(entry):
    assert entry.line == LINE and entry.notes == ("One epoch only.",) and entry.step == 5
    note = json.loads((entry.folder / "run.json").read_text())
    assert "host" not in note["starts"][-1] and note["data"]["fingerprint"]
    card = (entry.folder / "README.md").read_text()
    assert "One epoch only." in card and entry.data_license in card and "parzen" in card
    (figure, *_) = json.loads((entry.folder / "figures.json").read_text())["figures"]
    assert figure["stamp"]["model"]["run"] == "zoo:gan-tiny"
    assert figure["stamp"]["samples"]["sets"] == [0] and figure["stamp"]["model"]["seed"] == 0


def test_a_weight_that_float16_cannot_hold_is_refused(trained, tmp_path):
    model, settings = run.load(trained), run.read(trained)
    kernel = model.discriminator.weights[0]
    kernel.assign(np.full(kernel.shape, 1e5, np.float32))
    with pytest.raises(ValueError, match="not finite in float16"):
        weights.write(model, experiment.bare(settings), tmp_path / "x.weights.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--name": "Tiny GAN"}, "expected small letters, figures and hyphens"),
        ({"RUN": "nowhere"}, "there is no run here"),
    ],
)
def test_what_cannot_be_added_is_said(trained, tmp_path, capsys, changed, message):
    given = {"RUN": str(trained), "--name": "gan-tiny", **changed}
    command = [given.pop("RUN"), "--line", LINE, "--to", str(tmp_path)]
    assert add.main([*command, *(word for pair in given.items() for word in pair)]) == 2
    assert message in capsys.readouterr().err
    assert shelf.read(tmp_path) == {}


def test_data_of_unknown_licence_are_asked_about(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.delitem(add.LICENSES, "digits")
    command = [str(trained), "--name", "gan-tiny", "--line", LINE, "--to", str(tmp_path)]
    assert add.main(command) == 2
    assert "give --data-license" in capsys.readouterr().err


def test_the_wall_has_a_strip_of_each_family(entry):
    from dataclasses import replace

    small = replace(entry, name="a", image_shape=(4, 4, 1))
    assert wall.shown([small, entry]) == [entry]
    picture = wall.draw([entry, entry, entry], columns=2)
    stored = np.asarray(Image.open(entry.folder / shelf.SAMPLES))
    assert picture.dtype == np.uint8 and picture.shape[-1] == 3
    top = wall.GAP + wall.TEXT + 8
    second = picture[top : top + 64, wall.GAP + 68 : wall.GAP + 132, 0]
    np.testing.assert_array_equal(second[::8, ::8], stored[:8, 9:17])
    assert wall._parted([3, 1, 1, 1], 2) == [(0, 1), (1, 4)] and wall._parted([5], 2) == [(0, 1)]
    with pytest.raises(ValueError, match="nothing in the zoo"):
        wall.draw([])
