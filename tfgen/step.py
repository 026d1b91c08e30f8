"""What surrounds one training or test step: the batch as a dict, and the step's random numbers."""

import contextlib
import functools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import optimizers, random
from tfgen.batches import accumulation, sharing
from tfgen.construct import NUMBER_CLASSES, label_fix, no_such

_scope = threading.local()  # MirroredStrategy traces each replica in a thread of its own.


class Draws:
    """The random numbers of one step.

    Every draw is a pure function of (seed, purpose, step, row of the global batch). A purpose that
    comes twice in one step is numbered, so the k-th discriminator step draws afresh. Replica r of
    a strategy draws its own rows of the global draw; together they draw what one device would.
    """

    def __init__(self, seed: int, step: tf.Tensor, kind: str, part: Any = 0, parts: int = 1):
        self.seed, self.step, self.kind = seed, step, kind
        self.recompute = False  # Whether blocks are computed again for their gradient.
        self.part, self.parts = part, parts  # Of this replica's rows, taken one after the other.
        self.seen = Counter()

    def _arguments(self, purpose, shape):
        self.seen[purpose] += 1
        name = f"{self.kind}/{purpose}/{self.seen[purpose]}"
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        before = tf.cast(replica, tf.int64) * self.parts + tf.cast(self.part, tf.int64)
        first = before * tf.cast(shape[0], tf.int64)
        stream = (self.step, random.purpose(name))
        return (
            random.namespace("tensorflow"),
            shape,
            tf.constant(self.seed, tf.int64),
            stream,
            first,
        )

    def normal(self, purpose: str, shape: Sequence) -> tf.Tensor:
        """Standard normal numbers of this shape, rows first."""
        return random.normal(*self._arguments(purpose, shape))

    def uniform(self, purpose: str, shape: Sequence) -> tf.Tensor:
        """Uniform numbers in [0, 1)."""
        return random.uniform(*self._arguments(purpose, shape))

    def kept(self, purpose: str, shape: Sequence, rate: float) -> tf.Tensor:
        """What dropout of this rate keeps, bool; see `tfgen.random.kept`."""
        xp, shape, key, stream, first = self._arguments(purpose, shape)
        return random.kept(xp, shape, rate, key, stream, first)

    def categorical(self, purpose: str, shape: Sequence, num_classes: int) -> tf.Tensor:
        """Uniform int32 in 0 .. num_classes - 1."""
        xp, shape, key, stream, first = self._arguments(purpose, shape)
        return random.categorical(xp, shape, key, stream, num_classes, first)


def running() -> Draws | None:
    """The draws of the step that is running, or None."""
    return getattr(_scope, "draws", None)


def draws() -> Draws:
    """The draws of the step that is running.

    Raises:
        RuntimeError: No step is running.
    """
    current = running()
    if current is None:
        raise RuntimeError(
            "Random numbers are drawn inside a training or test step only: decorate `train_step` "
            "and `test_step` with `@tfgen.step.step`, and call networks with training=False "
            "elsewhere."
        )
    return current


@contextlib.contextmanager
def drawing(seed: int, step: tf.Tensor | int, kind: str, part: Any = 0, parts: int = 1):
    """`draws()` inside are those of this step; "train", "test" and others are apart."""
    outer = running()
    _scope.draws = Draws(seed, tf.cast(step, tf.int64), kind, part, parts)
    try:
        yield _scope.draws
    finally:
        _scope.draws = outer


