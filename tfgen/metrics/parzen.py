"""Gaussian Parzen-window log-likelihood of a sampler.

Goodfellow et al. 2014, section 5, after Breuleux et al. 2011, as in the authors' parzen_ll.py. A
poor measure of samples (Theis et al. 2016, https://arxiv.org/abs/1511.01844), kept for comparison
with the tables of the first papers.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

SIGMAS = np.logspace(-1, 0, 10)


def parzen(
    samples: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    sigmas: Sequence[float] | np.ndarray = SIGMAS,
) -> tuple[float, float, float]:
    """Mean log density of test images under a Gaussian at each sample, in nats.

    The width is the one of `sigmas` with the highest mean on the validation images, which are a
    part of the training images.

    Args:
        samples, validation, test: (N, ...) in [-1, 1]; densities are over pixels in [0, 1].
        sigmas: Widths to choose from; the papers' are 10 from 0.1 to 1.

    Returns:
        (mean, standard error of the mean, width).
    """
    samples, validation, test = (_flat(x) for x in (samples, validation, test))
    width = max(sigmas, key=lambda sigma: log_density(validation, samples, sigma).mean())
    values = log_density(test, samples, width)
    return float(values.mean()), float(values.std() / math.sqrt(len(values))), float(width)


def log_density(x: np.ndarray, centers: np.ndarray, sigma: float, rows: int = 256) -> np.ndarray:
    """log of the mean over centers of N(x; center, sigma^2 I), nats. (N, D), (M, D) -> (N,)"""
    parts = []
    for start in range(0, len(x), rows):
        part = x[start : start + rows]
        squared = (part**2).sum(1)[:, None] - 2.0 * part @ centers.T + (centers**2).sum(1)
        parts.append(logsumexp(-np.maximum(squared, 0.0) / (2.0 * sigma**2), axis=1))
    normalizer = math.log(len(centers)) + x.shape[1] * math.log(sigma * math.sqrt(2.0 * math.pi))
    return np.concatenate(parts) - normalizer


def _flat(images):
    return (np.asarray(images, np.float64).reshape(len(images), -1) + 1.0) / 2.0
