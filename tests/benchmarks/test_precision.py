"""What the benchmark of precision and compilation says of a config."""

from pathlib import Path

import pytest

from benchmarks import precision

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.slow
@pytest.mark.trace
def test_every_setting_learns_the_same_or_is_refused(monkeypatch):
    chosen = {name: precision.SETTINGS[name] for name in ("float32", "xla", "8 steps")}
    monkeypatch.setattr(precision, "SETTINGS", chosen)
    found = precision.measure(CONFIGS / "gan_digits.yaml", steps=16, rounds=2)
    assert found["steps"] == 16 and found["config"] == "gan_digits"
    settings = found["settings"]
    assert settings["float32"]["times_as_fast"] == 1.0
    assert settings["xla"]["loss"] == pytest.approx(settings["float32"]["loss"], rel=1e-3)

    staged = precision.measure(CONFIGS / "progan_digits.yaml", steps=8, rounds=1)["settings"]
    assert "steps_per_execution" in staged["8 steps"]["refused"]
    changes = ["model.text_steps=0"]
    text = precision.measure(CONFIGS / "texttoimage_digits.yaml", 8, 1, changes)["settings"]
    assert 0 < text["float32"]["loss"] < 10
    line = precision.line({"config": "progan_digits", "settings": staged})
    assert "8 steps: refused" in line and "float32: 1.00x" in line
