"""Frechet and kernel distance of pictures that lie in shards: features reduced by a combiner.

Moments in float64 (`tfgen.metrics.frechet.Moments`, `tfgen.metrics.kernel.KernelMoments`) are
merged in any order and any parts, so no feature is kept and the number of pictures has no end.
Metrics of neighbours, such as precision and recall, have no such moments.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen.bulk import generation, plans, shards
from tfgen.bulk.plans import Shard
from tfgen.data import Source
from tfgen.metrics import feature_networks, frechet, kernel
from tfgen.metrics.shipped_networks import SHIPPED

_ROWS = 1000  # Real pictures at once.


class Reduced:
    """Features of which their moments are left."""

    def __init__(self):
        self.frechet, self.kernel = frechet.Moments(), kernel.KernelMoments()

    @property
    def count(self) -> int:
        """Of pictures."""
        return self.frechet.count

    def add(self, features: np.ndarray) -> None:
        """Takes in a batch (N, F)."""
        self.frechet.add(features)
        if features.shape[1] <= kernel.MOST_FEATURES:
            self.kernel.add(features)

    def merge(self, other: "Reduced") -> None:
        """Takes in what another has taken in."""
        self.frechet.merge(other.frechet)
        self.kernel.merge(other.kernel)

    def distances(self, other: "Reduced") -> dict[str, float]:
        """`fid`, and `kid` of at most 256 features."""
        one, two = self.frechet, other.frechet
        found = {
            "fid": frechet.frechet_from_moments(one.mean, one.covariance, two.mean, two.covariance)
        }
        if self.kernel.count:
            found["kid"] = self.kernel.discrepancy(other.kernel)
        return found


class Merging:
    """The combiner of `Reduced`."""

    @staticmethod
    def empty() -> Reduced:
        """Of nothing."""
        return Reduced()

    @staticmethod
    def merged(one: Reduced, other: Reduced) -> Reduced:
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
    """Frechet and kernel distance of all pictures of a folder and those of a data set.

    Args:
        folder: Of complete shards, with their manifest.
        real: Pictures to compare with, of the same shape.
        features: Feature network, a name or a path; by default the shipped one of that shape.
        runner: Of Apache Beam (extra `beam`); None: this process.
        runner_options: Beam's own.

    Returns:
        `fid`, `kid` (the unbiased estimate of all pictures at once; for networks of at most 256
        features), `samples`, `real`, and what the figures were measured with.

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
    measure = functools.partial(reduced, str(folder), plan.kind, name)
    items = [tuple(shard) for shard in plan.shards()]
    if runner is not None:
        from tfgen.bulk import beam

        fake = beam.reduced(items, measure, Merging, folder, runner, runner_options)
    else:
        fake = functools.reduce(Merging.merged, map(measure, items), Merging.empty())
    network, known = _network(name), Reduced()
    for first in range(0, real.size, _ROWS):
        known.add(network.features(_floats(real.arrays["image"][first : first + _ROWS])))
    stamp = {"samples": fake.count, "real": known.count, "data": real.name, "split": real.split}
    return {**fake.distances(known), **stamp, **network.protocol()}


def reduced(folder: str, kind: str, features: str, shard: tuple) -> Reduced:
    """The moments of one shard's pictures."""
    network, found = _network(features), Reduced()
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
