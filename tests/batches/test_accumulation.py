"""A batch in parts, one after the other: one update, the weights of the whole."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY

# Those with one player; pixelcnnpp has dropout.
TAKEN = ("vae", "vae_mixture", "autoencoder", "pixelcnn", "gatedpixelcnn", "pixelcnnpp", "pixelrnn")


def trained(tiny, parts=1, steps=3, **compiled):
    model = tiny.build()
    model.compile(run_eagerly=True, **compiled)
    model.accumulate = parts
    return model, fit(model, tiny, steps=steps)


def fit(model, tiny, rows=8, steps=3):
    batches = [tiny.batch(rows, seed) for seed in range(steps)]
    whole = {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    stream = tf.data.Dataset.from_tensor_slices(whole).batch(rows, drop_remainder=True)
    return model.fit(stream, verbose=0).history


def agree(one, other, atol=1e-5):
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=atol, err_msg=a.path)


@pytest.mark.parametrize("name", TAKEN)
def test_four_parts_give_the_weights_of_the_whole(name):
    whole, expected = trained(TINY[name], steps=2)
    model, reported = trained(TINY[name], parts=4, steps=2)
    agree(whole, model)
    (optimizer,) = model.optimizers.values()
    assert int(optimizer.iterations) == int(model.step) == 2
    for key, values in expected.items():
        np.testing.assert_allclose(values, reported[key], rtol=1e-4, err_msg=key)


def test_what_is_clipped_and_averaged_is_the_whole():
    def adam():
        return keras.optimizers.Adam(0.01, global_clipnorm=0.1, use_ema=True, ema_momentum=0.5)

    whole, _ = trained(TINY["vae"], optimizer=adam())
    model, _ = trained(TINY["vae"], parts=2, optimizer=adam())
    agree(whole, model)
    with whole.averaged(), model.averaged():
        agree(whole, model)


def test_parts_on_replicas_are_those_of_one_device(strategy):
    whole, _ = trained(TINY["vae"])
    with strategy.scope():
        model = TINY["vae"].build()
        model.compile()
    model.accumulate = 2
    fit(model, TINY["vae"])
    agree(whole, model)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dcgan", {}, "DCGAN: .*players move in turn .generator_optimizer, discriminator_opt"),
        ("cvae", {}, "CVAE: .*players move in turn"),
        ("vae", {"free_bits": 0.1}, "VAE: .*because of `free_bits`"),
    ],
)
def test_models_whose_parts_are_not_the_whole_are_refused(name, options, message):
    model = TINY[name].build(**options)
    model.compile(run_eagerly=True)
    model.accumulate = 2
    with pytest.raises(ValueError, match=message):
        fit(model, TINY[name])
    assert int(model.step) == 0


def test_a_network_with_statistics_of_a_batch_is_refused():
    layers = [keras.layers.BatchNormalization(), keras.layers.Dense(64)]
    own = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Reshape((8, 8, 1))])
    model = TINY["autoencoder"].build(decoder=own)
    model.compile(run_eagerly=True)
    model.accumulate = 2
    with pytest.raises(ValueError, match="Autoencoder: .*statistics of a batch .*moving_mean"):
        fit(model, TINY["autoencoder"])


def test_rows_that_cannot_be_divided_are_refused():
    model = TINY["vae"].build()
    model.compile(run_eagerly=True)
    model.accumulate = 3
    with pytest.raises(ValueError, match="multiple of `accumulate` = 3 .* Received: 8 rows"):
        fit(model, TINY["vae"])
