"""Skewing, and one LSTM layer against its definition, cell by cell."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from tfgen.autoregressive.recurrent import DiagonalBiLSTM, RowLSTM, shift_down, skew, unskew


@pytest.mark.parametrize("shape", [(2, 4, 4, 3), (1, 3, 5, 2), (2, 5, 2, 1), (3, 1, 4, 1)])
def test_skew_moves_row_r_by_r_and_back(shape):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    skewed = skew(tf.constant(x)).numpy()
    _, height, width, _ = shape
    assert skewed.shape == (shape[0], height, height + width - 1, shape[3])
    for r in range(height):
        np.testing.assert_array_equal(skewed[:, r, r : r + width], x[:, r])
        assert not skewed[:, r, :r].any() and not skewed[:, r, r + width :].any()
    np.testing.assert_array_equal(unskew(tf.constant(skewed)), x)


def cell(gates, c):
    o, f, i, g = np.split(gates, 4, -1)
    c = expit(f) * c + expit(i) * np.tanh(g)
    return expit(o) * np.tanh(c), c


def layer(kind, units=3, maps=4):
    made = kind(units)
    made.build((None, None, None, maps))
    generator = np.random.default_rng(1)
    for weight in made.trainable_variables:
        weight.assign(generator.normal(0, 0.5, weight.shape))
    return made


def states(height, width, units):
    """h and c at every cell, with a border of zeros reached by the index -1 or past the end."""
    return np.zeros((height + 1, width + 2, units)), np.zeros((height + 1, width + 2, units))


def test_row_lstm_is_its_definition():
    made, x = layer(RowLSTM), np.random.default_rng(0).normal(size=(1, 4, 5, 4)).astype("float32")
    gates = made.input_to_state(x).numpy()[0]
    kernel = made.kernel.numpy()
    h, c = states(4, 5, 3)
    for r in range(4):
        for j in range(5):
            above = np.concatenate([h[r - 1, j + 1 + d] for d in (-1, 0, 1)])
            h[r, j + 1], c[r, j + 1] = cell(gates[r, j] + above @ kernel, c[r - 1, j + 1])
    np.testing.assert_allclose(made(x)[0], h[:4, 1:6], atol=1e-5)


def test_diagonal_bilstm_is_its_definition():
    made = layer(DiagonalBiLSTM)
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 4)).astype("float32")

    def one(gates, kernel):
        h, c = states(4, 5, 3)
        for r in range(4):
            for j in range(5):
                inputs = np.concatenate([h[r - 1, j + 1], h[r, j]])
                h[r, j + 1], c[r, j + 1] = cell(gates[r, j] + inputs @ kernel, c[r, j])
        return h[:4, 1:6]

    left = one(made.input_to_state(x).numpy()[0], made.kernel.numpy())
    gates = made.mirrored_input_to_state(x).numpy()[0, :, ::-1]
    right = one(gates, made.mirrored_kernel.numpy())[:, ::-1]
    expected = left + np.concatenate([np.zeros_like(right[:1]), right[:-1]])
    np.testing.assert_allclose(made(x)[0], expected, atol=1e-5)


def test_shift_down_fills_the_first_row_with_zeros():
    x = np.arange(12.0, dtype="float32").reshape(1, 3, 4, 1)
    moved = shift_down(tf.constant(x)).numpy()
    assert not moved[:, 0].any()
    np.testing.assert_array_equal(moved[:, 1:], x[:, :-1])
