import numpy as np
import pytest

from tests.tiny import TINY
from tfgen import data
from tfgen.explore import (
    arithmetic,
    directions,
    examples,
    interpolate,
    interpolation,
    inversion,
    latent_directions,
    latent_space,
    nearest,
    traverse,
)
from tfgen.explore.concepts import Pool
from tfgen.explore.examples import Examples


def digits(split="train", rows=120):
    source = data.source("digits", split)
    arrays = {name: value[:rows] for name, value in source.arrays.items()}
    return data.array(arrays["image"], arrays["label"], split=split)


@pytest.fixture(scope="module")
def dcgan():
    return TINY["dcgan"].build()


@pytest.fixture(scope="module")
def vae():
    return TINY["vae"].build()


def test_the_sphere_keeps_the_length_and_the_line_does_not():
    a, b, shares = np.array([3.0, 0.0]), np.array([0.0, 3.0]), np.linspace(0, 1, 5)
    around = interpolation.spherical(a, b, shares)
    np.testing.assert_allclose(np.linalg.norm(around, axis=1), 3.0)
    np.testing.assert_allclose(around[2], [3 / 2**0.5] * 2)
    np.testing.assert_allclose(interpolation.linear(a, b, shares)[2], [1.5, 1.5])
    # No one circle goes through a point and its opposite.
    np.testing.assert_allclose(interpolation.spherical(a, -a, shares)[2], [0.0, 0.0], atol=1e-12)


def test_interpolate(dcgan):
    found = interpolate(dcgan, seeds=(0, 1, 2), steps=4)
    assert found.numbers["paths"] == ["0 to 1", "1 to 2", "2 to 0"]
    assert np.shape(found.numbers["linear"]["steps"]) == (3, 4)
    assert "3 straight paths of 4 steps" in found.says
    assert len(found.figures["walk"].frames) == 8
    with pytest.raises(ValueError, match="explore interpolate: paths need two ends"):
        interpolate(dcgan, seeds=(0,))


def test_interpolate_pictures_needs_an_encoder(dcgan, vae):
    assert interpolate(vae, digits(), pictures=(0, 5), steps=2).numbers["paths"] == [
        "picture 0 to picture 5"
    ]
    with pytest.raises(ValueError, match="makes no sense for DCGAN: it has no encoder"):
        interpolate(dcgan, digits(), pictures=(0, 5))


def test_no_latent_vector():
    model = TINY["pixelcnn"].build()
    for experiment in (interpolate, directions):
        with pytest.raises(ValueError, match="makes no sense for PixelCNN: .* see `order`"):
            experiment(model)


def test_concepts_by_class_brightness_and_seeds(dcgan):
    space = latent_space.of(dcgan)
    images = np.linspace(-1, 1, 16)[:, None, None, None] * np.ones((16, 8, 8, 1))
    z = np.arange(16.0)[:, None] * np.ones(space.size)
    known = Examples({"image": images, "label": np.arange(16) % 2}, ("even", "odd"))
    pool = Pool(space, known, z, images, np.arange(16) % 2, np.arange(16))
    # The surer half of a class, the brightest quarter of that.
    assert sorted(pool.codes("odd")[:, 0]) == [9, 11, 13, 15]
    assert sorted(pool.codes("bold odd")[:, 0]) == [13, 15]
    assert sorted(pool.codes("thin 0")[:, 0]) == [8, 10]
    np.testing.assert_array_equal(pool.codes("seeds:3,1"), space.draw([3, 1]))
    with pytest.raises(ValueError, match="no class 'third'. Known: even, odd"):
        pool.codes("third")


def test_arithmetic_with_an_encoder(vae):
    found = arithmetic(vae, digits(), digits("test"), "bold 1", "thin 1", "0", samples=2)
    assert found.numbers["plus"] == "bold 1" and "bold 1 - thin 1 + 0" in found.says
    share = found.numbers["classes"]["share"]
    assert list(share) == ["1", "3", "10", "30"]
    assert all(0 <= v["low"] <= v["value"] <= v["high"] <= 1 for v in share.values())


def test_arithmetic_where_the_label_is_no_part_of_z():
    model = TINY["conditionalgan"].build()
    seeds = arithmetic(model, digits(), digits("test"))
    assert set(seeds.figures) == {"sum"} and "classes" not in seeds.numbers
    with pytest.raises(ValueError, match="the label is an input of its own"):
        arithmetic(model, digits(), digits("test"), plus="3")


def test_directions_of_the_weights_are_the_eigenvectors(dcgan):
    found = directions(dcgan, count=2)
    kernel = latent_directions.first_kernel(dcgan, dcgan.latent_dim)
    assert found.numbers["method"] == "weights"
    first = found.numbers["directions"][0]
    top = np.linalg.norm(kernel, 2) ** 2
    np.testing.assert_allclose(np.square(first @ kernel).sum(), top, rtol=1e-6)


def test_directions_by_derivatives_find_what_moves_the_picture():
    class Space:
        """Pictures that move with the second number of z alone."""

        size = 3

        def draw(self, seeds):
            return np.zeros((len(seeds), 3), np.float32)

        def decode(self, z, seeds):
            return np.tile(z[:, 1, None, None, None], (1, 2, 2, 1))

    gram = latent_directions._mean_gram(Space())
    np.testing.assert_allclose(gram, np.diag([0.0, 4.0, 0.0]), atol=1e-4)


def test_invert_finds_the_own_sample_again(vae):
    space = latent_space.of(vae)
    images = space.decode(space.draw([100, 101]))
    z, errors = inversion.search(space, images, starts=3, steps=30)
    assert z.shape == (2, 3, space.size) and errors.shape[1:] == (2, 3)
    assert (errors[-1].min(1) < 0.5 * errors[0].min(1)).all()


def test_invert(dcgan):
    found = inversion.invert(dcgan, digits("test"), pictures=2, starts=2, steps=3)
    assert np.shape(found.numbers["own"]["best_start"]) == (2,)
    assert set(found.figures) == {"pictures", "search"}
    assert (
        np.abs(inversion.search(latent_space.of(dcgan), np.ones((1, 8, 8, 1)), 2, 3)[0]) <= 1
    ).all()


def test_nearest_tells_a_copyist():
    class Copyist:
        """Draws training pictures."""

        def signatures(self):
            return TINY["dcgan"].build().signatures()

        def sample(self, seeds, name):
            return examples.of(digits()).images[list(seeds)]

    found = nearest(Copyist(), digits(), digits("test"), samples=40, shown=2)
    assert found.numbers["copies"]["samples"]["value"] == 1.0
    assert "more than chance" in found.says and found.numbers["least_distance_of_samples"] == 0


def test_traverse_orders_inputs_by_what_they_do():
    model = TINY["infogan"].build()
    found = traverse(model, values=3)
    changes = found.numbers["change"]
    inputs = model.signatures()["generate"].inputs
    assert len(changes) == sum(1 if not i.shape else i.shape[0] for i in inputs.values())
    most = max(changes, key=changes.get)
    assert f"{most} changes the picture most" in found.says
