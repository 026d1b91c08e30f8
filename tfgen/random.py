"""Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

Counter-based: every number is a pure function of a 64-bit key and a 128-bit counter, so NumPy,
eager TensorFlow, `tf.function`, XLA and an exported graph draw the same bits. Where one key serves
all rows, as in a training step, TensorFlow's own Philox makes the words: told its algorithm, key
and counter, it is the same function everywhere, XLA included (its other stateless ops change their
numbers there). Where each row has a key, the ten rounds are written out below. Uniforms are
bit-identical everywhere, normals to 3e-7, the difference between two libraries' `log` and `sin`.

The four counter words are (block, block's upper half, stream[0], stream[1]). A row is one example
and takes the next whole blocks of four words; row r of blocks b each begins at block r * b. So
what an example draws does not depend on the batch that it is drawn in, and replicas of a
distributed step draw their own rows of one global draw. A row with a key of its own begins at 0.

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
    uint8, uint16 = np.uint8, np.uint16
    log, sqrt, sin, cos, maximum = np.log, np.sqrt, np.sin, np.cos, np.maximum
    stack, reshape, xor, conj = np.stack, np.reshape, np.bitwise_xor, np.bitwise_and
    shift = staticmethod(np.right_shift)

    @staticmethod
    def row_of_words(count, first, stream, key):
        index = np.arange(count, dtype=np.uint64) + first
        words = (index & np.uint64(_MASK), index >> np.uint64(32), *stream)
        key = (key & np.uint64(_MASK), key >> np.uint64(32))
        found = philox(_NumPy, np.broadcast_arrays(*words), key)
        return np.stack(found, -1).astype(np.uint32).view(np.int32)

    @staticmethod
    def parts(words, dtype):
        return words[..., np.newaxis].view(dtype)

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
        self.uint8, self.uint16, self.uint64 = tf.uint8, tf.uint16, tf.uint64
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
        self.parts = tf.bitcast
        # One graph for all draws: ten rounds traced afresh for each would dominate tracing a step.
        words = tf.TensorSpec((None, None), tf.uint64)
        self.philox = tf.function(
            lambda *w: philox(self, w[:4], w[4:]), input_signature=[words] * 6, autograph=False
        )

    def row_of_words(self, count, first, stream, key):
        import tensorflow as tf

        upper = tf.bitwise.left_shift(stream[1], self.word(32))
        words = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=tf.reshape(4 * count, (1,)),
            key=tf.reshape(key, (1,)),
            counter=tf.stack([first, tf.bitwise.bitwise_or(stream[0], upper)]),
            alg=1,  # Philox.
            dtype=tf.int32,
        )
        return tf.reshape(words, (count, 4))


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


def _bits(xp, rows, numbers, key, stream, first):
    """(rows, blocks, 4) int32 words, at least `numbers` a row."""
    blocks = (numbers + 3) // 4
    key, low = xp.cast(key, xp.uint64), xp.word(_MASK)
    stream = [xp.conj(xp.cast(word, xp.uint64), low) for word in stream]
    if len(key.shape) == 0:
        begin = xp.cast(first, xp.uint64) * xp.cast(blocks, xp.uint64)
        words = xp.row_of_words(rows * blocks, begin, stream, key)
        return xp.reshape(words, (rows, blocks, 4))
    key = xp.reshape(key, (-1, 1))  # One key a row: then the row's number must not matter.
    zero = xp.reshape(xp.arange(rows), (-1, 1)) * xp.word(0)
    block = xp.reshape(xp.arange(blocks), (1, -1)) + zero
    zero = block * xp.word(0)
    counter = (block, zero, *(word + zero for word in stream))
    words = xp.philox(*counter, xp.conj(key, low), xp.shift(key, xp.word(32)))
    return xp.cast(xp.stack(words, -1), xp.int32)


def _width(shape):
    """Numbers in one row; a Python int where the shape is static."""
    width = 1
    for side in shape[1:]:
        width = width * side
    return width


def _unit(xp, words):
    """The low 23 bits as a float32 in [0, 1)."""
    return xp.cast(xp.conj(words, np.int32(0x7FFFFF)), xp.float32) * np.float32(2**-23)


def _rows(xp, numbers, shape):
    """(rows, ...) numbers, cut to the row's width and given its shape."""
    width = _width(shape)
    flat = xp.reshape(numbers, (shape[0], -1))
    if not isinstance(width, int) or flat.shape[1] != width:
        flat = flat[:, :width]
    return xp.reshape(flat, tuple(shape))


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
    return _rows(xp, _unit(xp, words), shape)


def normal(xp: Any, shape: Sequence, key: Any, stream: tuple, first: Any = 0) -> Any:
    """Standard normal float32 by Box-Muller; arguments as for `uniform`."""
    u = _unit(xp, _bits(xp, shape[0], _width(shape), key, stream, first))  # (rows, blocks, 4)
    radius = xp.sqrt(np.float32(-2.0) * xp.log(xp.maximum(u[..., 0::2], np.float32(1e-7))))
    angle = np.float32(2.0 * np.pi) * u[..., 1::2]
    return _rows(xp, xp.stack([radius * xp.sin(angle), radius * xp.cos(angle)], -1), shape)


def categorical(
    xp: Any, shape: Sequence, key: Any, stream: tuple, num_classes: int, first: Any = 0
) -> Any:
    """Uniform int32 in 0 .. num_classes - 1; arguments as for `uniform`."""
    u = uniform(xp, shape, key, stream, first)
    return xp.cast(u * np.float32(num_classes), xp.int32)


def kept(xp: Any, shape: Sequence, rate: float, key: Any, stream: tuple, first: Any = 0) -> Any:
    """What dropout of this rate keeps: True with probability `kept_share(rate)`.

    A word of 32 bits makes two of them, or four where the rate is a multiple of 1/256.

    Args:
        rate: In [0, 1).
        xp, shape, key, stream, first: As for `uniform`.
    """
    bits, least = _threshold(rate)
    dtype = xp.uint8 if bits == 8 else xp.uint16
    each = 32 // bits
    numbers = (_width(shape) + each - 1) // each
    parts = xp.parts(_bits(xp, shape[0], numbers, key, stream, first), dtype)
    return _rows(xp, parts, shape) >= xp.cast(least, dtype)


def kept_share(rate: float) -> float:
    """The probability with which `kept` keeps: 1 - rate, to 2^-17."""
    bits, least = _threshold(rate)
    return 1.0 - least / 2**bits


def _threshold(rate):
    """(bits a value, the least value that is kept)."""
    bits = 8 if (rate * 256).is_integer() else 16
    return bits, min(round(rate * 2**bits), 2**bits - 1)
