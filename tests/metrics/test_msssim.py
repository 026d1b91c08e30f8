"""MS-SSIM against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.metrics import msssim


@pytest.mark.parametrize("side, channels, scales", [(44, 3, 3), (28, 1, 2), (32, 3, 2), (11, 1, 1)])
def test_equals_tensorflow(side, channels, scales):
    generator = np.random.default_rng(0)
    a = generator.uniform(-1, 1, (5, side, side, channels)).astype("f")
    b = np.clip(a + 0.4 * generator.normal(size=a.shape), -1, 1).astype("f")
    weights = np.array(msssim.WEIGHTS[:scales]) / sum(msssim.WEIGHTS[:scales])
    expected = tf.image.ssim_multiscale(a, b, 2.0, power_factors=weights).numpy()
    np.testing.assert_allclose(msssim.ms_ssim(a, b), expected, rtol=1e-4)
    assert msssim.scales(a.shape[1:]) == scales
    np.testing.assert_allclose(msssim.ms_ssim(a, a), 1.0)


def test_scales_follow_the_side():
    sides = {8: 1, 21: 1, 22: 2, 64: 3, 175: 4, 176: 5, 1024: 5}
    assert {side: msssim.scales((side, 2 * side, 3)) for side in sides} == sides


def test_diversity():
    varied = np.random.default_rng(0).uniform(-1, 1, (40, 8, 8, 1)).astype("f")
    assert msssim.diversity(varied) < 0.3
    assert msssim.diversity(varied[:1].repeat(10, 0)) == pytest.approx(1.0)
    assert msssim.diversity(np.zeros((4, 8, 8, 1), "f")) == pytest.approx(1.0)
    assert len(msssim.pair_similarities(varied)) == 20
    assert msssim.diversity(varied, seed=1) != msssim.diversity(varied, seed=2)


def test_bad_input():
    images = np.zeros((4, 8, 8, 1), "f")
    with pytest.raises(ValueError, match="`pairs`"):
        msssim.diversity(images, pairs=3)
    with pytest.raises(ValueError, match="As many"):
        msssim.ms_ssim(images, images[:3])
    with pytest.raises(ValueError, match="0 to 255"):
        msssim.ms_ssim(images, images + np.linspace(0, 255, 8, dtype="f")[:, None])
    with pytest.raises(ValueError, match="dtype uint8"):
        msssim.diversity(images.astype("uint8"))
    with pytest.raises(ValueError, match="the first is sample 0"):
        msssim.diversity(images * np.nan)
