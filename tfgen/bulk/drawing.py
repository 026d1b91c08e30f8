"""Drawing shards in this process, one after the other."""

import functools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tfgen.bulk import painters, shards
from tfgen.bulk.plans import Plan, Shard


def draw(
    plan: Plan,
    out: Path,
    left: Iterable[Shard],
    progress: Callable[[int], Any] | None = None,
) -> None:
    """Draws some shards of a plan, one after the other."""
    for shard in left:
        if not (out / shard.name).exists():  # Another process may have been sooner.
            shards.write(out, shard, plan.kind, _batches(plan, shard, progress))


def _batches(plan, shard, progress):
    paint = _painter(json.dumps([plan.model, plan.signature, plan.given, plan.batch_size]))
    for first in range(shard.first, shard.last + 1, plan.batch_size):
        last = min(first + plan.batch_size - 1, shard.last)
        images, labels = paint(first, last)
        yield first, images, labels
        if progress:
            progress(len(images))


@functools.lru_cache(maxsize=1)
def _painter(key):
    """One a process: a worker of Beam gets shard after shard."""
    return painters.painter(*json.loads(key))
