"""The sample metrics with their intervals, one function each; what `evaluate` reports.

Features and probabilities come from one `tfgen.metrics.feature_networks` network for all sets;
pictures are float (N, H, W, C) in [-1, 1]. `benchmarks/calibration.py` measures how often the
intervals hold what they speak of.
"""

from tfgen.metrics.intervals import Value


def fid(real, fake, groups=20, seed=0) -> Value:
    """Fréchet distance of features (N, F), (M, F); the interval is of the large-sample value."""
    raise NotImplementedError


def fid_infinity(real, fake, groups=20, seed=0) -> Value:
    """Fréchet distance extrapolated to infinitely many samples, and its interval."""
    raise NotImplementedError


def kid(real, fake) -> Value:
    """Unbiased squared kernel distance of all samples (N, F), (M, F)."""
    raise NotImplementedError


def inception(probabilities, splits=10, groups=20, seed=0) -> Value:
    """Mean Inception-type score over splits, (N, K); the interval is of the large-sample value."""
    raise NotImplementedError


def prdc(real, fake, nearest=5, subsets=10, seed=0) -> dict[str, Value]:
    """Precision, recall, density and coverage of features (N, F), (M, F)."""
    raise NotImplementedError


def sliced_wasserstein(real, fake, subsets=10, seed=0) -> dict[str, Value]:
    """Sliced Wasserstein distance of pictures: "side" -> Value for each level, and "mean"."""
    raise NotImplementedError


def diversity(images, pairs=None, seed=0) -> Value:
    """Mean MS-SSIM of random disjoint pairs of pictures; lower is more diverse."""
    raise NotImplementedError


def authenticity(train, fake) -> Value:
    """Share of samples that are no copy of a training sample, features or pictures (N, ...)."""
    raise NotImplementedError


def disentanglement(codes, factors, seed=0) -> dict[str, Value]:
    """ "mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "sap",
    "factor_vae"."""
    raise NotImplementedError
