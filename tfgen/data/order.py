"""The order in which examples come, a pure function of (seed, step).

The permutations are `RandomState.permutation`, whose numbers NumPy guarantees never to change.
`tf.random.experimental.index_shuffle` would need no memory, but permutes badly: at 60,000 examples
consecutive epochs were nearly the same order.
"""

import itertools

import numpy as np
import tensorflow as tf

from tfgen.data.augmentation import subkey


class Order:
    """Datasets of (step, rows): the step's number, and the numbers of its examples, (B,) int64."""

    def __init__(self, size, batch_size, steps, seed, shuffle, drop_remainder):
        self.size, self.batch_size, self.steps = size, batch_size, steps
        self.shuffle, self.drop_remainder = shuffle, drop_remainder
        base = subkey(seed, "data/order")
        self.words = base & 0xFFFFFFFF, base >> 32

    def from_step(self, start):
        """Endless, from this training step on; `start` may be a tensor."""
        epochs = tf.data.Dataset.counter(start // self.steps)
        numbers = epochs.flat_map(lambda epoch: self._epoch(epoch, start))
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return numbers.apply(endless)

    def epochs(self):
        """One epoch: epoch k in the k-th iteration.

        An iteration counts when its first batch is asked for, since Keras makes iterators that it
        never uses. The count is kept in Python because a variable made in a strategy's scope would
        be mirrored, which tf.data cannot capture.
        """
        return _iterations(lambda epoch: self._epoch(epoch, 0), self.steps)

    def _epoch(self, epoch, start):
        if self.shuffle:
            order = tf.numpy_function(self._permutation, [epoch], tf.int64, stateful=False)
            order.set_shape((self.size,))
        else:
            order = tf.range(self.size, dtype=tf.int64)

        def one(step):
            first = step % self.steps * self.batch_size
            rows = order[first : first + self.batch_size]
            if self.drop_remainder:
                rows.set_shape((self.batch_size,))
            return step, rows

        first = tf.maximum(epoch * self.steps, tf.cast(start, tf.int64))
        return tf.data.Dataset.range(first, (epoch + 1) * self.steps).map(one)

    def _permutation(self, epoch):
        generator = np.random.RandomState([*self.words, epoch & 0xFFFFFFFF, epoch >> 32])
        return generator.permutation(self.size).astype(np.int64)


class Orders:
    """Two orders side by side; an epoch has so many steps, by default those of the longer."""

    def __init__(self, first, second, steps=None):
        self.both = first, second
        self.steps = steps or max(first.steps, second.steps)

    def from_step(self, start):
        """Endless, from this training step on; `start` may be a tensor."""
        return tf.data.Dataset.zip(*(order.from_step(start) for order in self.both))

    def epochs(self):
        """One epoch: epoch k in the k-th iteration, as `Order.epochs`."""
        return _iterations(lambda k: self.from_step(k * self.steps).take(self.steps), self.steps)


def _iterations(epoch, steps):
    """A dataset whose k-th iteration is `epoch(k)`, of so many steps."""
    count = itertools.count()

    def one(_):
        number = tf.numpy_function(lambda: np.int64(next(count)), [], tf.int64)
        return epoch(tf.ensure_shape(number, ()))

    numbers = tf.data.Dataset.range(1).flat_map(one)
    return numbers.apply(tf.data.experimental.assert_cardinality(steps))
