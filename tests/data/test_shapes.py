import numpy as np
import pytest

from tfgen import data
from tfgen.data import shapes
from tfgen.models import VAE


def test_every_combination_once_and_all_different():
    arrays = data.source("shapes", "all").arrays
    images, factors = arrays["image"], arrays["factors"]
    assert images.shape == (4608, 32, 32, 1) and factors.shape == (4608, 5)
    assert len(np.unique(factors, axis=0)) == 4608
    assert len(np.unique(images.reshape(4608, -1), axis=0)) == 4608
    assert factors.max(0).tolist() == [n - 1 for n in shapes.FACTORS.values()]
    np.testing.assert_array_equal(arrays["label"], factors[:, 0])
    edges = [images[:, [0, -1]], images[:, :, [0, -1]]]
    assert max(edge.max() for edge in edges) == 0  # No shape is cut.


def test_factors_do_what_they_say():
    def picture(*values):
        return shapes.drawn(np.array([values]))[0, ..., 0].astype(float)

    base = picture(0, 1, 0, 3, 3)
    np.testing.assert_array_equal(picture(0, 1, 0, 4, 3), np.roll(base, 2, axis=1))
    np.testing.assert_array_equal(picture(0, 1, 0, 3, 4), np.roll(base, 2, axis=0))
    assert picture(0, 2, 0, 3, 3).sum() > 1.2 * base.sum()
    assert picture(0, 1, 3, 3, 3).sum() == pytest.approx(base.sum(), rel=0.05)


def test_splits_and_training():
    train, test = (data.source("shapes", s) for s in ("train", "test"))
    rows = [set(map(tuple, s.arrays["factors"])) for s in (train, test)]
    assert len(rows[0]) == 3686 and len(rows[1]) == 922 and not rows[0] & rows[1]
    assert data.source("shapes", image_size=16).image_shape == (16, 16, 1)
    batch = next(iter(data.load("shapes", batch_size=4)))
    assert batch["factors"].shape == (4, 5) and batch["image"].shape == (4, 32, 32, 1)
    model = VAE(image_shape=(32, 32, 1), latent_dim=2, hidden=(4,))
    model.compile()
    stream = data.load("shapes", batch_size=64, binarize="threshold")
    history = model.fit(stream.take(2), verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    with pytest.raises(ValueError, match="no split"):
        data.source("shapes", "validation")
