import numpy as np
import pytest

from tfgen.metrics.inception_score import inception_score


def test_known_values():
    certain = np.eye(4)[np.arange(40) % 4]
    assert inception_score(certain, 1) == pytest.approx([4.0])
    np.testing.assert_allclose(inception_score(certain, 10), 4.0)
    np.testing.assert_allclose(inception_score(np.full((20, 4), 0.25), 2), 1.0)
    np.testing.assert_allclose(inception_score(np.eye(4)[[2] * 20], 2), 1.0)


def test_definition():
    p = np.random.default_rng(0).dirichlet(np.ones(5), size=33)
    expected = [
        np.exp(np.mean([np.sum(r * np.log(r / part.mean(0))) for r in part]))
        for part in np.array_split(p, 3)
    ]
    np.testing.assert_allclose(inception_score(p, 3), expected)


@pytest.mark.parametrize(
    "p, splits, message",
    [
        (np.ones((5, 3)), 1, "softmax"),
        (np.full((5, 2), np.nan), 1, "NaN"),
        (np.full((5, 2), 0.5), 6, "`splits`"),
        (np.ones(5), 1, "shape"),
    ],
)
def test_bad_input(p, splits, message):
    with pytest.raises(ValueError, match=message):
        inception_score(p, splits)
