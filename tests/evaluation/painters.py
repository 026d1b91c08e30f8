"""Models that draw what a test wants, without a network."""

import contextlib

import numpy as np
import tensorflow as tf

from tfgen import data
from tfgen.signature import Input, Signature


def digits(split="test", rows=None):
    """Real pictures (N, 8, 8, 1) and labels."""
    arrays = data.source("digits", split).arrays
    return np.array(arrays["image"][:rows]), np.array(arrays["label"][:rows])


class Painter:
    """What evaluation uses of a `GenerativeModel`, around plain functions of arrays.

    Args:
        **signatures: Name -> (function of arrays by input name -> dict of arrays, inputs).
    """

    seed = 0

    def __init__(self, **signatures):
        self.step = tf.Variable(5, dtype=tf.int64)
        self.table = {name: Signature(*entry) for name, entry in signatures.items()}
        self.calls = []

    def signatures(self):
        return self.table

    def averaged(self):
        return contextlib.nullcontext(self)

    def get_weights(self):
        return []

    def call_signature(self, name, feeds):
        self.calls.append((name, len(next(iter(feeds.values())))))
        outputs = self.table[name].fn(**{k: np.asarray(v) for k, v in feeds.items()})
        return {k: tf.constant(v) for k, v in outputs.items()}

    def sample(self, seeds, signature, batch_size=64, **given):
        feeds = self.table[signature].draw(seeds, **given)
        return self.call_signature(signature, feeds)["image"].numpy()


def painter(paint, conditions=None):
    """A model whose `generate` is a function of uniform z (N, 4) and of the conditions."""
    inputs = {"z": Input.uniform(4), **(conditions or {})}
    return Painter(generate=(lambda **feeds: {"image": paint(**feeds)}, inputs))


def copying(images):
    """Draws one of the pictures at random."""
    return painter(lambda z: images[(z[:, 0] * len(images)).astype(int)])


def noise(z):
    """Uniform noise, 8x8."""
    rows = [np.random.default_rng(int(v * 1e9)).uniform(-1, 1, (8, 8, 1)) for v in z[:, 0]]
    return np.array(rows, np.float32)
