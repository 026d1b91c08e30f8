"""The paper's sizes and rules, and each stabiliser that an argument switches on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen.models import DCGAN
from tfgen.networks.layers import BatchNorm, SpectralNormalization, borrow


def count(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_weights)


def tiny(**changes):
    return TINY["dcgan"].build(**changes)


def test_parameter_counts():
    model = DCGAN()
    assert count(model.generator) == 18_885_760
    assert count(model.discriminator) == 17_232_768


def test_residual_pair_has_the_sizes_of_the_paper():
    model = DCGAN(
        (32, 32, 3), 128, network="resnet", discriminator_normalization="spectral", loss="hinge"
    )
    assert count(model.generator) == 4_276_739
    assert count(model.discriminator) == 1_053_825
    wrapped = [x for x in model.discriminator.layers if isinstance(x, SpectralNormalization)]
    assert len(wrapped) == 8 + 2 + 1  # Convolutions, shortcuts, the head.
    assert not [x for x in model.discriminator.layers if type(x) is keras.layers.Conv2D]
    bound = model.generator(np.zeros((2, 128), "float32"))
    assert bound.shape == (2, 32, 32, 3) and float(tf.reduce_max(tf.abs(bound))) <= 1.0


def test_no_biases_before_normalisation_and_none_normalised_at_the_ends():
    model = tiny()
    for network in (model.generator, model.discriminator):
        linear = [x for x in network.layers if hasattr(x, "kernel")]
        assert not [x for x in linear if x.use_bias]
        assert len([x for x in network.layers if isinstance(x, BatchNorm)]) == len(linear) - (
            1 if network is model.generator else 2
        )
    assert isinstance(model.discriminator.layers[1], keras.layers.LeakyReLU)
    assert model.discriminator.layers[1].negative_slope == pytest.approx(0.2)


def test_latents_are_uniform_in_minus_one_to_one():
    drawn = tiny().signatures()["generate"].draw(range(5000))["z"]
    assert -1.0 <= drawn.min() < -0.99 and 0.99 < drawn.max() <= 1.0
    assert abs(drawn.std() - 1 / np.sqrt(3)) < 0.01
    (recorded,) = step_recorded(tiny(), TINY["dcgan"].batch(64), "generator")
    for z, _ in recorded.calls:
        assert z.shape == (64, 4) and -1.0 <= float(tf.reduce_min(z)) < -0.9
        assert abs(float(tf.math.reduce_std(z)) - 1 / np.sqrt(3)) < 0.05
    normal = tiny(latent="normal").signatures()["generate"].draw(range(5000))["z"]
    assert abs(normal.std() - 1.0) < 0.02


def test_real_and_generated_images_pass_in_batches_of_their_own():
    model, batch = tiny(), TINY["dcgan"].batch(8)
    first, second = model.discriminator.layers[:2], model.discriminator.layers[2]
    x = batch["image"]
    for layer in first:
        x = layer(x)
    expected = 0.1 * tf.reduce_mean(second(x), (0, 1, 2))
    (recorded,) = step_recorded(model, batch, "discriminator")
    # The real batch, the generated one of D's step, the one of G's step: eight rows each.
    assert [inputs.shape[0] for inputs, _ in recorded.calls] == [8, 8, 8]
    np.testing.assert_array_equal(recorded.calls[0][0], batch["image"])
    norm = next(x for x in model.discriminator.layers if isinstance(x, BatchNorm))
    np.testing.assert_allclose(norm.moving_mean, expected, atol=1e-6)


def test_lazy_penalty_is_heavier_and_rarer():
    batch, reported = TINY["dcgan"].batch(4), {}
    for interval in (1, 4):
        model = tiny(discriminator_normalization=None, penalty="r1", penalty_interval=interval)
        model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), run_eagerly=True)
        reported[interval] = []
        for _ in range(5):
            model.reset_metrics()
            reported[interval].append(float(model.train_step(batch)["penalty"]))
    every = reported[1][0]
    assert every > 0 and reported[1] == pytest.approx([every] * 5)
    assert reported[4] == pytest.approx([4 * every, 0.0, 0.0, 0.0, 4 * every], rel=1e-5)


def test_both_players_see_augmented_images():
    names = ("color", "translation", "cutout")
    (recorded,) = step_recorded(tiny(augmentation=names), TINY["dcgan"].batch(8), "discriminator")
    for image, _ in recorded.calls:
        assert float(tf.reduce_mean(tf.cast(image == 0.0, tf.float32))) > 0.05
    real = recorded.calls[0][0]
    assert not np.array_equal(real, TINY["dcgan"].batch(8)["image"])


def test_spectral_normalisation_survives_the_other_players_step():
    model = tiny(discriminator_normalization="spectral")
    before = [w.numpy() for w in model.discriminator.weights]
    borrow(model.discriminator, TINY["dcgan"].batch(4)["image"])
    for old, new in zip(before, model.discriminator.weights, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"penalty": "gradient_penalty"}, "gradient penalty is a function of one sample"),
        ({"penalty": "r1", "penalty_interval": 4}, "lazy penalty is a function of one sample"),
        ({"penalty_interval": 0}, "penalty_interval. must be at least 1"),
        ({"loss": "hinge", "label_smoothing": 0.1}, "hinge loss has no label to smooth"),
        ({"label_smoothing": 1.0}, r"must lie in \[0, 1\)"),
        ({"augmentation": ("colour",)}, "Unknown augmentation 'colour'. Did you mean 'color'"),
        ({"discriminator_normalization": "spectrum"}, "Unknown normalization 'spectrum'"),
        ({"network": "vgg"}, "must be 'dcgan' or 'resnet'"),
        ({"latent": "cauchy"}, "must be 'uniform' or 'normal'"),
        ({"image_shape": (9, 8, 1)}, "must be multiples of"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)
