"""What a figure is worth: intervals by theory, jackknife, bootstrap, subsets and seeds.

Every interval says in `method` how it was made and of what it speaks. Two kinds are distinguished
throughout: the interval of the *large-sample value*, which the same metric would give with as many
samples as one likes, and of the *expectation at this number of samples*, for metrics that have no
other limit worth naming.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Value:
    """A figure with its interval.

    Args:
        value: The figure itself.
        low, high: Ends of the interval; NaN where there is none. Where `value` is a biased
            estimate of what the interval speaks of (FID at few samples), it may lie outside.
        method: How the interval was made, and of what.
        level: Its nominal coverage.
    """

    value: float
    low: float
    high: float
    method: str
    level: float = LEVEL

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)

    def __str__(self):
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def mean(values: np.ndarray | Sequence, level: float = LEVEL) -> Value:
    """The mean of independent values and its t interval.

    Args:
        values: (N,), such as -log p(x) of each image; N >= 2.
        level: Nominal coverage.

    Raises:
        ValueError: Fewer than two values, or one that is not finite.
    """
    values = _finite(values)
    low, high = around(values.mean(), _error_of_mean(values), len(values) - 1, level)
    return Value(float(values.mean()), low, high, f"t interval over {len(values)} values", level)


def proportion(hits: int, count: int, level: float = LEVEL) -> Value:
    """A share of `count` independent cases and its Wilson score interval.

    Args:
        hits: Cases that are counted.
        count: All cases, at least 1.
        level: Nominal coverage.

    Raises:
        ValueError: `hits` outside 0 .. count, or no cases.
    """
    if not 0 <= hits <= count or count < 1:
        raise ValueError(f"hits must lie in 0 .. count, of 1 or more. Received: {hits}, {count}.")
    found = stats.binomtest(int(hits), int(count)).proportion_ci(level, "wilson")
    method = f"Wilson interval over {count} cases"
    return Value(hits / count, float(found.low), float(found.high), method, level)


def bootstrap(
    statistic: Callable, *arrays, resamples: int = 1000, seed: int = 0, level: float = LEVEL
) -> Value:
    """Percentile bootstrap (Efron & Tibshirani 1993, chapter 13).

    Right for smooth statistics without a bias of the order of their error: means, accuracies,
    medians. Not for FID or nearest-neighbour metrics, which rows that come twice distort.

    Args:
        statistic: Function of the arrays, to a number.
        *arrays: Samples, each (N, ...) drawn from by itself with replacement. Columns of one set
            of cases go into one array.
        resamples: Number of draws.
        seed: Of the draws.
        level: Nominal coverage.
    """
    generator = np.random.default_rng(seed)
    draws = []
    for _ in range(resamples):
        rows = [generator.integers(0, len(a), len(a)) for a in arrays]
        draws.append(statistic(*(a[r] for a, r in zip(arrays, rows, strict=True))))
    ends = np.quantile(_finite(draws), [0.5 - level / 2, 0.5 + level / 2])
    method = f"percentile bootstrap of {resamples} resamples"
    return Value(float(statistic(*arrays)), float(ends[0]), float(ends[1]), method, level)


def jackknife(
    statistic: Callable, *arrays, groups: int = 20, seed: int = 0, level: float = LEVEL
) -> Value:
    """Large-sample value by the jackknife over random groups (Quenouille 1956, Tukey 1958).

    Each group is left out of all arrays at once. The pseudo-values G t - (G - 1) t_(-g) have no
    bias of order 1/N; their mean is the estimate at the interval's center, and `value` too.

    Args:
        statistic: Smooth function of the arrays, to a number.
        *arrays: Samples (N, ...), each with at least 2 rows a group.
        groups: G.
        seed: Of the groups.
        level: Nominal coverage.

    Raises:
        ValueError: Too few rows for the groups.
    """
    members = [group_rows(len(a), groups, seed + n) for n, a in enumerate(arrays)]
    total = statistic(*arrays)
    without = [
        statistic(*(np.delete(a, m[g], axis=0) for a, m in zip(arrays, members, strict=True)))
        for g in range(groups)
    ]
    return from_left_out(total, without, level)


def from_left_out(total: float, without: np.ndarray | Sequence, level: float = LEVEL) -> Value:
    """The jackknife's interval from the statistic of all, and without each of G groups."""
    groups = len(without)
    pseudo = _finite(groups * total - (groups - 1) * np.asarray(without, np.float64))
    low, high = around(pseudo.mean(), _error_of_mean(pseudo), groups - 1, level)
    method = f"large-sample value, jackknife over {groups} groups, bias of order 1/N removed"
    return Value(float(pseudo.mean()), low, high, method, level)


