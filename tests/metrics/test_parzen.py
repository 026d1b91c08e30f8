"""The Parzen estimate against closed forms and the known values of simple samplers."""

import numpy as np
import pytest

from tests.learned import digits
from tfgen.metrics.parzen import log_density, parzen


def test_one_center_is_a_gaussian():
    x, center = np.array([[0.3, -0.2, 1.0]]), np.array([[0.1, 0.0, 0.5]])
    expected = -0.5 * ((x - center) ** 2).sum() / 0.04 - 3 * np.log(0.2 * np.sqrt(2 * np.pi))
    assert log_density(x, center, 0.2)[0] == pytest.approx(expected)


def test_density_integrates_to_one():
    grid = np.linspace(-4, 5, 2001)[:, None]
    values = np.exp(log_density(grid, np.array([[0.0], [0.2], [1.0]]), 0.3))
    assert np.trapezoid(values, grid[:, 0]) == pytest.approx(1.0, abs=1e-6)


def test_known_samplers_of_digits():
    (train, labels), (test, _) = digits("train"), digits("test")
    perfect, error, width = parzen(train[:-300], train[-300:], test)
    assert perfect == pytest.approx(29.0, abs=2.0) and 0.1 < error < 1.5 and 0.1 <= width < 0.3
    collapsed, _, _ = parzen(train[labels == 1], train[-300:], test)
    assert collapsed == pytest.approx(-21.1, abs=6.0)
    noise = np.random.default_rng(0).uniform(-1, 1, size=(1000, 8, 8, 1))
    assert parzen(noise, train[-300:], test)[0] == pytest.approx(-40.2, abs=2.0)
