import numpy as np
import pytest

from tfgen.explore.lab.drawn import drawn


def test_a_density_on_a_line_has_the_masses_of_its_levels():
    density = drawn("line", "a10b3c1a26")
    masses = density.masses(40)
    np.testing.assert_allclose(masses[10:14], np.array([1, 1, 1, 2]) / 5, atol=1e-12)
    assert masses.sum() == pytest.approx(1.0) and density.dim == 1
    finer = density.masses(120)
    np.testing.assert_allclose(finer.reshape(40, 3).sum(1), masses, atol=1e-12)
    points = density.draw(np.random.default_rng(0), 4000)
    assert points.shape == (4000, 1) and points.dtype == np.float32
    np.testing.assert_allclose(density.counted(points, 40), masses, atol=0.03)


def test_a_density_on_a_plane_lies_where_it_is_drawn():
    cells = ["a"] * 576
    cells[3] = "b"  # The fourth cell of the lowest row.
    cells[24 * 23] = "d"  # The first of the highest.
    density = drawn("plane", "".join(cells))
    masses = density.masses(24)  # (x, y)
    assert masses[3, 0] == pytest.approx(0.25) and masses[0, 23] == pytest.approx(0.75)
    points = density.draw(np.random.default_rng(1), 500)
    low = points[points[:, 1] < 0]
    assert ((low >= [-2.25, -3.0]) & (low <= [-2.0, -2.75])).all()


@pytest.mark.parametrize(
    "kind, text, said",
    [
        ("circle", "a", "Unknown kind of drawing 'circle'"),
        ("line", "a40", "Nothing is drawn"),
        ("line", "b39", "has 40 cells. Received 39"),
        ("line", "b9999c9999", "has 40 cells. Received 9999 or more"),
        ("line", "k40", "letters a to j"),
        ("plane", "b99999", "letters a to j"),
        ("plane", "", "has 576 cells. Received 0"),
    ],
)
def test_a_drawing_that_is_none_says_why(kind, text, said):
    with pytest.raises(ValueError, match=said):
        drawn(kind, text)
