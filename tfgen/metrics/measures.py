"""The sample metrics with their intervals, one function each; what `evaluate` reports.

Features and probabilities come from one `tfgen.metrics.feature_networks` network for all sets;
pictures are float (N, H, W, C) in [-1, 1]. `benchmarks/calibration.py` measures how often the
intervals hold what they speak of.
"""

import numpy as np

from tfgen.metrics import disentanglement as scores
from tfgen.metrics import frechet, intervals, kernel, manifold, msssim, neighbours
from tfgen.metrics import sliced_wasserstein as slices
from tfgen.metrics.inception_score import inception_score
from tfgen.metrics.intervals import Value


def fid(real: np.ndarray, fake: np.ndarray, groups: int = 20, seed: int = 0) -> Value:
    """Fréchet distance of features (N, F), (M, F).

    The value is the distance at this number of samples, as papers report it, and biased upwards.
    The interval is of the large-sample value, so that with few samples the value lies above it.
    """
    total, without = frechet.left_out(real, fake, groups, seed)
    found = intervals.from_left_out(total, without)
    return Value(float(total), found.low, found.high, found.method, found.level)


def fid_infinity(real: np.ndarray, fake: np.ndarray, groups: int = 20, seed: int = 0) -> Value:
    """Fréchet distance extrapolated to infinitely many samples, (N, F), (M, F).

    The value is the jackknife's, which removes the same bias of order 1/N as the line of
    `frechet.frechet_infinity` does, with less noise; the interval is around it.
    """
    return intervals.from_left_out(*frechet.left_out(real, fake, groups, seed))


def kid(real: np.ndarray, fake: np.ndarray) -> Value:
    """Unbiased squared kernel distance of all samples (N, F), (M, F), with a jackknife's error."""
    value, error = kernel.unbiased_mmd_error(real, fake)
    degrees = min(len(real), len(fake)) - 1
    low, high = intervals.around(value, error, degrees)
    return Value(value, low, high, "large-sample value, t interval, jackknife over the samples")


def inception(
    probabilities: np.ndarray, splits: int = 10, groups: int = 20, seed: int = 0
) -> Value:
    """Mean Inception-type score over splits, (N, K).

    The interval is of the large-sample value; the mean over splits is biased downwards and may lie
    below it.
    """
    value = float(inception_score(probabilities, splits).mean())
    found = intervals.jackknife(
        lambda p: np.log(inception_score(p, 1)[0]), probabilities, groups=groups, seed=seed
    )
    low, high = np.exp([found.low, found.high])
    return Value(value, float(low), float(high), f"{found.method}, of the logarithm", found.level)


def prdc(
    real: np.ndarray, fake: np.ndarray, nearest: int = 5, halvings: int = 8, seed: int = 0
) -> dict[str, Value]:
    """Precision, recall, density and coverage of features (N, F), (M, F)."""
    real, fake = np.asarray(real), np.asarray(fake)
    total = manifold.precision_recall_density_coverage(real, fake, nearest)
    pairs: dict[str, list] = {name: [] for name in total}
    for cut in range(halvings):
        rows = [intervals.group_rows(len(a), 2, (seed, cut, n)) for n, a in enumerate((real, fake))]
        halves = [manifold.figures(real[r], fake[f], nearest) for r, f in zip(*rows, strict=True)]
        for name, own in pairs.items():
            own.append([half[name] for half in halves])
    found = {name: intervals.from_halves(total[name], own) for name, own in pairs.items()}
    return {name: _within(one, np.inf if name == "density" else 1.0) for name, one in found.items()}


def sliced_wasserstein(
    real: np.ndarray, fake: np.ndarray, subsets: int = 10, seed: int = 0
) -> dict[str, Value]:
    """Sliced Wasserstein distance of pictures: each level by its side, and their "mean"."""

    def distances(a, b):
        levels = slices.sliced_wasserstein(a, b, seed=seed)
        return {**{str(k): v for k, v in levels.items()}, "mean": np.mean(list(levels.values()))}

    return _each(distances, (np.asarray(real), np.asarray(fake)), subsets, seed)


def diversity(images: np.ndarray, pairs: int | None = None, seed: int = 0) -> Value:
    """Mean MS-SSIM of random disjoint pairs of pictures; lower is more diverse."""
    found = intervals.mean(msssim.pair_similarities(images, pairs, seed))
    method = f"large-sample value, {found.method} of disjoint pairs"
    return Value(found.value, found.low, found.high, method, found.level)


def authenticity(train: np.ndarray, fake: np.ndarray) -> Value:
    """Share of samples (M, ...) that are no copies of training points (N, ...), which are given."""
    kept = neighbours.authentic(train, fake)
    found = intervals.proportion(int(kept.sum()), len(kept))
    method = f"large-sample value for this training set, {found.method}"
    return Value(found.value, found.low, found.high, method, found.level)


def disentanglement(
    codes: np.ndarray, factors: np.ndarray, subsets: int = 5, seed: int = 0
) -> dict[str, Value]:
    """All scores of codes (N, Z) against factors (N, K).

    "mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "sap", "factor_vae".
    """
    codes, factors = np.asarray(codes), np.asarray(factors)

    def each(z, v):
        dci = scores.dci(z, v, seed)
        votes = max(1, round(scores.VOTES * len(z) / len(codes)))  # Their noise is as 1/N too.
        return {
            "mig": scores.mig(z, v),
            **{f"dci_{name}": value for name, value in dci.items()},
            "sap": scores.sap(z, v, seed),
            "factor_vae": scores.factor_vae_score(z, v, votes=votes, seed=seed),
        }

    names = ("dci_disentanglement", "dci_completeness", "dci_informativeness")
    highest = dict.fromkeys(("mig", "sap", "factor_vae", *names), 1.0)
    return _each(each, (codes, factors), subsets, seed, highest, paired=True)


def _each(function, arrays, subsets, seed, highest=None, paired=False):
    """`intervals.from_subsets` for each entry of what the function gives.

    Ends outside of what a metric can be are cut: below 0, and above `highest`.
    """
    rows = [intervals.group_rows(len(a), subsets, seed + n) for n, a in enumerate(arrays)]
    if paired:
        rows = [rows[0]] * len(arrays)
    parts = [
        function(*(a[r[g]] for a, r in zip(arrays, rows, strict=True))) for g in range(subsets)
    ]
    found = {}
    for name, value in function(*arrays).items():
        one = intervals.from_subsets(value, [part[name] for part in parts])
        found[name] = _within(one, (highest or {}).get(name, np.inf))
    return found


def _within(one, highest):
    low, high = max(one.low, 0.0), float(min(one.high, highest))
    return Value(one.value, low, high, one.method, one.level)
