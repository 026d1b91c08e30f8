import numpy as np
import pytest

from tfgen.metrics.mmd import mmd_test


def test_value_by_hand():
    x, y = np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])
    # Distances 1, 1, 1, 3, 2, 2: the squared median is 1 or 4; NumPy takes the mean, 2.5.
    kernel = np.exp(-0.5 * np.array([4.0, 1.0, 9.0]) / 2.5)
    expected = kernel[0] + kernel[0] - 2.0 * (3 * kernel[1] + kernel[2]) / 4.0
    np.testing.assert_allclose(mmd_test(x, y)[0], expected, rtol=1e-12)


def test_level_and_power():
    generator = np.random.default_rng(0)
    same = [
        mmd_test(generator.normal(size=(60, 2)), generator.normal(size=(60, 2)), 99, n)[1]
        for n in range(60)
    ]
    assert np.mean(np.array(same) <= 0.05) <= 0.15
    assert 0.3 < np.mean(same) < 0.7
    other = mmd_test(generator.normal(size=(60, 2)), 0.8 + generator.normal(size=(60, 2)), 99)[1]
    assert other <= 0.01


@pytest.mark.parametrize("shapes", [((5, 2), (5, 3)), ((1, 2), (5, 2)), ((5,), (5,))])
def test_bad_input(shapes):
    with pytest.raises(ValueError, match="at least 2 points"):
        mmd_test(*(np.zeros(s) for s in shapes))
    with pytest.raises(ValueError, match="are the same"):
        mmd_test(np.zeros((3, 1)), np.zeros((3, 1)))
