"""Inception-type score, Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 4."""
# Written next.


def inception_score(probabilities, splits=10):
    raise NotImplementedError
