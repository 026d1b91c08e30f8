"""How the benchmark of growth tells exponents."""

import pytest

from benchmarks import growth


def test_an_exponent_is_the_slope_of_the_logarithms():
    assert growth.exponent([10, 20, 40], [3.0, 12.0, 48.0]) == pytest.approx(2.0)
    assert growth.exponent([10], [3.0]) is None


def test_a_curve_has_every_size_and_its_last_step_alone():
    calls = []
    row = growth.measure("calls", [1, 2, 4], lambda size: lambda: calls.append(size), rounds=3)
    assert calls == 3 * [1, 2, 4] and row["sizes"] == [1, 2, 4]
    assert len(row["seconds"]) == len(row["peak_gib"]) == 3
    row["seconds"], row["last_exponent"] = [1.0, 1.0, 2.0], 1.0
    assert growth.shown(row).endswith("1.00") and "4: 2 s" in growth.shown(row)
    single = growth.measure("one", [5], lambda size: lambda: None, rounds=1)
    assert growth.shown(single).endswith("(all, last two): -, -")
