"""Data sets as sharded TFRecords: what no listing of a folder serves, here or in an object store.

    DIR/train/dataset.json                what the shards hold, written last
    DIR/train/data-00000-of-00064.tfrecord

A record is a `tf.train.Example`: `image` as PNG where it has a form for it, everything else as the
bytes of the row. Rows stand in the order of the source, so a packed set is the set itself: the same
arrays, the same fingerprint, the same batches. Paths may be of any file system that TensorFlow has.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen import files
from tfgen.data.picture import Form
from tfgen.data.sources import Source, build
from tfgen.data.store import Chunk, store

MANIFEST = "dataset.json"
_CHUNK = 256
_PNG_CHANNELS = (1, 3, 4)


def pack(source: Source, folder: str, shards: int) -> dict[str, Any]:
    """Writes a source as so many shards into `folder`/<its split>.

    Each shard is written under another name and renamed; the manifest comes last, so that a folder
    with one is complete. The memory does not grow with the set.

    Args:
        source: The examples; one domain.
        folder: Made where it does not exist; on any file system of TensorFlow.
        shards: At most one for each row.

    Returns:
        The manifest.

    Raises:
        ValueError: More shards than rows, or a second domain.
    """
    if source.second is not None:
        raise ValueError(f"Data set {source.name!r} has two domains: pack each by itself.")
    if not 1 <= shards <= source.size:
        raise ValueError(f"shards must lie in 1 .. {source.size}, the rows. Received: {shards}.")
    place = _join(folder, source.split)
    tf.io.gfile.makedirs(place)
    if tf.io.gfile.exists(_join(place, MANIFEST)):
        tf.io.gfile.remove(_join(place, MANIFEST))  # From here on it would not be true.
    forms = {name: _form(name, array) for name, array in source.arrays.items()}
    edges = [source.size * n // shards for n in range(shards + 1)]
    written = []
    for number, (first, last) in enumerate(zip(edges, edges[1:], strict=False)):
        name = f"data-{number:05d}-of-{shards:05d}.tfrecord"
        written.append({"file": name, "rows": last - first})
        _write_shard(source, forms, range(first, last), _join(place, name))
    manifest = {
        "format": 1,
        "source": source.name,
        "split": source.split,
        "size": source.size,
        "fingerprint": source.fingerprint,
        "class_names": source.class_names and list(source.class_names),
        "arrays": forms,
        "shards": written,
    }
    with tf.io.gfile.GFile(_join(place, ".unfinished-" + MANIFEST), "w") as file:
        file.write(json.dumps(manifest, indent=1) + "\n")
    tf.io.gfile.rename(_join(place, ".unfinished-" + MANIFEST), _join(place, MANIFEST), True)
    return manifest


def packed(path: str, split: str, form: Form, limit: int) -> Source:
    """The examples of one split of a folder that `pack` wrote.

    Args:
        path: The folder, on any file system of TensorFlow.
        split: One that was packed.
        form: Must leave the pictures as they are.
        limit: Bytes of decoded images past which they are kept in the cache folder.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: A split that was not packed, shards that are missing or damaged, or a `form` of
            another size.
    """
    name = f"tfrecord:{path}"
    manifest = _manifest(name, path, split)
    shape = manifest["arrays"]["image"]["shape"]
    if not form.keeps(shape):
        raise ValueError(
            f"Data set {name!r}: its pictures are {shape} as they were packed. Leave image_size, "
            "channels and value_range out, or pack the set in that form."
        )
    place = _join(path, split)
    others = _others(name, place, manifest)
    labels = others.pop("label", None)
    if manifest["arrays"]["image"]["dtype"] != "uint8":
        rows = (row for part in _images(name, place, manifest) for row in part)
        images = np.stack(list(rows))
        arrays = {"image": images, **({} if labels is None else {"label": labels}), **others}
        return build(name, split, arrays, manifest["class_names"], range_known=True)

    def chunks() -> Iterator[Chunk]:
        done = 0
        for images in _images(name, place, manifest):
            part = None if labels is None else labels[done : done + len(images)]
            done += len(images)
            yield Chunk(images, part, [])

    key = hashlib.sha256(f"{path} {json.dumps(manifest, sort_keys=True)}".encode()).hexdigest()
    stored = store(f"tfrecord-{key[:32]}", manifest["size"], chunks, limit, f"Decoding {name}")
    if len(stored.arrays["image"]) != manifest["size"]:
        raise ValueError(
            f"Data set {name!r}, split {split!r}: {len(stored.arrays['image'])} rows in place of "
            f"{manifest['size']}. Pack it again."
        )
    arrays = {**stored.arrays, **others}
    fingerprint = None if others else stored.fingerprint
    # What was packed had been looked at.
    return build(name, split, arrays, manifest["class_names"], (), fingerprint, True)


def _manifest(name, path, split):
    place = _join(path, split)
    if not tf.io.gfile.isdir(path):
        raise FileNotFoundError(f"Data set {name!r}: there is no folder {path}.")
    try:
        with tf.io.gfile.GFile(_join(place, MANIFEST)) as file:
            return files.parsed(file.read())
    except tf.errors.NotFoundError as error:
        known = [p.rstrip("/") for p in sorted(tf.io.gfile.listdir(path))]
        known = [p for p in known if tf.io.gfile.exists(_join(path, p, MANIFEST))]
        raise ValueError(
            f"Data set {name!r}: split {split!r} was not packed whole ({place}/{MANIFEST} is "
            f"missing). There are: {', '.join(known) or 'none'}. `tfgen data pack` writes them."
        ) from error


def _form(name, array):
    """How an array stands in the records."""
    shape, text = list(array.shape[1:]), array.dtype.kind == "O"
    png = name == "image" and array.dtype == np.uint8 and shape[2] in _PNG_CHANNELS
    kind = "text" if text else "png" if png else "bytes"
    return {"dtype": "string" if text else array.dtype.name, "shape": shape, "as": kind}


def _write_shard(source, forms, rows, path):
    aside = path.rpartition("/")
    aside = f"{aside[0]}/.unfinished-{aside[2]}"
    with tf.io.TFRecordWriter(aside) as writer:
        for row in rows:
            features = {}
            for name, form in forms.items():
                values = _encoded(source.arrays[name][row], form)
                features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString(deterministic=True))
    tf.io.gfile.rename(aside, path, overwrite=True)


def _encoded(value, form):
    if form["as"] == "png":
        return [tf.io.encode_png(value).numpy()]
    if form["as"] == "text":
        flat = np.asarray(value, object).ravel().tolist()
        return [t if isinstance(t, bytes) else str(t).encode() for t in flat]
    return [np.ascontiguousarray(value).tobytes()]


def _records(name, place, manifest):
    """The serialised examples in order; ValueError for a shard that is damaged or missing."""
    for shard in manifest["shards"]:
        path, rows = _join(place, shard["file"]), 0
        try:
            for record in tf.data.TFRecordDataset(path).batch(_CHUNK).as_numpy_iterator():
                rows += len(record)
                if rows > shard["rows"]:
                    break
                yield record
        except (tf.errors.DataLossError, tf.errors.NotFoundError) as error:
            raise ValueError(f"Data set {name!r}: {path} is damaged: {error.message}") from error
        if rows != shard["rows"]:
            raise ValueError(
                f"Data set {name!r}: {path} has {rows} rows or more in place of "
                f"{shard['rows']}. "
                "Pack the set again."
            )


def _images(name, place, manifest):
    form = manifest["arrays"]["image"]
    spec, shape = {"image": tf.io.FixedLenFeature((), tf.string)}, form["shape"]
    decode = tf.function(
        lambda texts: tf.map_fn(
            lambda t: tf.ensure_shape(tf.io.decode_png(t, shape[2]), shape),
            texts,
            fn_output_signature=tf.uint8,
        )
    )
    for record in _records(name, place, manifest):
        texts = tf.io.parse_example(record, spec)["image"]
        if form["as"] == "png":
            yield decode(texts).numpy()
        else:
            yield np.stack([_decoded([text], form) for text in texts.numpy()])


def _others(name, place, manifest):
    """Everything but the pictures, in memory."""
    forms = {n: f for n, f in manifest["arrays"].items() if n != "image"}
    rows = {n: [] for n in forms}
    if not forms:
        return {}
    for record in _records(name, place, manifest):
        for serialised in record:
            features = tf.train.Example.FromString(serialised).features.feature
            for one, form in forms.items():
                rows[one].append(_decoded(list(features[one].bytes_list.value), form))
    return {n: np.stack(values) for n, values in rows.items()}


def _decoded(values, form):
    if form["as"] == "text":
        array = np.empty(len(values), object)
        array[:] = values
        return array.reshape(form["shape"])
    return np.frombuffer(values[0], np.dtype(form["dtype"])).reshape(form["shape"])


def _join(*parts):
    # Paths of object stores too, which os.path would take apart on other systems.
    return "/".join([parts[0].rstrip("/"), *parts[1:]])
