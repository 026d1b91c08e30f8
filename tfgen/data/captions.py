"""Pictures with captions: one's own, with a CSV or JSON lines file, or of tensorflow-datasets.

Several captions a picture are rows of the array `text`, (N, K) bytes in UTF-8; where a picture has
fewer than K they are repeated.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgen.data import tables, tfds
from tfgen.data.picture import Form
from tfgen.data.sources import Source, build

FILES = ("captions.csv", "captions.jsonl", "metadata.csv", "metadata.jsonl")
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
    path = tables.found(Path(where).expanduser(), "captions", FILES)
    name = f"captions:{where}"
    rows = tables.of_split(list(_rows(path)), name, split)
    form = replace(form, channels=form.channels or 3)
    images, numbers, failures = tables.decoded(
        path.parent, [row.path for row in rows], form, limit, name
    )
    arrays = {"image": images, "text": _rectangle([rows[number].texts for number in numbers])}
    return build(name, split, arrays, None, failures, range_known=form.value_range is not None)


def _rows(path) -> Iterator[_Row]:
    """The pictures in the order in which the file names them first, each with all its captions."""
    found: dict[Path, _Row] = {}
    for line, entry in tables.entries(path):
        where = f"{path}, line {line}"
        picture, text = tables.field(entry, tables.PICTURE, where), tables.field(entry, TEXT, where)
        texts = text if isinstance(text, list) else [text]
        are_texts = all(map(_is_text, texts))
        if not texts or not are_texts or not all(t.strip() for t in texts):
            wrong = "is empty" if are_texts else "is no text"
            raise ValueError(f"{where}: the caption of {picture!r} {wrong}. Write or remove it.")
        picture_path = tables.picture(entry, path.parent, where)
        split = entry.get("split") or None
        row = found.setdefault(picture_path, _Row(where, picture_path, [], split))
        if row.split != split:
            raise ValueError(f"{where}: {picture!r} is in another split than in {row.where}.")
        row.texts.extend(texts)
    if not found:
        raise ValueError(f"{path}: there are no captions in it.")
    yield from found.values()


def _is_text(value):
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # Half of a pair of UTF-16, which JSON can hold.
        return False
    return True


def _rectangle(texts):
    width = max(len(row) for row in texts)
    array = np.empty((len(texts), width), object)
    for number, row in enumerate(texts):
        array[number] = [row[k % len(row)].strip().encode() for k in range(width)]
    return array


def _prepared(dataset, split, form, limit, data_dir, download):
    """A set of tensorflow-datasets with pictures and texts."""
    name = f"captions:tfds:{dataset}"
    builder = tfds.opened(dataset, name, data_dir, download)
    feature = _text_feature(builder.info.features, name)
    images, failures = tfds.pictures(builder, split, form, limit, name)
    texts = [_strings(row[feature]) for row in tfds.others(builder, split, [feature])]
    empty = next((n for n, row in enumerate(texts) if not all(t.strip() for t in row)), None)
    if empty is not None or not all(texts):
        raise ValueError(f"Data set {name!r}: example {empty} has an empty caption.")
    arrays = {"image": images, "text": _rectangle(texts)}
    return build(name, split, arrays, None, failures, range_known=form.value_range is not None)


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


def _strings(value):
    if isinstance(value, dict):
        value = next(value[name] for name in TEXT if name in value)
    return [text.decode() for text in np.atleast_1d(value)]
