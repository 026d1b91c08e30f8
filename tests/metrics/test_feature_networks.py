"""The shipped feature networks: what they tell apart, and what they refuse."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from tfgen import data
from tfgen.metrics import (
    feature_networks,
    frechet,
    measures,
    shipped_networks,
    train_feature_network,
)


@pytest.fixture(scope="module")
def network():
    return feature_networks.load("mnist28")


@pytest.fixture(scope="module")
def digits():
    train, test = (data.source("mnist-5k", s).arrays["image"] for s in ("train", "test"))
    return [np.float32(x[:1000]) / 127.5 - 1.0 for x in (train, test)]


def test_distances_have_the_right_order(network, digits):
    train, test = digits
    real = network.features(train)
    uniform = np.random.default_rng(0).uniform(-1, 1, test.shape).astype("f")
    blurred = ndimage.gaussian_filter(test, (0, 1, 1, 0))
    near, blur, noise = (
        measures.fid_infinity(real, network.features(x)).value for x in (test, blurred, uniform)
    )
    assert abs(near) < 0.05 * blur and blur < noise


def test_monotone_in_noise(network, digits):
    train, test = digits
    real, generator = network.features(train), np.random.default_rng(0)
    draw = generator.normal(size=test.shape)
    noisy = (np.clip(test + s * draw, -1, 1).astype("f") for s in (0, 0.1, 0.25, 0.5, 1.0))
    values = [frechet.frechet_distance(real, network.features(x)) for x in noisy]
    assert values == sorted(values) and values[-1] > 5 * values[0]


def test_probabilities(network, digits):
    found, probabilities = network.features_and_probabilities(digits[1][:300], batch_size=77)
    assert found.shape == (300, 64) and probabilities.shape == (300, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, atol=1e-5)
    labels = data.source("mnist-5k", "test").arrays["label"][:300]
    assert (probabilities.argmax(1) == labels).mean() > 0.97
    np.testing.assert_allclose(found, network.features(digits[1][:300]), atol=1e-4)


@pytest.mark.parametrize("name", feature_networks.SHIPPED)
def test_shipped(name):
    found, record = feature_networks.load(name), shipped_networks.record(name)
    assert found.hash == record["sha256"] and found.range == (-1.0, 1.0)
    assert record["test_accuracy"] > 0.7
    assert (shipped_networks.WEIGHTS / f"{name}.npz").stat().st_size < 2e6
    assert feature_networks.default_for(found.shape) == name
    pictures = np.zeros((2, *found.shape), "f")
    assert found.features(pictures).shape == (2, record["features"])
    assert found.protocol()["resize"] == "none"


def test_refusals(network):
    images = np.zeros((3, 28, 28, 1), "f")
    for bad, message in (
        (images[:, :8], "Received: 8x28x1"),
        (np.zeros((3, 32, 32, 3), "f"), "Use 'cifar32'"),
        (images.astype("uint8"), "uint8"),
        (images + 2.0, "\\[-1, 1\\]"),
        (images * np.nan, "NaN"),
        (images[0], "shape"),
    ):
        with pytest.raises(ValueError, match=message):
            network.features(bad)
    with pytest.raises(ValueError, match="Unknown feature network"):
        feature_networks.load("mnist")
    resized = feature_networks.load("mnist28", resize=True)
    assert resized.features(images[:, :8, :8]).shape == (3, 64)
    assert "28x28x1" in resized.protocol()["resize"]


def test_networks_of_the_user(tmp_path):
    image = keras.Input((4, 4, 1))
    hidden = keras.layers.Dense(3, name="hidden")(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Softmax()(hidden))
    model.save(tmp_path / "m.keras")
    pictures = np.random.default_rng(0).uniform(-1, 1, (5, 4, 4, 1)).astype("f")
    plain = feature_networks.load(tmp_path / "m.keras", range=(0, 255))
    expected = model((pictures + 1.0) * 127.5).numpy()
    np.testing.assert_allclose(plain.features(pictures), expected, atol=1e-4)
    with pytest.raises(ValueError, match="no class probabilities"):
        plain.probabilities(pictures)
    both = feature_networks.load(tmp_path / "m.keras", layer="hidden")
    np.testing.assert_allclose(both.probabilities(pictures), model(pictures), atol=1e-5)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve",
        lambda image: {"features": model(image)},
        input_signature=[keras.InputSpec(shape=(None, 4, 4, 1), dtype="float32")],
    )
    archive.write_out(tmp_path / "saved", verbose=False)
    saved = feature_networks.load(tmp_path / "saved")
    np.testing.assert_allclose(saved.features(pictures), model(pictures), atol=1e-5)
    assert len(saved.hash) == 64


def test_weights_that_cannot_be_fetched(monkeypatch):
    def fails(weights):
        raise Exception("URL fetch failure on https://x: None -- no route")

    monkeypatch.setattr(keras.applications, "InceptionV3", fails)
    with pytest.raises(ValueError, match="cannot be fetched"):
        feature_networks.load("inception_v3")


@pytest.mark.slow
def test_a_network_of_other_widths_is_trained_kept_and_loaded(tmp_path, monkeypatch):
    made = train_feature_network.train("digits8", tmp_path, 1, filters=(4, 6), least=0.0)
    assert made["filters"] == [4, 6] and made["features"] == 6
    assert made["bytes"] == (tmp_path / "digits8.npz").stat().st_size
    monkeypatch.setattr(shipped_networks, "WEIGHTS", tmp_path)
    pictures = np.zeros((2, 8, 8, 1), "f")
    assert feature_networks.load("digits8").features(pictures).shape == (2, 6)
    poor = train_feature_network.train("digits8", tmp_path, 1, filters=(4, 5), least=1.0)
    assert feature_networks.load("digits8").hash == made["sha256"] != poor["sha256"]
    assert (tmp_path / f"digits8-{poor['test_accuracy']:.4f}.npz").is_file()
