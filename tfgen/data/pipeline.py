"""Batches whose contents are a pure function of (seed, step).

Step s is batch s % n of epoch s // n, with n steps in an epoch. Each epoch has its own permutation
of the examples, a pure function of (seed, epoch), instead of a stream through a shuffle buffer: a
run starts at any step at once, and sets of any size are shuffled fully.

The permutations are `RandomState.permutation`, whose numbers NumPy guarantees never to change.
`tf.random.experimental.index_shuffle` would need no memory, but permutes badly: at 60,000 examples
consecutive epochs were nearly the same order.
"""

import itertools

import numpy as np
import tensorflow as tf

from tfgen.data.augmentation import augmentation, subkey
from tfgen.data.key_patches import following
from tfgen.data.labelled import balanced_draw
from tfgen.data.sources import Source
from tfgen.signature import as_seeds

# Larger sets are not copied into a tensor; rows are gathered where they lie.
_TENSOR_BYTES = 1 << 30


def batches(
    source: Source,
    batch_size: int,
    *,
    seed: int = 0,
    start: int | None = None,
    shuffle: bool | None = None,
    drop_remainder: bool | None = None,
    flip: bool = False,
    crop: int | tuple[int, int] | None = None,
    crop_at: str | None = None,
    binarize: str | None = None,
    labels: bool | None = None,
    labelled: int | None = None,
) -> tf.data.Dataset:
    """Dict batches: `image` float32 (B, H, W, C) in [-1, 1], `label` int32 (B,), and what else.

    Args:
        source: The examples.
        batch_size: Examples in a batch; under a distribution strategy, over all replicas.
        seed: 64-bit seed of the order and of every random draw here.
        start: None for one epoch, whose k-th iteration is epoch k. A training step for an endless
            stream that begins there; `fit` then needs `steps_per_epoch`. Under a distribution
            strategy use the stream: Keras's `fit` first looks at one batch there, which counts as
            an iteration, so its first epoch would be epoch 1.
        shuffle: Another order each epoch; by default for a training split only.
        drop_remainder: Leave out the last batch of an epoch where it would be smaller; by default
            for a training split only.
        flip: Mirror each image left to right with probability one half.
        crop: Cut out this side or (H, W).
        crop_at: "random" or "center"; by default random for a training split.
        binarize: "threshold" (1 where x >= 0, else -1), "stochastic" (1 with probability
            (x + 1) / 2, drawn anew each epoch), "fixed" (the same, one draw an example forever).
        labels: None for labels where the source has them, True to require them, False for none.
        labelled: For learning from few labels: how many examples of a training split keep theirs,
            as equally many of each class as possible, drawn by `seed`; the others' become -1.

    A source with a second domain gives its images as `image_b`, shuffled and augmented by draws of
    their own. An epoch is then one of the larger domain; the smaller one goes through as many of
    its own as fit.

    Returns:
        A dataset with these attributes besides TensorFlow's own: `source`; `steps_per_epoch`; and
        `from_step(step)`, the same batches as an endless stream that begins at that step.

    Raises:
        ValueError: An argument out of range, labels that are missing, or a batch larger than the
            data set with `drop_remainder`.
    """
    training = source.training
    shuffle = training if shuffle is None else shuffle
    drop_remainder = training if drop_remainder is None else drop_remainder
    crop_at = crop_at or ("random" if training else "center")
    seed = int(as_seeds([seed])[0])

    def domain(source, seed):
        steps = _steps_per_epoch(source, batch_size, drop_remainder)
        keys = _keys(source, labels)
        order = _Order(source.size, batch_size, steps, seed, shuffle, drop_remainder)
        arrays = {key: source.arrays[key] for key in keys}
        if labelled is not None and training:
            arrays["label"] = _few(_labels_of(source, keys), labelled, seed)
        gather = _gatherer(arrays)
        augment = augmentation(source.image_shape, seed, binarize, crop, crop_at, flip)

        if "patches" in keys and (binarize or crop):
            raise ValueError("Key patches go with `flip` only, not with binarize and crop.")

        def fetch(step, rows):
            batch = gather(rows)
            batch = {**batch, "image": augment(batch["image"], step, rows)}
            return following(batch, step, seed, flip) if "patches" in keys else batch

        return order, fetch

    order, fetch = domain(source, seed)
    if source.second is not None:
        if not drop_remainder:
            raise ValueError("Two domains need drop_remainder=True: their last batches differ.")
        other, fetch_other = domain(source.second, int(as_seeds([subkey(seed, "data/second")])[0]))
        order, fetch_first = _Orders(order, other), fetch

        def fetch(first, second):
            return {**fetch_first(*first), "image_b": fetch_other(*second)["image"]}

    steps = order.steps

    def stream(numbers):
        dataset = numbers.map(fetch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        dataset = dataset.prefetch(tf.data.AUTOTUNE).with_options(_options())
        dataset.source, dataset.steps_per_epoch, dataset.from_step = source, steps, from_step
        return dataset

    def from_step(step):
        if isinstance(step, bool) or int(step) != step or step < 0:
            raise ValueError(f"start must be a training step, 0 or more. Received: {step!r}.")
        return stream(order.from_step(int(step)))

    return stream(order.epochs()) if start is None else from_step(start)


def _steps_per_epoch(source, batch_size, drop_remainder):
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer. Received: {batch_size!r}.")
    if drop_remainder and batch_size > source.size:
        raise ValueError(
            f"batch_size {batch_size} is larger than data set {source.name!r}, split "
            f"{source.split!r}, with {source.size} examples: no batch is full. Use a batch_size "
            f"of at most {source.size}, or drop_remainder=False."
        )
    return source.size // batch_size if drop_remainder else -(-source.size // batch_size)


def _keys(source, labels):
    if labels and "label" not in source.arrays:
        raise ValueError(
            f"Data set {source.name!r} has no labels. For a folder, use one sub-folder a class; "
            "for arrays, pass labels."
        )
    return [key for key in source.arrays if key != "label" or labels in (None, True)]


def _labels_of(source, keys):
    if "label" not in keys:
        raise ValueError(f"`labelled` needs labels; data set {source.name!r} is used without.")
    return source.arrays["label"]


def _few(label, count, seed):
    """Labels of which `count` are kept; -1 for the others."""
    words = subkey(seed, "data/labelled")
    generator = np.random.RandomState([words & 0xFFFFFFFF, words >> 32])
    kept = np.full_like(label, -1)
    rows = balanced_draw(label, count, generator)
    kept[rows] = label[rows]
    return kept


def _options():
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options


class _Order:
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


class _Orders:
    """The orders of two domains side by side; an epoch is one of the longer."""

    def __init__(self, first, second):
        self.both = first, second
        self.steps = max(first.steps, second.steps)

    def from_step(self, start):
        """Endless, from this training step on; `start` may be a tensor."""
        return tf.data.Dataset.zip(*(order.from_step(start) for order in self.both))

    def epochs(self):
        """One epoch: epoch k in the k-th iteration, as `_Order.epochs`."""
        return _iterations(lambda k: self.from_step(k * self.steps).take(self.steps), self.steps)


def _iterations(epoch, steps):
    """A dataset whose k-th iteration is `epoch(k)`, of so many steps."""
    count = itertools.count()

    def one(_):
        number = tf.numpy_function(lambda: np.int64(next(count)), [], tf.int64)
        return epoch(tf.ensure_shape(number, ()))

    numbers = tf.data.Dataset.range(1).flat_map(one)
    return numbers.apply(tf.data.experimental.assert_cardinality(steps))


def _gatherer(arrays):
    """A function from (B,) row numbers to a dict of their rows, one operation a batch."""
    on_disk = any(isinstance(value, np.memmap) for value in arrays.values())
    if not on_disk and sum(value.nbytes for value in arrays.values()) <= _TENSOR_BYTES:
        with tf.init_scope(), tf.device("CPU:0"):
            tensors = {key: tf.constant(value) for key, value in arrays.items()}
        return lambda rows: {key: tf.gather(value, rows) for key, value in tensors.items()}

    dtypes = [tf.as_dtype(value.dtype) for value in arrays.values()]

    def pick(rows):
        return [np.asarray(value)[rows] for value in arrays.values()]

    def gather(rows):
        parts = tf.numpy_function(pick, [rows], dtypes, stateful=False)
        for part, value in zip(parts, arrays.values(), strict=True):
            part.set_shape((rows.shape[0], *value.shape[1:]))
        return dict(zip(arrays, parts, strict=True))

    return gather
