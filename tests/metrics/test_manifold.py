"""Precision, recall, density and coverage against their definition."""

import numpy as np
import pytest

from tfgen.metrics import manifold, measures
from tfgen.metrics.manifold import precision_recall_density_coverage


def naive(real, fake, k):
    def distances(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=-1)

    radii_real = np.sort(distances(real, real), axis=1)[:, k]  # The 0th is the sample itself.
    radii_fake = np.sort(distances(fake, fake), axis=1)[:, k]
    across = distances(real, fake)
    return {
        "precision": (across < radii_real[:, None]).any(axis=0).mean(),
        "recall": (across < radii_fake).any(axis=1).mean(),
        "density": (across < radii_real[:, None]).sum(axis=0).mean() / k,
        "coverage": (across.min(axis=1) < radii_real).mean(),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_definition(monkeypatch, k):
    monkeypatch.setattr(manifold, "ROWS", 17)
    generator = np.random.default_rng(k)
    real, fake = generator.normal(size=(90, 3)), 0.7 * generator.normal(size=(70, 3)) + 0.3
    found = precision_recall_density_coverage(real, fake, k)
    assert found == pytest.approx(naive(real, fake, k), rel=1e-12)
    assert all(0.05 < found[name] for name in found)


def test_ends():
    generator = np.random.default_rng(0)
    real, far = generator.normal(size=(50, 2)), generator.normal(size=(50, 2)) + 100.0
    found = precision_recall_density_coverage(real, far)
    assert found == {"precision": 0.0, "recall": 0.0, "density": 0.0, "coverage": 0.0}
    same = precision_recall_density_coverage(real, real)
    assert same["precision"] == same["recall"] == same["coverage"] == 1.0
    collapsed = real[:1] + 1e-6 * generator.normal(size=(50, 2))
    found = precision_recall_density_coverage(real, collapsed)
    assert found["precision"] == 1.0 and found["recall"] <= 0.02 and found["coverage"] < 0.3


def test_bad_input():
    with pytest.raises(ValueError, match="`nearest`"):
        precision_recall_density_coverage(np.zeros((5, 2)), np.zeros((9, 2)), 5)
    with pytest.raises(ValueError, match="one F"):
        precision_recall_density_coverage(np.zeros((9, 2)), np.zeros((9, 3)))


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_balls_around_copies_are_empty(offset):
    generator = np.random.default_rng(0)
    real = generator.normal(size=(60, 7)) + offset
    real[:4] = real[0]  # With k = 3 the ball of each holds nothing; those of all others do.
    with pytest.warns(UserWarning, match="3 of 60 real points repeat another"):
        found = precision_recall_density_coverage(real, real[4:], 3)
    assert found["coverage"] == 56 / 60 and found["precision"] == 1.0
    with pytest.warns(UserWarning, match="3 of 60 generated points repeat another"):
        found = precision_recall_density_coverage(real[4:], real, 3)
    assert found["recall"] == 1.0  # The four are no part of what is to be recalled.
    few = np.repeat(generator.normal(size=(2, 7)) + offset, 30, axis=0)
    real, generated = (f"58 of 60 {kind} points" for kind in ("real", "generated"))
    with pytest.warns(UserWarning, match=real), pytest.warns(UserWarning, match=generated):
        found = precision_recall_density_coverage(few, few, 3)
    assert found["recall"] == found["precision"] == found["density"] == found["coverage"] == 0.0


def test_halves_of_repeated_points_do_not_warn_again():
    real = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.warns(UserWarning) as caught:
        measures.prdc(real, np.repeat(real[:20], 2, axis=0), 3)
    assert len(caught) == 1
