import numpy as np
import pytest

from tfgen import data


def labels(stream):
    batches = list(stream)
    return np.concatenate([b["label"] for b in batches]), np.concatenate(
        [b["image"] for b in batches]
    )


def test_keeps_few_labels_of_a_training_split():
    plain = {"shuffle": False, "drop_remainder": False}
    every, images = labels(data.load("digits", "train", 500, **plain))
    few, same = labels(data.load("digits", "train", 500, labelled=100, **plain))
    np.testing.assert_array_equal(images, same)
    np.testing.assert_array_equal(np.bincount(few[few >= 0]), [10] * 10)
    np.testing.assert_array_equal(few[few >= 0], every[few >= 0])
    assert np.sum(few == -1) == len(few) - 100
    again, _ = labels(data.load("digits", "train", 500, labelled=100, **plain))
    other, _ = labels(data.load("digits", "train", 500, labelled=100, seed=1, **plain))
    np.testing.assert_array_equal(few, again)
    assert not np.array_equal(few, other)
    whole, _ = labels(data.load("digits", "test", 500, labelled=100))
    assert (whole >= 0).all()


def test_needs_labels():
    with pytest.raises(ValueError, match="`labelled` needs labels"):
        data.load("digits", "train", 64, labels=False, labelled=100)
    with pytest.raises(ValueError, match="`labels` must lie in 20 .. 1297"):
        data.load("digits", "train", 64, labelled=5)
