import keras
import numpy as np
import pytest

from tests.explore.test_latent_space import digits
from tests.tiny import TINY
from tfgen.explore import feature_maps, filters


def test_guided_backpropagation_passes_what_is_on_and_positive_above():
    kernel = np.array([1.0, -1.0], np.float32).reshape(1, 1, 1, 2)
    network = keras.Sequential([
        keras.Input((1, 2, 1)),
        keras.layers.Conv2D(2, 1, use_bias=False),
        keras.layers.LeakyReLU(0.2),
    ])  # fmt: skip
    network.layers[0].set_weights([kernel])
    chain = keras.Model(network.inputs[0], network.outputs[0])
    image = np.array([[[[2.0], [1.0]]], [[[-1.0], [-3.0]]]], np.float32)
    found = feature_maps.guided(chain, image, 0)
    np.testing.assert_allclose(found[0, 0, :, 0], [1.0, 0.0])  # Its strongest place alone.
    np.testing.assert_allclose(found[1], 0.0)  # Off: the plain gradient would be 0.2.
    np.testing.assert_allclose(feature_maps.guided(chain, image, 1)[1, 0, :, 0], [0.0, -1.0])


def test_filters():
    found = filters(TINY["dcgan"].build(), digits(), maps=2, pictures=3)
    assert [len(found.numbers[name]) for name in ("trained", "random")] == [2, 2]
    assert set(found.figures) == {"trained", "random"} and "look for no classes" in found.says
    # A model that was not trained has the weights that it begins with.
    assert found.numbers["trained"] == found.numbers["random"]
    with pytest.raises(ValueError, match="explore filters: it makes no sense for GAN"):
        filters(TINY["gan"].build(), digits())
