"""Networks that a user gives a model: checked, trained, saved, sampled like the model's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen.export import export
from tfgen.models import MODELS

WITH_NETWORKS = {n: TINY[n] for n, kind in MODELS.items() if kind.network_names}
OF_THEIR_OWN = {n: TINY[n] for n in MODELS if n not in WITH_NETWORKS}


def stand_in(network, name):
    """Another network of the same inputs and outputs: a bias on each of them."""
    inputs = [keras.Input(t.shape[1:], dtype=t.dtype) for t in network.inputs]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    bias = keras.layers.Dense
    outputs = [
        bias(t.shape[-1], kernel_initializer="identity", name=f"own_{n}")(t) if t.shape[1:] else t
        for n, t in enumerate(keras.tree.flatten(network(inputs)))
    ]
    return keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs, name=name)


def networks_of(model):
    """Name -> network, of those that the model has with its arguments."""
    found = {n: getattr(model, n, None) for n in model.network_names}
    for network in getattr(model, "discriminators", ()):
        if network.name in model.network_names:
            found[network.name] = network
    return {n: network for n, network in found.items() if network is not None}


def given(tiny):
    """Own networks for all that a model can take, with weights of another seed."""
    return {n: stand_in(v, n) for n, v in networks_of(tiny.build(seed=7)).items()}


def outputs(model, tiny):
    """What every signature answers."""
    found = {}
    for name, signature in model.signatures().items():
        feeds = {k: keras.ops.convert_to_tensor(v) for k, v in tiny.feeds(signature, 2).items()}
        found |= {f"{name} {k}": np.array(v) for k, v in signature.fn(**feeds).items()}
    return found


@pytest.mark.parametrize("name", WITH_NETWORKS)
def test_own_networks_are_trained_saved_and_restored(name, tmp_path):
    tiny = WITH_NETWORKS[name]
    own = given(tiny)
    model = tiny.build(**own)
    assert all(network is own[n] for n, network in networks_of(model).items())
    before = {v.path: v.numpy() for network in own.values() for v in network.trainable_variables}
    model.compile(run_eagerly=True)
    batch = tiny.batch(8)
    model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
    after = {v.path: v.numpy() for network in own.values() for v in network.trainable_variables}
    assert sum(not np.array_equal(before[path], after[path]) for path in after) >= len(own)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert {n: type(v) for n, v in networks_of(loaded).items()} == dict.fromkeys(
        own, type(own[next(iter(own))])
    )
    expected = outputs(model, tiny)
    for key, value in outputs(loaded, tiny).items():
        np.testing.assert_array_equal(value, expected[key], err_msg=key)


@pytest.mark.parametrize("name", WITH_NETWORKS)
def test_networks_of_another_shape_are_refused_by_name(name):
    tiny = WITH_NETWORKS[name]
    for part in networks_of(tiny.build()):
        wrong = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        with pytest.raises(ValueError, match=f"^`{part}` of .* must take .* and give "):
            tiny.build(**{part: wrong})


def test_outputs_of_another_shape_are_refused_by_name():
    wrong = keras.Sequential([keras.layers.Dense(3), keras.layers.Reshape((3, 1))])
    with pytest.raises(
        ValueError,
        match=r"must take \(B, 4\) and give \(B, 8, 8, 1\). Received one that gives \(B, 3, 1\)",
    ):
        TINY["dcgan"].build(generator=wrong, latent_dim=4)
    with pytest.raises(
        ValueError, match="^`generator` of DCGAN must be a Keras model. Received: 'mine'"
    ):
        TINY["dcgan"].build(generator="mine")


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_not_replaced_behind_a_models_back(name):
    model = TINY[name].build()
    parts = [n for n, v in vars(model).items() if isinstance(v, keras.Model)]
    for part in parts:
        network = getattr(model, part)
        with pytest.raises(
            ValueError, match=f"^`{part}` of {type(model).__name__} cannot be replaced"
        ):
            setattr(model, part, keras.Sequential([keras.layers.Dense(2)]))
        assert getattr(model, part) is network


def test_networks_that_are_not_there_or_share_weights_are_refused():
    with pytest.raises(ValueError, match="^`discriminator_y`: AAE has no such network"):
        TINY["aae"].build(discriminator_y=keras.Sequential([keras.layers.Dense(1)]))
    one = networks_of(TINY["cyclegan"].build())["generator_ab"]
    with pytest.raises(ValueError, match="^`generator_ab` and `generator_ba` of CycleGAN share"):
        TINY["cyclegan"].build(generator_ab=one, generator_ba=one)


@pytest.mark.trace
def test_own_networks_are_sampled_and_exported(tmp_path):
    tiny = TINY["dcgan"]
    generator = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(64),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Activation("tanh"),
        ]
    )
    model = tiny.build(generator=generator)
    model.compile(run_eagerly=True)
    before = model.sample(range(3))
    model.fit(tiny.batch(8), verbose=0)
    after = model.sample(range(3))
    assert np.abs(after - before).max() > 1e-4  # Sampled as it is now, not as it was.
    z = model.signatures()["generate"].draw(range(3))["z"]
    np.testing.assert_allclose(after, generator(z, training=False), atol=1e-6)
    report = export(model, tmp_path / "x")
    assert {"saved_model", "onnx"} <= set(report["verification"]["max_abs_error"])
    served = tf.saved_model.load(str(tmp_path / "x" / "1")).signatures["sample"]
    found = served(seed=tf.range(3, dtype=tf.int64))["image"]
    np.testing.assert_allclose(found, after, atol=1e-5)


def test_a_step_moves_no_state_of_another_player():
    """Keras's own batch normalisation and dropout, in a discriminator that G's step passes."""
    tiny = TINY["dcgan"]
    layers = [
        keras.layers.Flatten(),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1),
    ]
    model = tiny.build(discriminator=keras.Sequential([keras.Input((8, 8, 1)), *layers]))
    model.compile(run_eagerly=True)
    batch = tiny.batch(8)
    model.fit(batch, verbose=0)
    # Only D's own pass counts, of the real pictures: none of generated ones, neither D's nor G's.
    pixels = batch["image"].reshape(8, -1)
    moving = model.discriminator.layers[1]
    np.testing.assert_allclose(moving.moving_mean, 0.01 * pixels.mean(0), atol=1e-6)
    np.testing.assert_allclose(moving.moving_variance, 0.99 + 0.01 * pixels.var(0), atol=1e-6)