def step(function: Callable) -> Callable:
    """Decorates `train_step` and `test_step`: `data` of any form that `fit` takes becomes the dict.

    A training step draws by `model.step`, which it advances unless loss scaling has skipped all of
    its updates; a test step draws by the number of batches since the evaluation began, so an
    evaluation repeats exactly and never disturbs the training.
    """
    training = function.__name__ == "train_step"

    @functools.wraps(function)
    def run(self, data):
        batch = as_batch(data, getattr(self, "image_shape", None))
        if check := getattr(self, "check_values", None):
            check(batch)
        if training:
            number = self.step.value
        else:
            number = tf.cast(self.batches.total.value, tf.int64)
        _scope.rows = None if training else rows_of(batch)
        scaled = training and optimizers.scaled(getattr(self, "optimizers", {}))
        before = optimizers.updates(self.optimizers) if scaled else ()
        number, kind = tf.identity(number), "train" if training else "test"
        parts = getattr(self, "accumulate", 1) if training else 1

        def one(rows, part):
            with drawing(self.seed, number, kind, part, parts) as current:
                current.recompute = training and getattr(self, "gradient_checkpointing", False)
                return function(self, rows)

        try:
            result = one(batch, 0) if parts == 1 else accumulation.in_parts(self, batch, one)
        finally:
            _scope.rows = None
        if scaled:
            after = optimizers.updates(self.optimizers)
            self.step.assign_add(optimizers.step_taken(scaled, before, after))
            result = {**result, **optimizers.scales(scaled)}
        elif training:
            self.step.assign_add(1)
        else:
            self.batches.update_state(1.0)
        return sharing.reportable(result)

    return run


def rows_of(batch: dict) -> Any:
    """The number of pictures of a batch, float32; None for a batch without pictures."""
    image = batch.get("image")
    return None if image is None else tf.cast(tf.shape(image)[0], tf.float32)


def weight(value: Any) -> Any:
    """How much a reported value counts: a test step's mean as many as its rows, all else 1."""
    scalar = tf.convert_to_tensor(value).shape.rank == 0
    return getattr(_scope, "rows", None) if scalar else None


class Batch(dict):
    """Name -> tensor; a name that is not there is an error that says which are."""

    def __missing__(self, key):
        raise ValueError(no_such("key of a batch", key, self))


def as_batch(data: Any, image_shape: Sequence[int | None] | None = None) -> dict[str, tf.Tensor]:
    """Whatever `fit` was given as a dict of tensors with key "image".

    Args:
        data: A dict, images, (images,) or (images, labels); images float32 (B, H, W, C) in [-1, 1],
            or points (B, D) of any size, for models built with an `image_shape` of (D,).
            Of a dict, `image`, every key that begins with `image_`, and `patches`
            (B, P, H, W, C) are images. Labels, `label` and every key that begins with `label_`,
            are integers (B,) of any type and become int32.
        image_shape: (H, W, C) that the images must have, None for a free side or for no check.

    Raises:
        ValueError: Another structure, dtype or shape.
        tf.errors.InvalidArgumentError: Images outside [-1, 1], or labels that 32 bits do not hold.
    """
    if not isinstance(data, dict):
        parts = data if isinstance(data, tuple | list) else (data,)
        while len(parts) > 1 and parts[-1] is None:  # Keras's (x, y, sample_weight).
            parts = parts[:-1]
        if len(parts) == 1 and isinstance(parts[0], dict):
            return as_batch(parts[0], image_shape)
        if not 1 <= len(parts) <= 2:
            raise ValueError(
                "A batch is a dict, images, or (images, labels). "
                f"Received a {type(data).__name__} of {len(parts)}."
            )
        data = dict(zip(("image", "label"), parts, strict=False))
    batch = Batch(data)
    for key in batch:
        if key == "image" or key.startswith("image_"):
            batch[key] = _checked(batch[key], image_shape)
        elif (key == "label" or key.startswith("label_")) and batch[key] is not None:
            batch[key] = _label(batch[key])
    if "patches" in batch:
        batch["patches"] = _checked(batch["patches"])
    return batch


def _label(label):
    """Class numbers (B,); what a dtype or a rank tells of others is refused."""
    label = tf.convert_to_tensor(label)
    kind = np.dtype(label.dtype.as_numpy_dtype).kind  # "O" of texts.
    fix = label_fix(kind, None if label.shape.rank is None else label.shape)
    if fix is None:
        return class_numbers(label)
    raise ValueError(
        "Labels must be integers 0, 1, 2, ... of shape (B,). "
        f"Received dtype {label.dtype.name}, shape {label.shape}: {fix}."
    )


