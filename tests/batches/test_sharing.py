"""Batches that replicas cannot share evenly are refused before a weight moves."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen import data

IMAGES = TINY["vae"].batch(12)["image"]


def model_in(strategy):
    with strategy.scope():
        model = TINY["vae"].build()
        model.compile(run_eagerly=True)
    return model


def batches(rows, size, whole):
    images = tf.data.Dataset.from_tensor_slices({"image": IMAGES[:rows]})
    return images.batch(size, drop_remainder=whole)


@pytest.mark.parametrize(
    ("x", "options", "rows"),
    [
        (IMAGES[:7], {"batch_size": 8}, "would have 7 rows"),
        (IMAGES[:9], {"batch_size": 4}, "would have 1 rows"),
        (IMAGES, {"batch_size": 3}, "would have 3 rows"),
        (IMAGES[:10], {"batch_size": 4, "validation_split": 0.5}, "would have 1 rows"),
        (IMAGES[:8], {"validation_data": (IMAGES[:7],)}, "would have 7 rows"),
        (batches(7, 7, True), {}, "would have 7 rows"),
        (batches(12, 8, False), {}, "does not say that its last is as large"),
        (data.batches(data.array(IMAGES, split="test"), 8), {}, "does not say"),
    ],
)
def test_uneven_batches_are_refused_before_the_first_step(x, options, rows, strategy):
    model = model_in(strategy)
    with pytest.raises(ValueError, match=f"VAE on 2 replicas .*{rows}.*drop_remainder=True") as no:
        model.fit(x, verbose=0, **options)
    assert "\n" not in str(no.value)
    assert int(model.step.numpy()) == 0


def test_an_uneven_evaluation_is_refused(strategy):
    with pytest.raises(ValueError, match="on 2 replicas .*would have 1 rows"):
        model_in(strategy).evaluate(IMAGES[:9], batch_size=8, verbose=0)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "traced"])
def test_what_a_generator_gives_unevenly_moves_no_weight(jit, strategy):
    def pictures():
        yield IMAGES[:6]
        yield IMAGES[:7]

    with strategy.scope():
        model = TINY["vae"].build()
        model.compile(run_eagerly=not jit)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must divide among the replicas"):
        model.fit(((x,) for x in pictures()), verbose=0)
    assert int(model.step.numpy()) == 1


def test_even_batches_are_taken_by_two_and_by_three(strategy, three):
    ways = ((IMAGES[:6], {"batch_size": 12}), (IMAGES, {"batch_size": 6}))
    for way, (x, options) in enumerate(ways):
        alone = TINY["vae"].build()
        alone.compile(run_eagerly=True)
        alone.fit(x, shuffle=False, verbose=0, **options)
        for several in (strategy, three):
            model = model_in(several)
            model.fit(x, shuffle=False, verbose=0, **options)
            for one, other in zip(alone.weights, model.weights, strict=True):
                np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5, err_msg=str(way))


def test_one_device_takes_any_last_batch():
    model = TINY["vae"].build()
    model.compile(run_eagerly=True)
    model.fit(IMAGES[:7], batch_size=4, verbose=0)
    model.fit(batches(7, 4, False), verbose=0)
    assert int(model.step) == 4
