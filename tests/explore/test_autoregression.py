import numpy as np
import pytest
import tensorflow as tf

from tests.explore.test_latent_space import digits
from tests.tiny import TINY
from tfgen.explore import autoregression, order


def field(name):
    model = TINY[name].build()
    place = model.image_shape[0] // 2, model.image_shape[1] // 2, 0
    image = TINY[name].batch(1)["image"]
    label = tf.constant([0]) if model.num_classes else None
    return autoregression.receptive_field(model, image, place, label)


@pytest.mark.parametrize("name", ["pixelcnn", "gatedpixelcnn", "pixelrnn", "pixelcnnpp"])
def test_no_future_is_seen(name):
    found = field(name)
    y, x = np.indices(found.shape[:2])
    middle = found.shape[0] // 2 * (found.shape[1] + 1)
    past = y * found.shape[1] + x < middle
    assert found.sum(-1)[past].any()
    assert not found.sum(-1)[~past].any()  # Of one colour, the pixel itself is not seen either.


def test_the_blind_spot_of_masked_squares():
    seen = np.zeros((5, 7, 1))
    seen[2, :3] = seen[1, 1:5] = seen[0, 2:4] = 1.0  # What a cone to the left leaves out.
    counts = autoregression._counts(seen, (2, 3))
    assert counts["past"] == 9 and counts["future"] == 0
    assert counts["blind_spot"] == 3 * 7 - 7 + 3 - 9
    seen[3, 0] = 1.0
    assert autoregression._counts(seen, (2, 3))["future"] == 1


@pytest.mark.parametrize("name", ["gatedpixelcnn", "pixelcnnpp"])
def test_costs_of_pixels_sum_to_the_likelihood(name):
    model, batch = TINY[name].build(), TINY[name].batch(3)
    label = batch.get("label") if model.num_classes else None
    costs = autoregression.pixel_costs(model, batch["image"], label)
    nats = -model.log_prob(batch["image"], label)["log_prob"].numpy()
    np.testing.assert_allclose(costs.sum((1, 2)), nats, rtol=1e-4)


def test_order():
    model = TINY["pixelcnn"].build()
    source = digits("test")
    found = order(model, source, pictures=2)
    assert "nothing later" in found.says and found.numbers["future"] == 0
    assert set(found.figures) == {"drawing", "field", "cost"}
    with pytest.raises(ValueError, match="makes no sense for DCGAN: it draws all pixels at once"):
        order(TINY["dcgan"].build(), source)
