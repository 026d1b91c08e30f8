"""Where decoded images are kept: in memory, or past a limit in a memory-mapped file of the cache.

What takes long to make, such as resized pictures, is read from the cache even where it fits memory.

A cached set is a folder `<key>` with raw arrays and `source.json`. It is written under another name
and renamed, so that what has the final name was complete. Its SHA-256 is compared whenever it is
opened: what a disk has lost or changed since is decoded anew.
"""

import contextlib
import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from tfgen import files
from tfgen.data.sources import fingerprint

DEFAULT_MEMORY_LIMIT = 2 << 30


class Chunk(NamedTuple):
    """Some decoded rows: images (n, H, W, C) uint8, labels (n,) int32 or None, and what failed."""

    images: np.ndarray
    labels: np.ndarray | None
    failures: list[str]


class Stored(NamedTuple):
    """All decoded rows."""

    arrays: dict[str, np.ndarray]
    failures: tuple[str, ...]
    fingerprint: str


def cache_folder() -> Path:
    """$TFGEN_CACHE_DIR, or ~/.cache/tfgen."""
    return Path(os.environ.get("TFGEN_CACHE_DIR") or Path.home() / ".cache" / "tfgen")


def memory_limit(given: int | None) -> int:
    """Bytes of decoded images that may be kept in memory: given, $TFGEN_MEMORY_LIMIT, or 2 GiB.

    Raises:
        ValueError: Not a non-negative number of bytes.
    """
    value = os.environ.get("TFGEN_MEMORY_LIMIT", DEFAULT_MEMORY_LIMIT) if given is None else given
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise ValueError(f"The memory limit must be a number of bytes. Received: {value!r}.")
    return number


def store(
    key: str,
    rows: int,
    chunks: Callable[[], Iterator[Chunk]],
    limit: int,
    title: str,
    keep: bool = False,
) -> Stored:
    """Decodes a set, or finds it decoded in the cache.

    Args:
        key: File name that depends on everything that the decoded set depends on.
        rows: Number of rows, at most.
        chunks: Makes the iterator of decoded rows, in order.
        limit: Bytes of images past which they go to the cache folder.
        title: Label of the progress bar, which shows on a terminal only.
        keep: Whether the cache gets a set below the limit too, because to make it takes long. One
            that cannot be written there is made anew the next time.
    """
    target = cache_folder() / key
    if target.is_dir():
        try:
            return _opened(target, limit)
        except (OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(f"{target} is damaged ({error}); it is decoded anew.", stacklevel=2)
            _remove(target)
    sink, failures, labels = None, [], []
    try:
        with tqdm(total=rows, desc=title, unit="images", disable=None, delay=1) as progress:
            for chunk in chunks():
                progress.update(len(chunk.images) + len(chunk.failures))
                failures += chunk.failures
                if len(chunk.images) == 0:
                    continue
                if sink is None:
                    shape = chunk.images.shape[1:]
                    large = rows * int(np.prod(shape)) > limit
                    sink = _Disk(target, shape) if large else _Memory(rows, shape)
                sink.add(chunk.images)
                if chunk.labels is not None:
                    labels.append(chunk.labels)
        if sink is None:
            return Stored({"image": np.empty((0, 1, 1, 1), np.uint8)}, tuple(failures), "")
        stored = sink.finished(np.concatenate(labels) if labels else None, failures)
        if keep and isinstance(sink, _Memory):
            with contextlib.suppress(OSError):
                _keep(target, stored)
        return stored
    finally:
        if sink is not None:
            sink.close()


def _keep(target, stored):
    images = stored.arrays["image"]
    sink = _Disk(target, images.shape[1:])
    try:
        sink.add(images)
        sink.finished(stored.arrays.get("label"), stored.failures)
    finally:
        sink.close()


class _Memory:
    def __init__(self, rows, shape):
        self.images, self.filled = np.empty((rows, *shape), np.uint8), 0

    def add(self, images):
        self.images[self.filled : self.filled + len(images)] = images
        self.filled += len(images)

    def finished(self, labels, failures):
        arrays = {"image": self.images[: self.filled]}
        if labels is not None:
            arrays["label"] = labels
        return Stored(arrays, tuple(failures), fingerprint(arrays))

    def close(self):
        pass


class _Disk:
    """Writes sequentially: a full disk is then an OSError, not a bus error of a memory map."""

    def __init__(self, target, shape):
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target, self.shape, self.filled = target, shape, 0
        self.aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        self.file = open(self.aside / "image.raw", "wb")

    def add(self, images):
        self.file.write(np.ascontiguousarray(images).data)
        self.filled += len(images)

    def finished(self, labels, failures):
        self.file.close()
        if labels is not None:
            labels.astype(np.int32).tofile(self.aside / "label.raw")
        record: dict[str, Any] = {"image": [self.filled, *map(int, self.shape)]}
        record["failures"] = list(failures)
        record["labels"] = labels is not None
        record["fingerprint"] = fingerprint(_mapped(self.aside, record))
        (self.aside / "source.json").write_text(json.dumps(record), encoding="utf-8")
        try:
            os.rename(self.aside, self.target)
        except OSError:
            # Another process finished the same set first.
            if not (self.target / "source.json").is_file():
                raise
        return _opened(self.target)

    def close(self):
        self.file.close()
        shutil.rmtree(self.aside, ignore_errors=True)


def _mapped(folder, record, limit=0):
    """The arrays; the images in memory where they are no larger than the limit."""
    shape, path = tuple(record["image"]), folder / "image.raw"
    if math.prod(shape) <= limit:
        image = np.fromfile(path, np.uint8).reshape(shape)
    else:
        image = np.memmap(path, np.uint8, "r", shape=shape)
    arrays: dict[str, np.ndarray] = {"image": image}
    if record["labels"]:
        arrays["label"] = np.fromfile(folder / "label.raw", np.int32)
    return arrays


def _opened(folder, limit=0):
    record = files.parsed((folder / "source.json").read_text(encoding="utf-8"))
    expected = {"image.raw": math.prod(record["image"])}
    if record["labels"]:
        expected["label.raw"] = 4 * record["image"][0]
    for name, count in expected.items():
        found = (folder / name).stat().st_size
        if found != count:
            raise ValueError(f"{name} has {found} bytes in place of {count}")
    arrays = _mapped(folder, record, limit)
    if fingerprint(arrays) != record["fingerprint"]:
        raise ValueError("the SHA-256 of its bytes is not the one that was noted")
    return Stored(arrays, tuple(record["failures"]), record["fingerprint"])


def _remove(folder):
    """Renamed first, so that another process sees all of it or nothing."""
    with contextlib.suppress(OSError):
        aside = tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent)
        os.replace(folder, aside)
        shutil.rmtree(aside, ignore_errors=True)
