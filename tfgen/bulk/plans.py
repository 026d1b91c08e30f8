"""What is drawn into which shard: plain data, which is kept beside the shards."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tfgen import files
from tfgen.construct import unknown

FORMATS = ("tfrecord", "npz", "png")
PLAN, MANIFEST = "plan.json", "manifest.json"


class Shard(NamedTuple):
    """Seeds `first` .. `last`, both included, and the name of their file or folder."""

    number: int
    first: int
    last: int
    name: str


@dataclass(frozen=True)
class Plan:
    """A whole generation.

    Args:
        model: Folder of a run or of an export, or a name of the zoo, and which weights these are.
        first: First seed, 0 or more.
        last: Last seed.
        kind: One of `FORMATS`.
        shard_size: Seeds in a shard.
        batch_size: Rows drawn at once; every batch is as large, whoever draws it, so that a
            picture is the same to the last bit.
        signature: Which served function.
        given: Inputs that are not drawn: name -> value of one row, for all rows.

    Raises:
        ValueError: A number out of range, or another format.
    """

    model: dict[str, Any]
    first: int
    last: int
    kind: str
    shard_size: int
    batch_size: int
    signature: str
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if not 0 <= self.first <= self.last < 2**63:
            raise ValueError(f"Seeds must be 0 or more. Received: {self.first} .. {self.last}.")
        if self.kind not in FORMATS:
            raise ValueError(f"format: {unknown(self.kind, FORMATS)}")
        for name in ("shard_size", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more. Received: {getattr(self, name)}.")

    @property
    def count(self) -> int:
        """Number of shards."""
        return -(-(self.last - self.first + 1) // self.shard_size)

    def shards(self) -> Iterator[Shard]:
        """All of them, in order."""
        ending = "" if self.kind == "png" else f".{self.kind}"
        for number in range(self.count):
            first = self.first + number * self.shard_size
            last = min(first + self.shard_size - 1, self.last)
            yield Shard(number, first, last, f"seeds-{first:012d}-{last:012d}{ending}")


def begin(plan: Plan, folder: Path) -> None:
    """Keeps the plan in the folder of its shards.

    Raises:
        ValueError: The folder holds shards of another plan.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PLAN
    values = json.loads(json.dumps(asdict(plan)))
    if path.exists():
        there = files.parsed(path.read_text(encoding="utf-8"))
        # The folder of the model may have moved; its weights are the same.
        differs = [k for k in values if _plain(k, there.get(k)) != _plain(k, values[k])]
        if differs:
            said = "; ".join(f"{k}: {there.get(k)} -> {values[k]}" for k in differs)
            raise ValueError(
                f"{folder}: holds shards of another plan ({said}). Give another folder, or the "
                "same arguments."
            )
        return
    if any(folder.iterdir()):
        raise ValueError(f"{folder}: is not empty and holds no shards. Give another folder.")
    files.write_text(path, json.dumps(values, indent=1) + "\n")


def read(folder: Path | str) -> Plan:
    """The plan of a folder.

    Raises:
        FileNotFoundError: There are no shards of `tfgen generate`.
    """
    path = Path(folder) / PLAN
    if not path.exists():
        raise FileNotFoundError(f"{folder}: there are no shards here; `tfgen generate` makes them.")
    return Plan(**files.parsed(path.read_text(encoding="utf-8")))


def seeds(text: str) -> tuple[int, int]:
    """First and last seed of "0-9999999" or "7".

    Raises:
        ValueError: Another form.
    """
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    if not match or int(match[2] or match[1]) < int(match[1]):
        raise ValueError(f"--seeds {text!r}: expected one range, such as 0-999999.")
    return int(match[1]), int(match[2] or match[1])


def _plain(key, value):
    return {k: v for k, v in value.items() if k != "folder"} if key == "model" else value
