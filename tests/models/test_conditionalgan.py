"""The paper's sizes, which labels go where, and learning on real digits."""

import numpy as np
import pytest
import tensorflow as tf

from tests.learned import classifier, digits, flat, trained
from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen.models import ConditionalGAN


def tiny(variant="conditionalgan", **changes):
    return TINY[variant].build(**changes)


def test_parameter_counts():
    model = ConditionalGAN()
    assert model.generator.count_params() == 2_413_984
    assert model.discriminator.count_params() == 1_224_351


def test_recipe_of_the_paper():
    model = tiny()
    model.compile()
    optimizer = model.generator_optimizer
    schedule = optimizer._learning_rate
    assert (schedule.initial, schedule.factor, schedule.floor) == (0.1, 1.00004, 1e-6)
    assert (optimizer.momentum, optimizer.final_momentum) == (0.5, 0.7)
    z = model.signatures()["generate"].draw(range(4000))["z"]
    assert 0.0 <= z.min() < 0.01 and 0.99 < z.max() < 1.0


def test_the_label_reaches_every_layer_of_conv():
    model = ConditionalGAN((28, 28, 1), network="conv", latent_dim=100)
    kernels = [w.shape for w in model.generator.trainable_weights if len(w.shape) in (2, 4)]
    assert kernels == [(110, 1024), (1034, 6272), (5, 5, 64, 138), (5, 5, 1, 74)]
    kernels = [w.shape for w in model.discriminator.trainable_weights if len(w.shape) in (2, 4)]
    assert kernels == [(5, 5, 11, 64), (5, 5, 74, 128), (6282, 1024), (1034, 1)]


@pytest.mark.parametrize("fake_labels", ["batch", "uniform"])
@pytest.mark.parametrize("variant", ["conditionalgan", "conditionalgan_conv"])
def test_discriminator_is_told_what_the_generator_was_asked(variant, fake_labels):
    model = tiny(variant, fake_labels=fake_labels, discriminator_steps=1)
    batch = TINY[variant].batch(16)
    of_g, of_d = step_recorded(model, batch, "generator", "discriminator")
    (_, asked_d), (_, asked_g) = (inputs for inputs, _ in of_g.calls)
    (real, y), (fake_d, told_d), (fake_g, told_g) = (inputs for inputs, _ in of_d.calls)
    own = tf.one_hot(batch["label"], 3)
    np.testing.assert_array_equal(real, batch["image"])
    np.testing.assert_array_equal(y, own)
    for fake, call in ((fake_d, of_g.calls[0]), (fake_g, of_g.calls[1])):
        np.testing.assert_array_equal(fake, call[1])
    np.testing.assert_array_equal(told_d, asked_d)
    np.testing.assert_array_equal(told_g, asked_g)
    assert np.array_equal(asked_d, own) == (fake_labels == "batch")
    np.testing.assert_array_equal(tf.reduce_sum(asked_g, 1), np.ones(16))


def test_labels_keep_their_images_in_several_steps_of_the_discriminator():
    model = tiny(discriminator_steps=2)
    batch = TINY["conditionalgan"].batch(8)
    (of_d,) = step_recorded(model, batch, "discriminator")
    for i, call in enumerate((0, 2)):
        image, y = of_d.calls[call][0]
        np.testing.assert_array_equal(image, batch["image"][i::2])
        np.testing.assert_array_equal(tf.argmax(y, 1), batch["label"][i::2])


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("normalization", ["batch", "layer", "spectral", None])
def test_every_normalisation_builds(network, normalization):
    model = tiny(
        network=network, filters=4, dense_units=8, discriminator_normalization=normalization
    )
    image = tf.constant(TINY["conditionalgan"].batch(2)["image"])
    assert model.discriminate(image, np.array([0, 2]))["logit"].shape == (2, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_classes": 1}, "num_classes. must be at least 2"),
        ({"network": "dcgan"}, "must be 'mlp' or 'conv'"),
        ({"fake_labels": "real"}, "must be 'batch' or 'uniform'"),
        ({"discriminator_activation": "relu"}, "must be 'maxout' or 'leaky_relu'"),
        ({"generator_hidden": [8]}, "generator_hidden. must be three widths"),
        ({"discriminator_hidden": [8, 8]}, "discriminator_hidden. must be three widths"),
        (
            {"discriminator_normalization": "batch", "penalty": "gradient_penalty"},
            "function of one sample",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


def test_labels_that_are_missing_or_out_of_range_are_refused():
    model = tiny()
    model.compile(run_eagerly=True)
    batch = TINY["conditionalgan"].batch(4)
    with pytest.raises(ValueError, match="ConditionalGAN needs batches with 'label'"):
        model.train_step({"image": batch["image"]})
    for wrong in (-1, 3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Labels must lie in 0 .. 2"):
            model.train_step({**batch, "label": np.array([0, 1, 2, wrong])})
    with pytest.raises(ValueError, match="must lie in 0 .. 2"):
        model.sample(range(2), label=[0, 3])


@pytest.mark.slow
def test_learns_digits():
    """A judge of real digits agrees with the labels; a classifier of samples reads real ones."""
    model, _ = trained("conditionalgan_digits")
    labels = np.arange(5000) % 10
    samples = model.sample(range(5000), label=labels, batch_size=500)
    agreement = classifier(*digits("train")).score(flat(samples), labels)
    assert agreement >= 0.97
    images, real = digits("test")
    assert classifier(samples, labels).score(flat(images), real) >= 0.9
