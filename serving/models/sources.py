"""Which versions of a model its folder holds, and which of them its policy wants."""

import os
import re
from pathlib import Path

from tfgen.serving.settings.config import ModelEntry
from tfgen.serving.status import Code, Failure

_NUMBER = re.compile(r"[0-9]+")
_LARGEST = (1 << 63) - 1


def versions(base_path: Path, name: str) -> dict[int, Path]:
    """Version -> folder, of the children whose whole name is an integer.

    Raises:
        Failure: NOT_FOUND: the base path is missing.
    """
    found = {}
    try:
        with os.scandir(base_path) as children:
            for child in sorted(children, key=lambda one: one.name):
                if _NUMBER.fullmatch(child.name) and int(child.name) <= _LARGEST:
                    if child.is_dir():
                        found.setdefault(int(child.name), Path(child.path))
    except OSError as error:
        raise Failure(
            Code.NOT_FOUND,
            f"Could not find base path {base_path} for servable {name} with error "
            f"{error.strerror or error}",
        ) from error
    return found


def stamp(path: Path) -> tuple:
    """What changes when files of a version come, go or change: names, sizes, times."""
    found = []
    for folder, _, files in os.walk(path):
        for name in files:
            file = os.path.join(folder, name)
            try:
                about = os.stat(file)
            except OSError:  # Gone meanwhile: the next look finds another stamp.
                continue
            found.append((file, about.st_size, about.st_mtime_ns))
    return tuple(sorted(found))


def aspired(entry: ModelEntry) -> dict[int, Path]:
    """The versions that should be served now.

    Raises:
        Failure: NOT_FOUND: the base path is missing.
    """
    found = versions(entry.base_path, entry.name)
    choice = entry.policy.WhichOneof("policy_choice")
    if choice == "all":
        return found
    if choice == "specific":
        return {n: path for n, path in found.items() if n in entry.policy.specific.versions}
    count = entry.policy.latest.num_versions or 1
    return {n: found[n] for n in sorted(found)[-count:]}
