"""Nearest training neighbours of samples: do they copy?"""
# Written next.


def nearest(train, images, count=5):
    """(indices (M, count), distances (M, count))"""
    raise NotImplementedError


def authenticity(train, fake) -> float:
    raise NotImplementedError


def neighbours_picture(path, train, images, count=5):
    """PNG: each row a sample, then its nearest training pictures."""
    raise NotImplementedError
