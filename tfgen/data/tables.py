"""Files that list pictures with what is known of them: CSV with a header, or JSON lines."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgen import files
from tfgen.data import folder, layout
from tfgen.data.picture import Form

PICTURE = ("file_name", "image", "file", "filename", "image_id")


def found(path: Path, kind: str, names: Sequence[str]) -> Path:
    """The file itself, or the first of `names` in a folder.

    Raises:
        FileNotFoundError: There is neither.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise FileNotFoundError(f"Data set '{kind}:{path}': there is no such folder or file.")
    there = [path / name for name in names if (path / name).is_file()]
    if not there:
        raise FileNotFoundError(
            f"Data set '{kind}:{path}': the folder holds none of {', '.join(names)}."
        )
    return there[0]


def entries(path: Path):
    """(line number, mapping) of each entry.

    Raises:
        ValueError: The file is no text in UTF-8, or a line is no JSON object.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() in (".jsonl", ".ndjson"):
                yield from _json_lines(path, file)
            else:
                yield from _csv_lines(path, file)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no UTF-8 text ({error}).") from error


def _csv_lines(path, file):
    reader = csv.DictReader(file, strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        twice = [name for name in names if name and names.count(name) > 1]
        if twice:
            raise ValueError(f"{path}, line 1: the column {twice[0]!r} comes twice. Remove one.")
        reader.fieldnames = names
        for entry in reader:
            if None in entry:
                raise ValueError(
                    f"{path}, line {reader.line_num}: has more cells than the {len(names)} columns "
                    'of line 1. Put a text with commas into quotes, "a, b".'
                )
            entry.pop("", None)  # A comma at the end, or the row numbers of a table of pandas.
            yield reader.line_num, entry
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num}: is no CSV ({error}). Look at its quotes."
        ) from error


def _json_lines(path, file):
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            entry = files.parsed(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: is no JSON ({error}).") from error
        if not isinstance(entry, dict):
            raise ValueError(f"{path}, line {number}: expected an object. Received: {entry!r}.")
        yield number, entry


def field(entry: dict, names: Sequence[str], where: str):
    """The value under the first of the names that the entry has.

    Raises:
        ValueError: It has none.
    """
    for name in names:
        if entry.get(name) is not None:
            return entry[name]
    columns = ", ".join(str(key) for key in entry)
    raise ValueError(f"{where}: needs one of {', '.join(names)}. It has: {columns}.")


def picture(entry: dict, root: Path, where: str) -> Path:
    """The picture that an entry names.

    Raises:
        ValueError: It names none, or one that is not there.
    """
    name = field(entry, PICTURE, where)
    path = root / str(name)
    if not _is_file(path):
        shown = name if len(str(name)) <= 200 else f"{str(name)[:200]}..."
        raise ValueError(
            f"{where}: there is no picture {shown!r} in {root}. Put it there, or remove the line."
        )
    return path


def _is_file(path):
    try:
        return path.is_file()
    except OSError:  # A name that no file can have.
        return False


def of_split(rows: list, name: str, split: str) -> list:
    """The rows whose `split` it is; where no row has one, a tenth drawn by seed 0 is "test".

    Raises:
        ValueError: There is no such split, or it is empty.
    """
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


def decoded(root: Path, paths: list[Path], form: Form, limit: int, name: str):
    """The pictures (N, H, W, C), the row number of each, and what could not be decoded.

    Raises:
        ValueError: None can be decoded.
    """
    # The rows' numbers go through the store as labels: pictures may fail to decode.
    listing = layout.Listing(paths, np.arange(len(paths), dtype=np.int32), None)
    stored = folder.loaded(root, listing, form, limit, name)
    return stored.arrays["image"], stored.arrays["label"], stored.failures
