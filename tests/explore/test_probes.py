import dataclasses

import numpy as np
import pytest

from tests.explore.test_latent_space import digits
from tests.tiny import TINY
from tfgen import data
from tfgen.explore import probe, probes


def test_several_models_side_by_side():
    calls = []
    found = probe(
        {"runs/dcgan": TINY["dcgan"].build(), "zoo:vae-digits": TINY["vae"].build()},
        digits(),
        digits("test", 60),
        labels=20,
        draws=2,
        tested=40,
        progress=lambda *call: calls.append(call),
    )
    numbers = found.numbers
    assert list(numbers["accuracy"]) == [
        "raw pixels",
        "dcgan",
        "dcgan, untrained",
        "vae-digits",
        "vae-digits, untrained",
    ]
    assert numbers["tested"] == 40 and numbers["labels"] == 20 and calls[-1] == (5, 5)
    # Nothing was trained.
    assert numbers["ahead"]["dcgan"]["untrained"]["value"] == 0.0
    first = np.mean(numbers["accuracy"]["vae-digits"] - numbers["accuracy"]["raw pixels"])
    assert numbers["ahead"]["vae-digits"]["raw pixels"]["value"] == pytest.approx(first)
    assert "no better than either" in found.says and set(found.figures) == {"accuracy"}
    assert len(numbers["table"]) == 7


def test_all_labels_once():
    found = probe({"a": TINY["vae"].build()}, digits(), digits("test", 30), labels=0)
    assert found.numbers["labels"] == 120 and len(found.numbers["accuracy"]["a"]) == 1
    assert set(found.numbers["ahead"]["a"]["raw pixels"]) == {"value"}


def test_names_that_would_be_the_same_are_whole():
    assert probes._short({"runs/a/x": 0, "runs/b/x": 1}) == ["runs/a/x", "runs/b/x"]
    assert probes._short({"runs/a/": 0, "zoo:b": 1}) == ["a", "b"]


def test_what_makes_no_sense():
    vae, test = TINY["vae"].build(), digits("test", 30)
    with pytest.raises(
        ValueError, match="explore probe: it makes no sense for GAN: GAN has no sig"
    ):
        probe({"x": TINY["gan"].build()}, digits(), test)
    with pytest.raises(ValueError, match="give a model or more"):
        probe({}, digits(), test)
    with pytest.raises(ValueError, match="takes pictures of"):
        probe({"x": vae}, data.array(np.zeros((9, 4, 4, 1), np.float32), np.arange(9)), test)
    source = digits()
    bare = dataclasses.replace(source, arrays={"image": source.arrays["image"]})
    with pytest.raises(ValueError, match="has no labels to be read off"):
        probe({"x": vae}, bare, test)
