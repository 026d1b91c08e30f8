"""Intervals: known formulas, and how often they hold, in small."""

import json

import numpy as np
import pytest
from scipy import stats

from tfgen.metrics import intervals, measures


def test_mean_and_proportion_against_scipy():
    values = np.random.default_rng(0).normal(3.0, 2.0, 25)
    found = intervals.mean(values)
    expected = stats.t.interval(0.95, 24, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    share = intervals.proportion(3, 10)
    z = stats.norm.ppf(0.975)
    center = (0.3 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * np.sqrt(0.3 * 0.7 / 10 + z**2 / 400)
    assert (share.low, share.high) == pytest.approx((center - half, center + half))
    assert intervals.proportion(10, 10).high == pytest.approx(1.0)


def test_jackknife_of_a_mean_is_its_t_interval_and_it_unbiases():
    x = np.random.default_rng(0).normal(size=40)
    found = intervals.jackknife(np.mean, x, groups=20)
    assert found.value == pytest.approx(x.mean())
    # The plug-in variance is (N - 1) / N of the unbiased one; the jackknife mends that exactly.
    assert intervals.jackknife(np.var, x, groups=40 // 2).value == pytest.approx(
        x.var(ddof=1), rel=0.01
    )


def halved_means(x):
    return [[x[rows].mean() for rows in intervals.group_rows(len(x), 2, n)] for n in range(8)]


def test_how_often_they_hold():
    makers = {
        "mean": intervals.mean,
        "bootstrap": lambda x: intervals.bootstrap(np.mean, x, resamples=200),
        "jackknife": lambda x: intervals.jackknife(np.mean, x),
        "subsets": lambda x: intervals.over_subsets(np.mean, x),
        "halves": lambda x: intervals.from_halves(x.mean(), halved_means(x)),
    }
    draws = [g.exponential(size=200) for g in np.random.default_rng(0).spawn(200)]
    for name, make in makers.items():
        share = np.mean([v.low <= 1.0 <= v.high for v in map(make, draws)])
        assert 0.88 <= share <= 0.99, name


def test_fid_holds_the_large_sample_value_which_its_figure_lies_above():
    held, above = [], []
    for g in np.random.default_rng(0).spawn(60):
        found = measures.fid(g.normal(size=(150, 8)), g.normal(size=(150, 8)) + 0.5)
        held.append(found.low <= 2.0 <= found.high)
        above.append(found.value)
    assert 0.88 <= np.mean(held) <= 1.0 and np.mean(above) > 2.05


def test_seeds():
    found = intervals.over_seeds([intervals.Value(v, 0.0, 9.0, "") for v in (1.0, 2.0, 3.0)])
    assert found.value == 2.0 and found.high == pytest.approx(2.0 + 4.3027 / np.sqrt(3), rel=1e-3)
    alone = intervals.over_seeds([1.5])
    assert alone.value == 1.5 and np.isnan(alone.low) and "no interval" in alone.method


def test_values_are_plain():
    found = measures.kid(*np.random.default_rng(0).normal(size=(2, 30, 3)))
    assert json.loads(json.dumps(found.as_dict()))["level"] == 0.95
    assert "[" in str(found)


def test_measures_of_pictures_and_codes():
    generator = np.random.default_rng(0)
    images = generator.uniform(-1, 1, (60, 16, 16, 1)).astype("f")
    found = measures.sliced_wasserstein(images[:30], images[30:], subsets=5)
    assert set(found) == {"16", "mean"} and found["16"].value == found["mean"].value
    assert measures.authenticity(images, images).value == 0.0
    assert measures.diversity(images).low < measures.diversity(images).high
    factors = generator.integers(0, 3, (300, 2))
    scores = measures.disentanglement(factors + 0.01 * generator.normal(size=(300, 2)), factors)
    assert scores["mig"].value > 0.9 and scores["factor_vae"].high <= 1.0


def test_bad_input():
    for call in (
        lambda: intervals.mean([1.0]),
        lambda: intervals.mean([1.0, np.nan]),
        lambda: intervals.proportion(3, 2),
        lambda: intervals.over_seeds([]),
        lambda: intervals.jackknife(np.mean, np.zeros(30)),
    ):
        with pytest.raises(ValueError):
            call()
