"""Disentanglement scores of hand-made codes whose values are known."""

import itertools

import numpy as np
import pytest

from tfgen.metrics import disentanglement as d

FACTORS = np.array(list(itertools.product(range(3), range(4), range(2))) * 40)  # (960, 3)


def perfect():
    """Each factor in a code of its own, the fourth code constant."""
    return np.concatenate([FACTORS * 1.0, np.zeros((len(FACTORS), 1))], axis=1)


def noise():
    return np.random.default_rng(0).normal(size=(len(FACTORS), 4))


def test_perfect_codes():
    assert d.mig(perfect(), FACTORS) == pytest.approx(1.0, abs=1e-9)
    scores = d.dci(perfect(), FACTORS)
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0), abs=1e-6)
    assert d.factor_vae_score(perfect(), FACTORS, votes=200) == 1.0


def test_codes_that_say_nothing():
    assert d.mig(noise(), FACTORS) < 0.03
    assert d.sap(noise(), FACTORS) < 0.06
    assert d.dci(noise(), FACTORS)["disentanglement"] < 0.1
    assert d.factor_vae_score(noise(), FACTORS) == pytest.approx(1 / 3, abs=0.15)


def test_a_factor_in_two_codes_is_no_gap():
    codes = np.concatenate([perfect()[:, :3], FACTORS[:, :1]], axis=1)
    assert d.mig(codes, FACTORS) == pytest.approx(2 / 3, abs=1e-9)


def test_mig_by_hand():
    # z_0 tells whether v_0 is 0: I = H(1/3) of the ln 3 nats; z_1 tells v_1; v_2 is nowhere.
    codes = np.stack([FACTORS[:, 0] == 0, FACTORS[:, 1]], axis=1) * 1.0
    entropy = -(np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3)
    expected = (entropy / np.log(3) + 1.0 + 0.0) / 3
    assert d.mig(codes, FACTORS) == pytest.approx(expected, abs=1e-9)


def test_importances_by_hand():
    found = d.importance_scores([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    assert found["disentanglement"] == pytest.approx(0.5)  # 1 and 0, of one weight each.
    third = 1 + (2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(3)
    assert found["completeness"] == pytest.approx(0.75 * third + 0.25)


def test_sap_by_hand():
    # One code per binary factor: it is always right, the other code half the time.
    factors = np.array(list(itertools.product(range(2), repeat=2)) * 300)
    assert d.sap(factors * 2.0 - 1.0, factors) == pytest.approx(0.5, abs=0.06)


def test_bad_input():
    codes = perfect()
    with pytest.raises(ValueError, match="Two codes"):
        d.mig(codes[:, :1], FACTORS)
    with pytest.raises(ValueError, match="integers"):
        d.mig(codes, FACTORS * 1.0)
    with pytest.raises(ValueError, match="two values"):
        d.mig(codes, FACTORS * 0)
    with pytest.raises(ValueError, match="NaN"):
        d.sap(codes * np.nan, FACTORS)
    with pytest.raises(ValueError, match="10 pictures"):
        d.dci(codes, FACTORS[:-1])
    with pytest.raises(ValueError, match="No code varies"):
        d.factor_vae_score(codes * 0, FACTORS)
