"""Sampling in batches: their size, their memory, and the generator form."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen import sampling
from tfgen.signature import Input


@pytest.fixture(scope="module")
def model():
    return TINY["conditionalgan"].build()


def test_cheap_rows_come_in_large_batches_and_costly_ones_in_small():
    def graph(*shape):
        function = tf.function(lambda x: tf.sin(x))
        return function.get_concrete_function(tf.TensorSpec((None, *shape))).graph

    assert sampling.rows_at_a_time(graph(8)) == sampling.MOST
    assert sampling.rows_at_a_time(graph(1024, 1024, 3)) == sampling.LEAST
    # Three tensors of 16 KiB a row (the input, the sine and what is returned): 64 MiB hold 1365.
    some = sampling.rows_at_a_time(graph(64, 64, 8))
    assert sampling.LEAST < some < sampling.MOST and some & (some - 1) == 0


def test_batches_are_the_rows_of_one_draw(model):
    whole = model.sample(range(7), label=2)
    parts = list(model.samples(range(7), batch_size=3, label=2))
    assert [len(part) for part in parts] == [3, 3, 1]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    labels = np.arange(7) % 3
    each = np.concatenate(list(model.samples(range(7), batch_size=2, label=labels)))
    np.testing.assert_allclose(each, model.sample(range(7), label=labels), atol=1e-5)


def test_noise_is_drawn_a_batch_at_a_time(model, monkeypatch):
    rows, draw = [], Input.draw
    monkeypatch.setattr(
        Input,
        "draw",
        lambda self, xp, seeds, name: rows.append(len(seeds)) or draw(self, xp, seeds, name),
    )
    endless = model.samples(range(10**12), batch_size=4, label=0)
    assert [len(part) for part in itertools.islice(endless, 3)] == [4, 4, 4]
    assert set(rows) == {4}


def test_between_batches_the_model_has_its_own_weights():
    model = TINY["gan"].build()
    optimizers = {
        p: tf.keras.optimizers.SGD(0.1, use_ema=True)
        for p in ("generator_optimizer", "discriminator_optimizer")
    }
    model.compile(**optimizers, run_eagerly=True)
    model.fit(TINY["gan"].batch(4), batch_size=2, verbose=0)
    weights = [w.numpy() for w in model.weights]
    with model.averaged():
        assert not all(np.array_equal(a, b) for a, b in zip(weights, model.weights, strict=True))
    parts = []
    for part in model.samples(range(4), batch_size=2):
        parts.append(part)
        assert all(np.array_equal(a, b) for a, b in zip(weights, model.weights, strict=True))
    np.testing.assert_allclose(np.concatenate(parts), model.sample(range(4)), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(seeds=[]), "`seeds` is empty"),
        (dict(seeds=[0.5]), "integers of 64 bits"),
        (dict(seeds=range(2**65, 2**65 + 2)), "integers of 64 bits"),
        (dict(seeds=range(2), batch_size=0), "`batch_size` must be at least 1"),
        (dict(seeds=range(2), signature="nothing"), "nothing"),
        (dict(seeds=range(2), label=99), "must lie in 0 .. 2"),
        (dict(seeds=range(2), label=[1, 2, 3]), r"must have shape \(2,\)"),
        (dict(seeds=range(2), colour=1), r"Unknown inputs \['colour'\]"),
    ],
)
def test_bad_arguments_are_refused_at_once(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        model.samples(**arguments)
