"""What the benchmark of InfoGAN prints."""

import json
import types

import numpy as np
import pytest

from benchmarks import infogan

SMALL = [
    *("data.name=mnist-5k", "data.batch_size=8", "fit.steps_per_epoch=2", "fit.verbose=0"),
    *("model.filters=2", "model.dense_units=8", "model.recognition_units=4"),
    "run.sample_epochs=null",
]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Where the tests can set what the benchmark uses."""
    monkeypatch.setattr(infogan, "apart", lambda function, *arguments: function(*arguments))


def lines(capsys):
    out = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in out if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.trace
def test_a_line_says_how_d_and_the_categories_stand(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(infogan.information, "__defaults__", (500, 500))
    monkeypatch.setattr(infogan.inferred, "__defaults__", (500,))
    infogan.main([str(tmp_path), "--seeds", "1", "--set", *SMALL, "fit.epochs=1"])
    line, whole = lines(capsys)
    assert (line["seed"], line["step"]) == (1, 2)
    assert 0.0 < line["clustering_error"] < 1.0 and line["information"] <= np.log(10) + 1e-4
    (logged,) = (tmp_path / "seed-1" / "metrics.jsonl").read_text().splitlines()
    assert line["discriminator_loss"] == json.loads(logged)["discriminator_loss"]
    error = line["clustering_error"]
    assert whole == {"seeds": 1, "best": error, "median": error}
    assert (tmp_path / "seed-1" / "category_1.png").exists()


def test_every_epoch_has_a_line_and_a_run_goes_on_where_it_stands(capsys, monkeypatch, tmp_path):
    taken = {"seed-0": 0, "seed-1": 2, "seed-2": 0}  # Epochs that the folders already hold.

    def train(settings, folder, say):
        taken[folder.name] = max(taken[folder.name], settings.fit["epochs"])
        return types.SimpleNamespace(epochs=taken[folder.name], model=None)

    def measured(done, seed, name):
        return {"seed": seed, "epoch": done.epochs, "clustering_error": [0.5, 0.1, 0.2][seed]}

    monkeypatch.setattr(infogan.run, "train", train)
    monkeypatch.setattr(infogan, "measured", measured)
    monkeypatch.setattr(infogan, "traversal", lambda *a, **k: None)
    monkeypatch.setattr(infogan.pictures, "save", lambda *a: None)
    infogan.main([str(tmp_path), "--seeds", "0", "1", "2", "--set", "fit.epochs=3"])
    *each, whole = lines(capsys)
    found = [(x["seed"], x["epoch"]) for x in each]
    assert found == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert whole == {"seeds": 3, "best": 0.1, "median": 0.2}


def test_what_runs_apart_comes_back(monkeypatch):
    monkeypatch.undo()
    assert infogan.apart(max, 2, 3) == 3


def test_categories_are_matched_one_to_one():
    label = np.repeat(np.arange(10), 10)
    probability = np.eye(10)[(label + 3) % 10]
    probability[:3] = np.eye(10)[7]  # Three zeros among the fours.
    names = infogan.matched(probability, label)
    assert sorted(names) == list(range(10))
    assert np.mean(names[probability.argmax(1)] != label) == pytest.approx(0.03)
