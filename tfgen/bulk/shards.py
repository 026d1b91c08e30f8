"""One shard of pictures: written whole or not at all, and read again a few pictures at a time.

tfrecord    tf.train.Example: `seed`, `image` (PNG), perhaps `label`
npz         `seed` (N,) int64, `image` (N, H, W, C) uint8, perhaps `label` (N,) int32
png         a folder with seed-000000000007.png, ...
"""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tfgen import files
from tfgen.bulk.plans import Shard

Batch = tuple[int, np.ndarray, np.ndarray | None]  # First seed, pictures, labels.


def write(folder: Path, shard: Shard, kind: str, batches: Iterable[Batch]) -> None:
    """Writes a shard under another name, synchronises it with the disk and renames it.

    Args:
        folder: Of the shards.
        shard: Which one.
        kind: "tfrecord", "npz" or "png".
        batches: Its pictures, in order.

    Raises:
        OSError: A full disk, or a folder that cannot be written.
    """
    path = folder / shard.name
    if kind == "png":
        _write_folder(path, batches)
        return
    writer = _write_records if kind == "tfrecord" else _write_arrays
    files.write(path, lambda temporary: writer(temporary, batches))


def read(folder: Path, shard: Shard, kind: str) -> Iterator[np.ndarray]:
    """The pictures of a shard in batches, (B, H, W, C) uint8, in the order of their seeds."""
    import tensorflow as tf

    path = folder / shard.name
    if kind == "npz":
        with np.load(path) as arrays:
            yield from np.array_split(arrays["image"], max(1, len(arrays["image"]) // 256))
        return
    if kind == "png":
        texts = (name.read_bytes() for name in sorted(path.iterdir()))
    else:
        records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        texts = (_image(record) for record in records)
    part = []
    for text in texts:
        part.append(tf.io.decode_png(text).numpy())
        if len(part) == 256:
            yield np.stack(part)
            part = []
    if part:
        yield np.stack(part)


def sha256(path: Path) -> str:
    """Of a file; of a folder, over the names and hashes of its files."""
    if path.is_file():
        return files.sha256(path)
    lines = [f"{one.name} {files.sha256(one)}\n" for one in sorted(path.iterdir())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _image(record):
    import tensorflow as tf

    return tf.train.Example.FromString(record).features.feature["image"].bytes_list.value[0]


def _png(image):
    import tensorflow as tf

    return tf.io.encode_png(image).numpy()


def _write_records(path, batches):
    import tensorflow as tf

    def numbers(*values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for first, images, labels in batches:
            for row, image in enumerate(images):
                picture = tf.train.BytesList(value=[_png(image)])
                features = {"seed": numbers(first + row)}
                features["image"] = tf.train.Feature(bytes_list=picture)
                if labels is not None:
                    features["label"] = numbers(int(labels[row]))
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString(deterministic=True))


def _write_arrays(path, batches):
    parts = list(batches)
    arrays = {"image": np.concatenate([images for _, images, _ in parts])}
    arrays["seed"] = parts[0][0] + np.arange(len(arrays["image"]), dtype=np.int64)
    if parts[0][2] is not None:
        arrays["label"] = np.concatenate([labels for *_, labels in parts])
    held = io.BytesIO()
    np.savez(held, **arrays)  # type: ignore[arg-type]  # Arrays by name, no option.
    path.write_bytes(held.getvalue())


def _write_folder(path, batches):
    aside = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=path.parent))
    try:
        for first, images, _ in batches:
            for row, image in enumerate(images):
                (aside / f"seed-{first + row:012d}.png").write_bytes(_png(image))
        aside.chmod(0o755)
        os.rename(aside, path)
    except OSError:
        if not path.is_dir():  # Else another process was first, with the same pictures.
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
