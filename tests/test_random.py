"""Philox against its published test vectors, TensorFlow's own op, and itself in two libraries."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfgen import random

NUMPY, TENSORFLOW = random.namespace("numpy"), random.namespace("tensorflow")
ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # Random123, kat_vectors, philox4x32 10
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
@pytest.mark.parametrize("xp", [NUMPY, TENSORFLOW], ids=["numpy", "tensorflow"])
def test_published_vectors(xp, counter, key, expected):
    words = [xp.reshape(xp.word(w), (1, 1)) for w in (*counter, *key)]
    assert [int(w[0, 0]) for w in xp.philox(*words)] == list(expected)


@pytest.mark.parametrize("first", [0, 5, 2**40])
def test_tensorflows_philox_draws_the_words_written_out_here(first):
    stream, key = (-3, random.purpose("z")), np.int64(-(2**60) + 7)
    written = random.uniform(NUMPY, (3, 6), key, stream, first)
    index = np.arange(6, dtype=np.uint64)[None] + np.uint64(2 * first)  # Two blocks a row.
    low, bits = np.uint64(ONES), key.astype(np.uint64)
    words = [index & low, index >> np.uint64(32), np.uint64(2**32 - 3), np.uint64(stream[1])]
    words = random.philox(NUMPY, np.broadcast_arrays(*words), (bits & low, bits >> np.uint64(32)))
    units = (np.stack(words, -1).reshape(3, 8)[:, :6] & np.uint64(0x7FFFFF)) / 2**23
    np.testing.assert_array_equal(written, units)

    def draw(first):
        return random.uniform(TENSORFLOW, (3, 6), tf.constant(key), stream, first)

    for made in (draw, tf.function(draw), tf.function(draw, jit_compile=True)):
        np.testing.assert_array_equal(made(tf.constant(first, tf.int64)), written)


@pytest.mark.parametrize("rate", [0.5, 0.3])
@pytest.mark.parametrize("key", [3, "rows"])
def test_dropout_keeps_the_same_everywhere_and_as_much_as_it_says(rate, key):
    key = np.arange(-2, 198, dtype=np.int64) if key == "rows" else np.int64(key)
    shape, stream = (200, 5, 7), (1, 2)

    def draw(step):
        return random.kept(TENSORFLOW, shape, rate, tf.constant(key), (step, 2))

    found = random.kept(NUMPY, shape, rate, key, stream)
    assert found.dtype == bool and found.shape == shape
    for made in (draw, tf.function(draw, jit_compile=True)):
        np.testing.assert_array_equal(made(tf.constant(1, tf.int64)), found)
    share = random.kept_share(rate)
    assert abs(share - (1 - rate)) <= 2**-17 and abs(found.mean() - share) < 0.02
    assert abs(np.corrcoef(found[:, :-1].ravel(), found[:, 1:].ravel())[0, 1]) < 0.05
    if key.ndim == 0:
        part = random.kept(NUMPY, (20, 5, 7), rate, key, stream, first=180)
        np.testing.assert_array_equal(part, found[180:])


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 4), (5, 7), (3, 2, 3, 1)])
@pytest.mark.parametrize("key", [3, "rows"])
def test_numpy_and_tensorflow_draw_the_same(shape, key):
    key = np.arange(-2, shape[0] - 2, dtype=np.int64) if key == "rows" else np.int64(key)
    stream = (123, random.purpose("z"))
    a = random.uniform(NUMPY, shape, key, stream)
    b = random.uniform(TENSORFLOW, shape, tf.constant(key), stream)
    assert a.dtype == np.float32 and a.shape == shape
    np.testing.assert_array_equal(a, b)
    assert 0.0 <= a.min() and a.max() < 1.0
    np.testing.assert_allclose(
        random.normal(NUMPY, shape, key, stream),
        random.normal(TENSORFLOW, shape, tf.constant(key), stream),
        atol=1e-6,
    )
    np.testing.assert_array_equal(
        random.categorical(NUMPY, shape, key, stream, 10),
        random.categorical(TENSORFLOW, shape, tf.constant(key), stream, 10),
    )


def test_xla_draws_the_same_bits_for_run_time_values():
    def draw(step):
        return random.uniform(TENSORFLOW, (4, 6), tf.constant(9, tf.int64), (step, 5))

    step = tf.constant(17, tf.int64)
    np.testing.assert_array_equal(draw(step), tf.function(draw, jit_compile=True)(step))


def test_a_row_depends_on_its_own_number_and_seed_only():
    whole = random.normal(NUMPY, (6, 5), 1, (2, 3))
    np.testing.assert_array_equal(whole[4:], random.normal(NUMPY, (2, 5), 1, (2, 3), first=4))
    by_seed = random.normal(NUMPY, (3, 5), np.array([8, 9, 8]), (0, 3))
    np.testing.assert_array_equal(by_seed[0], by_seed[2])
    assert not np.array_equal(by_seed[0], by_seed[1])


def test_streams_differ():
    draws = {
        random.uniform(NUMPY, (1, 4), key, (step, random.purpose(name))).tobytes()
        for key in (0, 1, -1, 2**40)
        for step in (0, 1)
        for name in ("a", "b")
    }
    assert len(draws) == 16


def test_distributions():
    assert (
        scipy.stats.kstest(random.uniform(NUMPY, (100, 1000), 0, (0, 0)).ravel(), "uniform")[1]
        > 1e-3
    )
    normal = random.normal(NUMPY, (100, 1000), 0, (0, 0))
    assert scipy.stats.kstest(normal.ravel(), "norm")[1] > 1e-3
    assert abs(np.corrcoef(normal[:, :-1].ravel(), normal[:, 1:].ravel())[0, 1]) < 0.02
    counts = np.bincount(random.categorical(NUMPY, (100, 1000), 0, (0, 0), 10).ravel())
    assert scipy.stats.chisquare(counts)[1] > 1e-3
