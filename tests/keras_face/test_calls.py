"""Keras's own calls on models: each works, or says at once what to use."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.keras_face.small import compiled, pictures
from tests.tiny import TINY
from tfgen import data

callbacks = keras.callbacks


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, x: m.predict(x), "has no `predict`: it serves generate"),
        (lambda m, x: m(x), "has no `call`: it serves generate"),
        (lambda m, x: m.export("folder"), "use tfgen.export.saved_model"),
        (lambda m, x: m.save("m.h5"), "m.h5: a model is saved whole in a `.keras` file"),
        (lambda m, x: m.compile(loss="mse"), "compile takes no `loss`"),
        (lambda m, x: m.compile(metrics=["mse"]), "compile takes no `metrics`"),
        (lambda m, x: m.fit(x, sample_weight=np.ones(8)), "takes no `sample_weight`"),
        (lambda m, x: m.fit(x, class_weight={0: 1.0}), "takes no `class_weight`"),
        (lambda m, x: m.train_on_batch(x, sample_weight=np.ones(8)), "takes no `sample_weight`"),
        (lambda m, x: m.fit(x, callbacks=[callbacks.SwapEMAWeights()]), "is not needed"),
        (lambda m, x: m.fit(x, callbacks=[callbacks.History]), r"is a class: call it, History\("),
        (lambda m, x: m.fit(x[:0]), "hold no examples"),
        (lambda m, x: m.fit({"image": x[:0]}), "hold no examples"),
        (lambda m, x: m.fit(tf.data.Dataset.from_tensors(x).take(0)), "hold no examples"),
        (lambda m, x: m.fit(tf.data.Dataset.from_tensor_slices(x)), r"in batches: dataset.batch"),
        (lambda m, x: m.compile(learning_rate=0.1), "takes no `learning_rate`.*Adam"),
        (lambda m, x: m.compile(0.1), "optimizer` must be an optimizer of Keras.*Received: 0.1"),
        (lambda m, x: m.compile(keras.optimizers.Adam), "must be an optimizer of Keras"),
        (lambda m, x: m.compile({"lr": 0.1}), "must be an optimizer of Keras"),
        (lambda m, x: m.sample([1], batch_size=0), "`batch_size` must be at least 1"),
        (lambda m, x: m.sample([1], batch_size=-1), "`batch_size` must be at least 1"),
        (lambda m, x: m.call_signature("generator", {}), "Did you mean 'generate'"),
        (lambda m, x: m.call_signature("generate", {}), "'generate' takes z. Received: ."),
        (lambda m, x: m.call_signature("generate", {"z": np.zeros((1, 9))}), "must have shape"),
    ],
)
@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_calls_without_a_meaning_say_what_to_use(name, call, said):
    with pytest.raises(ValueError, match=said) as refused:
        call(compiled(name), pictures(name))
    assert "\n" not in str(refused.value)


def test_arrays_are_checked_and_brought_to_the_type_of_a_signature():
    model = compiled("vae")
    shape = model.signatures()["generate"].specs()[0].shape[1:]
    whole = model.call_signature("generate", {"z": np.zeros((2, *shape), int)})
    floats = model.call_signature("generate", {"z": tf.zeros((2, *shape))})
    np.testing.assert_array_equal(whole["image"], floats["image"])
    with pytest.raises(ValueError, match="must lie in"):
        conditional = compiled("conditionalgan")
        feeds = conditional.signatures()["generate"].draw([0])
        conditional.call_signature("generate", {**feeds, "label": np.array([99])})


def test_pictures_from_0_to_1_are_warned_of():
    model, x = compiled("vae"), pictures()
    for form in (np.abs(x), {"image": np.abs(x)}):
        with pytest.warns(UserWarning, match="-1 is black here: if 0 is, pass 2 . x - 1"):
            model.fit(form, verbose=0)
    model.fit(x, verbose=0)  # A warning would be an error.


@pytest.mark.parametrize("form", ["array", "dict", "pair"])
def test_validation_data_of_every_form(form):
    model, x = compiled("vae"), pictures()
    given = {"array": x, "dict": {"image": x}, "pair": (x, np.zeros(8, int))}[form]
    history = model.fit(x, validation_data=given, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image_shape": (8, 8)}, r"DCGAN.image_shape: expected \(height, width, channels\)"),
        ({"image_shape": (9, 8, 8, 1)}, r"expected \(height, width, channels\).*\(9, 8, 8, 1\)"),
        ({"image_shape": "8x8"}, "DCGAN.image_shape: expected a list"),
        ({"image_shape": (8.0, 8, 1)}, r"DCGAN.image_shape\[0\]: expected a whole number"),
        ({"image_shape": (8, -8, 1)}, "expected .height, width, channels"),
        ({"latent_dim": 4.0}, r"DCGAN.latent_dim: expected a whole number \(default: 100\)"),
        ({"latent_dim": 0}, "DCGAN.latent_dim: expected 1 or more"),
        ({"seed": 1.5}, "DCGAN.seed: expected a whole number"),
        ({"seed": 2**70}, "DCGAN.seed: expected a whole number of 64 bits"),
        ({"filters": "32"}, "DCGAN.filters: expected a whole number.*'32'"),
    ],
)
def test_arguments_of_a_constructor_are_checked_as_those_of_a_config(arguments, said):
    with pytest.raises(ValueError, match=said):
        TINY["dcgan"].build(**arguments)


def test_numpy_s_numbers_are_numbers(tmp_path):
    shape = np.array(TINY["gan"].shape)
    model = TINY["gan"].build(image_shape=shape, latent_dim=np.int64(4), seed=np.int32(3))
    model.compile()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.image_shape == TINY["gan"].shape and loaded.seed == 3
    np.testing.assert_array_equal(loaded.sample([1]), model.sample([1]))


def test_a_model_of_several_players_names_them():
    model, x = compiled("dcgan"), pictures("dcgan")
    with pytest.raises(ValueError, match="its own, generator_optimizer, discriminator_optimizer"):
        model.compile(optimizer="adam")
    one = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="are one object"):
        model.compile(one, one)
    for call in (
        lambda: model.evaluate(x),
        lambda: model.test_on_batch(x),
        lambda: model.fit(x, validation_data=(x,)),
        lambda: model.fit(x, validation_split=0.5),
    ):
        with pytest.raises(ValueError, match="measure its samples with tfgen.evaluate"):
            call()
    for callback in (
        callbacks.ReduceLROnPlateau(monitor="generator_loss"),
        callbacks.LearningRateScheduler(lambda epoch: 0.1),
    ):
        with pytest.raises(ValueError, match="model.optimizers.name..learning_rate"):
            model.fit(x, callbacks=[callback])
    assert int(model.step) == 0


def test_single_batches_are_steps():
    x = pictures()
    for form in (x, {"image": x}):
        model = compiled("vae")
        values = model.train_on_batch(form)
        assert int(model.step) == 1 and len(values) == len(model.metrics_names)
        named = model.test_on_batch(form, return_dict=True)
        assert set(named) == set(model.reports)


def test_names_and_values_of_evaluate_go_together():
    model, x = compiled("vae"), pictures(rows=6)
    named = model.evaluate(x, batch_size=4, verbose=0, return_dict=True)
    values = model.evaluate(x, batch_size=4, verbose=0)
    assert dict(zip(model.metrics_names, values, strict=True)) == named


def test_generators_of_dicts_train_without_a_warning():
    model = compiled("vae")

    def batches():
        while True:
            yield {"image": pictures()}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(batches(), steps_per_epoch=2, verbose=0)
    assert int(model.step) == 2


@pytest.mark.parametrize("name", ["vae", "cvae", "autoencoder", "pixelcnn"])
def test_evaluate_is_the_mean_over_examples(name):
    model, batch = compiled(name), TINY[name].batch(6)
    parts = [{k: v[s] for k, v in batch.items()} for s in (slice(0, 4), slice(4, 6))]
    seen = []
    # The noise of a test step is numbered by the batches before it.
    found = model.evaluate(batch, batch_size=4, verbose=0, return_dict=True)
    for number, part in enumerate(parts):
        model.reset_metrics()
        model.batches.total.assign(float(number))
        seen.append({k: float(v) for k, v in model.test_step(part).items()})
    for key, value in found.items():
        expected = (4 * seen[0][key] + 2 * seen[1][key]) / 6
        np.testing.assert_allclose(value, expected, rtol=1e-5, err_msg=key)


def spoilt(name, key, value):
    """A batch with one wrong value."""
    batch = TINY[name].batch(8)
    batch[key] = np.array(batch[key])
    batch[key][(-1, *[0] * (batch[key].ndim - 1))] = value
    return batch


CASES = [
    ("gan", lambda: spoilt("gan", "image", 255.0), "finite and lie in"),
    ("gan", lambda: spoilt("gan", "image", np.nan), "finite and lie in"),
    ("puzzlegan", lambda: spoilt("puzzlegan", "patches", 255.0), "finite and lie in"),
    ("conditionalgan", lambda: spoilt("conditionalgan", "label", 3), "must lie in 0 .. 2"),
    ("conditionalgan", lambda: spoilt("conditionalgan", "label", -1), "must lie in 0 .. 2"),
    ("cvae_label", lambda: spoilt("cvae_label", "label", 3), "must lie in 0 .. 2"),
    ("cvae_mask", lambda: spoilt("cvae_mask", "mask", 0.5), "`mask` must be 0 or 1"),
    ("aae_semi", lambda: spoilt("aae_semi", "label", 3), "must lie in -1 .. 2"),
    ("aae_supervised", lambda: spoilt("aae_supervised", "label", -1), "must lie in 0 .. 2"),
    ("stargan", lambda: spoilt("stargan", "label", 3), "must lie in 0 .. 2"),
    ("stargan_joint", lambda: spoilt("stargan_joint", "attributes", 2), "must be 0 or 1"),
    ("pixelcnn", lambda: spoilt("pixelcnn", "image", 0.3), "`levels` = 2"),
    ("pixelcnn_rgb", lambda: spoilt("pixelcnn_rgb", "label", 3), "must lie in 0 .. 2"),
]
# Models whose graphs take longest, of checks that others of the list have too.
LONG = ("aae_semi", "aae_supervised", "stargan_joint", "cvae_mask", "cvae_label", "pixelcnn_rgb")
JITTED = [pytest.param(*case, marks=[pytest.mark.slow] * (case[0] in LONG)) for case in CASES]


@pytest.mark.trace
@pytest.mark.parametrize(("name", "batch", "said"), JITTED)
@pytest.mark.parametrize("jit", [True, False], ids=["xla", "plain"])
def test_xla_takes_no_wrong_batch(name, batch, said, jit):
    model = TINY[name].build()
    model.compile(jit_compile=True) if jit else model.compile(run_eagerly=True)
    before = [v.numpy() for v in model.weights]
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=said):
        model.fit(tf.data.Dataset.from_tensors(batch()), verbose=0)
    if jit:  # It waits for what is asserted; an eager step of several players may not.
        for old, new in zip(before, model.weights, strict=True):
            np.testing.assert_array_equal(old, new)


@pytest.mark.trace
def test_xla_takes_no_batch_with_too_few_rows():
    model = TINY["gan"].build(discriminator_steps=3)
    model.compile(jit_compile=True)
    rows = tf.data.Dataset.from_tensor_slices(TINY["gan"].batch(2)).batch(4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least `discriminator_steps` = 3"):
        model.fit(rows, verbose=0)
    assert int(model.step) == 0


@pytest.mark.trace
def test_xla_finds_a_wrong_batch_among_others_and_in_every_call():
    good, bad = TINY["vae"].batch(4), spoilt("vae", "image", 255.0)
    bad = {key: value[-4:] for key, value in bad.items()}
    both = {key: np.concatenate([good[key], bad[key]]) for key in good}
    model = TINY["vae"].build()
    model.compile(jit_compile=True, steps_per_execution=2)
    refused = pytest.raises(tf.errors.InvalidArgumentError, match="finite and lie in")
    with refused:
        model.fit(tf.data.Dataset.from_tensor_slices(both).batch(4), verbose=0)
    taken = int(model.step)
    assert taken <= 1  # The check of the next batch need not wait for a step.
    assert all(np.isfinite(v.numpy()).all() for v in model.trainable_variables)
    with refused:
        model.train_on_batch(bad)
    with refused:
        model.test_on_batch(bad)
    with refused:
        model.evaluate(tf.data.Dataset.from_tensors(bad), verbose=0)
    model.train_on_batch(good)
    assert int(model.step) == taken + 1


@pytest.mark.slow
@pytest.mark.trace
def test_xla_on_two_replicas_takes_no_wrong_batch(strategy):
    with strategy.scope():
        model = TINY["conditionalgan"].build()
        model.compile(jit_compile=True)
    for key, value, said in (("label", 3, "0 .. 2"), ("image", 255.0, "finite and lie")):
        batch = spoilt("conditionalgan", key, value)
        with pytest.raises(tf.errors.InvalidArgumentError, match=said):
            stream = tf.data.Dataset.from_tensor_slices(batch).batch(8, drop_remainder=True)
            model.fit(stream, verbose=0)
    assert model.step.numpy() == 0


def test_classes_are_named_by_the_data_set(tmp_path):
    tiny = TINY["conditionalgan"]
    batch = tiny.batch(6)
    source = data.array(batch["image"], batch["label"], class_names=["bags", "hats", "shoes"])
    model = compiled("conditionalgan")
    model.fit(data.batches(source, 3, seed=0), verbose=0, steps_per_epoch=1)
    assert model.class_names == ("bags", "hats", "shoes")
    hats = model.sample(range(3), label=[1, 1, 1])
    np.testing.assert_array_equal(model.sample(range(3), label="hats"), hats)
    mixed = model.sample(range(3), label=["shoes", "hats", "bags"])
    np.testing.assert_array_equal(mixed, model.sample(range(3), label=[2, 1, 0]))
    with pytest.raises(ValueError, match="'label' has no class 'hat'. Known: bags, hats, shoes"):
        model.sample(range(3), label="hat")
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.sample(range(3), label="hats"), hats)
