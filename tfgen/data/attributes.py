"""Pictures with attributes, each present or absent: one's own with a table, or of tfds.

`attributes` is float32 (N, k) of 0 and 1. A name may end in the attributes that are wanted, in
order: "attributes:tfds:celeb_a[Black_Hair,Blond_Hair,Brown_Hair,Male,Young]".
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfgen.data import layout, tables, tfds
from tfgen.data.picture import Form
from tfgen.data.sources import Source, build

FILES = ("attributes.csv", "attributes.jsonl", "list_attr_celeba.csv")
VALUES = {"0": 0.0, "1": 1.0, "-1": 0.0, "true": 1.0, "false": 0.0}
FEATURE = "attributes"


def attributed(
    where: str, split: str, form: Form, limit: int, data_dir: str | None, download: bool
) -> Source:
    """A `Source` with `attributes`.

    A table has a line for each picture: its file's name (`file_name`, `image`, `file`, `filename`
    or `image_id`), perhaps `split`, and a column for each attribute with 1 (or true) or with 0, -1
    or false. Every picture beside the table must be in it.

    Args:
        where: A folder that holds one of `FILES`, the path of such a table, or "tfds:NAME" for a
            set with a feature `attributes` of booleans such as celeb_a; perhaps [names].
        split: "train", "test" or "all", or one that the table names; for "tfds:" whatever
            tensorflow-datasets takes.
        form: Size and channels; RGB where it leaves the channels open.
        limit: Bytes of decoded images past which they are kept in the cache folder.
        data_dir, download: For "tfds:", as in `tfgen.data.source`.

    Raises:
        FileNotFoundError: There is no such folder or table.
        ValueError: An unknown attribute, a value that is missing or neither present nor absent, a
            picture without a line or a line without a picture, or as `tfgen.data.folder.folder`
            and `tfgen.data.tfds.prepared`.
    """
    name = f"attributes:{where}"
    place, bracket, rest = where.partition("[")
    wanted = [part.strip() for part in rest.removesuffix("]").split(",")] if bracket else None
    if wanted is not None and not (rest.endswith("]") and all(wanted)):
        raise ValueError(f"Data set {name!r}: expected attributes as in PATH[first,second].")
    kind, _, dataset = place.partition(":")
    if kind == "tfds" and dataset:
        return _prepared(dataset, wanted, name, split, form, limit, data_dir, download)
    path = tables.found(Path(place).expanduser(), "attributes", FILES)
    rows = tables.of_split(_rows(path, wanted, name), name, split)
    form = replace(form, channels=form.channels or 3)
    images, numbers, failures = tables.decoded(
        path.parent, [row.path for row in rows], form, limit, name
    )
    values = np.array([rows[number].values for number in numbers], np.float32)
    known = form.value_range is not None
    arrays = {"image": images, "attributes": values}
    return build(name, split, arrays, None, failures, range_known=known)


class _Row:
    """One picture's line."""

    def __init__(self, path, values, split):
        self.path, self.values, self.split = path, values, split


def _rows(path, wanted, name):
    found = {}
    for line, entry in tables.entries(path):
        where = f"{path}, line {line}"
        picture = tables.picture(entry, path.parent, where)
        if picture in found:
            raise ValueError(f"{where}: {picture.name} has a line already. Remove one of them.")
        columns = [key for key in entry if key not in (*tables.PICTURE, "split")]
        values = [_value(entry, key, where) for key in _chosen(wanted, columns, name)]
        found[picture] = _Row(picture, values, entry.get("split") or None)
    if not found:
        raise ValueError(f"{path}: there are no pictures in it.")
    missing = [p for p in layout.pictures(path.parent) if p not in found]
    if missing:
        raise ValueError(
            f"{path}: {len(missing)} pictures beside it have no line, the first is "
            f"{missing[0].relative_to(path.parent)}. Add their lines, or move them away."
        )
    return list(found.values())


def _chosen(wanted, known, name):
    unknown = [key for key in wanted or () if key not in known]
    if unknown or not known:
        raise ValueError(
            f"Data set {name!r} has no attribute {', '.join(unknown) or 'at all'}. "
            f"It has: {', '.join(map(str, known))}."
        )
    return wanted or known


def _value(entry, key, where):
    text = re.sub(r"\.0$", "", str(entry[key]).strip().lower())
    if text not in VALUES:
        raise ValueError(
            f"{where}: attribute {key!r} must be 1 (present) or 0 or -1 (absent). "
            f"Received: {entry[key]!r}."
        )
    return VALUES[text]


def _prepared(dataset, wanted, name, split, form, limit, data_dir, download):
    """A set of tensorflow-datasets with pictures and a dictionary of booleans."""
    builder = tfds.opened(dataset, name, data_dir, download)
    features = builder.info.features
    known = list(features[FEATURE]) if FEATURE in features else []
    chosen = _chosen(wanted, known, name)
    images, failures = tfds.pictures(builder, split, form, limit, name)
    wanted = {FEATURE: {key: True for key in chosen}}
    rows = tfds.others(builder, split, wanted)
    values = np.array([[row[FEATURE][key] for key in chosen] for row in rows], np.float32)
    known = form.value_range is not None
    arrays = {"image": images, "attributes": values}
    return build(name, split, arrays, None, failures, range_known=known)
