"""Keras's own calls on models: each works, or says at once what to use."""

import warnings

import keras
import numpy as np
import pytest

from tests.tiny import TINY

callbacks = keras.callbacks


def compiled(name, **arguments):
    model = TINY[name].build()
    model.compile(run_eagerly=True, **arguments)
    return model


def pictures(name="vae", rows=8):
    return TINY[name].batch(rows)["image"]


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
    ],
)
@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_calls_without_a_meaning_say_what_to_use(name, call, said):
    with pytest.raises(ValueError, match=said) as refused:
        call(compiled(name), pictures(name))
    assert "\n" not in str(refused.value)


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


def test_rates_are_set_by_keras_callbacks_where_there_is_one_optimizer():
    model = compiled("vae", optimizer=keras.optimizers.Adam(1.0e-3))
    schedule = callbacks.LearningRateScheduler(lambda epoch: 0.25)
    history = model.fit(pictures(), verbose=0, callbacks=[schedule]).history
    assert float(model.single_optimizer.learning_rate) == 0.25
    assert history["learning_rate"] == [0.25]
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    model.fit(pictures(), epochs=3, verbose=0, callbacks=[plateau])
    assert float(model.single_optimizer.learning_rate) < 0.25


@pytest.mark.parametrize("name", ["dcgan", "pixelcnn"])
def test_terminate_on_nan_sees_every_term(name):
    model = compiled(name)
    model.trainable_variables[0].assign(np.nan * model.trainable_variables[0])
    batch = TINY[name].batch(8)
    model.fit(batch, epochs=3, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert int(model.step) == 1


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
