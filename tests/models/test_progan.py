"""Progressive GAN: growth, its equalised layers, its schedule, and resuming across a growth."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen import data, stages
from tfgen.metrics.parzen import parzen
from tfgen.model import initial_weights
from tfgen.models import ProgressiveGAN
from tfgen.networks.equalized import (
    EqualizedConv2D,
    EqualizedDense,
    blend,
    doubled,
    pixel_norm,
    shrunk,
    with_deviation,
)
from tfgen.networks.progressive import Schedule, Stage


def noise(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def tiny(**changes):
    return ProgressiveGAN(
        **{
            "image_shape": (16, 16, 3),
            "latent_dim": 8,
            "feature_maps": 32,
            "max_feature_maps": 8,
            "stable_images": (8,),
            "fade_images": (16,),
            **changes,
        }
    )


@pytest.fixture(scope="module")
def grown():
    """All biases random too, so that no path is silent."""
    model = tiny()
    for n, weight in enumerate(model.trainable_variables):
        weight.assign(noise(*weight.shape, seed=n))
    return model


@pytest.mark.parametrize("level", [1, 2])
def test_at_alpha_0_both_grown_networks_equal_the_old_ones(grown, level):
    old, new = Stage(level - 1, False), Stage(level, True)
    z = noise(4, 8)
    before = grown.generator.pictures(z, old, 1.0)
    np.testing.assert_allclose(grown.generator.pictures(z, new, 0.0), doubled(before), atol=1e-6)
    image = noise(4, old.side, old.side, 3, seed=1)
    np.testing.assert_allclose(
        grown.discriminator.scores(doubled(image), new, 0.0),
        grown.discriminator.scores(image, old, 1.0),
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.parametrize("level", [1, 2])
def test_at_alpha_1_both_fading_networks_equal_the_stable_ones(grown, level):
    fading, stable = Stage(level, True), Stage(level, False)
    z = noise(4, 8)
    image = grown.generator.pictures(z, stable, 1.0)
    np.testing.assert_allclose(grown.generator.pictures(z, fading, 1.0), image, atol=1e-5)
    np.testing.assert_allclose(
        grown.discriminator.scores(image, fading, 1.0),
        grown.discriminator.scores(image, stable, 1.0),
        rtol=1e-5,
        atol=1e-5,
    )


def test_real_images_fade_in_from_what_the_level_below_can_hold(grown):
    real = noise(2, 8, 8, 3)
    grown.stage = Stage(1, True)
    coarse = np.repeat(
        np.repeat(np.asarray(real).reshape(2, 4, 2, 4, 2, 3).mean((2, 4)), 2, 1), 2, 2
    )
    for alpha in (0.0, 0.25, 1.0):
        expected = coarse + alpha * (real - coarse)
        np.testing.assert_allclose(grown.faded(real, alpha), expected, atol=1e-6)


def test_stored_weights_are_standard_normal_and_scaled_when_used():
    for layer, shape, fan_in in (
        (EqualizedDense(300, gain=0.5), (None, 200), 200),
        (EqualizedConv2D(100, 3), (None, 8, 8, 50), 450),
    ):
        layer.build(shape)
        stored = layer.kernel.numpy()
        assert abs(stored.mean()) < 0.02 and abs(stored.std() - 1.0) < 0.02
        x = noise(4, *shape[1:])
        used = np.asarray(layer(x))
        kernel = layer.gain / math.sqrt(fan_in) * stored
        if len(shape) == 2:
            expected = x @ kernel
        else:
            expected = tf.nn.conv2d(x, kernel, 1, "SAME")
        np.testing.assert_allclose(used, expected, rtol=1e-4, atol=1e-4)
        assert not layer.bias.numpy().any()


def test_features_keep_their_scale_with_depth():
    """He's gain keeps the mean square of rectified features; 8 layers without any norm."""
    found = []
    for seed in range(16):  # One network of 64 maps is off by a factor of 1.6 or so by chance.
        x = noise(16, 8, 8, 64)
        with initial_weights(seed):
            for _ in range(8):
                layer = EqualizedConv2D(64, 1)
                layer.build((None, None, None, 64))
                x = tf.nn.leaky_relu(layer(x), 0.2)
        found.append(np.log(tf.reduce_mean(tf.square(x))))
    assert abs(np.mean(found)) < 0.4


def test_pixel_norm_gives_unit_root_mean_square():
    y = np.asarray(pixel_norm(7.0 * noise(3, 4, 4, 16)))
    np.testing.assert_allclose(np.sqrt((y**2).mean(-1)), 1.0, atol=1e-5)


