"""Anything with images that tensorflow-datasets has, read into arrays in file order."""

import difflib
import hashlib
import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tfgen.data.picture import Form, fitted_array
from tfgen.data.sources import Source, build, class_numbers
from tfgen.data.store import Chunk, store

_CHUNK = 512


def prepared(
    dataset: str, split: str, form: Form, limit: int, data_dir: str | None, download: bool
) -> Source:
    """One split of `tfds:dataset`: its feature `image` and, where it has one, `label`.

    Args:
        dataset: Name as tensorflow-datasets has it, with config and version as wanted.
        split: Anything that it takes: "train", "test", "train[:80%]", "train+test", "all".
        form: Size and channels.
        limit: Bytes of decoded images past which they are kept in the cache folder.
        data_dir: Where prepared sets lie; by default $TFDS_DATA_DIR, else ~/tensorflow_datasets.
        download: Whether to download and prepare a set that is not there.

    Raises:
        ValueError: Unknown set or split, a set that is not prepared, or one without images.
    """
    name = f"tfds:{dataset}"
    builder = opened(dataset, name, data_dir, download)
    features = builder.info.features
    wanted = _wanted(features, name)
    stored = _stored(builder, split, wanted, form, limit, name)
    class_names = getattr(features["label"], "names", None) if "label" in wanted else None
    names = tuple(class_names) if class_names else None
    known = form.value_range is not None
    return build(name, split, stored.arrays, names, (), stored.fingerprint, known)


def opened(dataset: str, name: str, data_dir: str | None, download: bool):
    """The builder of a set that is prepared, if need be now."""
    builder = _builder(dataset, name, data_dir)
    if not builder.is_prepared():
        _prepare(builder, name, download)
    return builder


def pictures(builder: Any, split: str, form: Form, limit: int, name: str):
    """The pictures alone, (N, H, W, C), and what could not be decoded."""
    _wanted(builder.info.features, name)
    stored = _stored(builder, split, {"image": True}, form, limit, name)
    return stored.arrays["image"], stored.failures


def others(builder: Any, split: str, wanted: Sequence[str] | dict):
    """Examples with the features besides the picture that are wanted, in the pictures' order."""
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding(wanted),
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    return tfds.as_numpy(dataset)


def _stored(builder, split, wanted, form, limit, name):
    rows = _size(builder, name, split)
    if rows == 0:
        raise ValueError(f"Data set {name!r}, split {split!r}: it is empty (0 images).")
    # Part of the key: arrays with labels and without are kept apart.
    key = f"{_key(builder, split, form)}{'' if 'label' in wanted else '-pictures'}"
    return store(
        key,
        rows,
        lambda: _chunks(builder, split, wanted, form, name),
        limit,
        f"Reading {name}",
        keep=not _as_it_is(builder, form),
    )


def _builder(dataset, name, data_dir):
    import tensorflow_datasets as tfds

    where = data_dir or os.environ.get("TFDS_DATA_DIR") or None
    try:
        return tfds.builder(dataset, data_dir=where, try_gcs=False)
    except tfds.core.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(dataset.split("/")[0].split(":")[0], known)
        hint = f" Did you mean {' or '.join(f'tfds:{n}' for n in near)}?" if near else ""
        raise ValueError(
            f"tensorflow-datasets has no data set {dataset!r}.{hint} All are listed at "
            "https://www.tensorflow.org/datasets/catalog."
        ) from error
    except (AssertionError, ValueError) as error:
        # An unknown version is an AssertionError there, an unknown config a ValueError.
        raise ValueError(f"Data set {name!r} cannot be opened: {error}") from error


def _prepare(builder, name, download):
    import tensorflow_datasets as tfds

    folder = builder.data_path.parent.parent
    if not download:
        raise ValueError(
            f"Data set {name!r} is not prepared below {folder}. Either allow the download "
            f"(download: true in a config, download=True in Python), or point data_dir or "
            "TFDS_DATA_DIR at a folder where it is."
        )
    try:
        # Sets that must be fetched by hand fail with an AssertionError that says how.
        builder.download_and_prepare()
    except (OSError, tfds.download.DownloadError, AssertionError) as error:
        raise ValueError(
            f"Data set {name!r} could not be downloaded to {folder}: {error}. Check the "
            "connection, or point data_dir or TFDS_DATA_DIR at a folder where it is prepared."
        ) from error


def _wanted(features, name):
    """The features to decode, `image` and perhaps `label`."""
    import tensorflow_datasets as tfds

    named = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    if not isinstance(named.get("image"), tfds.features.Image):
        raise ValueError(
            f"Data set {name!r} has no feature 'image' that holds a picture. "
            f"It has: {', '.join(named) or features}."
        )
    if features["image"].np_dtype != np.uint8:
        raise ValueError(
            f"Data set {name!r}: images must be uint8. It has {features['image'].np_dtype}."
        )
    label = named.get("label")
    labelled = label is not None and label.shape == () and np.issubdtype(label.np_dtype, np.integer)
    return {"image": True, "label": True} if labelled else {"image": True}


def _size(builder, name, split):
    splits = builder.info.splits
    try:
        return splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"Data set {name!r} has no split {split!r}. Its splits: {', '.join(splits)}, parts "
            "such as 'train[:80%]', and sums such as 'train+test'."
        ) from error


def _key(builder, split, form):
    digest = hashlib.sha256(repr((builder.info.full_name, split, form)).encode())
    for path in sorted(Path(builder.data_path).iterdir()):
        status = path.stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)
        digest.update(repr((str(path), status.st_size, times)).encode())
    return f"tfds-{builder.name}-{digest.hexdigest()[:32]}"


def _chunks(builder, split, wanted, form, name):
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding(wanted),
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    if _as_it_is(builder, form):
        for batch in tfds.as_numpy(dataset.batch(_CHUNK)):
            yield Chunk(batch["image"], _labels(batch.get("label")), [])
        return
    examples, expected = iter(tfds.as_numpy(dataset)), None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while part := list(itertools.islice(examples, _CHUNK)):
            images = list(pool.map(lambda e: fitted_array(e["image"], form), part))
            expected = expected or images[0].shape
            odd = next((i.shape for i in images if i.shape != expected), None)
            if odd:
                raise ValueError(
                    f"Data set {name!r}: images differ in shape, {expected} and {odd}. Pass "
                    "image_size to bring them to one."
                )
            labels = [e["label"] for e in part] if "label" in wanted else None
            yield Chunk(np.stack(images), _labels(labels), [])


def _as_it_is(builder, form):
    """Whether the pictures of a set need no change, which decodes whole batches at once."""
    shape = builder.info.features["image"].shape
    return None not in shape and form.keeps(shape)


def _labels(labels):
    return None if labels is None else class_numbers(np.asarray(labels))
