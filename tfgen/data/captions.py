"""Pictures with captions: one's own, with a CSV or JSON lines file, or of tensorflow-datasets.

Several captions a picture are rows of the array `text`, (N, K) bytes in UTF-8; where a picture has
fewer than K they are repeated.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgen.data import folder, tfds
from tfgen.data.picture import Form
from tfgen.data.sources import Source, build
from tfgen.data.store import Chunk, store

FILES = ("captions.csv", "captions.jsonl", "metadata.csv", "metadata.jsonl")
PICTURE = ("file_name", "image", "file", "filename")
TEXT = ("text", "caption", "captions")


class _Row(NamedTuple):
    where: str
    path: Path
    texts: list[str]
    split: str | None


def captioned(
    where: str, split: str, form: Form, limit: int, data_dir: str | None, download: bool
) -> Source:
    """A `Source` with `text`.

    Args:
        where: A folder that holds one of `FILES`, the path of such a file, or "tfds:NAME".
        split: "train", "test" or "all", or one that the file names; for "tfds:" whatever
            tensorflow-datasets takes.
        form: Size and channels; RGB where it leaves the channels open.
        limit: Bytes of decoded images past which they are kept in the cache folder.
        data_dir, download: For "tfds:", as in `tfgen.data.source`.

    Raises:
        FileNotFoundError: There is no such folder or file.
        ValueError: A file of another form, a picture that is missing, an empty caption, or as
            `tfgen.data.folder.folder` and `tfgen.data.tfds.prepared`.
    """
    kind, _, dataset = where.partition(":")
    if kind == "tfds" and dataset:
        return _prepared(dataset, split, form, limit, data_dir, download)
    path = _captions_file(Path(where).expanduser())
    name = f"captions:{where}"
    rows = _of_split(list(_rows(path)), name, split)
    form = Form(form.image_size, form.channels or 3, form.resize)
    paths = [row.path for row in rows]
    # The rows' numbers go through the store as labels: pictures may fail to decode.
    listing = folder._Listing(paths, np.arange(len(paths), dtype=np.int32), None)
    stored = store(
        folder._key(path.parent, listing, form),
        len(paths),
        lambda: folder._chunks(path.parent, listing, form),
        limit,
        f"Decoding {name}",
    )
    if len(stored.arrays["image"]) == 0:
        raise ValueError(
            f"Data set {name!r}: none of the {len(paths)} pictures could be decoded. "
            f"The first: {stored.failures[0]}."
        )
    texts = [rows[number].texts for number in stored.arrays["label"]]
    arrays = {"image": stored.arrays["image"], "text": _rectangle(texts)}
    return build(name, split, arrays, None, stored.failures)


def _captions_file(path):
    if path.is_file():
        return path
    if not path.is_dir():
        raise FileNotFoundError(f"Data set 'captions:{path}': there is no such folder or file.")
    found = [path / name for name in FILES if (path / name).is_file()]
    if not found:
        raise FileNotFoundError(
            f"Data set 'captions:{path}': the folder holds none of {', '.join(FILES)}."
        )
    return found[0]


def _rows(path) -> Iterator[_Row]:
    """The pictures in the order in which the file names them first, each with all its captions."""
    found: dict[Path, _Row] = {}
    for line, entry in _entries(path):
        where = f"{path}, line {line}"
        picture, text = _field(entry, PICTURE, where), _field(entry, TEXT, where)
        texts = text if isinstance(text, list) else [text]
        if not texts or not all(isinstance(t, str) and t.strip() for t in texts):
            raise ValueError(f"{where}: the caption of {picture!r} is empty. Write or remove it.")
        picture_path = path.parent / str(picture)
        if not picture_path.is_file():
            raise ValueError(
                f"{where}: there is no picture {picture!r} in {path.parent}. "
                "Put it there, or remove the line."
            )
        split = entry.get("split") or None
        row = found.setdefault(picture_path, _Row(where, picture_path, [], split))
        if row.split != split:
            raise ValueError(f"{where}: {picture!r} is in another split than in {row.where}.")
        row.texts.extend(texts)
    if not found:
        raise ValueError(f"{path}: there are no captions in it.")
    yield from found.values()


def _entries(path):
    """(line number, mapping) of each entry."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() in (".jsonl", ".ndjson"):
                yield from _json_lines(path, file)
            else:
                reader = csv.DictReader(file)
                for entry in reader:
                    yield reader.line_num, entry
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no UTF-8 text ({error}).") from error


