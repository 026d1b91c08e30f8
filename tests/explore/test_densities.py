import math

import numpy as np
import pytest

from tfgen.explore import densities

# papers: JSD in nats of two Gaussians (mean, standard deviation), worked out by quadrature.
TABLE = [
    ((0.0, 1.0), (0.0, 1.0), 0.0),
    ((0.0, 1.0), (1.0, 1.0), 0.11142),
    ((0.0, 1.0), (2.0, 1.0), 0.33683),
    ((0.0, 1.0), (4.0, 1.0), 0.63272),
    ((0.0, 1.0), (0.0, 2.0), 0.09273),
    ((4.0, 0.5), (0.0, 1.0), 0.68187),
]


@pytest.mark.parametrize("name", densities.DENSITIES)
def test_masses_are_those_of_draws(name):
    density = densities.density(name)
    mass = density.masses(12)
    assert mass.shape == (12,) * density.dim and mass.sum() == pytest.approx(1.0)
    points = density.draw(np.random.default_rng(0), 40_000)
    assert points.shape == (40_000, density.dim) and points.dtype == np.float32
    counted = density.counted(points, 12)
    assert counted.sum() == pytest.approx(1.0)
    assert np.abs(counted - mass).max() < 0.01


@pytest.mark.parametrize("data, samples, jsd", TABLE)
def test_the_optimum_is_two_jsd_less_log_four(data, samples, jsd):
    p, q = (
        densities.Density("", one.draw, one.cumulative, -12.0, 12.0).masses(2000)
        for one in (densities.normal(*data), densities.normal(*samples))
    )
    found = densities.divergences(p, q)
    assert found["jsd"] == pytest.approx(jsd, abs=2e-5)
    best = np.clip(p / np.maximum(p + q, 1e-300), 1e-300, 1 - 1e-16)
    v = densities.value(p, q, np.log(best), np.log1p(-best))
    assert v == pytest.approx(2 * jsd - math.log(4), abs=1e-4)


def test_kl_of_two_gaussians_both_ways():
    p, q = (
        densities.Density("", one.draw, one.cumulative, -12.0, 12.0).masses(2000)
        for one in (densities.normal(0, 1), densities.normal(0, 2))
    )
    found = densities.divergences(p, q, floor=1e-12)
    assert found["kl"] == pytest.approx(math.log(2) + 1 / 8 - 1 / 2, abs=1e-3)
    assert found["reverse_kl"] == pytest.approx(2 - 1 / 2 - math.log(2), abs=5e-3)  # By the floor.


def test_what_lies_outside_counts_in_the_outermost_cells():
    counted = densities.density("uniform").counted(np.array([[-99.0], [99.0]]), 4)
    np.testing.assert_array_equal(counted, [0.5, 0, 0, 0.5])


def test_modes_that_are_covered():
    ring = densities.density("ring")
    assert ring.covered(np.repeat(ring.modes[:3], 10, axis=0)) == 3
    assert ring.covered(np.zeros((10, 2))) == 0
    assert densities.density("normal").covered(np.zeros((10, 1))) is None


def test_an_unknown_density():
    with pytest.raises(ValueError, match="Did you mean 'normal'"):
        densities.density("norml")