def test_deviation_map_of_equal_and_of_constructed_pictures():
    same = tf.ones((4, 3, 3, 5))
    np.testing.assert_allclose(with_deviation(same)[..., -1], 1e-4, rtol=1e-3)
    # Two groups of four: values 0 0 2 2 have deviation 1, and 0 0 6 6 have 3.
    values = np.array([0, 0, 2, 2, 0, 0, 6, 6], "float32").reshape(8, 1, 1, 1)
    wide = with_deviation(tf.constant(values) * tf.ones((8, 2, 2, 3)))
    assert wide.shape == (8, 2, 2, 4)
    expected = np.repeat([1.0, 3.0], 4)[:, None, None] * np.ones((8, 2, 2))
    np.testing.assert_allclose(wide[..., -1], expected, atol=1e-6)


@pytest.mark.parametrize("rows, group", [(3, 3), (6, 3), (14, 2), (5, 1), (16, 4)])
def test_groups_divide_every_batch(rows, group):
    x = noise(rows, 2, 2, 3)
    static = with_deviation(x)
    free = tf.function(with_deviation, input_signature=[tf.TensorSpec((None, 2, 2, 3))])(x)
    np.testing.assert_allclose(static, free, atol=1e-6)
    np.testing.assert_allclose(
        static[:group, ..., -1], with_deviation(x[:group])[..., -1], rtol=1e-5
    )


@pytest.mark.parametrize(
    "arguments, generator, discriminator",
    [
        # Karras et al. 2017, table 2: 23.1M parameters each.
        (dict(image_shape=(1024, 1024, 3)), 23.07e6, 23.08e6),
        (
            dict(image_shape=(32, 32, 3), latent_dim=128, feature_maps=4096, max_feature_maps=128),
            1.30e6,
            1.30e6,
        ),
    ],
)
def test_parameter_counts_of_the_paper(arguments, generator, discriminator):
    model = ProgressiveGAN(**arguments)
    last = model.schedule.numbered(2 * len(model.schedule.stable) - 2)
    assert last.side == arguments["image_shape"][0]
    for network, expected in ((model.generator, generator), (model.discriminator, discriminator)):
        count = sum(layer.count_params() for layer in network.active(last))
        assert abs(count - expected) < 0.005e6, count
        assert count < network.count_params()


def test_schedule_is_a_pure_function_of_the_images_shown():
    schedule = Schedule((100, 200, 300), (0, 50, 60))
    expected = {
        0: (0, False),
        99: (0, False),
        100: (1, True),
        149: (1, True),
        150: (1, False),
        349: (1, False),
        350: (2, True),
        410: (2, False),
        10**9: (2, False),
    }
    assert {n: (s.level, s.fading) for n in expected if (s := schedule.stage(n))} == expected
    numbers = [schedule.stage(n).number for n in expected]
    assert numbers == sorted(numbers)
    assert all(schedule.numbered(schedule.stage(n).number) == schedule.stage(n) for n in expected)
    assert Schedule((100, 100), (0, 0)).stage(100) == Stage(1, False)


def test_alpha_rises_linearly_in_images_shown():
    model = tiny()
    model.stage = Stage(1, True)
    alphas = []
    for shown in (8, 12, 16, 24, 99):
        model.shown.assign(shown)
        alphas.append(float(model.alpha()))
    assert alphas == [0.0, 0.25, 0.5, 1.0, 1.0]
    assert float(model.alpha(more=-91 + 4)) == pytest.approx((99 - 87 - 8) / 16)


def batches(steps, rows=8, side=16, seed=0):
    images = np.tanh(np.random.default_rng(seed).normal(size=(rows * steps, side, side, 3)))
    data = tf.data.Dataset.from_tensor_slices(images.astype("float32"))
    return data.batch(rows, drop_remainder=True)


def state(model):
    slots = [v for o in model.optimizers.values() for v in o.variables]
    return [np.asarray(v) for v in [*model.weights, *slots]]


@pytest.mark.slow
def test_one_fit_runs_the_schedule_without_retracing_and_resumes_in_any_stage(
    tmp_path, monkeypatch
):
    traced = []
    original = ProgressiveGAN.cut
    monkeypatch.setattr(
        ProgressiveGAN, "cut", lambda self, x: traced.append(self.stage) or original(self, x)
    )
    arguments = dict(image_shape=(8, 8, 3), feature_maps=16, max_feature_maps=4)
    whole = tiny(**arguments)
    whole.compile()
    data = batches(5, side=8)
    parts = []
    for step in range(5):
        whole.fit(data.skip(step).take(1), verbose=0)
        parts.append(state(whole))
        whole.save_weights(tmp_path / f"{step}.weights.h5")
        side = 4 if step == 0 else 8
        assert whole.sample(range(2)).shape == (2, side, side, 3)
    # 4x4, two steps of blending, two of 8x8: three graphs, each traced once over five fits.
    assert [s.number for s in traced] == [0, 1, 2]
    for start in (1, 3):  # In the first step of a growth, and in that after the blend.
        rest = tiny(**arguments)
        rest.compile()
        rest.load_weights(tmp_path / f"{start - 1}.weights.h5")
        rest.fit(data.skip(start), verbose=0)
        for expected, received in zip(parts[-1], state(rest), strict=True):
            np.testing.assert_array_equal(expected, received)


