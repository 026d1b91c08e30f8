"""Every model of the zoo draws its pictures, and goes on to learn."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import tfgen
from tfgen.cli import main as cli
from tfgen.evaluation import store
from tfgen.zoo import inputs, shelf

SMALL = "gan-digits"


@pytest.mark.parametrize("name", tfgen.zoo.names())
def test_seeds_0_to_7_are_the_stored_pictures(name):
    entry = tfgen.zoo.find(name)
    drawn = inputs.strip(tfgen.zoo.load(name), inputs.given(entry))
    stored = np.asarray(Image.open(entry.folder / shelf.SAMPLES))
    stored = stored[..., np.newaxis] if stored.ndim == 2 else stored
    assert drawn.shape == stored.shape
    assert np.abs(drawn.astype(int) - stored).max() <= 1
    assert drawn.std() > 20, "pictures of something"


@pytest.fixture(scope="module")
def model():
    return tfgen.zoo.load(SMALL)


def test_a_model_is_compiled_and_learns_on(model):
    before = model.sample(range(4))
    start = int(model.step)
    assert start > 0 and all(int(o.iterations) == 0 for o in model.optimizers.values())
    slow = {name: keras.optimizers.Adam(1e-5) for name in model.optimizers}
    model.compile(**slow, run_eagerly=True)
    data = tfgen.data.load("digits", batch_size=64)
    model.fit(data, epochs=1, steps_per_epoch=2, verbose=0)
    assert int(model.step) == start + 2
    after = model.sample(range(4))
    assert 0 < np.abs(after - before).max() < 1, "a little further, from where it stood"


def test_sample_takes_a_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["sample", f"zoo:{SMALL}", "--seeds", "0-3", "--out", "x.npy"]) == 0
    expected = tfgen.zoo.load(SMALL).sample(range(4))
    np.testing.assert_array_equal(np.load("x.npy"), expected)
    assert cli.main(["sample", f"zoo:{SMALL}", "--seeds", "0-3"]) == 0
    assert (tmp_path / f"{SMALL}-seeds-0-3.png").is_file()


def test_sample_gives_a_model_that_needs_pictures_those_beside_it(tmp_path):
    out = tmp_path / "x.npy"
    assert cli.main(["sample", "zoo:autoencoder-digits", "--seeds", "0-9", "--out", str(out)]) == 0
    found = np.load(out)
    assert found.shape == (10, 8, 8, 1)
    np.testing.assert_array_equal(found[8:], found[:2])


def test_evaluate_compares_with_the_card(tmp_path, capsys):
    report = tmp_path / "figures.json"
    command = ["evaluate", "zoo:vae-digits", "--metrics", "elbo", "--json", str(report)]
    assert cli.main([*command, "--samples", "2000"]) == 0
    out = capsys.readouterr().out
    assert "card: negative_elbo" in out and "OUTSIDE" not in out
    measured = {f["name"]: f["value"] for f in json.loads(report.read_text())["figures"]}
    entry = tfgen.zoo.find("vae-digits")
    known = {f.name: f for f in store.latest(entry.folder / shelf.FIGURES)}["negative_elbo"]
    # Other noise of z than when the card was written, and fewer pictures.
    assert known.low <= measured["negative_elbo"] <= known.high


def test_export_has_the_card_of_the_zoo(tmp_path):
    to = tmp_path / "export"
    command = ["export", f"zoo:{SMALL}", "--to", str(to), "--formats", "saved_model"]
    assert cli.main(command) == 0
    assert json.loads((to / "export.json").read_text())["extra"]["run"] == f"zoo:{SMALL}"
    card, entry = (to / "README.md").read_text(), tfgen.zoo.find(SMALL)
    assert entry.data_license in card and "license: apache-2.0" in card
    assert (to / "samples.png").read_bytes() == (entry.folder / shelf.SAMPLES).read_bytes()
