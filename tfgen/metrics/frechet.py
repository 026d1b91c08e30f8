"""Fréchet distance of two sets of features, Heusel et al. 2017, https://arxiv.org/abs/1706.08500."""
# Written next.


class Moments:
    """Mean and covariance of features that come in batches: add(batch), count, mean, covariance."""


def frechet_distance(x, y) -> float:
    raise NotImplementedError


def frechet_from_moments(mean_x, covariance_x, mean_y, covariance_y) -> float:
    raise NotImplementedError


def frechet_infinity(x, y, points=15, smallest=None, seed=0) -> float:
    raise NotImplementedError
