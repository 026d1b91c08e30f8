import math

import numpy as np
import pytest

from tfgen.explore import game


def test_a_film_of_the_game_on_a_line():
    calls = []
    found = game(steps=4, records=2, batch=8, progress=lambda *call: calls.append(call))
    assert len(found.figures["game"].frames) == 3
    assert set(found.figures) == {"game", "end", "curves", "gradient"}
    assert calls[-1] == (2, 2) and "its optimum 2 JSD - log 4" in found.says
    (numbers,) = found.numbers.values()
    assert numbers["records"]["step"] == [0, 2, 4] and len(numbers["records"]["value"]) == 3
    assert numbers["settings"]["loss"] == "non_saturating"


@pytest.mark.parametrize("model, loss", [("gan", "hinge"), ("vae", "non_saturating")])
def test_a_film_of_the_game_on_a_plane(model, loss):
    found = game("ring", model, loss, steps=2, records=1, batch=8)
    assert len(found.figures["game"].frames) == 2 and "of 8 modes" in found.says
    assert ("gradient" in found.figures) == (model == "gan")


def test_settings_side_by_side():
    found = game(compare={"loss": ["minimax", "least_squares"]}, steps=2, records=1, batch=8)
    assert set(found.figures) == {"curves", "finals", "gradient"}
    assert list(found.numbers) == ["minimax", "least_squares"]
    assert "minimax: " in found.says


def test_only_d_learns_what_the_optimum_is():
    found = game(only_d=True, steps=30, batch=64)
    rows = found.numbers["pairs"]
    assert len(rows) == 6 and rows[0]["optimum"] == pytest.approx(-math.log(4))
    assert all(row["value"] <= row["optimum"] + 1e-9 for row in rows)
    assert rows[1]["jsd"] == pytest.approx(0.11142, abs=1e-4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(steps=0), "`steps` must be at least 1"),
        (dict(compare={"batch": "123", "loss": "abc"}), "9 combinations"),
        (dict(compare={"k": ["1"]}), "unknown 'k'"),
        (dict(only_d=True, loss="hinge"), "`only_d` is about V"),
        (dict(data="norml"), "Did you mean 'normal'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        game(**arguments)


@pytest.mark.slow
def test_d_alone_reaches_the_table():
    """V within 0.01 of 2 JSD - log 4, and D within 0.02 of p / (p + q), on each pair."""
    rows = game(only_d=True, steps=1500, batch=512).numbers["pairs"]
    for row in rows:
        assert row["value"] == pytest.approx(row["optimum"], abs=0.01)
        assert row["d_error"] < 0.02


@pytest.mark.slow
def test_both_players_meet_at_one_half():
    (numbers,) = game().numbers.values()
    end = numbers["end"]
    np.testing.assert_allclose(end["mean"], 4.0, atol=0.1)
    np.testing.assert_allclose(end["stddev"], 0.5, atol=0.1)
    assert end["d_data"] == pytest.approx(0.5, abs=0.05)
    assert end["d_samples"] == pytest.approx(0.5, abs=0.05)
    assert end["value"] == pytest.approx(-math.log(4), abs=0.05)
