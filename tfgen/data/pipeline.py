"""Batches whose contents are a pure function of (seed, step).

Step s is batch s % n of epoch s // n, with n steps in an epoch. Each epoch has its own permutation
of the examples, a pure function of (seed, epoch), instead of a stream through a shuffle buffer: a
run starts at any step at once, and sets of any size are shuffled fully.
"""

import numpy as np
import tensorflow as tf

from tfgen.construct import is_count
from tfgen.data import service as of_service
from tfgen.data.augmentation import augmentation, subkey
from tfgen.data.key_patches import following
from tfgen.data.labelled import check_batch, kept_labels, kept_rows
from tfgen.data.order import Order, Orders
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
    labelled_batch_size: int | None = None,
    service: str | None = None,
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
        labelled_batch_size: Examples with labels that each batch of a training split has besides,
            as `image_labelled` and `label_labelled`: in an order of their own, whatever the length
            of an epoch. They are those that `labelled` keeps, or all.
        service: Address of a dispatcher of TensorFlow's data service, such as
            "grpc://localhost:5050", whose workers make the batches; the same ones.

    A source with a second domain gives its images as `image_b`, shuffled and augmented by draws of
    their own. An epoch is then one of the larger domain; the smaller one goes through as many of
    its own as fit.

    Returns:
        A dataset with these attributes besides TensorFlow's own: `source`; `steps_per_epoch`;
        `from_step(step)`, the same batches as an endless stream that begins at that step; and what
        makes a batch, `fetch(*element)` of an element of `order`.

    Raises:
        ValueError: An argument out of range, labels that are missing, or a batch larger than the
            data set with `drop_remainder`.
        ConnectionError: Nothing answers at `service`.
    """
    training = source.training
    for option, given in (("shuffle", shuffle), ("drop_remainder", drop_remainder), ("flip", flip)):
        if not isinstance(given, bool | np.bool_ | None):
            raise ValueError(f"{option} must be true or false. Received: {given!r}.")
    shuffle = training if shuffle is None else shuffle
    drop_remainder = training if drop_remainder is None else drop_remainder
    crop_at = crop_at or ("random" if training else "center")
    seed = int(as_seeds([seed])[0])
    if service is not None:
        service = of_service.checked(service)
        if not drop_remainder:
            raise ValueError("service needs drop_remainder=True: its batches have one size.")

    kept = None
    if training and (labelled, labelled_batch_size) != (None, None):
        kept = kept_rows(_labels_of(source, _keys(source, labels)), labelled, seed)

    def domain(source, seed):
        steps = _steps_per_epoch(source, batch_size, drop_remainder)
        keys = _keys(source, labels)
        order = Order(source.size, batch_size, steps, seed, shuffle, drop_remainder)
        arrays = {key: source.arrays[key] for key in keys}
        if kept is not None:
            arrays["label"] = kept_labels(_labels_of(source, keys), kept)
        if service is not None:
            of_service.check(arrays)
        gather = _gatherer(arrays, sent=service is not None)
        changes = binarize, crop, crop_at, flip
        augment = augmentation(source.image_shape, seed, *changes)
        augment_labelled = augmentation(source.image_shape, seed, *changes, stream="data/labelled")

        if "patches" in keys and (binarize or crop):
            raise ValueError("Key patches go with `flip` only, not with binarize and crop.")

        def fetch(step, rows):
            batch = gather(rows)
            batch = {**batch, "image": augment(batch["image"], step, rows)}
            return following(batch, step, seed, flip) if "patches" in keys else batch

        def fetch_labelled(step, turn):
            rows = tf.gather(kept, turn)
            found = gather(rows)
            image = augment_labelled(found["image"], step, rows)
            return {"image_labelled": image, "label_labelled": found["label"]}

        return order, fetch, fetch_labelled

    order, fetch, fetch_labelled = domain(source, seed)
    if source.second is not None:
        if not drop_remainder:
            raise ValueError("Two domains need drop_remainder=True: their last batches differ.")
        if kept is not None:
            raise ValueError("labelled and labelled_batch_size are for one domain. Received two.")
        second_seed = int(as_seeds([subkey(seed, "data/second")])[0])
        other, fetch_other, _ = domain(source.second, second_seed)
        order, fetch_first = Orders(order, other), fetch

        def fetch(first, second):
            return {**fetch_first(*first), "image_b": fetch_other(*second)["image"]}

    if kept is not None and labelled_batch_size is not None:
        check_batch(labelled_batch_size, len(kept))
        own_seed = int(as_seeds([subkey(seed, "data/labelled order")])[0])
        own_steps = len(kept) // labelled_batch_size
        own = Order(len(kept), labelled_batch_size, own_steps, own_seed, shuffle, True)
        order, fetch_first = Orders(order, own, steps=order.steps), fetch

        def fetch(first, turn):
            return {**fetch_first(*first), **fetch_labelled(*turn)}

    steps = order.steps

    def stream(numbers, count=None):
        if service is None:
            dataset = numbers.map(fetch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        else:
            dataset = of_service.through(service, numbers, fetch, count)
        dataset = dataset.prefetch(tf.data.AUTOTUNE).with_options(_options())
        dataset.source, dataset.steps_per_epoch, dataset.from_step = source, steps, from_step
        dataset.order, dataset.fetch = order, fetch
        return dataset

    def from_step(step):
        if isinstance(step, bool) or int(step) != step or step < 0:
            raise ValueError(f"start must be a training step, 0 or more. Received: {step!r}.")
        return stream(order.from_step(int(step)))

    return stream(order.epochs(), steps) if start is None else from_step(start)


def _steps_per_epoch(source, batch_size, drop_remainder):
    if not is_count(batch_size):
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


def _options():
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options


def _gatherer(arrays, sent):
    """A function from (B,) row numbers to a dict of their rows, one operation a batch.

    What is `sent` to another process must be tensors.
    """
    on_disk = any(isinstance(value, np.memmap) for value in arrays.values())
    if sent or not on_disk and sum(value.nbytes for value in arrays.values()) <= _TENSOR_BYTES:
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
