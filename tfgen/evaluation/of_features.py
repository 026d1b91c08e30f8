"""Distances of samples and real pictures in the features of a network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfgen.evaluation import needs
from tfgen.metrics import measures
from tfgen.metrics.intervals import Value

if TYPE_CHECKING:
    from tfgen.evaluation.work import Work


@dataclass(frozen=True)
class FID:
    """Frechet distance of features; Heusel et al. 2017, arXiv 1706.08500.

    Args:
        groups: Of the jackknife that gives the interval.
        seed: Of the groups.
    """

    groups: int = 20
    seed: int = 0

    needs = (needs.samples, needs.features, needs.domain)

    def measure(self, work: "Work") -> dict[str, Value]:
        real, fake = _both(work)
        return {"fid": measures.fid(real, fake, groups=self.groups, seed=self.seed)}


@dataclass(frozen=True)
class FIDInfinity:
    """Frechet distance at infinitely many samples, by the jackknife; Chong and Forsyth, 1911.07023.

    The jackknife removes the same bias of order 1/N as the line of the paper, with less noise.

    Args:
        groups: Of the jackknife that gives the interval.
        seed: Of the subsets and groups.
    """

    groups: int = 20
    seed: int = 0

    needs = (needs.samples, needs.features, needs.domain)

    def measure(self, work: "Work") -> dict[str, Value]:
        real, fake = _both(work)
        found = measures.fid_infinity(real, fake, groups=self.groups, seed=self.seed)
        return {"fid_infinity": found}


@dataclass(frozen=True)
class KID:
    """Kernel distance of features, unbiased, cubic kernel; Binkowski et al. 2018, 1801.01401."""

    needs = (needs.samples, needs.features, needs.domain)

    def measure(self, work: "Work") -> dict[str, Value]:
        return {"kid": measures.kid(*_both(work))}


@dataclass(frozen=True)
class InceptionScore:
    """Inception-type score by the feature network's classes; Salimans et al. 2016, 1606.03498.

    That of real pictures stands beside it: the most that is worth having.

    Args:
        splits: Parts whose mean is taken.
        groups: Of the jackknife that gives the interval.
        seed: Of the groups.
    """

    splits: int = 10
    groups: int = 20
    seed: int = 0

    needs = (needs.samples, needs.classes, needs.domain)

    def measure(self, work: "Work") -> dict[str, Value]:
        options = {"splits": self.splits, "groups": self.groups, "seed": self.seed}
        return {
            "is": measures.inception(work.fake.probabilities, **options),
            "is_of_real": measures.inception(work.real.probabilities, **options),
        }


@dataclass(frozen=True)
class PRDC:
    """Precision, recall, density, coverage by neighbours; Naeem et al. 2020, 2002.09797.

    Args:
        nearest: k of the k nearest neighbours.
        limit: Pictures of each kind; distances grow with its square.
        halvings: Random cuts into halves that give the intervals.
        seed: Of the cuts.
    """

    nearest: int = 5
    limit: int = 10_000
    halvings: int = 8
    seed: int = 0

    needs = (needs.samples, needs.features, needs.domain)

    def measure(self, work: "Work") -> dict[str, Value]:
        real, fake = (x[: self.limit] for x in _both(work))
        return measures.prdc(real, fake, self.nearest, self.halvings, self.seed)


def _both(work):
    """Features of real and generated pictures; what is meaningless about them is noted."""
    real, fake = work.real, work.fake
    if fake.constant:
        work.note("all samples are one picture")
    if real.constant:
        work.note("all real pictures are one picture")
    return real.features, fake.features
