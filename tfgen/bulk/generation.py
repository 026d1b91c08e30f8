"""Drawing the shards of a plan: here, in several processes side by side, or by Apache Beam."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfgen import files
from tfgen.bulk import drawing, painters, plans, shards
from tfgen.bulk.plans import MANIFEST, Plan


def generate(
    model: Path | str,
    out: Path | str,
    *,
    last: int,
    first: int = 0,
    kind: str = "tfrecord",
    shard_size: int = 10_000,
    batch_size: int = 256,
    signature: str | None = None,
    given: dict[str, Any] | None = None,
    checkpoint: str | int = "last",
    part: tuple[int, int] = (0, 1),
    runner: str | None = None,
    runner_options: Sequence[str] = (),
    progress: Callable[[int], Any] | None = None,
) -> dict[str, Any] | None:
    """Draws the pictures of many seeds into shards; those that are there already are kept.

    The memory is that of one batch (of one shard for "npz"), however many seeds there are.

    Args:
        model: Folder of a run or of an export, or "zoo:" and a name.
        out: Folder of the shards, on a disk that all processes see.
        last: Last seed.
        first: First seed.
        kind: "tfrecord", "npz" or "png".
        shard_size: Seeds in a shard.
        batch_size: Rows drawn at once.
        signature: Which served function; by default the first.
        given: Inputs that are not drawn: name -> value of one row, for all rows.
        checkpoint: Of a run: last, best or a step.
        part: (k, n): of every n shards the k-th, from 0; for n processes side by side.
        runner: Of Apache Beam, such as "DirectRunner" (extra `beam`); None: this process.
        runner_options: Beam's own, such as "--direct_num_workers=2".
        progress: Called with the number of pictures after each batch of this process.

    Returns:
        The manifest, once every shard is there; None while parts of other processes lack.

    Raises:
        ValueError: Another plan in `out`, an argument out of range, or pictures that are not
            finite.
        OSError: A full disk; what was finished stays.
    """
    number, parts = part
    if not 0 <= number < parts:
        raise ValueError(
            f"part must be k of n with k in 0 .. n - 1. Received: {number} of {parts}."
        )
    out, known = Path(out), painters.identity(model, checkpoint)
    name = painters.signature(known, signature)
    plan = Plan(known, first, last, kind, shard_size, batch_size, name, given or {})
    plans.begin(plan, out)
    left = [s for s in plan.shards() if s.number % parts == number and not (out / s.name).exists()]
    if runner is not None:
        from tfgen.bulk import beam

        beam.generate(plan, out, left, runner, runner_options)
    else:
        drawing.draw(plan, out, left, progress)
    return manifest(plan, out)


def manifest(plan: Plan, out: Path) -> dict[str, Any] | None:
    """Writes the manifest with the SHA-256 of every shard; None while some lack."""
    path = out / MANIFEST
    if path.exists():
        return files.parsed(path.read_text(encoding="utf-8"))
    every = list(plan.shards())
    if not all((out / shard.name).exists() for shard in every):
        return None
    entries = [
        {
            "name": shard.name,
            "first": shard.first,
            "last": shard.last,
            "sha256": shards.sha256(out / shard.name),
        }
        for shard in every
    ]
    found = {
        "format": plan.kind,
        "model": {k: v for k, v in plan.model.items() if k != "folder"},
        "signature": plan.signature,
        "given": plan.given,
        "pictures": plan.last - plan.first + 1,
        "shards": entries,
    }
    files.write_text(path, json.dumps(found, indent=1) + "\n")
    return found
