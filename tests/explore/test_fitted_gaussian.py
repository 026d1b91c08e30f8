import numpy as np
import pytest

from tfgen.explore import fitted_gaussian as home


def test_kl_covers_and_reverse_kl_seeks(monkeypatch):
    monkeypatch.setattr(home, "CELLS", 401)
    monkeypatch.setattr(home, "FRAMES", 3)
    found = home.divergences(distance=5.0, stddev=0.7, weight=0.6)
    numbers = found.numbers
    # Maximum likelihood of a Gaussian has the moments of the data: worked out by hand.
    assert numbers["kl"]["mean"] == pytest.approx(0.5, abs=1e-3)
    assert numbers["kl"]["stddev"] == pytest.approx(np.sqrt(0.49 + 6.25 - 0.25), abs=1e-3)
    assert numbers["reverse_kl"]["mean"] == pytest.approx(2.5, abs=0.02)
    assert numbers["reverse_kl"]["reverse_kl"] == pytest.approx(-np.log(0.6), abs=2e-3)
    assert numbers["kl"]["valley"] > 0.1 > 0.01 > numbers["reverse_kl"]["valley"]
    for name in home.NAMES:  # Each is lowest under its own.
        own = numbers[name][name]
        assert all(own <= numbers[other][name] + 1e-6 for other in home.NAMES)
    assert len(found.figures["descent"].frames) == 3


def test_divergences_of_two_gaussians():
    x = np.linspace(-12, 14, 4001)
    log_p = home._log_normal(x, 0.0, 1.0)
    theta = np.array([1.0, 0.0])
    assert home.between("kl", x, log_p, theta) == pytest.approx(0.5, abs=1e-6)
    assert home.between("reverse_kl", x, log_p, theta) == pytest.approx(0.5, abs=1e-6)
    assert home.between("jsd", x, log_p, theta) == pytest.approx(0.11142, abs=1e-5)


def test_numbers_out_of_range():
    with pytest.raises(ValueError, match="`weight` in"):
        home.divergences(weight=1.0)
