import numpy as np
import tensorflow as tf

from tfgen.models import VAE, Autoencoder
from tfgen.pictures import latent as latent_pictures
from tfgen.probability.priors import as_prior
from tfgen.training.callbacks import Depictor

ARGUMENTS = dict(image_shape=(8, 8, 1), latent_dim=2, hidden=(8,))


def batch(rows):
    generator = np.random.default_rng(0)
    return {
        "image": generator.uniform(-1, 1, (rows, 8, 8, 1)).astype("float32"),
        "label": generator.integers(0, 10, rows).astype("int32"),
    }


def test_reconstructions_stand_to_the_right_of_their_originals():
    images = batch(5)["image"]
    grid = latent_pictures.reconstructions(images, -images, columns=2)
    assert grid.shape == (3 * 9 - 1, 2 * 17 - 1, 1) and grid.dtype == np.uint8
    original, reconstruction = grid[:8, :8].astype(int), grid[:8, 8:16].astype(int)
    assert np.abs(original + reconstruction - 255).max() <= 1


def test_manifold_covers_the_prior_with_equal_mass():
    """For a standard normal the grid is the paper's: the inverse of its distribution function."""
    seen = []

    def decode(z):
        seen.append(z.numpy())
        return tf.zeros((len(z), 1, 1, 1))

    around = as_prior("standard_normal", 2).sample(range(20_000))
    latent_pictures.manifold(decode, around, side=3)
    z = seen[0].reshape(3, 3, 2)
    np.testing.assert_allclose(z[0, :, 0], [-0.967, 0.0, 0.967], atol=0.05)
    np.testing.assert_allclose(z[:, 0, 1], [0.967, 0.0, -0.967], atol=0.05)


def test_models_of_a_plane_show_it():
    for model in (VAE(**ARGUMENTS, prior="gaussian_mixture"), Autoencoder(**ARGUMENTS)):
        shown = model.pictures(batch(40))
        assert set(shown) == {"reconstructions", "manifold", "codes"}
        for picture in shown.values():
            assert picture.dtype == np.uint8 and picture.shape[-1] in (1, 3)
            assert picture.std() > 0
    deep = VAE(**{**ARGUMENTS, "latent_dim": 3})
    assert set(deep.pictures({"image": batch(4)["image"]})) == {"reconstructions"}


def test_scatter_colours_by_label():
    codes = np.array([[-1.0, 0.0], [1.0, 0.0]], np.float32)
    one = latent_pictures.scatter(codes)
    two = latent_pictures.scatter(codes, np.array([0, 1]))
    colours = [set(map(tuple, picture.reshape(-1, 3))) for picture in (one, two)]
    assert (255, 127, 14) in colours[1] and (255, 127, 14) not in colours[0]


def test_a_run_keeps_the_pictures(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path / "tensorboard"))
    data = tf.data.Dataset.from_tensor_slices(batch(16)).batch(8)
    model = Autoencoder(**ARGUMENTS)
    model.compile()
    model.fit(data, epochs=2, verbose=0, callbacks=[Depictor(tmp_path, writer, 2, data)])
    names = {path.name for path in (tmp_path / "samples").iterdir()}
    assert names == {"reconstructions-0002.png", "manifold-0002.png", "codes-0002.png"}
