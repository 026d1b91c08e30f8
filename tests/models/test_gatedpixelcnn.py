import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.autoregressive import raster_truth as truth
from tfgen import data
from tfgen.metrics import nll
from tfgen.models import GatedPixelCNN
from tfgen.probability.levels import level_value


def small(shape, levels=2, num_classes=None, blocks=3, kernel_size=3):
    model = GatedPixelCNN(shape, levels, 12, blocks, kernel_size, 18, num_classes)
    # Seed 1: with 0 rectifiers that are off everywhere hide some paths.
    return truth.random_weights(model, seed=1)


CASES = {
    "grey": dict(shape=(6, 6, 1)),
    "grey_labels": dict(shape=(5, 6, 1), levels=16, num_classes=3, kernel_size=5),
    "colour": dict(shape=(5, 4, 3), levels=7, kernel_size=5),
    "colour_labels": dict(shape=(4, 5, 3), levels=2, num_classes=3),
    "one_layer": dict(shape=(5, 5, 1), blocks=1),
    "wide": dict(shape=(3, 16, 1)),  # Several pixels in one turn of the loop.
}


def feeds_of(model, rows=5):
    u = truth.uniforms(rows, model.image_shape)
    label = np.arange(rows, dtype="int32") % model.num_classes if model.num_classes else None
    return u, label, {"u": u} if label is None else {"u": u, "label": label}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cached_sampler_draws_the_naive_samplers_pixels(case):
    model = small(**case)
    u, label, feeds = feeds_of(model)
    received = model.call_signature("generate", feeds)["image"].numpy()
    np.testing.assert_array_equal(received, truth.naive_sample(model, u, label))
    assert received.std() > 0.3


def test_completion_keeps_what_is_given():
    model = small((4, 5, 3), levels=4, num_classes=3)
    u, label, feeds = feeds_of(model)
    generator = np.random.default_rng(3)
    image = level_value(generator.integers(0, 4, u.shape), 4).numpy()
    mask = generator.integers(0, 2, (*u.shape[:3], 1)).astype("int32")
    feeds = {"image": image, "mask": mask, **feeds}
    received = model.call_signature("complete", feeds)["image"].numpy()
    known = np.broadcast_to(mask == 1, u.shape)
    np.testing.assert_array_equal(received[known], image[known])
    np.testing.assert_array_equal(received, truth.naive_sample(model, u, label, mask, image))


@pytest.mark.parametrize(
    "shape, levels, blocks, kernel_size",
    [((5, 5, 1), 2, 3, 3), ((4, 4, 3), 2, 2, 3), ((4, 4, 3), 4, 2, 5), ((4, 10, 1), 2, 4, 5)],
)
def test_logits_see_the_whole_past_and_nothing_else(shape, levels, blocks, kernel_size):
    model = small(shape, levels, blocks=blocks, kernel_size=kernel_size)
    # The last shape is one where PixelCNN has a blind spot.
    np.testing.assert_array_equal(truth.seen(model), truth.earlier(shape))


@pytest.mark.parametrize("num_classes", [None, 3])
def test_probabilities_of_all_pictures_sum_to_one(num_classes):
    model = small((3, 3, 1), num_classes=num_classes)
    label = None if num_classes is None else np.full(512, 2, "int32")
    log_prob = model.log_prob(truth.all_binary(), label)["log_prob"]
    assert float(tf.reduce_sum(tf.exp(log_prob))) == pytest.approx(1.0, abs=1e-5)


def test_label_is_a_bias_of_every_layer():
    model = small((4, 4, 1), num_classes=3)
    assert len(model.network.conditions) == len(model.network.horizontal) == 3
    image = np.ones((1, 4, 4, 1), "float32")
    for layer in model.network.conditions:
        kept = layer.kernel.numpy()
        before = model.logits(image, [1])
        layer.kernel.assign(kept * [[1.0], [2.0], [1.0]])
        assert np.abs(model.logits(image, [1]) - before).max() > 1e-3
        layer.kernel.assign(kept)


@pytest.mark.slow
def test_copied_colour_costs_nothing():
    generator = np.random.default_rng(0)
    index = generator.integers(0, 4, (256, 4, 4, 3))
    index[..., 2] = index[..., 0]
    model = GatedPixelCNN((4, 4, 3), 4, filters=24, blocks=2, head_filters=24)
    model.compile(keras.optimizers.Adam(1e-2))
    images = level_value(index, 4).numpy()
    model.fit(images, epochs=50, batch_size=64, shuffle=False, verbose=0)
    bits = tf.nn.sparse_softmax_cross_entropy_with_logits(index, model.logits(images)) / np.log(2.0)
    red, _, blue = tf.reduce_mean(bits, (0, 1, 2)).numpy()
    assert blue < 0.05 and red > 1.0


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`blocks`"):
        GatedPixelCNN(blocks=0)
    with pytest.raises(ValueError, match="odd"):
        GatedPixelCNN(kernel_size=4)
    model = small((4, 4, 1), num_classes=3)
    with pytest.raises(ValueError, match="0 .. 2"):
        model.log_prob(np.ones((1, 4, 4, 1), "float32"), np.array([3]))


@pytest.mark.slow
def test_learns_digits():
    train = data.load("digits", "train", batch_size=50, binarize="threshold")
    model = GatedPixelCNN((8, 8, 1), filters=32, blocks=6, head_filters=32)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(train, epochs=20, verbose=0)
    result = nll(model, data.load("digits", "test", batch_size=250, binarize="threshold"))
    assert 15.0 < result.nats < 19.0, result


@pytest.mark.slow
def test_labels_classify_digits():
    train = data.load("digits", "train", batch_size=50, binarize="threshold")
    model = GatedPixelCNN((8, 8, 1), filters=16, blocks=4, head_filters=32, num_classes=10)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(train, epochs=15, verbose=0)
    batch = next(iter(data.load("digits", "test", batch_size=500, binarize="threshold")))
    outputs = model.call_signature("class_log_prob", {"image": batch["image"]})
    assert np.mean(np.argmax(outputs["class_log_prob"], 1) == batch["label"]) > 0.85