def test_growth_restarts_the_optimizers_but_not_the_averages():
    dense = keras.layers.Dense(2)
    dense.build((None, 3))
    optimizer = keras.optimizers.Nadam(0.1, use_ema=True, ema_momentum=0.5)
    optimizer.build(dense.trainable_variables)
    fresh = [np.asarray(v) for v in optimizer.variables]
    for _ in range(3):
        optimizer.apply([tf.ones_like(v) for v in dense.trainable_variables])
    averages = [np.asarray(v) for v in optimizer._model_variables_moving_average]
    stages.restart(optimizer, tf.distribute.get_strategy())
    for before, after in zip(averages, optimizer._model_variables_moving_average, strict=True):
        np.testing.assert_array_equal(before, after)
    kept = {id(v) for v in optimizer._model_variables_moving_average}
    for old, now in zip(fresh, optimizer.variables, strict=True):
        if id(now) not in kept and now is not optimizer._iterations:
            np.testing.assert_array_equal(old, now)
    assert int(optimizer._iterations) == 1


@pytest.mark.slow
def test_smaller_updates_at_larger_sides_and_their_replicas(strategy):
    arguments = dict(
        image_shape=(8, 8, 3),
        feature_maps=16,
        max_feature_maps=4,
        stable_images=(16,),
        fade_images=(64,),
        batch_sizes=(16, 8),
        deviation_group=2,
    )
    one = tiny(**arguments)
    one.compile(run_eagerly=True)
    one.fit(batches(2, 16, 8), verbose=0)
    # One update at 4x4, two at 8x8; the count began anew at 1.
    assert int(one.optimizers["generator_optimizer"]._iterations) == 3
    assert int(one.shown) == 32
    with strategy.scope():
        two = tiny(**arguments)
        two.compile(run_eagerly=True)
    two.fit(batches(2, 16, 8), verbose=0)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-4, err_msg=a.path)


def test_served_pictures_are_in_range_though_the_last_layer_is_linear(grown):
    z = noise(16, 8)
    trained = grown.trained_stage()
    assert np.abs(grown.generator.pictures(z, trained, grown.alpha(stage=trained))).max() > 1.0
    assert np.abs(grown.call_signature("generate", {"z": z})["image"]).max() <= 1.0


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 16, 1), (2, 2, 3), (12, 12, 3)])
def test_side_that_is_no_power_of_two(shape):
    with pytest.raises(ValueError, match="power of two"):
        ProgressiveGAN(image_shape=shape, feature_maps=16)


@pytest.mark.parametrize(
    "name, value", [("stable_images", ()), ("fade_images", (1, 2, 3, 4)), ("batch_sizes", (0,))]
)
def test_numbers_that_do_not_fit_the_sides(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must hold one to 3"):
        tiny(**{name: value})


def test_updates_that_do_not_divide_the_batch():
    model = tiny(batch_sizes=(3,))
    model.compile()
    with pytest.raises(ValueError, match="do not divide a batch of 8"):
        model.fit(batches(1), verbose=0)


def test_steps_per_execution_is_refused():
    with pytest.raises(ValueError, match="steps_per_execution"):
        TINY["progan"].build().compile(steps_per_execution=2)


def test_blend_ends():
    a, b = noise(2, 3), noise(2, 3, seed=1)
    np.testing.assert_array_equal(blend(a, b, 0.0), a)
    np.testing.assert_allclose(shrunk(doubled(noise(2, 4, 4, 1)), 2), noise(2, 4, 4, 1), atol=1e-6)
    np.testing.assert_allclose(blend(a, b, 1.0), b, atol=1e-6)


@pytest.mark.slow
def test_growing_on_digits_learns():
    """8x8 digits after 24,000 images: above a full-covariance Gaussian's Parzen value, 6.5."""
    images = data.source("digits").arrays["image"]
    test = data.source("digits", "test").arrays["image"]
    model = ProgressiveGAN(
        image_shape=(8, 8, 1),
        latent_dim=32,
        feature_maps=128,
        max_feature_maps=64,
        stable_images=(6_000,),
        fade_images=(6_000,),
    )
    averaged = {"use_ema": True, "ema_momentum": 0.99}
    model.compile(keras.optimizers.Adam(1e-3, 0.0, 0.99, epsilon=1e-8, **averaged))
    history = model.fit(data.load("digits", batch_size=16), epochs=20, verbose=0).history
    assert model.sample([0]).shape == (1, 8, 8, 1)
    assert np.abs(history["real_score"]).max() < 30.0
    value, *_ = parzen(model.sample(range(2000), batch_size=500), images[:300], test)
    assert value > 0.0
