import numpy as np
import pytest

from tests.tiny import TINY
from tfgen import data
from tfgen.data.labelled import balanced_draw
from tfgen.explore import feature_probe as probe
from tfgen.explore.classifiers import cluster_error
from tfgen.models import DCGAN
from tfgen.networks.features import pooled_activations


def toy(rows, seed=0):
    """Two classes that differ in one pixel, under noise in the others."""
    generator = np.random.default_rng(seed)
    image = generator.uniform(-1.0, 1.0, (rows, 8, 8, 1)).astype("float32")
    label = np.arange(rows) % 2
    image[:, 0, 0, 0] = 0.2 * (2.0 * label - 1.0)
    return {"image": image, "label": label}


def test_features_that_hold_the_class_beat_raw_pixels():
    result = probe.linear_probe(
        lambda images: images[:, 0, 0], toy(80), toy(80, 1), labels=10, draws=4,
        untrained=lambda images: images[:, 1],
    )  # fmt: skip
    assert result.mean("model") == 1.0
    assert result.mean("untrained") < 0.75
    assert result.mean("raw pixels") < 0.9
    assert result.dimensions == {"model": 1, "raw pixels": 64, "untrained": 8}
    assert [len(v) for v in result.accuracy.values()] == [4, 4, 4]
    lines = result.table().splitlines()
    assert lines[0] == "linear_svm, 10 labels, 4 draws, 80 test images"
    assert lines[2].split() == ["model", "1", "1.0000", "0.0000"]


def test_pictures_of_bytes_are_brought_to_the_range_of_the_model():
    draw = np.random.default_rng(0)
    image, label = draw.integers(0, 256, (20, 8, 8, 1)).astype(np.uint8), np.arange(20) % 2
    image[:, 0, 0, 0] = 255  # Of the rows that are drawn one has each end of the range.
    image[:, 0, 1, 0] = 0
    seen = []

    def features(images):
        seen.append((images.dtype, images.min(), images.max()))
        return images[:, 0, 0]

    scaled = (image / 127.5 - 1).astype(np.float32)
    options = {"labels": 10, "draws": 2}
    of_bytes = probe.linear_probe(features, data.array(image, label), (image, label), **options)
    of_floats = probe.linear_probe(features, (scaled, label), (scaled, label), **options)
    for name, accuracy in of_floats.accuracy.items():
        assert np.array_equal(of_bytes.accuracy[name], accuracy)
    assert seen == [(np.float32, -1.0, 1.0)] * 4


@pytest.mark.parametrize("classifier", ["logistic", "rbf_svm"])
def test_classifiers_and_all_labels(classifier):
    result = probe.linear_probe(
        lambda images: images[:, 0, 0], toy(40), toy(40, 1), labels=None, classifier=classifier
    )
    assert (result.mean(), result.stddev(), result.labels) == (1.0, 0.0, 40)
    assert set(result.accuracy) == {"model", "raw pixels"}


def test_draws_are_balanced_and_repeat():
    y = np.repeat([0, 1, 2], [50, 20, 3])
    rows = balanced_draw(y, 11, np.random.RandomState(0))
    np.testing.assert_array_equal(np.bincount(y[rows]), [4, 4, 3])
    np.testing.assert_array_equal(rows, balanced_draw(y, 11, np.random.RandomState(0)))
    assert set(rows) != set(balanced_draw(y, 11, np.random.RandomState(1)))


@pytest.mark.parametrize("name", ["vae", "aae", "aae_supervised", "dcgan"])
def test_models_are_probed_beside_an_untrained_copy(name):
    model = TINY[name].build()
    if name == "aae_supervised":  # The universal posterior's noise is drawn.
        assert "eps" in model.signatures()["encode"].inputs
    first = probe.features_of(model)(toy(5)["image"])
    np.testing.assert_allclose(
        first, probe.features_of(model, batch_size=2)(toy(5)["image"]), atol=1e-5
    )
    result = probe.linear_probe(model, toy(40), toy(20, 1), labels=8, draws=2)
    # Nothing was trained, so both rows are the same.
    np.testing.assert_array_equal(result.accuracy["model"], result.accuracy["untrained"])


def test_dcgan_features_by_hand():
    model = DCGAN((8, 8, 1), latent_dim=4, filters=4, stages=2)
    image = toy(3)["image"]
    first = model.discriminator.layers[0](image)
    first = np.where(first > 0, first, 0.2 * first)  # (3, 4, 4, 4)
    found = pooled_activations(model.discriminator, image, side=2).numpy()
    pooled = first.reshape(3, 2, 2, 2, 2, 4).max(axis=(2, 4))
    np.testing.assert_allclose(found[:, :16], pooled.reshape(3, 16), atol=1e-6)
    assert found.shape == (3, 2 * 2 * 4 + 2 * 2 * 8)
    assert model.call_signature("features", {"image": image})["features"].shape == (3, 64 + 32)


def test_clusters_are_named_by_their_surest_point():
    probability = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    assert cluster_error(probability, np.array([5, 5, 7, 5])) == 0.25
    assert cluster_error(probability, [7, 5, 7, 7], probability[1:], [5, 7, 7]) == 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classifier": "tree"}, "Unknown classifier"),
        ({"labels": 3}, "`labels` must lie in 4 .. 40"),
        ({"labels": 41}, "`labels` must lie in 4 .. 40"),
        ({"draws": 0}, "`draws`"),
        ({"train": {"image": toy(4)["image"]}}, "lacks: label"),
        ({"model": lambda images: images * np.nan}, "not finite"),
    ],
)
def test_bad_input(arguments, message):
    call = {"model": lambda images: images, "train": toy(40), "test": toy(8), "labels": 8}
    with pytest.raises(ValueError, match=message):
        probe.linear_probe(**{**call, **arguments})


def test_signatures_that_are_no_features():
    with pytest.raises(ValueError, match="has no signature 'features' or 'encode'"):
        probe.features_of(TINY["gan"].build())
    with pytest.raises(ValueError, match="features of images alone"):
        probe.features_of(TINY["cvae_label"].build())


@pytest.mark.slow
def test_dcgan_features_of_digits_beat_an_untrained_discriminator():
    model = DCGAN((8, 8, 1), latent_dim=32, filters=32, stages=2)
    model.compile()
    model.fit(data.load("digits", "train", 64), epochs=30, verbose=0)
    result = probe.linear_probe(
        model, data.source("digits", "train"), data.source("digits", "test")
    )
    raw, untrained = result.mean("raw pixels"), result.mean("untrained")
    assert result.mean() > raw or result.mean() > untrained + 0.03
