"""Layers against closed forms and Keras's own, and what borrowing a network leaves alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen.networks import layers
from tfgen.networks.layers import BatchNorm, Dropout, Maxout, SpectralNormalization, borrow
from tfgen.step import step


def test_maxout_is_the_largest_piece():
    layer = Maxout(2, 3)
    layer.build((None, 4))
    kernel = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    layer.affine.set_weights([kernel, np.arange(6, dtype="float32")])
    x = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")
    pieces = (x @ kernel + np.arange(6)).reshape(5, 2, 3)
    np.testing.assert_allclose(layer(x), pieces.max(-1), atol=1e-5)


def test_batch_norm_is_keras_s():
    ours, theirs = BatchNorm(momentum=0.9, epsilon=1e-5), None
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    generator = np.random.default_rng(0)
    for _ in range(3):
        x = generator.normal(2.0, 3.0, size=(16, 4, 4, 3)).astype("float32")
        np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=1e-4)
    np.testing.assert_allclose(ours(x, training=False), theirs(x, training=False), atol=1e-4)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 2, 5), (3, 5), (1, 5)])
@pytest.mark.parametrize("jit", [False, True])
def test_batch_norm_in_one_operation_is_that_of_several_replicas(shape, jit, monkeypatch):
    x = np.random.default_rng(0).normal(2.0, 3.0, shape).astype("float32")

    def taken():
        layer = BatchNorm()
        layer.build(shape)

        @tf.function(jit_compile=jit)
        def step(x):
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as first:
                    first.watch(x)
                    y = layer(x, training=True)
                    loss = tf.reduce_sum(tf.sin(y))
                slope = first.gradient(loss, x)
                norm = tf.reduce_sum(slope**2)
            return y, slope, second.gradient(norm, x)

        return [*step(tf.constant(x)), layer.moving_mean.value, layer.moving_variance.value]

    together = taken()
    monkeypatch.setattr(layers, "_alone", lambda: False)
    for a, b in zip(together, taken(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_borrowing_keeps_moving_averages():
    network = keras.Sequential([keras.Input((3,)), BatchNorm()])
    x = np.random.default_rng(0).normal(1.0, 2.0, size=(8, 3)).astype("float32")
    before = [v.numpy() for v in network.weights]
    borrowed = borrow(network, x)
    for old, new in zip(before, network.weights, strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(borrowed, network(x, training=True))
    assert not np.array_equal(before[2], network.weights[2])


def test_borrowing_leaves_states_of_kerass_own_layers_alone():
    network = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.GaussianNoise(0.1),
            keras.layers.SpectralNormalization(keras.layers.Dense(4)),
        ]
    )
    x = np.random.default_rng(0).normal(1.0, 2.0, size=(8, 3)).astype("float32")
    before = [np.array(v) for v in network.variables]

    @tf.function
    def graph(x):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(borrow(network, x) ** 2)
        return tape.gradient(y, network.trainable_variables)

    eager = borrow(network, x)
    gradients = graph(x)
    for old, new in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(old, new, err_msg=new.path)
    assert all(g is not None and np.isfinite(g).all() for g in gradients)
    np.testing.assert_array_equal(eager, network(x, training=True))
    moved = [v.path for b, v in zip(before, network.variables, strict=True) if (b != v).any()]
    assert any("moving_mean" in path for path in moved) and any("seed" in path for path in moved)


@pytest.mark.parametrize("shape", [(5, 3, 7), (5, 3, 4, 2, 7), (5, 1, 7)])
def test_parts_are_normalised_as_in_passes_one_after_the_other(shape):
    parts = np.random.default_rng(0).normal(size=shape).astype("float32")
    parts *= np.arange(1.0, shape[1] + 1).reshape(-1, *[1] * (len(shape) - 2)).astype("float32")
    together, apart = BatchNorm(), BatchNorm()
    rows = parts.reshape(-1, *shape[2:])
    found = np.asarray(together(rows, parts, training=True)).reshape(shape)
    for number in range(shape[1]):
        expected = apart(parts[:, number], training=True)
        np.testing.assert_allclose(found[:, number], expected, atol=1e-5)
    for a, b in zip(together.weights, apart.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6)
    served = together(rows, parts, training=False)
    np.testing.assert_allclose(served, apart(rows, training=False), atol=1e-6)


class Masks:
    """A stand-in for a model with one layer, whose step is the layer."""

    seed = 0

    def __init__(self, rate):
        self.step = keras.Variable(0, dtype="int64", trainable=False)
        self.layer = Dropout(rate)

    @step
    def train_step(self, batch):
        x = batch["image"]
        return self.layer(x, training=True), self.layer(x, training=True)


def test_dropout_keeps_the_mean_and_draws_afresh():
    x = tf.ones((64, 10, 10, 1))
    masks = Masks(0.2)
    first, second = masks.train_step(x)
    later, _ = masks.train_step(x)
    # 0.2 in 16 bits is 13107 / 65536; what is kept is scaled by its share, so that the mean stays.
    assert set(np.unique(first)) == {0.0, np.float32(65536 / (65536 - 13107))}
    assert float(tf.reduce_mean(first)) == pytest.approx(1.0, abs=0.02)
    assert not np.array_equal(first, second) and not np.array_equal(first, later)
    again, _ = Masks(0.2).train_step(x)
    np.testing.assert_array_equal(first, again)
    part, _ = Masks(0.2).train_step(x[:16])
    np.testing.assert_array_equal(first[:16], part)


def test_dropout_rests_outside_training_and_refuses_bad_rates():
    x = tf.ones((2, 3))
    np.testing.assert_array_equal(Dropout(0.5)(x), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)
    for rate in (1.0, -0.1):
        with pytest.raises(ValueError, match="`rate` must lie in"):
            Dropout(rate)


def test_a_borrowed_discriminator_passes_gradients():
    model = TINY["dcgan"].build()
    z = tf.random.stateless_uniform((4, model.latent_dim), (0, 0))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(borrow(model.discriminator, model.generator(z, training=True)))
    gradients = tape.gradient(loss, model.generator.trainable_variables)
    assert all(g is not None and np.abs(g).max() > 0 for g in gradients)


def test_spectral_normalisation_divides_by_the_largest_singular_value():
    layer = SpectralNormalization(keras.layers.Dense(5, use_bias=False), power_iterations=1)
    layer.build((None, 7))
    kernel = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    layer.layer.kernel.assign(kernel)
    x = np.random.default_rng(1).normal(size=(4, 7)).astype("float32")
    for _ in range(60):
        y = layer(x, training=True)
    largest = np.linalg.svd(kernel, compute_uv=False)[0]
    np.testing.assert_allclose(y, x @ kernel / largest, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer.layer.kernel, kernel)
    np.testing.assert_allclose(layer(x, training=False), y, rtol=1e-4, atol=1e-5)
    # Its direction is served; a borrowed pass leaves it alone.
    vector = layer.vector_u.numpy()
    layer.layer.kernel.assign(kernel[::-1].copy())
    borrow(layer, x)
    np.testing.assert_array_equal(vector, layer.vector_u)
    layer(x, training=True)
    assert not np.array_equal(vector, layer.vector_u)


def test_gradient_of_spectral_normalisation_sees_the_division():
    layer = SpectralNormalization(keras.layers.Dense(5, use_bias=False))
    x = np.random.default_rng(1).normal(size=(4, 7)).astype("float32")
    for _ in range(60):
        layer(x, training=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, training=True) ** 2)
    gradient = tape.gradient(loss, layer.layer.kernel)
    # The output does not change with the kernel's scale: no gradient along the kernel.
    along = float(tf.reduce_sum(gradient * layer.layer.kernel))
    assert abs(along) < 1e-3 * float(tf.norm(gradient) * tf.norm(layer.layer.kernel))
    assert float(tf.norm(gradient)) > 1e-3


def test_spectral_normalisation_of_maxout():
    layer = SpectralNormalization(Maxout(2, 3))
    x = np.random.default_rng(1).normal(size=(4, 7)).astype("float32")
    for _ in range(60):
        y = layer(x, training=True)
    plain = layer.layer(x)
    largest = np.linalg.svd(layer.layer.kernel.numpy(), compute_uv=False)[0]
    np.testing.assert_allclose(y, plain / largest, rtol=1e-3, atol=1e-5)
