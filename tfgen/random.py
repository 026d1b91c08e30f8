"""Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

Counter-based: every number is a pure function of a 64-bit key and a 128-bit counter. Written once
over an array namespace, so that NumPy, eager TensorFlow, `tf.function`, XLA and an exported graph
draw the same bits (TensorFlow's own stateless ops change their numbers under XLA, and neither ONNX
nor TensorFlow Lite has them). Uniforms are bit-identical everywhere, normals to 3e-7, the
difference between two libraries' `log` and `sin`.

The four counter words are (block within the row, row, stream[0], stream[1]). A row is one example,
so what an example draws does not depend on the batch that it is drawn in, and replicas of a
distributed step draw their own rows of one global draw.

This module imports without TensorFlow.
"""

import functools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_MASK = 0xFFFFFFFF


class _NumPy:
    float32, int32, int64, uint64 = np.float32, np.int32, np.int64, np.uint64
    log, sqrt, sin, cos, maximum = np.log, np.sqrt, np.sin, np.cos, np.maximum
    stack, reshape, xor, conj = np.stack, np.reshape, np.bitwise_xor, np.bitwise_and
    shift = staticmethod(np.right_shift)

    @staticmethod
    def philox(*words):
        return philox(_NumPy, words[:4], words[4:])

    @staticmethod
    def cast(x, dtype):
        # int64 -> uint64 keeps the bits, as in TensorFlow: a negative seed is a seed.
        return np.asarray(x).astype(dtype)

    @staticmethod
    def arange(n):
        return np.arange(n, dtype=np.uint64)

    @staticmethod
    def word(value):
        return np.uint64(value)


class _TensorFlow:
    """The same names in TensorFlow, which is imported at the first use only."""

    def __init__(self):
        import tensorflow as tf

        self.float32, self.int32, self.int64 = tf.float32, tf.int32, tf.int64
        self.uint64 = tf.uint64
        self.log, self.sqrt, self.sin, self.cos = tf.math.log, tf.sqrt, tf.sin, tf.cos
        self.maximum, self.stack, self.reshape, self.cast = (
            tf.maximum,
            tf.stack,
            tf.reshape,
            tf.cast,
        )
        self.xor, self.conj = tf.bitwise.bitwise_xor, tf.bitwise.bitwise_and
        self.shift = tf.bitwise.right_shift
        self.arange = lambda n: tf.cast(tf.range(n), tf.uint64)
        self.word = lambda value: tf.constant(value, tf.uint64)
        # One graph for all draws: ten rounds traced afresh for each would dominate tracing a step.
        words = tf.TensorSpec((None, None), tf.uint64)
        self.philox = tf.function(
            lambda *w: philox(self, w[:4], w[4:]), input_signature=[words] * 6, autograph=False
        )


@functools.cache
def namespace(name: str):
    """The array namespace "numpy" or "tensorflow"."""
    return _NumPy if name == "numpy" else _TensorFlow()


def purpose(name: str) -> int:
    """The 32-bit stream number of a named purpose."""
    return zlib.crc32(name.encode())


def philox(xp: Any, counter: Sequence, key: Sequence) -> tuple:
    """Four arrays of 32 random bits for each (4-word counter, 2-word key), all held in uint64."""
    mask, half = xp.word(_MASK), xp.word(32)
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for number in range(_ROUNDS):
        if number:
            k0 = xp.conj(k0 + xp.word(_WEYL[0]), mask)
            k1 = xp.conj(k1 + xp.word(_WEYL[1]), mask)
        p0, p1 = c0 * xp.word(_MULTIPLIERS[0]), c2 * xp.word(_MULTIPLIERS[1])
        c0, c1, c2, c3 = (
            xp.xor(xp.xor(xp.shift(p1, half), c1), k0),
            xp.conj(p1, mask),
            xp.xor(xp.xor(xp.shift(p0, half), c3), k1),
            xp.conj(p0, mask),
        )
    return c0, c1, c2, c3


def _bits(xp, rows, width, key, stream, first):
    """(rows, blocks) arrays of random words, enough for `width` numbers a row."""
    key = xp.cast(key, xp.uint64)
    per_row = len(key.shape) == 1  # One key a row: then the row number must not matter.
    key = xp.reshape(key, (-1, 1))
    row = xp.reshape(xp.arange(rows), (-1, 1))
    row = row * xp.word(0) if per_row else row + xp.cast(first, xp.uint64)
    block = xp.reshape(xp.arange((width + 3) // 4), (1, -1))
    low, half = xp.word(_MASK), xp.word(32)
    zero = row * xp.word(0) + block * xp.word(0)
    stream = [xp.conj(xp.cast(word, xp.uint64), low) + zero for word in stream]
    counter = (block + zero, xp.conj(row, low) + zero, *stream)
    return xp.philox(*counter, xp.conj(key, low), xp.shift(key, half))


def _width(shape):
    """Numbers in one row; a Python int where the shape is static."""
    width = 1
    for side in shape[1:]:
        width = width * side
    return width


def _unit(xp, word):
    """The low 23 bits as a float32 in [0, 1)."""
    return xp.cast(xp.conj(word, xp.word(0x7FFFFF)), xp.float32) * np.float32(2**-23)


def _rows(xp, columns, shape):
    """Four (rows, blocks) arrays, interleaved, cut to the row's width and given its shape."""
    width = _width(shape)
    flat = xp.reshape(xp.stack(columns, -1), (shape[0], -1))
    return xp.reshape(flat[:, :width], tuple(shape))


def uniform(xp: Any, shape: Sequence, key: Any, stream: tuple, first: Any = 0) -> Any:
    """Uniform float32 in [0, 1).

    Args:
        xp: A `namespace`.
        shape: Shape of the result; its first axis counts rows.
        key: 64-bit seed, or one for each row (then a row depends on its own seed alone).
        stream: Two 32-bit words that name the draw, such as (step, purpose).
        first: Number of the first row, for a part of a larger draw.
    """
    words = _bits(xp, shape[0], _width(shape), key, stream, first)
    return _rows(xp, [_unit(xp, w) for w in words], shape)


def normal(xp: Any, shape: Sequence, key: Any, stream: tuple, first: Any = 0) -> Any:
    """Standard normal float32 by Box-Muller; arguments as for `uniform`."""
    w = [_unit(xp, w) for w in _bits(xp, shape[0], _width(shape), key, stream, first)]
    columns = []
    for u, v in ((w[0], w[1]), (w[2], w[3])):
        radius = xp.sqrt(np.float32(-2.0) * xp.log(xp.maximum(u, np.float32(1e-7))))
        angle = np.float32(2.0 * np.pi) * v
        columns += [radius * xp.sin(angle), radius * xp.cos(angle)]
    return _rows(xp, columns, shape)


def categorical(
    xp: Any, shape: Sequence, key: Any, stream: tuple, num_classes: int, first: Any = 0
) -> Any:
    """Uniform int32 in 0 .. num_classes - 1; arguments as for `uniform`."""
    u = uniform(xp, shape, key, stream, first)
    return xp.cast(u * np.float32(num_classes), xp.int32)