def class_numbers(label: Any) -> tf.Tensor:
    """Labels of any type of integers as int32, in which no class becomes another.

    Args:
        label: Integers of any shape.

    Raises:
        tf.errors.InvalidArgumentError: One that int32 cannot hold.
    """
    label = tf.convert_to_tensor(label)
    if label.dtype == tf.int32:
        return label
    wide = tf.cast(label, tf.int64)
    least = 0 if label.dtype.is_unsigned else tf.int32.min  # uint64 past int64 is negative here.
    low, high = tf.reduce_min(wide), tf.reduce_max(wide)
    tf.debugging.Assert(
        (low >= least) & (high <= tf.int32.max),
        [
            f"Labels must be class numbers 0, 1, 2, ... below 2^31; {NUMBER_CLASSES}. Smallest and "
            "largest:",
            low,
            high,
        ],
    )
    return tf.cast(label, tf.int32)


def labels_in_range(label: Any, num_classes: int, least: int = 0) -> tf.Tensor:
    """The labels of a batch, int32.

    Args:
        label: (B,) integers.
        num_classes: K.
        least: The smallest one: 0, or -1 where that stands for an unknown class.

    Raises:
        tf.errors.InvalidArgumentError: One outside `least` .. K - 1.
    """
    label = class_numbers(label)
    low, high = tf.reduce_min(label), tf.reduce_max(label)
    tf.debugging.Assert(
        (low >= least) & (high < num_classes),
        [f"Labels must lie in {least} .. {num_classes - 1}. Smallest and largest:", low, high],
    )
    return label


def _checked(image, image_shape=None):
    image = tf.convert_to_tensor(image)
    if not image.dtype.is_floating:
        raise ValueError(
            f"Images must be float32 in [-1, 1]. Received dtype {image.dtype.name}: convert them "
            "with `tfgen.data.array(images, labels)` or `tfgen.data.load(...)`."
        )
    if image_shape is not None:
        expected = tf.TensorShape((None, *image_shape))
        if not image.shape.is_compatible_with(expected):
            single = image.shape.is_compatible_with(expected[1:])
            remedy = " A data set must come in batches: dataset.batch(64)." if single else ""
            raise ValueError(f"Images must have shape {expected}. Received: {image.shape}.{remedy}")
    if image.shape.rank == 2:
        return _points(image)
    largest = tf.reduce_max(tf.abs(image))
    # Written so that NaN fails too.
    tf.debugging.Assert(
        largest <= 1.001,
        [
            "Images must be finite and lie in [-1, 1] (tfgen.data scales them). Largest |x|:",
            largest,
        ],
    )
    return tf.cast(image, keras.config.floatx())


def _points(x):
    """Points of a plane or a line, (B, D): numbers of any size, for what is no picture."""
    finite = tf.reduce_all(tf.math.is_finite(x))
    tf.debugging.Assert(finite, ["Points must be finite. A batch held NaN or infinity."])
    return tf.cast(x, keras.config.floatx())


def required(batch: dict[str, tf.Tensor], key: str, who: str) -> tf.Tensor:
    """`batch[key]`, or an error that names what lacks it."""
    if key not in batch:
        raise ValueError(
            f"{who} needs batches with {key!r}. Received keys: {', '.join(batch)}. "
            f"Use a data set that has {key!r}, or pass (images, labels) to fit."
        )
    return batch[key]


def minibatches(x: tf.Tensor, count: int) -> list[tf.Tensor]:
    """The batch cut into `count` minibatches.

    Strided, so that the replicas' minibatches together are the ones that one device would form.

    Raises:
        ValueError: The number of rows is not a multiple of `count`.
        tf.errors.InvalidArgumentError: It is known only as the batch comes, and is below `count`.
    """
    rows = x.shape[0]
    if rows is not None and rows % count:
        raise ValueError(
            f"The batch must be a multiple of `discriminator_steps` = {count}. "
            f"Received {rows} rows on each replica."
        )
    if rows is None:
        with tf.control_dependencies([enough_rows(x, count)]):
            x = tf.identity(x)
    return [x[i::count] for i in range(count)]


def enough_rows(x: tf.Tensor, count: int) -> tf.Operation | None:
    """The assertion that a batch has a row for each minibatch."""
    # An empty minibatch has NaN for its mean, or fails deep inside a convolution.
    return tf.debugging.Assert(
        tf.shape(x)[0] >= count,
        [
            f"A batch must have at least `discriminator_steps` = {count} rows on each replica; "
            "use a larger batch_size, or drop the last batch of a data set (drop_remainder). "
            "Rows received:",
            tf.shape(x)[0],
        ],
    )
