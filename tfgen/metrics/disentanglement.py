"""How well codes are taken apart by known factors: MIG, DCI, SAP and the FactorVAE score.

Codes are (N, Z), one row a picture, such as the posterior means of a VAE; factors are integers
(N, K), the values that generated it, as those of the data set "shapes". All follow the protocol of
Locatello et al. 2019, https://arxiv.org/abs/1811.12359, appendix C, but for what is said below.
"""

import numpy as np
from scipy.special import xlogy

VOTES = 800  # Of the FactorVAE score.


def mig(codes: np.ndarray, factors: np.ndarray, bins: int = 20) -> float:
    """Mutual information gap, Chen et al. 2018, https://arxiv.org/abs/1802.04942.

    Mean over factors of (I(v; z_1) - I(v; z_2)) / H(v), z_1 and z_2 the codes with the two highest
    mutual informations. Codes are cut into `bins` of equal width. In [0, 1]; 1 where each factor
    is in one code alone and read off it.

    Raises:
        ValueError: Other shapes, NaN, factors that are no integers or constant, or a single code.
    """
    codes, factors = _checked(codes, factors)
    information = np.array([[_information(z, v) for v in factors.T] for z in _cut(codes, bins).T])
    entropies = np.array([_entropy(np.unique(v, return_counts=True)[1]) for v in factors.T])
    ordered = np.sort(information, axis=0)
    return float(((ordered[-1] - ordered[-2]) / entropies).mean())


