"""evaluation.json: every figure ever measured of a run, each under its stamp.

A figure measured again by the same protocol replaces its former self; by another protocol it is
kept beside it. The newest stands last.
"""

import json
from pathlib import Path

from tfgen import files
from tfgen.evaluation.report import Figure, Report, from_dict, key, labelled

NAME = "evaluation.json"


def add(path: Path | str, report: Report) -> Path:
    """Adds the figures of a report to a file, whole or not at all.

    Raises:
        ValueError: The file that is there is no evaluation; it stays as it is.
    """
    path = Path(path)
    fresh = [{"key": key(f.stamp), **f.as_dict()} for f in report.figures]
    replaced = {(entry["name"], entry["key"]) for entry in fresh}
    kept = [e for e in entries(path) if (e["name"], e["key"]) not in replaced]
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"figures": kept + fresh, "skipped": report.skipped}
    files.write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")
    return path


def entries(path: Path | str) -> list[dict]:
    """The figures of a file as plain values; none where there is no file.

    Raises:
        ValueError: The file is no evaluation.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        found = files.parsed(path.read_text(encoding="utf-8"))["figures"]
        return [
            {**entry, "name": labelled(entry["name"], entry["stamp"])}
            for entry in found
            if entry["name"] and entry["key"]
        ]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: is no evaluation that can be read ({error}). Move it away to begin anew."
        ) from error


def every(path: Path | str) -> list[Figure]:
    """All figures of a file, the newest last."""
    return [from_dict(entry) for entry in entries(path)]


def latest(path: Path | str) -> list[Figure]:
    """The newest figure of each name."""
    newest = {}
    for figure in every(path):
        newest.pop(figure.name, None)
        newest[figure.name] = figure
    return list(newest.values())
