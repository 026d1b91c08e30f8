import numpy as np
import pytest
from PIL import Image

from tfgen.metrics import neighbours


def test_nearest_against_all_distances(monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 6)
    generator = np.random.default_rng(0)
    train, images = generator.normal(size=(40, 2, 3)), generator.normal(size=(15, 2, 3))
    indices, distances = neighbours.nearest(train, images, 4)
    every = np.linalg.norm(train.reshape(40, -1) - images.reshape(15, 1, -1), axis=-1)
    np.testing.assert_array_equal(indices, np.argsort(every, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :4], rtol=1e-5)


def test_copies_are_at_zero_and_not_authentic():
    train = np.random.default_rng(0).normal(size=(100, 5)) + 1000.0
    indices, distances = neighbours.nearest(train, train[[7, 3]], 1)
    assert indices.ravel().tolist() == [7, 3] and not distances.any()
    assert neighbours.authenticity(train, train[:20]) == 0.0
    assert neighbours.authenticity(train, train[:20] + 50.0) == 1.0


def test_authenticity_by_hand():
    train = np.array([[0.0], [1.0], [10.0]])
    fake = np.array([[0.4], [2.5], [9.0], [-2.0]])  # Own distances of 0, 1, 10: 1, 1, 9.
    assert neighbours.authentic(train, fake).tolist() == [False, True, False, True]
    assert neighbours.authenticity(train, fake) == 0.5


def test_picture(tmp_path):
    train = np.random.default_rng(0).uniform(-1, 1, (9, 8, 8, 1)).astype("f")
    neighbours.neighbours_picture(tmp_path / "n.png", train, train[:2], count=3)
    pixels = np.asarray(Image.open(tmp_path / "n.png"))
    assert pixels.shape[:2] == (2 * 9 - 1, 4 * 9 - 1)
    np.testing.assert_array_equal(pixels[:8, :8], pixels[:8, 9:17])  # A copy: first neighbour.


def test_bad_input():
    with pytest.raises(ValueError, match="`count`"):
        neighbours.nearest(np.zeros((3, 2)), np.zeros((1, 2)), 4)
    with pytest.raises(ValueError, match="same"):
        neighbours.nearest(np.zeros((3, 2)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="finite"):
        neighbours.authenticity(np.zeros((3, 2)), np.full((1, 2), np.nan))


def test_an_offset_changes_nothing():
    generator = np.random.default_rng(0)
    train, fake = generator.normal(size=(1000, 64)), 1.1 * generator.normal(size=(1000, 64))
    train, fake = (np.float32(x + 1000.0) for x in (train, fake))
    here, there = (x.astype(np.float64) - 1000.0 for x in (train, fake))
    own = np.linalg.norm(here[:, None] - here[None], axis=-1)
    np.fill_diagonal(own, np.inf)
    across = np.linalg.norm(here[:, None] - there[None], axis=-1)
    right = across.min(0) > own.min(1)[across.argmin(0)]
    assert right.mean() == 0.936  # In float32 about the origin it was 0.849.
    np.testing.assert_array_equal(neighbours.authentic(train, fake), right)
    rows, distances = neighbours.nearest(train, fake, 1)
    np.testing.assert_array_equal(rows[:, 0], across.argmin(0))
    np.testing.assert_allclose(distances[:, 0], across.min(0), rtol=1e-9)
