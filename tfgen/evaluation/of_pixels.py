"""Samples and real pictures compared by their pixels, and samples with their training pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfgen.evaluation import needs
from tfgen.metrics import intervals, measures, neighbours, parzen
from tfgen.metrics.intervals import Value

if TYPE_CHECKING:
    from tfgen.evaluation.work import Work


@dataclass(frozen=True)
class SlicedWasserstein:
    """Sliced Wasserstein distance on Laplacian pyramids; Karras et al. 2018, arXiv 1710.10196.

    Args:
        limit: Pictures of each kind, equally many.
        subsets: That give the intervals.
        seed: Of patches and directions.
    """

    limit: int = 2048
    subsets: int = 10
    seed: int = 0

    needs = (needs.samples,)

    def measure(self, work: "Work") -> dict[str, Value]:
        real, fake = work.real.pictures, work.fake.pictures
        rows = min(len(real), len(fake), self.limit)
        found = measures.sliced_wasserstein(real[:rows], fake[:rows], self.subsets, self.seed)
        return {f"swd_{level}": value for level, value in found.items()}


@dataclass(frozen=True)
class Diversity:
    """Mean MS-SSIM of pairs of samples, lower is more diverse; Odena et al. 2017, 1610.09585.

    That of real pictures stands beside it.

    Args:
        pairs: Random pairs.
        seed: Of the pairs.
    """

    pairs: int = 1000
    seed: int = 0

    needs = (needs.samples,)

    def measure(self, work: "Work") -> dict[str, Value]:
        return {
            name: measures.diversity(images, min(self.pairs, len(images) // 2), self.seed)
            for name, images in (
                ("ms_ssim", work.fake.pictures),
                ("ms_ssim_of_real", work.real.pictures),
            )
        }


@dataclass(frozen=True)
class Memorisation:
    """Authenticity: share of samples that copy no training picture; Alaa et al. 2022, 2102.08921.

    That of the data measured against stands beside it. Draws samples with their nearest training
    pictures, those that lie closest first.

    Args:
        limit: Samples; all training features are searched.
        shown: Samples in the picture.
    """

    limit: int = 2000
    shown: int = 8

    needs = (needs.samples, needs.features, needs.training, needs.domain)

    def measure(self, work: "Work") -> dict[str, Value]:
        train, fake = work.trained, work.fake
        found = {"authenticity": measures.authenticity(train.features, fake.features[: self.limit])}
        if work.target.fingerprint != work.training.fingerprint:
            real = work.real.features[: self.limit]
            found["authenticity_of_real"] = measures.authenticity(train.features, real)
        kept = len(train.pictures)
        images = fake.pictures[: self.limit]
        features = fake.features[: len(images)]
        rows, distances = neighbours.nearest(train.features[:kept], features, count=5)
        closest = np.argsort(distances[:, 0], kind="stable")[: self.shown]
        shown = [np.concatenate([images[n : n + 1], train.pictures[rows[n]]]) for n in closest]
        work.pictures["nearest training pictures"] = np.concatenate(shown), 6
        return found


@dataclass(frozen=True)
class Parzen:
    """Gaussian Parzen-window log-likelihood, nats; Goodfellow et al. 2014, section 5.

    The width is chosen on training pictures.

    Args:
        limit: Samples that are centres.
        validation: Training pictures for the width.
    """

    limit: int = 10_000
    validation: int = 1000

    needs = (needs.samples, needs.training)
    units = {"parzen": "nats"}

    def measure(self, work: "Work") -> dict[str, Value]:
        centres, test = work.fake.pictures[: self.limit], work.real.pictures
        mean, error, width = parzen.parzen(centres, work.trained.pictures[: self.validation], test)
        if width in (parzen.SIGMAS[0], parzen.SIGMAS[-1]):
            work.note(f"the Parzen window's width, {width:.3g}, is at the end of those tried")
        low, high = intervals.around(mean, error, len(test) - 1, work.level)
        method = f"t interval over {len(test)} pictures; width {width:.3g}, {len(centres)} centres"
        return {"parzen": intervals.Value(mean, low, high, method, work.level)}
