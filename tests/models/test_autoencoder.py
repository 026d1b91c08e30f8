import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

from tests.learning import arrays
from tfgen.models import Autoencoder
from tfgen.step import step

SMALL = dict(image_shape=(4, 4, 1), latent_dim=2, hidden=(5,))


def images(rows, shape=(4, 4, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (rows, *shape)).astype("float32")


class Corrupting(Autoencoder):
    """Reports what its steps corrupt."""

    @step
    def train_step(self, batch):
        return {"corrupted": self.corrupt(batch["image"])}


def corrupted(x, **arguments):
    model = Corrupting(image_shape=x.shape[1:], latent_dim=2, hidden=(), **arguments)
    return model.train_step({"image": tf.constant(x)})["corrupted"].numpy()


def test_losses_are_sums_over_pixels_on_the_unit_scale():
    x, outputs = images(3), images(3, seed=1)
    squared = Autoencoder(**SMALL).distance(x, outputs)
    expected = (((x + 1) / 2 - outputs) ** 2).sum((1, 2, 3))
    np.testing.assert_allclose(squared, expected, rtol=1e-5)
    entropy = Autoencoder(**SMALL, loss="bernoulli").distance(x, outputs)
    p, target = 1 / (1 + np.exp(-outputs)), (x + 1) / 2
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum((1, 2, 3))
    np.testing.assert_allclose(entropy, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "bernoulli"])
def test_reported_error_is_that_of_the_reconstruction(loss):
    x = images(8)
    model = Autoencoder(**SMALL, loss=loss)
    model.compile()
    result = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)
    difference = (model.reconstruct(x)["image"].numpy() - x) / 2
    assert result["squared_error_per_pixel"] == pytest.approx(np.mean(difference**2), rel=1e-4)
    np.testing.assert_allclose(
        model.decode(model.encode(x)["code"])["image"], model.reconstruct(x)["image"]
    )


def test_corruptions_are_those_of_the_paper():
    x = images(200, (8, 8, 1))
    masked = corrupted(x, corruption="masking", corruption_level=0.3)
    changed = masked != x
    assert changed.mean() == pytest.approx(0.3, abs=0.02)
    assert (masked[changed] == -1).all()
    pepper = corrupted(x, corruption="salt_and_pepper", corruption_level=0.4)
    changed = pepper != x
    assert changed.mean() == pytest.approx(0.4, abs=0.02)
    assert set(np.unique(pepper[changed])) == {-1.0, 1.0}
    assert (pepper[changed] == 1).mean() == pytest.approx(0.5, abs=0.03)
    noisy = corrupted(x, corruption="gaussian", corruption_level=0.1)
    assert (noisy - x).std() == pytest.approx(0.2, rel=0.03)  # 0.1 on the scale [0, 1].
    np.testing.assert_array_equal(corrupted(x), x)


def test_corruption_is_for_training_only():
    x = images(16)
    clean, noisy = (Autoencoder(**SMALL, corruption=c) for c in (None, "masking"))
    for model in (clean, noisy):
        model.compile()
    assert clean.evaluate(x, verbose=0, return_dict=True) == noisy.evaluate(
        x, verbose=0, return_dict=True
    )


@pytest.mark.slow
def test_linear_autoencoder_is_pca():
    """Within 5 % above the error of PCA and never below; the same subspace."""
    x = arrays("digits")[0]
    flat = (x.reshape(len(x), -1) + 1) / 2
    pca = PCA(2).fit(flat)
    best = np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2)
    model = Autoencoder((8, 8, 1), 2, hidden=())
    data = tf.data.Dataset.from_tensor_slices(x).batch(433).cache()
    for rate, epochs in ((5e-2, 100), (1e-2, 60), (1e-3, 30)):
        model.compile(keras.optimizers.Adam(rate))
        model.fit(data, epochs=epochs, verbose=0)
    error = model.evaluate(data, verbose=0, return_dict=True)["squared_error_per_pixel"]
    assert best * (1 - 1e-5) < error < 1.05 * best
    kernel = model.decoder.trainable_variables[0].numpy()  # (2, 64)
    inside = kernel @ pca.components_.T @ pca.components_
    assert np.linalg.norm(inside) > 0.97 * np.linalg.norm(kernel)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"latent_dim": 0}, "latent_dim"),
        ({"loss": "l1"}, "squared_error"),
        ({"corruption": "blur"}, "salt_and_pepper"),
        ({"corruption": "masking", "corruption_level": 1.5}, "out of range"),
        ({"network": "conv", "image_shape": (7, 7, 1)}, "multiples"),
        ({"network": "rnn"}, "mlp, conv"),
    ],
)
def test_bad_input_is_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        Autoencoder(**{**SMALL, **arguments})


@pytest.mark.slow
def test_learns_digits_better_than_pca():
    """Test error 0.0135 a pixel with 8 numbers, against 0.0246 of PCA."""
    train, test = arrays("digits")
    flat, held = ((x.reshape(len(x), -1) + 1) / 2 for x in (train, test))
    pca = PCA(8).fit(flat)
    linear = np.mean((pca.inverse_transform(pca.transform(held)) - held) ** 2)
    model = Autoencoder((8, 8, 1), 8, hidden=(128, 64))
    model.compile()
    data = tf.data.Dataset.from_tensor_slices(train).shuffle(1297, seed=0).batch(100)
    model.fit(data, epochs=200, verbose=0)
    result = model.evaluate(test, batch_size=500, verbose=0, return_dict=True)
    assert linear == pytest.approx(0.0246, abs=0.001)
    assert result["squared_error_per_pixel"] < 0.8 * linear


@pytest.mark.slow
@pytest.mark.parametrize("corruption, level", [("masking", 0.3), ("gaussian", 0.3)])
def test_denoises_digits(corruption, level):
    """The reconstruction of a corrupted image is nearer to the clean one than it is itself."""
    train, test = arrays("digits")
    model = Autoencoder((8, 8, 1), 30, hidden=(128,), corruption=corruption, corruption_level=level)
    model.compile()
    data = tf.data.Dataset.from_tensor_slices(train).shuffle(1297, seed=0).batch(100)
    model.fit(data, epochs=100, verbose=0)
    noisy = corrupted(test, corruption=corruption, corruption_level=level)
    cleaned = model.reconstruct(noisy)["image"].numpy()
    assert np.mean((cleaned - test) ** 2) < 0.7 * np.mean((noisy - test) ** 2)
