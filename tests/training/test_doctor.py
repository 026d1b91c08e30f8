"""The doctor on trainings that are sick by construction, and on healthy ones."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen.training import balance
from tfgen.training.doctor import TrainingDoctor

ADVERSARIAL = ["gan", "dcgan", "dcgan_penalty", "conditionalgan", "infogan"]


def treated(model, tiny, epochs=1, rows=8, **arguments):
    """A fit of 2 steps an epoch with a doctor."""
    said = []
    doctor = TrainingDoctor(tiny.batch(16, seed=9), say=said.append, **arguments)
    data = tf.data.Dataset.from_tensor_slices(tiny.batch(2 * rows)).batch(rows, drop_remainder=True)
    history = model.fit(data, epochs=epochs, callbacks=[doctor], verbose=0).history
    return doctor, said, history


def compiled(name, **changes):
    model = TINY[name].build(**changes)
    model.compile(run_eagerly=True)  # The graphs are one model's; see the test of the gradients.
    return model


def push(network, value):
    """Makes a discriminator's logit large where a picture is bright, by its weights alone."""
    for w in network.trainable_weights:
        w.assign(tf.fill(w.shape, value))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_examines_every_adversarial_model_and_leaves_the_training_alone(name):
    tiny = TINY[name]
    model, alone = compiled(name), compiled(name)
    doctor, _, history = treated(model, tiny, epochs=2)
    data = tf.data.Dataset.from_tensor_slices(tiny.batch(16)).batch(8)
    alone.fit(data, epochs=2, verbose=0)
    for a, b in zip(model.weights, alone.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    for key in ("discriminator_accuracy", "logit_gap", "diversity", "gradient_norm/generator"):
        assert len(history[f"doctor/{key}"]) == 2 and np.isfinite(history[f"doctor/{key}"]).all()
    assert "not_finite" not in [finding.name for finding in doctor.findings]
    assert "apply" not in vars(model.generator_optimizer)


def test_gradient_norms_are_those_of_the_optimizer():
    model = TINY["gan"].build()
    model.compile(*(keras.optimizers.SGD(0.5) for _ in range(2)))
    doctor, _, _ = treated(model, TINY["gan"], epochs=1, rows=16)
    before = np.concatenate([np.ravel(w) for w in model.generator.trainable_weights])
    data = tf.data.Dataset.from_tensor_slices(TINY["gan"].batch(16)).batch(16)
    model.fit(data, callbacks=[doctor], verbose=0)
    after = np.concatenate([np.ravel(w) for w in model.generator.trainable_weights])
    moved = np.linalg.norm(after - before)
    assert doctor.measured["gradient_norm/generator"] == pytest.approx(moved / 0.5, rel=1e-3)
    expected = moved / np.linalg.norm(after)
    assert doctor.measured["update/generator"] == pytest.approx(expected, rel=1e-4)


def test_a_collapsed_generator_is_seen_and_stops_the_training():
    model = compiled("gan")
    model.generator.layers[1].kernel.assign(tf.zeros((4, 8)))  # z does not matter.
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.01))
    arguments = {"stop_on": ("collapse",), "patience": 2}
    doctor, said, history = treated(model, TINY["gan"], epochs=5, **arguments)
    assert "collapse" in [finding.name for finding in doctor.findings]
    assert any("The generator has collapsed" in line for line in said)
    assert len(history["generator_loss"]) == 2 and "training stopped" in said[-1]


def bright_and_dark():
    """A GAN whose pictures are black, and a probe of white ones, which D tells apart easily."""
    model = compiled("gan", discriminator_activation="leaky_relu")
    for w in model.generator.trainable_weights[-1:]:
        w.assign(tf.fill(w.shape, -20.0))
    push(model.discriminator, 0.5)
    model.discriminator.weights[-1].assign([-12.0])
    model.compile(*(keras.optimizers.SGD(0.0) for _ in range(2)))
    noise = np.random.default_rng(0).uniform(0.5, 1.0, size=(16, 8, 8, 1)).astype("float32")
    return model, {"image": noise}


def test_a_winning_discriminator_is_seen_and_the_steps_are_changed(tmp_path):
    model, batch = bright_and_dark()
    said = []
    doctor = TrainingDoctor(batch, folder=tmp_path, balance=True, patience=2, say=said.append)
    data = tf.data.Dataset.from_tensor_slices(batch).batch(8)
    model.fit(data, epochs=4, callbacks=[doctor], verbose=0)
    assert any("The discriminator wins" in line for line in said)
    assert (model.discriminator_steps, model.generator_steps) == (1, 3)
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    found = {finding["name"] for finding in lines[0]["doctor"]["findings"]}
    assert "discriminator_wins" in found
    changes = [line["doctor"]["actions"] for line in lines]
    assert changes[0] == changes[2] == []
    assert changes[1] == ["discriminator_steps:generator_steps 1:1 -> 1:2"]
    assert changes[3] == ["discriminator_steps:generator_steps 1:2 -> 1:3"]
    assert list((tmp_path / "tensorboard").iterdir())

    # A continued run takes up the ratio; one that stands before the change does not.
    for step, expected in ((8, 3), (5, 2), (2, 1)):
        again, _ = bright_and_dark()
        again.step.assign(step)
        later = TrainingDoctor(batch, folder=tmp_path, balance=True, patience=99, say=None)
        later.set_model(again)
        later.on_train_begin()
        later.on_train_end()
        assert again.generator_steps == expected, step


