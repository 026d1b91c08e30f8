"""Batches of every form, draws of a step, and the errors of bad batches."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen.step import as_batch, draws, labels_in_range, minibatches, required


def images(*shape):
    return np.zeros(shape, "float32")


def test_every_form_that_fit_takes_is_the_same_batch():
    x, y = images(4, 8, 8, 1), np.arange(4)
    for data in ({"image": x}, x, (x,), [x]):
        assert set(as_batch(data)) == {"image"}
    assert set(as_batch((x, y))) == {"image", "label"}
    model = TINY["gan"].build()
    model.compile(run_eagerly=True)
    losses = [model.fit(form, verbose=0, shuffle=False).history for form in (x, {"image": x})]
    losses[1].pop("x", None)
    assert all(np.isfinite(v).all() for history in losses for v in history.values())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((4, 8, 8, 1), "uint8"), "dtype uint8.*tfgen.data"),
        (images(4, 9, 8, 1), r"must have shape \(None, 8, 8, 1\).*\(4, 9, 8, 1\)"),
        (images(4, 8, 8), "must have shape"),
        ((1, 2, 3), "tuple of 3"),
    ],
)
def test_wrong_batches_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        as_batch(data, (8, 8, 1))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(4, dtype="float32"), r"shape \(4, 4\): for one-hot rows pass labels.argmax"),
        (np.eye(4, dtype="int64"), "for one-hot rows pass labels.argmax"),
        (np.zeros((4, 1), int), r"pass labels.reshape\(-1\)"),
        (np.arange(4.0), r"dtype float64.*labels.astype\('int32'\)"),
        (np.zeros(4, bool), "dtype bool"),
        (np.array(["cat", "dog", "cat", "dog"]), "dtype string.*number the classes"),
        (np.int64(3), r"shape \(\): pass one for each picture"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(labels, message):
    for data in ((images(4, 8, 8, 1), labels), {"image": images(4, 8, 8, 1), "label": labels}):
        with pytest.raises(ValueError, match=message) as refused:
            as_batch(data, (8, 8, 1))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("key", ["label", "label_b", "label_labelled", "label_set"])
@pytest.mark.parametrize(
    ("dtype", "number"),
    [("int64", 2**32 + 3), ("int64", -(2**32) + 3), ("uint32", 2**32 - 1), ("uint64", 2**64 - 1)],
)
def test_numbers_that_32_bits_would_wrap_are_refused(key, dtype, number):
    labels = np.array([0, 1, number, 2], dtype)
    with pytest.raises(tf.errors.InvalidArgumentError, match="below 2.31; number the classes"):
        as_batch({"image": images(4, 8, 8, 1), key: labels})


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "uint32", "int64", "uint64"])
def test_labels_of_all_integer_types_are_class_numbers(dtype):
    label = as_batch((images(4, 8, 8, 1), np.arange(4).astype(dtype)))["label"]
    assert label.dtype == tf.int32 and label.numpy().tolist() == [0, 1, 2, 3]
    for classes, least in ((300, -1), (70_000, 0)):  # No uint8 or int16 itself.
        found = labels_in_range(np.arange(4).astype(dtype), classes, least)
        assert found.dtype == tf.int32
    with pytest.raises(tf.errors.InvalidArgumentError, match="must lie in -1 .. 2"):
        labels_in_range(np.arange(4).astype(dtype), 3, -1)


@pytest.mark.parametrize(
    "name", ["stargan", "stargan_joint", "conditionalgan", "aae_semi", "cvae_label"]
)
def test_no_model_takes_an_id_of_64_bits_for_a_class(name):
    model, batch = TINY[name].build(), TINY[name].batch(8)
    model.compile(run_eagerly=True)
    for key in [k for k in batch if k.startswith("label") and k != "label_set"]:
        wide = {**batch, key: batch[key].astype("int64") + 2**32}
        with pytest.raises(tf.errors.InvalidArgumentError, match="Labels must be class numbers"):
            model.train_on_batch(wide)


def test_fit_refuses_one_hot_labels():
    model = TINY["conditionalgan"].build()
    model.compile(run_eagerly=True)
    batch = TINY["conditionalgan"].batch(4)
    with pytest.raises(ValueError, match="for one-hot rows"):
        model.fit(batch["image"], np.eye(10)[batch["label"]], verbose=0)


@pytest.mark.parametrize("value", [3.0, -1.5, np.nan, np.inf])
def test_values_out_of_range_are_refused(value):
    x = images(2, 8, 8, 1)
    x[1, 2, 3, 0] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"finite and lie in \[-1, 1\]"):
        as_batch(x, (8, 8, 1))


def test_missing_labels_are_named():
    with pytest.raises(ValueError, match="ConditionalGAN needs batches with 'label'.*image"):
        required({"image": 0}, "label", "ConditionalGAN")


def test_draws_outside_a_step_are_refused():
    with pytest.raises(RuntimeError, match="inside a training or test step"):
        draws()


def test_minibatches_are_strided_and_whole():
    x = tf.range(6)
    assert [m.numpy().tolist() for m in minibatches(x, 2)] == [[0, 2, 4], [1, 3, 5]]
    with pytest.raises(ValueError, match="multiple of `discriminator_steps` = 4.*6 rows"):
        minibatches(x, 4)


@pytest.mark.parametrize("name", ["gan", "stargan"])
def test_a_batch_without_a_row_for_each_step_of_the_critic_is_refused(name):
    model = TINY[name].build(discriminator_steps=3)
    model.compile()
    batch = TINY[name].batch(8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least `discriminator_steps` = 3"):
        model.fit(batch, batch_size=6, shuffle=False, verbose=0)  # 6 rows, then 2.


def test_evaluation_repeats_and_leaves_the_step_alone():
    model = TINY["vae"].build()
    model.compile()
    data = TINY["vae"].batch(12)["image"]
    first = model.evaluate(data, batch_size=4, verbose=0)
    assert model.evaluate(data, batch_size=4, verbose=0) == first
    assert int(model.step) == 0


def test_points_have_no_range_but_are_finite():
    batch = as_batch(np.array([[300.0, -4.0]], np.float32), (2,))
    np.testing.assert_array_equal(batch["image"], [[300.0, -4.0]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Points must be finite"):
        as_batch(np.array([[np.nan]], np.float32), (1,))
    with pytest.raises(ValueError, match="must have shape"):
        as_batch(np.zeros((2, 3), np.float32), (2,))
