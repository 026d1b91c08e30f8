"""The sample metrics against what torch-fidelity and prdc said of the same arrays.

Their values are kept: `reference_values.py` says how they were made, and by which versions.
"""

import json

import numpy as np
import pytest

from tests.metrics import reference_values
from tfgen.metrics import frechet, inception_score, kernel, manifold


@pytest.fixture(scope="module")
def data():
    return reference_values.arrays()


@pytest.fixture(scope="module")
def kept(data):
    record = json.loads(reference_values.PATH.read_text())
    assert reference_values.digest(data) == record["arrays"], "NumPy draws other numbers"
    return record["values"]


def test_the_versions_are_noted():
    versions = json.loads(reference_values.PATH.read_text())["versions"]
    assert versions["torch-fidelity"] == "0.4.0" and versions["prdc"] == "0.2"


def test_torch_fidelity(data, kept):
    x, y = data["x"], data["y"]
    fid, kid = kept["frechet_inception_distance"], kept["kernel_inception_distance_mean"]
    assert frechet.frechet_distance(x, y) == pytest.approx(fid, rel=1e-6)
    assert kernel.unbiased_mmd(x, y) == pytest.approx(kid, rel=1e-6)
    assert kernel.kernel_distance(x, y, 1, len(x))[0] == pytest.approx(kid, rel=1e-6)
    p = np.exp(data["logits"])
    scores = inception_score.inception_score(p / p.sum(axis=1, keepdims=True), 10)
    assert scores.mean() == pytest.approx(kept["inception_score_mean"], rel=1e-6)
    assert scores.std() == pytest.approx(kept["inception_score_std"], rel=1e-5)


def test_prdc(data, kept):
    found = manifold.figures(data["x8"], data["y8"], reference_values.NEAREST)
    assert found == pytest.approx({name: kept[name] for name in found}, rel=1e-6)
