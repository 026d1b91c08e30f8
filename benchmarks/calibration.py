"""How often 95 % intervals hold what they speak of.

    python -m benchmarks.calibration [--repeats 200] [--samples 1000] [--only fid,kid] [--seed 0]

`repeats` times, `samples` of each side are drawn anew from fixed populations, and each metric's
interval is made from them alone. It is right where it holds the target:

- of the large-sample value, for FID, KID and the Inception-type score: the populations' own value,
  in closed form, or, for the score, from two million draws;
- of the expectation at this number of samples, for the others: the mean over the repeats.

Populations: "skewed" are 64 correlated numbers with gamma-distributed causes, whose two sides
differ in mean and covariance much ("far"), little ("near") or not at all ("equal"); "digits" are
features and class probabilities of the built-in 28x28 digits by "mnist28", one half as they are and
the other half blurred. A line gives the target, the share of repeats whose interval holds it and
its standard error, the mean width of the intervals and the mean value.
"""

import argparse
import functools
import os
import time

import numpy as np

from tfgen.metrics import frechet, intervals, measures

FEATURES = 64
_SKEW = 1.0  # Of a gamma distribution of shape 4.


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--only", help="beginnings of names, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    only = tuple(arguments.only.split(",")) if arguments.only else ("",)
    print(f"{arguments.repeats} repeats of {arguments.samples} samples, seed {arguments.seed}")
    print(f"{os.cpu_count()} CPU cores; target, share that holds it, width, value, seconds")
    for name, case in CASES.items():
        if not name.startswith(only):
            continue
        began = time.perf_counter()
        found = calibrate(*case(), arguments.samples, arguments.repeats, arguments.seed)
        for part, row in found.items():
            print(
                f"{f'{name} {part}'.strip():24s} {row['target']:9.5f}  {row['share']:.3f} +- "
                f"{row['error']:.3f}  {row['width']:.5f}  {row['value']:.5f}  "
                f"{time.perf_counter() - began:.0f}",
                flush=True,
            )


def calibrate(draw, measure, target, samples, repeats, seed=0) -> dict[str, dict[str, float]]:
    """Coverage of each figure that `measure` gives.

    Args:
        draw: (generator, samples) -> arrays.
        measure: Function of the arrays, to a `Value` or a dict of them.
        target: What the intervals should hold; None for the mean over the repeats.
        samples, repeats, seed: How many, how often, and the seed of the draws.
    """
    found = []
    for generator in np.random.default_rng(seed).spawn(repeats):
        values = measure(*draw(generator, samples))
        found.append(values if isinstance(values, dict) else {"": values})
    rows = {}
    for part in found[0]:
        values = [f[part] for f in found]
        mean = float(np.mean([v.value for v in values]))
        goal = mean if target is None else target
        share = float(np.mean([v.low <= goal <= v.high for v in values]))
        rows[part] = {
            "target": goal,
            "share": share,
            "error": float(np.sqrt(share * (1 - share) / repeats)),
            "width": float(np.mean([v.high - v.low for v in values])),
            "value": mean,
        }
    return rows


class Skewed:
    """x = m + g A with g independent, of skewness 1: all moments up to the third are known."""

    def __init__(self, distance):
        generator = np.random.default_rng(1)
        mixing = generator.normal(size=(FEATURES, FEATURES)) / np.sqrt(FEATURES)
        mixing *= 0.95 ** np.arange(FEATURES)[:, None]  # As features do, most vary little.
        change = generator.normal(size=(FEATURES, FEATURES)) / np.sqrt(FEATURES)
        self.mixing = mixing + distance * 0.3 * mixing @ change
        self.mean = distance * generator.normal(size=FEATURES) * 0.15

    def draw(self, generator, samples):
        causes = (generator.gamma(4.0, size=(samples, FEATURES)) - 4.0) / 2.0
        return self.mean + causes @ self.mixing

    @property
    def covariance(self):
        return self.mixing.T @ self.mixing

    def third(self):
        """E[x x x], (F, F, F)."""
        m, second = self.mean, self.covariance
        mixed = np.einsum("i,jk->ijk", m, second)
        mixed = mixed + mixed.transpose(1, 0, 2) + mixed.transpose(1, 2, 0)
        own = np.einsum("ci,cj,ck->ijk", *[self.mixing] * 3, optimize=True)
        return np.einsum("i,j,k->ijk", m, m, m) + mixed + _SKEW * own


def distance_of_moments(x, y):
    """Squared kernel distance of the polynomial kernel, from the difference of each moment."""
    second = [p.covariance + np.outer(p.mean, p.mean) for p in (x, y)]
    weights = 3.0 / FEATURES, 3.0 / FEATURES**2, 1.0 / FEATURES**3
    parts = x.mean - y.mean, second[0] - second[1], x.third() - y.third()
    return float(sum(w * np.square(p).sum() for w, p in zip(weights, parts, strict=True)))


