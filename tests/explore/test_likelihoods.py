import numpy as np
import pytest

from tests.explore.test_latent_space import digits
from tests.tiny import TINY
from tfgen.explore import bayes, classify, examples, likelihoods, odd_pictures, outliers


def binary(split, rows=60):
    return examples.prepared(digits(split, rows), binarize="threshold")


def test_auroc_is_the_share_of_pairs_in_order():
    found = odd_pictures.auroc(np.array([1.0, 2.0, 3.0, 3.0]), np.array([0.0, 2.0, 3.0]))
    pairs = [(a > b) + 0.5 * (a == b) for a in (1, 2, 3, 3) for b in (0, 2, 3)]
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.low <= found.value <= found.high


def test_flat_pictures_are_less_complex_than_noise():
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3))
    simple = likelihoods.complexity(np.zeros((1, 16, 16, 3)))
    assert (likelihoods.complexity(noise) > 2 * simple).all()


@pytest.mark.parametrize("name, kind", [("vae", "a lower bound"), ("pixelcnn", "log p(x)")])
def test_outliers(name, kind):
    found = outliers(TINY[name].build(), binary("test"), pictures=20)
    assert found.numbers["scored_by"].startswith(kind)
    assert set(found.numbers["auroc"]["log p"]) == {
        *odd_pictures.odd(np.zeros((1, 2, 2, 1)), np.random.default_rng(0))
    }
    assert set(found.figures) == {"ranked", "histograms", "auroc"}


def test_a_model_without_a_likelihood():
    with pytest.raises(ValueError, match="explore outliers: it makes no sense for DCGAN"):
        outliers(TINY["dcgan"].build(), binary("test"))
    with pytest.raises(ValueError, match="explore classify: it makes no sense for VAE"):
        classify(TINY["vae"].build(), binary("train"), binary("test"))


def test_accuracy_on_the_surest():
    sure, right = np.array([0.9, 0.5, 0.7, 0.6]), np.array([True, False, True, False])
    np.testing.assert_allclose(bayes.coverage(sure, right), [1, 1, 2 / 3, 0.5])


def test_classify_is_bayes_rule():
    model = TINY["gatedpixelcnn"].build(num_classes=10)
    found = classify(model, binary("train"), binary("test"), pictures=12)
    assert found.numbers["pictures"] == 12
    assert 0 <= found.numbers["accuracy"]["value"] <= 1
    assert "By Bayes' rule" in found.says and "coverage" in found.figures
    assert found.numbers["accuracy_by_coverage"]["1.00"] == found.numbers["accuracy"]["value"]
