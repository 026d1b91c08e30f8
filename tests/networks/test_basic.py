"""Shapes, parameter counts and refused sizes of the shared networks."""

import numpy as np
import pytest

from tfgen import networks


@pytest.mark.parametrize(
    ("shape", "stages"),
    [
        ((8, 8, 1), 1),
        ((28, 28, 1), 2),
        ((32, 32, 3), 3),
        ((64, 64, 3), 4),
        ((96, 96, 3), 4),
        ((128, 128, 3), 5),
        ((48, 64, 3), 3),
    ],
)
def test_usual_sizes(shape, stages):
    assert networks.halvings(shape) == stages
    up = networks.upsampling(5, shape, 2, stages)
    down = networks.downsampling(shape, (1,), 2, stages)
    assert up.output_shape == (None, *shape) and down.output_shape == (None, 1)


@pytest.mark.parametrize(
    ("shape", "stages", "message"),
    [
        ((27, 27, 1), None, r"multiples of 2 \(1 halvings\). Received: \(27, 27, 1\)"),
        ((28, 28, 1), 3, "multiples of 8"),
        ((28, 28, 2), None, "1 or 3 channels. Received: 2"),
    ],
)
def test_sizes_that_cannot_be_halved(shape, stages, message):
    with pytest.raises(ValueError, match=message):
        networks.halvings(shape, stages)


def test_unknown_normalization():
    with pytest.raises(
        ValueError, match="Unknown normalization 'bach'. Known: batch, layer, spectral, None"
    ):
        networks.downsampling((8, 8, 1), (1,), 2, 2, "bach")


def test_initial_spread_is_the_papers():
    network = networks.upsampling(100, (64, 64, 3), 32, 4)
    kernels = [w.numpy() for w in network.trainable_weights if len(w.shape) > 1]
    gains = np.concatenate([w.numpy() for w in network.trainable_weights if w.name == "gain"])
    for weights, mean in [(gains, 1.0), *((kernel, 0.0) for kernel in kernels)]:
        # Five standard errors of each estimate: of a few hundred gains or many thousand weights.
        bound = 5 * 0.02 / np.sqrt(weights.size)
        assert abs(weights.mean() - mean) < bound
        assert abs(weights.std() - 0.02) < bound / np.sqrt(2)