def skewed(measure, distance):
    """A case: two skewed populations this far apart."""
    x, y = Skewed(0.0), Skewed(distance)
    targets = {
        measures.fid: lambda: frechet.frechet_from_moments(
            x.mean, x.covariance, y.mean, y.covariance
        ),
        measures.kid: lambda: distance_of_moments(x, y),
    }
    target = targets[measure]() if measure in targets else None
    return lambda g, n: (x.draw(g, n), y.draw(g, n)), measure, target


@functools.cache
def digit_features():
    """(features, probabilities) of 2,500 digits and of 2,500 others, blurred."""
    from scipy import ndimage

    from tfgen import data
    from tfgen.metrics import feature_networks

    images = data.source("mnist-5k", "all").arrays["image"].astype(np.float32) / 127.5 - 1.0
    order = np.random.default_rng(0).permutation(len(images))
    blurred = ndimage.gaussian_filter(images[order[2500:]], (0, 0.7, 0.7, 0))
    network = feature_networks.load("mnist28")
    return [network.features_and_probabilities(x) for x in (images[order[:2500]], blurred)]


def digits(measure):
    """A case: draws with replacement from the two halves."""
    (x, _), (y, _) = (tuple(np.float64(a) for a in pair) for pair in digit_features())
    if measure is measures.fid:
        target = frechet.frechet_from_moments(
            x.mean(axis=0), np.cov(x.T, bias=True), y.mean(axis=0), np.cov(y.T, bias=True)
        )
    else:
        cube = [((a @ b.T / a.shape[1] + 1.0) ** 3).mean() for a, b in ((x, x), (y, y), (x, y))]
        target = float(cube[0] + cube[1] - 2.0 * cube[2])

    def draw(generator, samples):
        return tuple(a[generator.integers(0, len(a), samples)] for a in (x, y))

    return draw, measure, target


def digit_score():
    """A case: the Inception-type score of the blurred digits."""
    probabilities = np.float64(digit_features()[1][1])
    target = float(measures.inception_score(probabilities, 1)[0])
    return (
        lambda g, n: (probabilities[g.integers(0, len(probabilities), n)],),
        measures.inception,
        target,
    )


def score():
    """A case: the Inception-type score of uncertain classes."""

    def draw(generator, samples):
        logits = 1.5 * generator.normal(size=(samples, 10)) + 0.1 * np.arange(10)
        return (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),)

    target = measures.inception_score(draw(np.random.default_rng(0), 2_000_000)[0], 1)[0]
    return draw, measures.inception, float(target)


def pictures(measure, sets):
    """A case: 16x16 pictures of one soft spot each, of other widths on the second side."""

    def spots(generator, samples, width):
        center = generator.uniform(4, 12, (samples, 2, 1, 1))
        widths = generator.gamma(8.0, width / 8.0, (samples, 1, 1))
        down, across = np.mgrid[:16, :16]
        squares = (down - center[:, 0]) ** 2 + (across - center[:, 1]) ** 2
        return (2.0 * np.exp(-squares / (2.0 * widths**2)) - 1.0)[..., None].astype(np.float32)

    def draw(generator, samples):
        return tuple(spots(generator, samples, width) for width in (2.0, 2.3)[:sets])

    return draw, measure, None


def codes():
    """A case: five codes that mix three factors, each with noise of its own."""
    mixing = np.random.default_rng(0).normal(size=(3, 5))

    def draw(generator, samples):
        factors = generator.integers(0, 4, (samples, 3))
        return factors @ mixing + generator.normal(size=(samples, 5)), factors

    return draw, measures.disentanglement, None


def copies():
    """A case: authenticity against a given training set."""
    population = Skewed(0.0)
    train = population.draw(np.random.default_rng(0), 1000)

    def measure(fake):
        return measures.authenticity(train, fake)

    return lambda g, n: (population.draw(g, n),), measure, None


CASES = {
    "fid far": lambda: skewed(measures.fid, 1.0),
    "fid near": lambda: skewed(measures.fid, 0.3),
    "fid equal": lambda: skewed(measures.fid, 0.0),
    "fid digits": lambda: digits(measures.fid),
    "kid far": lambda: skewed(measures.kid, 1.0),
    "kid near": lambda: skewed(measures.kid, 0.3),
    "kid equal": lambda: skewed(measures.kid, 0.0),
    "kid digits": lambda: digits(measures.kid),
    "is": score,
    "is digits": digit_score,
    "prdc far": lambda: skewed(measures.prdc, 1.0),
    "prdc near": lambda: skewed(measures.prdc, 0.3),
    "swd": lambda: pictures(measures.sliced_wasserstein, 2),
    "ms-ssim": lambda: pictures(measures.diversity, 1),
    "authenticity": copies,
    "disentanglement": codes,
    "mean": lambda: (lambda g, n: (g.exponential(size=n),), intervals.mean, 1.0),
}


if __name__ == "__main__":
    main()