def over_subsets(
    statistic: Callable, *arrays, subsets: int = 10, seed: int = 0, level: float = LEVEL
) -> Value:
    """Expectation at this number of samples, its error from disjoint subsets.

    The value is that of all samples. The standard deviation over disjoint subsets of 1/G of the
    rows, divided by sqrt(G), is the error: what varies like 1/N does so at any N.

    Args:
        statistic: Function of the arrays, to a number.
        *arrays: Samples (N, ...), each with at least 2 rows a subset.
        subsets: G.
        seed: Of the subsets.
        level: Nominal coverage.

    Raises:
        ValueError: Too few rows for the subsets.
    """
    members = [group_rows(len(a), subsets, seed + n) for n, a in enumerate(arrays)]
    parts = [
        statistic(*(a[m[g]] for a, m in zip(arrays, members, strict=True))) for g in range(subsets)
    ]
    return from_subsets(statistic(*arrays), parts, level)


def from_subsets(total: float, parts: np.ndarray | Sequence, level: float = LEVEL) -> Value:
    """The interval of `over_subsets` from the value of all and of each subset."""
    parts = _finite(parts)
    low, high = around(total, _error_of_mean(parts), len(parts) - 1, level)
    method = f"expectation at this number of samples, error from {len(parts)} disjoint subsets"
    return Value(float(total), low, high, method, level)


def from_halves(total: float, pairs: np.ndarray | Sequence, level: float = LEVEL) -> Value:
    """Expectation at this number of samples, its error from the data cut in halves repeatedly.

    The two halves of one cut are independent, and (a - b)^2 / 4 is on average the variance of the
    whole, if that falls like 1/N. Halves are nearly as large as the whole, which matters where it
    does not quite, as for nearest neighbours. The mean over cuts is less noisy than one cut.

    Args:
        total: The value of all samples.
        pairs: (R, 2), the values of the two halves of R random cuts.
        level: Nominal coverage.
    """
    pairs = np.asarray(pairs, np.float64)
    _finite(pairs)
    error = math.sqrt(np.square(pairs[:, 0] - pairs[:, 1]).mean() / 4.0)
    low, high = around(total, error, len(pairs), level)
    method = f"expectation at this number of samples, error from {len(pairs)} random halvings"
    return Value(float(total), low, high, method, level)


def over_seeds(values: Sequence[float | Value], level: float = LEVEL) -> Value:
    """Mean over independently trained models, with its t interval.

    Args:
        values: One figure a model, or a `Value` each.
        level: Nominal coverage.

    Returns:
        The mean; with a single model there is no interval and its ends are NaN.

    Raises:
        ValueError: No values, or one that is not finite.
    """
    plain = _finite([v.value if isinstance(v, Value) else v for v in values], least=1)
    if len(plain) == 1:
        return Value(float(plain[0]), math.nan, math.nan, "one model: no interval", level)
    low, high = around(plain.mean(), _error_of_mean(plain), len(plain) - 1, level)
    return Value(float(plain.mean()), low, high, f"t interval over {len(plain)} models", level)


def around(
    center: float, error: float, degrees: float, level: float = LEVEL
) -> tuple[float, float]:
    """(low, high): center -+ the quantile of Student's t times the standard error."""
    width = stats.t.ppf(0.5 + level / 2, degrees) * error
    return float(center - width), float(center + width)


def group_rows(count: int, groups: int, seed: int | Sequence[int]) -> list[np.ndarray]:
    """Row numbers of random groups of (nearly) one size.

    Raises:
        ValueError: Fewer than two rows a group, or fewer than two groups.
    """
    if groups < 2 or count < 2 * groups:
        raise ValueError(
            f"{groups} groups need at least 2 rows each, and there must be 2 groups or more. "
            f"Received: {count} rows. Give more samples."
        )
    return np.array_split(np.random.default_rng(seed).permutation(count), groups)


def _error_of_mean(values):
    return values.std(ddof=1) / math.sqrt(len(values))


def _finite(values, least=2) -> np.ndarray:
    values = np.asarray(values, np.float64).reshape(-1)
    if len(values) < least or not np.isfinite(values).all():
        raise ValueError(
            f"At least {least} finite values are needed for an interval. Received: {len(values)} "
            f"values, {int(np.sum(~np.isfinite(values)))} of them NaN or infinite."
        )
    return values
