"""Keras's callbacks on models: of one player and of several."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.keras_face.small import compiled, pictures
from tests.tiny import TINY

callbacks = keras.callbacks
# Model -> a term that it reports.
TERMS = {"vae": "loss", "dcgan": "generator_loss"}
both = pytest.mark.parametrize(("name", "term"), TERMS.items())


def fit(model, name, *hooks, epochs=3, **arguments):
    return model.fit(
        pictures(name), epochs=epochs, verbose=0, shuffle=False, callbacks=list(hooks), **arguments
    ).history


def state(model):
    slots = [v for o in model.optimizers.values() for v in o.variables]
    return [np.array(v) for v in (*model.weights, *slots)]


def test_rates_are_set_by_keras_callbacks_where_there_is_one_optimizer():
    model = compiled("vae", optimizer=keras.optimizers.Adam(1.0e-3))
    schedule = callbacks.LearningRateScheduler(lambda epoch: 0.25)
    history = fit(model, "vae", schedule, epochs=1)
    assert float(model.single_optimizer.learning_rate) == 0.25
    assert history["learning_rate"] == [0.25]
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    fit(model, "vae", plateau)
    assert float(model.single_optimizer.learning_rate) < 0.25


@pytest.mark.parametrize("name", ["dcgan", "pixelcnn"])
def test_terminate_on_nan_sees_every_term(name):
    model = compiled(name)
    model.trainable_variables[0].assign(np.nan * model.trainable_variables[0])
    batch = TINY[name].batch(8)
    model.fit(batch, epochs=3, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert int(model.step) == 1


@both
def test_early_stopping_stops_and_brings_back_the_best_weights(name, term):
    best = compiled(name)
    fit(best, name, epochs=1)
    stopping = callbacks.EarlyStopping(
        term, mode="min", patience=1, min_delta=1e9, restore_best_weights=True
    )
    model = compiled(name)
    assert len(fit(model, name, stopping, epochs=9)[term]) == 2
    for one, other in zip(model.weights, best.weights, strict=True):
        np.testing.assert_array_equal(one, other)


class Power(callbacks.Callback):
    """Goes out in an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@both
def test_backup_and_restore_goes_on_where_it_was_cut_off(name, term, tmp_path):
    whole = compiled(name)
    expected = fit(whole, name, epochs=4)[term]
    with pytest.raises(KeyboardInterrupt):
        fit(
            compiled(name), name, callbacks.BackupAndRestore(str(tmp_path / "b")), Power(), epochs=4
        )
    model = compiled(name)
    found = fit(model, name, callbacks.BackupAndRestore(str(tmp_path / "b")), epochs=4)[term]
    assert int(model.step) == 4 and found == expected[2:]
    for one, other in zip(state(model), state(whole), strict=True):
        np.testing.assert_array_equal(one, other)


@both
def test_csv_logger_writes_every_term(name, term, tmp_path):
    model = compiled(name)
    history = fit(model, name, callbacks.CSVLogger(str(tmp_path / "log.csv")))
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {c for c in rows[0] if not c.startswith("val_")}  # Which Keras adds, empty.
    assert columns == {"epoch", *model.reports}
    np.testing.assert_allclose([float(row[term]) for row in rows], history[term])


@both
@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_model_checkpoint_keeps_what_goes_on(name, term, ending, tmp_path):
    path, weights_only = tmp_path / f"m{ending}", ending != ".keras"
    checkpoint = callbacks.ModelCheckpoint(
        str(path), monitor=term, mode="max", save_best_only=True, save_weights_only=weights_only
    )
    model = compiled(name)
    history = fit(model, name, checkpoint)[term]
    reached = compiled(name)
    fit(reached, name, epochs=int(np.argmax(history)) + 1)
    loaded = compiled(name)
    if weights_only:
        loaded.load_weights(path)
    else:
        loaded = keras.saving.load_model(path)
    for one, other in zip(state(loaded), state(reached), strict=True):
        np.testing.assert_array_equal(one, other)


def scalars(folder):
    """Tags that TensorBoard's files of a folder hold."""
    found = set()
    for path in folder.rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            found |= {value.tag for value in event.summary.value}
    return found


@both
def test_tensorboard_gets_terms_rates_and_speed(name, term, tmp_path):
    model = compiled(name)
    board = callbacks.TensorBoard(
        str(tmp_path), histogram_freq=1, update_freq=1, write_steps_per_second=True
    )
    fit(model, name, board)
    rates = {f"epoch_learning_rate_{n}" for n in model.optimizers}
    rates = rates if len(rates) > 1 else {"epoch_learning_rate"}
    wanted = {f"epoch_{term}", f"batch_{term}", "epoch_steps_per_second", *rates}
    assert wanted <= scalars(tmp_path)


def test_tensorboard_gets_validation(tmp_path):
    model, board = compiled("vae"), callbacks.TensorBoard(str(tmp_path))
    fit(model, "vae", board, validation_data=(pictures(),))
    assert {"epoch_loss", "evaluation_loss_vs_iterations"} <= scalars(tmp_path)