def test_a_run_is_told_once_and_keeps_the_numbers(tmp_path):
    model, batch = bright_and_dark()
    said = []
    doctor = TrainingDoctor(batch, folder=tmp_path, patience=2, say=said.append, of_run=True)
    data = tf.data.Dataset.from_tensor_slices(batch).batch(8)
    history = model.fit(data, epochs=4, callbacks=[doctor], verbose=0).history
    (line,) = [line for line in said if "The discriminator wins" in line]
    assert line.startswith("doctor, step 4: ") and "model.generator_steps: 2" in line
    assert not [key for key in history if key.startswith("doctor/")]
    assert not (tmp_path / "metrics.jsonl").exists()
    assert doctor.noted["doctor/discriminator_accuracy"] == 1.0
    assert "discriminator_wins" in [f["name"] for f in doctor.noted["doctor"]["findings"]]


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("cyclegan", set()),
        ("stargan", set()),
        ("aae", {"diversity"}),
        ("progan", {"diversity"}),
        ("texttoimage", {"diversity", "real_logit"}),
    ],
)
def test_looks_at_what_there_is_to_see(name, seen):
    """A translator draws no samples, some critics are not served, and some players rest."""
    model = compiled(name)
    doctor = TrainingDoctor(TINY[name].batch(8), say=None, of_run=True)
    doctor.attach(model)
    doctor.examine({"real_probability": 0.99, "fake_probability": 0.01})
    doctor.detach()
    assert seen == {"diversity", "real_logit"} & doctor.measured.keys()
    found = {finding.name for finding in doctor.findings}
    assert not found & {"not_finite", "dead_player"}
    assert ("discriminator_wins" in found) == ("real_logit" not in seen)


def test_more_steps_of_the_generator_are_taken_after_the_change():
    model, batch = bright_and_dark()
    counted = model.generator_optimizer.iterations
    doctor = TrainingDoctor(batch, balance=True, patience=1, say=None, most_steps=2)
    data = tf.data.Dataset.from_tensor_slices(batch).batch(16)
    before = int(counted)
    model.fit(data, epochs=3, callbacks=[doctor], verbose=0)
    assert int(counted) - before == 1 + 2 + 2


def test_discriminator_steps_are_raised_to_divisors_of_the_batch():
    assert [balance.fitting(n, +1, most_steps=5, rows=8) for n in (1, 2, 4)] == [2, 4, 4]
    assert [balance.fitting(n, -1, most_steps=5, rows=8) for n in (4, 2)] == [2, 1]
    assert balance.fitting(1, +1, most_steps=5) == 1


def test_nan_is_seen_at_the_step(tmp_path):
    model = compiled("gan")
    last = model.generator.trainable_weights[-1]
    last.assign(tf.fill(last.shape, np.nan))
    arguments = {"stop_on": "all", "folder": tmp_path}
    doctor, said, history = treated(model, TINY["gan"], epochs=3, **arguments)
    assert [finding.name for finding in doctor.findings] == ["not_finite"]
    assert (
        len(history["generator_loss"]) == 1
        and "not_finite" in (tmp_path / "metrics.jsonl").read_text()
    )
    assert said[0].startswith("doctor, step 1: Not finite: ")


def test_a_dead_player_is_seen():
    model = TINY["gan"].build(discriminator_activation="leaky_relu")
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.1))
    doctor, said, _ = treated(model, TINY["gan"])
    assert [f.name for f in doctor.findings if "generator have not moved" in f.says]
    assert not [line for line in said if "discriminator have not moved" in line]


def test_works_under_a_strategy_and_with_loss_scaling(strategy):
    norms = []
    for policy, scope in (("float32", None), ("float32", strategy), ("mixed_float16", None)):
        keras.config.set_dtype_policy(policy)
        with tf.distribute.get_strategy().scope() if scope is None else scope.scope():
            model = TINY["gan"].build(discriminator_activation="leaky_relu", dropout=(0.0, 0.0))
            model.compile(*(keras.optimizers.SGD(0.0) for _ in range(2)))
        doctor, _, _ = treated(model, TINY["gan"])
        norms.append(doctor.measured["gradient_norm/discriminator"])
    assert norms[1] == pytest.approx(norms[0], rel=1e-3)  # Both halves of the batch.
    assert norms[2] == pytest.approx(norms[0], rel=0.05)


def test_arguments_that_do_not_fit_are_refused():
    batch = TINY["gan"].batch(4)
    with pytest.raises(ValueError, match="at least two pictures"):
        TrainingDoctor({"image": batch["image"][:1]})
    with pytest.raises(ValueError, match="unknown finding 'nan'. Known: not_finite"):
        TrainingDoctor(batch, stop_on=("nan",))
    with pytest.raises(ValueError, match="unknown 'make'. Known: generate"):
        compiled("gan").fit(batch, callbacks=[TrainingDoctor(batch, generate="make")], verbose=0)