def dci(codes: np.ndarray, factors: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Disentanglement, completeness and informativeness, Eastwood & Williams 2018.

    https://openreview.net/forum?id=By-7dz-AZ, section 2. A classifier of each factor from all codes
    gives importances R (Z, K). Disentanglement is 1 - the entropy of a code's row in base K,
    weighted by the row's share; completeness is 1 - the entropy of a factor's column in base Z,
    weighted by the column's share; informativeness is the mean accuracy on the last third of the
    rows, shuffled, which the classifier has not seen.

    Differs from Locatello et al.: random forests (as in the paper's section 4) of 50 trees, all
    codes at each split and 5 samples a leaf, instead of boosted trees.

    Returns:
        "disentanglement", "completeness", "informativeness", each in [0, 1].

    Raises:
        ValueError: As `mig`.
    """
    from sklearn.ensemble import RandomForestClassifier

    codes, factors = _checked(codes, factors)
    train, test = _parts(len(codes), seed)
    importances, accuracies = [], []
    for v in factors.T:
        forest = RandomForestClassifier(
            50, min_samples_leaf=5, max_features=None, random_state=seed
        )
        forest.fit(codes[train], v[train])
        importances.append(forest.feature_importances_)
        accuracies.append(forest.score(codes[test], v[test]))
    return {
        **importance_scores(np.array(importances).T),
        "informativeness": float(np.mean(accuracies)),
    }


def importance_scores(importances: np.ndarray) -> dict[str, float]:
    """ "disentanglement" and "completeness" of non-negative importances (Z, K)."""
    importances = np.asarray(importances, np.float64)
    scores = {}
    for name, table in (("disentanglement", importances), ("completeness", importances.T)):
        weights = table.sum(axis=1)
        used = table[weights > 0] / weights[weights > 0, None]
        each = 1.0 + xlogy(used, used).sum(axis=1) / np.log(table.shape[1])
        scores[name] = float(each @ weights[weights > 0] / weights.sum()) if len(used) else 0.0
    return scores


def sap(codes: np.ndarray, factors: np.ndarray, seed: int = 0) -> float:
    """Separated attribute predictability, Kumar et al. 2018, https://arxiv.org/abs/1711.00848.

    Mean over factors of the difference of the two highest accuracies of linear support vector
    machines (C 0.01, classes balanced) from a single code, on rows they have not seen. In [0, 1].
    The codes are brought to standard deviation 1. With many values a factor a line through one
    code tells few of them apart, so that even perfect codes stay well below 1.

    Raises:
        ValueError: As `mig`.
    """
    from sklearn.svm import LinearSVC

    codes, factors = _checked(codes, factors)
    train, test = _parts(len(codes), seed)
    codes = _standardized(codes)
    scores = np.zeros((codes.shape[1], factors.shape[1]))
    for i, z in enumerate(codes.T):
        for j, v in enumerate(factors.T):
            if not z.any():
                continue  # A constant code; Locatello et al. give it 0 too.
            machine = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=seed)
            machine.fit(z[train, None], v[train])
            scores[i, j] = machine.score(z[test, None], v[test])
    ordered = np.sort(scores, axis=0)
    return float((ordered[-1] - ordered[-2]).mean())


def factor_vae_score(
    codes: np.ndarray, factors: np.ndarray, batch: int = 64, votes: int = VOTES, seed: int = 0
) -> float:
    """FactorVAE score, Kim & Mnih 2018, https://arxiv.org/abs/1802.05983, section 4.

    A vote takes a batch of rows that share one random factor's value; the code whose variance is
    the smallest, in units of its variance over all rows, votes for that factor. Returned is the
    accuracy, on as many new votes, of the classifier that gives each code the factor it voted for
    most. In [0, 1]; 1 / K by chance. Codes without variance never vote.

    Raises:
        ValueError: As `mig`, or no code varies.
    """
    codes, factors = _checked(codes, factors)
    codes = _standardized(codes)
    codes = codes[:, codes.any(axis=0)]
    if not codes.shape[1]:
        raise ValueError("No code varies over the pictures, so none can vote.")
    generator = np.random.default_rng(seed)
    rows = [[np.flatnonzero(v == value) for value in np.unique(v)] for v in factors.T]
    table = np.zeros((2, codes.shape[1], factors.shape[1]), np.int64)
    for vote in range(2 * votes):
        factor = generator.integers(len(rows))
        alike = rows[factor][generator.integers(len(rows[factor]))]
        variances = codes[alike[generator.integers(0, len(alike), batch)]].var(axis=0)
        table[vote // votes, variances.argmin(), factor] += 1
    chosen = table[0].argmax(axis=1)
    return float(table[1][np.arange(len(chosen)), chosen].sum() / votes)


def _checked(codes, factors):
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or len(codes) < 10:
        raise ValueError(
            "Codes (N, Z) and factors (N, K) of 10 pictures or more are needed. "
            f"Received: {codes.shape} and {factors.shape}."
        )
    if codes.shape[1] < 2 or factors.shape[1] < 2:
        raise ValueError(
            "Two codes and two factors are needed at least, for there is nothing to take apart "
            f"in fewer. Received: {codes.shape[1]} and {factors.shape[1]}."
        )
    if factors.dtype.kind not in "iu" or (factors == factors[:1]).all(axis=0).any():
        raise ValueError(
            "Factors must be integers, and each must take two values or more. Received dtype "
            f"{factors.dtype}, numbers of values {[len(np.unique(v)) for v in factors.T]}."
        )
    if not np.isfinite(codes).all():
        raise ValueError("Codes must be finite. Received NaN or infinity.")
    return codes, factors


def _parts(count, seed):
    order = np.random.default_rng(seed).permutation(count)
    return order[: count * 2 // 3], order[count * 2 // 3 :]


def _standardized(codes):
    """Zero mean and unit standard deviation; a code that does not vary becomes 0."""
    deviations = codes.std(axis=0)
    varies = deviations > 1e-9 * np.maximum(1.0, np.abs(codes).max(axis=0))
    return np.where(varies, (codes - codes.mean(axis=0)) / np.where(varies, deviations, 1.0), 0.0)


def _cut(codes, bins):
    low, high = codes.min(axis=0), codes.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    return np.minimum((codes - low) / width * bins, bins - 1).astype(np.int64)


def _information(z, v):
    """I(z; v) of integer columns, nats."""
    v = np.unique(v, return_inverse=True)[1]
    counts = np.zeros((z.max() + 1, v.max() + 1))
    np.add.at(counts, (z, v), 1.0)
    return _entropy(counts.sum(axis=0)) + _entropy(counts.sum(axis=1)) - _entropy(counts.ravel())


def _entropy(counts):
    p = counts / counts.sum()
    return float(-xlogy(p, p).sum())
