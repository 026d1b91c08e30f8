import numpy as np
import pytest
from scipy import stats

from tfgen.explore import blurred, heavy_tails


def test_quantiles_and_tails_of_both():
    found = heavy_tails(degrees=(3,), steps=2, batch=8, pictures="none")
    (row,) = found.numbers["t"]
    assert row["data"]["quantiles"]["0.99"] == pytest.approx(stats.t(3).ppf(0.99))
    assert set(row["vae"]) >= {"quantiles", "error", "beyond", "jsd"} and "curve" not in row["gan"]
    assert set(found.figures) == {"tails"} and "t with 3 degrees" in found.says


@pytest.mark.slow
def test_pictures_side_by_side(monkeypatch):
    monkeypatch.setattr(blurred, "EPOCHS", {"vae": 1, "gan": 1})
    picture, found = blurred.side_by_side("digits", 0)
    assert picture.ndim == 3 and set(found) == {*blurred.NAMES, "set"}
    assert "On digits" in blurred.says(found)


def test_sharpness_of_a_chessboard_and_of_a_slope():
    board = np.indices((8, 8)).sum(0)[None, ..., None] % 2 * 2.0 - 1.0
    assert blurred.sharpness(board) == 4.0
    assert blurred.sharpness(np.arange(64.0).reshape(1, 8, 8, 1)) == 0.0


def test_bad_input():
    with pytest.raises(ValueError, match="`degrees` and `steps`"):
        heavy_tails(degrees=(0,))
    with pytest.raises(ValueError, match=r"`average` in \[0, 1\]"):
        heavy_tails(average=2.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_gan_is_nearer_to_the_quantiles_of_t_with_3_degrees(seed):
    (row,) = heavy_tails(degrees=(3,), pictures="none", seed=seed).numbers["t"]
    for level in ("0.01", "0.99"):
        data, vae, gan = (row[name]["quantiles"][level] for name in ("data", "vae", "gan"))
        assert abs(gan - data) < abs(vae - data)
