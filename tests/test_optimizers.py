"""The recipe's schedule and momentum, step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgen
from tests.tiny import TINY
from tfgen import optimizers
from tfgen.optimizers import GeometricDecay, RampedSGD


def test_decay_per_update_with_a_floor():
    schedule = GeometricDecay(0.1, 1.000004, 1e-6)
    assert np.isclose(float(schedule(0)), 0.1)
    assert np.isclose(float(schedule(100_000)), 0.1 / 1.000004**100_000, rtol=1e-3)
    assert np.isclose(float(schedule(10_000_000)), 1e-6)


def test_momentum_rises_linearly():
    optimizer = RampedSGD(0.1, 0.5, 0.7, ramp_steps=4)
    w = keras.Variable(np.zeros(1), dtype="float32")
    optimizer.build([w])
    velocity, expected = 0.0, 0.0
    for number in range(6):
        optimizer.apply([np.ones(1, "float32")], [w])
        velocity = (0.5 + 0.2 * min(number / 4, 1.0)) * velocity - 0.1
        expected += velocity
    np.testing.assert_allclose(w, [expected], rtol=1e-5)


def test_config_round_trip():
    optimizer = RampedSGD(GeometricDecay(0.2, 1.01, 1e-3), 0.4, 0.6, 7)
    copy = RampedSGD.from_config(optimizer.get_config())
    assert copy.get_config() == optimizer.get_config()


def test_float16_skips_no_first_update():
    """Keras's own loss scale overflows in InfoGAN's discriminator at this very step."""
    keras.config.set_dtype_policy("mixed_float16")
    model = tfgen.models.InfoGAN(image_shape=(28, 28, 1))
    model.compile(run_eagerly=True)
    images = np.random.default_rng(0).uniform(-1, 1, (16, 28, 28, 1)).astype("float32")
    for _ in range(2):
        model.train_step({"image": images})
    for optimizer in model.optimizers.values():
        assert int(optimizer.inner_optimizer.iterations) == 2
        assert float(optimizer.dynamic_scale) == 1024.0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"clipnorm": -1.0}, "`clipnorm` of Adam must be above 0. Received: -1.0"),
        ({"global_clipnorm": 0.0}, "`global_clipnorm` of Adam must be above 0"),
        ({"beta_1": 2.0}, "`beta_1` of Adam must be 0 or more and below 1. Received: 2.0"),
        ({"beta_2": float("nan")}, "`beta_2` of Adam must be 0 or more and below 1"),
    ],
)
def test_numbers_with_which_no_update_means_anything(wrong, said):
    with pytest.raises(ValueError, match=said):
        optimizers.built(keras.optimizers.Adam(**wrong))


@pytest.mark.parametrize("rate", [-1e-3, np.nan, np.inf])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="`learning_rate` of Adam must be a number of 0 or more"):
        TINY["vae"].build().compile(keras.optimizers.Adam(rate))


def scaled(name, first, monkeypatch, **compiled):
    """A tiny model under mixed_float16 whose loss scales begin at `first`."""
    keras.config.set_dtype_policy("mixed_float16")
    monkeypatch.setattr(optimizers.updating, "FIRST_SCALE", first)
    model = TINY[name].build()
    model.compile(**compiled)
    return model


@pytest.mark.parametrize("eager", [True, False])
def test_a_step_without_an_update_is_reported_and_not_counted(eager, monkeypatch):
    model = scaled("gan", 2.0**40, monkeypatch, run_eagerly=eager)
    before = [np.array(v) for v in model.trainable_variables]
    logs = model.train_on_batch(TINY["gan"].batch(8), return_dict=True)
    assert logs["skipped_updates"] == 2.0
    assert logs["generator_loss_scale"] == logs["discriminator_loss_scale"] == 2.0**39
    assert int(model.step) == 0 and optimizers.skipped_steps(model.optimizers) == 1
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    model.generator_optimizer.dynamic_scale.assign(1.0)  # One player's update is a step.
    logs = model.train_on_batch(TINY["gan"].batch(8), return_dict=True)
    assert logs["skipped_updates"] == 3.0 and logs["generator_loss_scale"] == 1.0
    assert int(model.step) == 1 and optimizers.skipped_steps(model.optimizers) == 1


def test_a_model_of_one_player_reports_its_loss_scale(monkeypatch, tmp_path):
    model = scaled("vae", 2.0**40, monkeypatch, run_eagerly=True)
    history = model.fit(TINY["vae"].batch(8), batch_size=4, verbose=0).history
    assert history["loss_scale"] == [2.0**38] and history["skipped_updates"] == [2.0]
    assert int(model.step) == 0
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert optimizers.skipped_steps(loaded.optimizers) == 2
    assert float(loaded.single_optimizer.dynamic_scale) == 2.0**38


def test_keras_s_own_loss_scaling_is_counted_too():
    own = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.5), initial_scale=8.0)
    model = TINY["vae"].build()
    model.compile(own, run_eagerly=True)
    logs = model.train_on_batch(TINY["vae"].batch(4), return_dict=True)
    assert logs["loss_scale"] == 8.0 and logs["skipped_updates"] == 0.0
    assert float(model.single_optimizer.learning_rate) == 0.5


def test_one_replica_s_overflow_is_skipped_by_all(strategy):
    with strategy.scope():
        weight = keras.Variable(np.zeros(2), dtype="float32")
        optimizer = optimizers.LossScaling(keras.optimizers.SGD(0.1), initial_scale=4.0)
        optimizer.build([weight])

    @tf.function
    def step(overflows):
        def on_replica():
            second = tf.distribute.get_replica_context().replica_id_in_sync_group == 1
            gradient = tf.where(second & overflows, np.inf, 1.0) * tf.ones(2)
            optimizer.apply([gradient], [weight])

        strategy.run(on_replica)

    step(tf.constant(True))
    np.testing.assert_array_equal(weight, np.zeros(2))
    counted = keras.ops.convert_to_numpy
    assert counted(optimizer.skipped_updates) == 1 and counted(optimizer.dynamic_scale) == 2.0
    step(tf.constant(False))
    np.testing.assert_allclose(weight, [-0.1, -0.1])  # The sum of both, over the scale.
    assert counted(optimizer.iterations) == 1 and counted(optimizer.skipped_updates) == 1


def normalised():
    """A DCGAN with batch normalisation and averages of its generator, and a batch."""
    model = TINY["dcgan"].build()
    adam = keras.optimizers.Adam
    model.compile(adam(0.01, use_ema=True, ema_momentum=0.75), adam(0.01), run_eagerly=True)
    return model, TINY["dcgan"].batch(8)


def statistics(model):
    named = {v.path: v for v in model.generator.non_trainable_variables}
    return {p: np.array(v) for p, v in named.items() if p.split("/")[-1].startswith("moving")}


def test_statistics_of_batch_normalisation_are_averaged_with_the_weights(tmp_path):
    model, batch = normalised()
    expected = {}
    for step in range(4):
        model.train_on_batch(batch)
        kept = 0.75 if step else 0.0
        for path, value in statistics(model).items():
            expected[path] = kept * expected.get(path, 0.0) + (1.0 - kept) * value
    last = statistics(model)
    assert len(expected) >= 2
    with model.averaged():
        for path, value in statistics(model).items():
            np.testing.assert_allclose(value, expected[path], rtol=1e-5, err_msg=path)
            assert not np.array_equal(value, last[path])
    for path, value in statistics(model).items():
        np.testing.assert_array_equal(value, last[path])
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.sample(range(3)), model.sample(range(3)))
    for one in (model, loaded):
        one.train_on_batch(batch)
    with model.averaged(), loaded.averaged():
        pairs = zip(statistics(model).values(), statistics(loaded).values(), strict=True)
        for one, other in pairs:  # The names of their layers are numbered on.
            np.testing.assert_array_equal(one, other)


def test_statistics_are_averaged_alike_on_two_replicas(strategy):
    alone, batch = normalised()
    with strategy.scope():
        two, _ = normalised()
    for model in (alone, two):
        model.fit(tf.data.Dataset.from_tensors(batch).repeat(3), verbose=0)
    with alone.averaged(), two.averaged():
        pairs = zip(statistics(alone).values(), statistics(two).values(), strict=True)
        for one, other in pairs:
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_keras_s_own_batch_normalisation_is_averaged_too():
    layers = [
        keras.layers.BatchNormalization(),
        keras.layers.Dense(64),
        keras.layers.Reshape((8, 8, 1)),
    ]
    own = keras.Sequential([keras.Input((4,)), *layers])
    model = TINY["dcgan"].build(generator=own)
    model.compile(keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5), run_eagerly=True)
    pairs = optimizers.averaged_statistics(model.generator_optimizer)
    assert [v.name for v, _ in pairs] == ["moving_mean", "moving_variance"]
    model.train_on_batch(TINY["dcgan"].batch(8))
    model.train_on_batch(TINY["dcgan"].batch(8))
    for variable, average in pairs:
        assert not np.array_equal(variable, average) and np.array(average).any()


@pytest.mark.parametrize(
    "name", ["conditionalgan_conv", "cyclegan", "dcgan", "infogan", "puzzlegan", "stargan"]
)
def test_epsilon_of_adam_is_the_authors(name):
    model = TINY[name].build()
    model.compile()
    assert {optimizer.epsilon for optimizer in model.optimizers.values()} == {1e-8}


def clipped(optimizer, rows, strategy=None):
    """The weights of a linear network after three steps by an optimizer, on so many rows."""
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")

    def step(part):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(network(part) - 7.0 * part[:, :1] + 5.0))
        tfgen.descend(ready, tape, loss, network)

    if strategy is None:
        network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "tanh")])
        network.set_weights([np.full((3, 1), 0.1), np.zeros(1)])
        ready = optimizers.built(optimizer(), network)
        for _ in range(3):
            step(x)
        return network.get_weights()
    count = strategy.num_replicas_in_sync
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: x[context.replica_id_in_sync_group * rows // count :][: rows // count]
    )
    with strategy.scope():
        network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "tanh")])
        network.set_weights([np.full((3, 1), 0.1), np.zeros(1)])
        ready = optimizers.built(optimizer(), network)
    for _ in range(3):
        strategy.run(step, args=(parts,))
    return network.get_weights()


CLIPS = ({"clipnorm": 0.5}, {"global_clipnorm": 0.5}, {"clipvalue": 0.3})


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: next(iter(clip)))
@pytest.mark.parametrize("kind", ["SGD", "RMSprop", "AdamW", "Adafactor", "Lion"])
def test_gradients_are_clipped_after_their_sum_over_replicas(kind, clip, strategy, three):
    def optimizer():
        return getattr(keras.optimizers, kind)(0.1, **clip)

    alone = clipped(optimizer, 6)
    for several in (strategy, three):
        for one, other in zip(alone, clipped(optimizer, 6, several), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_scaled_loss_is_clipped_after_the_sum_and_skipped_on_all_replicas_alike(strategy):
    def scaled(rate=0.1):
        own = keras.optimizers.SGD(rate, global_clipnorm=0.5)
        return keras.optimizers.LossScaleOptimizer(own, initial_scale=8.0)

    for one, other in zip(clipped(scaled, 6), clipped(scaled, 6, strategy), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    with strategy.scope():
        network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        ready = optimizers.built(scaled(), network)
    before = network.get_weights()

    def step():
        # Only the second replica's gradient is not finite.
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        factor = tf.where(tf.equal(number, 1), np.inf, 1.0)
        with tf.GradientTape() as tape:
            loss = factor * tf.reduce_sum(network(tf.ones((2, 1))))
        tfgen.descend(ready, tape, loss, network)

    strategy.run(step)
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert float(keras.ops.convert_to_numpy(ready.dynamic_scale)) == 4.0


def test_between_hosts_gradients_of_one_dtype_are_summed_together():
    class Context:
        sent = []

        def all_reduce(self, operation, value):
            self.sent.append((operation, value.dtype, value.shape[0]))
            return 2 * value

    given = [tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([5], tf.float16), tf.constant(6.0)]
    found = optimizers.updating._together(Context(), given, [g.shape for g in given])
    for one, two in zip(given, found, strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(2 * one, two)
    assert Context.sent == [("sum", tf.float32, 5), ("sum", tf.float16, 1)]
