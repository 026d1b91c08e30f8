"""Sliced Wasserstein distance of patches of Laplacian pyramids, Karras et al. 2018."""
# Written next.


def sliced_wasserstein(
    real, fake, patches_per_image=128, directions=512, repeats=1, seed=0
) -> dict[int, float]:
    """Level's side -> distance."""
    raise NotImplementedError