def _json_lines(path, file):
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: is no JSON ({error}).") from error
        if not isinstance(entry, dict):
            raise ValueError(f"{path}, line {number}: expected an object. Received: {entry!r}.")
        yield number, entry


def _field(entry, names, where):
    for name in names:
        if entry.get(name) is not None:
            return entry[name]
    columns = ", ".join(str(key) for key in entry)
    raise ValueError(f"{where}: needs one of {', '.join(names)}. It has: {columns}.")


def _of_split(rows, name, split):
    named = sorted({row.split for row in rows if row.split})
    if split == "all":
        return rows
    if named:
        chosen = [row for row in rows if row.split == split]
        if not chosen:
            raise ValueError(
                f"Data set {name!r} has no split {split!r}. Its splits: all, {', '.join(named)}."
            )
        return chosen
    if split not in ("train", "test"):
        raise ValueError(
            f"Data set {name!r} has no split {split!r}. Its splits are: train, test, all; a column "
            "'split' in the file names others."
        )
    order = np.random.RandomState(0).permutation(len(rows))
    num_train = len(order) - min(max(1, round(len(order) / 10)), len(order) - 1)
    chosen = np.sort(order[:num_train] if split == "train" else order[num_train:])
    if not len(chosen):
        raise ValueError(f"Data set {name!r}, split {split!r}: it is empty (0 images).")
    return [rows[number] for number in chosen]


def _rectangle(texts):
    width = max(len(row) for row in texts)
    array = np.empty((len(texts), width), object)
    for number, row in enumerate(texts):
        array[number] = [row[k % len(row)].strip().encode() for k in range(width)]
    return array


def _prepared(dataset, split, form, limit, data_dir, download):
    """A set of tensorflow-datasets with pictures and texts."""
    name = f"captions:tfds:{dataset}"
    builder = tfds._builder(dataset, name, data_dir)
    if not builder.is_prepared():
        tfds._prepare(builder, name, download)
    feature = _text_feature(builder.info.features, name)
    tfds._wanted(builder.info.features, name)
    count = tfds._size(builder, name, split)
    if count == 0:
        raise ValueError(f"Data set {name!r}, split {split!r}: it is empty (0 images).")
    stored = store(
        tfds._key(builder, split, form),
        count,
        lambda: (
            Chunk(chunk.images, None, chunk.failures)
            for chunk in tfds._chunks(builder, split, {"image": True}, form, name)
        ),
        limit,
        f"Reading {name}",
    )
    texts = _texts(builder, split, feature)
    empty = next((n for n, row in enumerate(texts) if not all(t.strip() for t in row)), None)
    if empty is not None or not all(texts):
        raise ValueError(f"Data set {name!r}: example {empty} has an empty caption.")
    arrays = {"image": stored.arrays["image"], "text": _rectangle(texts)}
    return build(name, split, arrays, None, stored.failures)


def _text_feature(features, name):
    """The name of the feature that holds the captions: text, or a sequence with text."""
    import tensorflow_datasets as tfds_library

    for candidate in TEXT:
        if candidate in dict(features):
            return candidate
    found = [n for n, f in features.items() if isinstance(f, tfds_library.features.Text)]
    if len(found) == 1:
        return found[0]
    raise ValueError(
        f"Data set {name!r} has no feature that is clearly the caption (one of {', '.join(TEXT)}). "
        f"It has: {', '.join(features)}."
    )


def _texts(builder, split, feature):
    import tensorflow_datasets as tfds_library

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=tfds_library.decode.PartialDecoding([feature]),
        read_config=tfds_library.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    return [_strings(example[feature]) for example in tfds_library.as_numpy(dataset)]


def _strings(value):
    if isinstance(value, dict):
        value = next(value[name] for name in TEXT if name in value)
    return [text.decode() for text in np.atleast_1d(value)]
