"""Multi-scale structural similarity, Wang et al. 2003, and diversity by it."""
# Written next.


def ms_ssim(a, b):
    """(N, H, W, C), (N, H, W, C) -> (N,)"""
    raise NotImplementedError


def diversity(images, pairs=None, seed=0) -> float:
    raise NotImplementedError
