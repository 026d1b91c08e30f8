"""The Frechet distance of pictures that lie in shards: features reduced by a combiner.

Count, mean and scatter in float64 (`tfgen.metrics.frechet.Moments`) are merged in any order and any
parts, so no feature is kept and the number of pictures has no end.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen.bulk import generation, plans, shards
from tfgen.bulk.plans import Shard
from tfgen.data import Source
from tfgen.metrics import feature_networks, frechet
from tfgen.metrics.shipped_networks import SHIPPED

_ROWS = 1000  # Real pictures at once.


class Merging:
    """The combiner of `Moments`."""

    @staticmethod
    def empty() -> frechet.Moments:
        """Of nothing."""
        return frechet.Moments()

    @staticmethod
    def merged(one: frechet.Moments, other: frechet.Moments) -> frechet.Moments:
        """Of both together; `one` is changed and returned."""
        one.merge(other)
        return one


def score(
    folder: Path | str,
    real: Source,
    features: str | None = None,
    runner: str | None = None,
    runner_options: Sequence[str] = (),
) -> dict[str, Any]:
    """The Frechet distance of all pictures of a folder and those of a data set.

    Args:
        folder: Of complete shards, with their manifest.
        real: Pictures to compare with, of the same shape.
        features: Feature network, a name or a path; by default the shipped one of that shape.
        runner: Of Apache Beam (extra `beam`); None: this process.
        runner_options: Beam's own.

    Returns:
        `fid`, `samples`, `real`, and what the figure was measured with.

    Raises:
        ValueError: Shards lack, or no feature network fits.
    """
    folder = Path(folder)
    plan = plans.read(folder)
    if generation.manifest(plan, folder) is None:
        lacking = [s.name for s in plan.shards() if not (folder / s.name).exists()]
        raise ValueError(
            f"{folder}: {len(lacking)} of {plan.count} shards lack, the first is {lacking[0]}: "
            "`tfgen generate` with the same arguments draws them."
        )
    fitting = [name for name, (shape, _) in SHIPPED.items() if shape == tuple(real.image_shape)]
    if features is None and not fitting:
        raise ValueError(
            f"No shipped feature network takes pictures {real.image_shape}: give `features`, such "
            "as inception_v3."
        )
    name = features or fitting[0]
    measure = functools.partial(moments, str(folder), plan.kind, name)
    items = [tuple(shard) for shard in plan.shards()]
    if runner is not None:
        from tfgen.bulk import beam

        fake = beam.reduced(items, measure, Merging, folder, runner, runner_options)
    else:
        fake = functools.reduce(Merging.merged, map(measure, items), Merging.empty())
    network, known = _network(name), frechet.Moments()
    for first in range(0, real.size, _ROWS):
        known.add(network.features(_floats(real.arrays["image"][first : first + _ROWS])))
    distance = frechet.frechet_from_moments(
        fake.mean, fake.covariance, known.mean, known.covariance
    )
    stamp = {"samples": fake.count, "real": known.count, "data": real.name, "split": real.split}
    return {"fid": distance, **stamp, **network.protocol()}


def moments(folder: str, kind: str, features: str, shard: tuple) -> frechet.Moments:
    """Of the features of one shard's pictures."""
    network, found = _network(features), frechet.Moments()
    for images in shards.read(Path(folder), Shard(*shard), kind):
        found.add(network.features(_floats(images)))
    return found


@functools.lru_cache(maxsize=1)
def _network(name):
    return feature_networks.load(name)


def _floats(images):
    if images.dtype != np.uint8:
        return images
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)
