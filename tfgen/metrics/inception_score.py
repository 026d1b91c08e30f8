"""Inception-type score, Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 4.

    exp( E_x KL( p(y|x) || p(y) ) )

with p(y|x) of any classifier: 1 where every picture looks the same to it, K where the classes are
certain and equally frequent. Only by Inception-v3 is it the *Inception score*.
"""

import numpy as np
from scipy.special import xlogy


def inception_score(probabilities: np.ndarray, splits: int = 10) -> np.ndarray:
    """The score of each of `splits` consecutive parts, as the paper reports mean and spread.

    Args:
        probabilities: p(y|x), (N, K); rows sum to 1.
        splits: Number of parts; p(y) is that of the part.

    Returns:
        (splits,) values in [1, K].

    Raises:
        ValueError: Another shape, fewer pictures than parts, NaN, or rows that are no
            probabilities.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or not np.isfinite(p).all():
        raise ValueError(
            f"Probabilities must be finite and of shape (N, K). Received: {p.shape}, "
            f"{int(np.sum(~np.isfinite(p)))} numbers NaN or infinite."
        )
    if p.size and (p.min() < 0 or np.abs(p.sum(axis=1) - 1.0).max() > 1e-3):
        raise ValueError(
            "Rows must be probabilities that sum to 1. Received rows summing to "
            f"{p.sum(axis=1).min():g} .. {p.sum(axis=1).max():g}; apply softmax to logits."
        )
    if not 1 <= splits <= len(p):
        raise ValueError(f"`splits` must lie in 1 .. {len(p)} pictures. Received: {splits}.")
    p = p / p.sum(axis=1, keepdims=True)
    return np.array([_score(part) for part in np.array_split(p, splits)])


def _score(p):
    marginal = p.mean(axis=0)
    return float(np.exp(xlogy(p, p).sum(axis=1).mean() - xlogy(marginal, marginal).sum()))
