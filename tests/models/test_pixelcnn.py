import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from tests.autoregressive import raster_truth as truth
from tfgen import data, export
from tfgen.metrics import nll
from tfgen.models import PixelCNN
from tfgen.probability.levels import level_value


def small(shape, levels=2, num_classes=None, blocks=2, **arguments):
    model = PixelCNN(shape, levels, 24, blocks, 18, num_classes, **arguments)
    return truth.random_weights(model)


CASES = {
    "grey": dict(shape=(6, 6, 1)),
    "grey_labels": dict(shape=(5, 6, 1), levels=16, num_classes=3),
    "colour": dict(shape=(5, 4, 3), levels=7),
    "colour_labels": dict(shape=(4, 5, 3), levels=2, num_classes=3),
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


@pytest.mark.parametrize("rows", [64, 67])
def test_groups_of_rows_are_drawn_like_one_row(rows):
    model = small((4, 5, 1), num_classes=3)
    u, label, feeds = feeds_of(model, rows)
    received = model.call_signature("generate", feeds)["image"].numpy()
    np.testing.assert_array_equal(received, truth.naive_sample(model, u, label))


@pytest.mark.parametrize("case", ["grey", "colour_labels"])
def test_completion_keeps_what_is_given(case):
    model = small(**CASES[case])
    u, label, feeds = feeds_of(model)
    generator = np.random.default_rng(3)
    index = generator.integers(0, model.levels, u.shape)
    image = level_value(index, model.levels).numpy()
    mask = generator.integers(0, 2, (*u.shape[:3], 1)).astype("int32")
    hidden = np.where(mask == 1, image, 0.123).astype("float32")
    feeds = {"image": hidden, "mask": mask, **feeds}
    received = model.call_signature("complete", feeds)["image"].numpy()
    known = np.broadcast_to(mask == 1, u.shape)
    np.testing.assert_array_equal(received[known], image[known])
    expected = truth.naive_sample(model, u, label, mask, image)
    np.testing.assert_array_equal(received, expected)
    everything = {**feeds, "image": image, "mask": np.ones_like(mask)}
    np.testing.assert_array_equal(model.call_signature("complete", everything)["image"], image)


def test_completion_of_nothing_is_generation():
    model = small((6, 6, 1))
    u, _, feeds = feeds_of(model)
    mask = np.zeros((*u.shape[:3], 1), "int32")
    completed = model.call_signature("complete", {"image": u * 0, "mask": mask, **feeds})
    generated = model.call_signature("generate", feeds)
    np.testing.assert_array_equal(completed["image"], generated["image"])


@pytest.mark.parametrize("shape, levels", [((5, 5, 1), 2), ((4, 4, 3), 2), ((4, 4, 3), 4)])
@pytest.mark.parametrize("blocks", [1, 3])
def test_logits_see_the_promised_past_and_nothing_else(shape, levels, blocks):
    model = small(shape, levels, blocks=blocks)
    promised = truth.reach(shape, 7, "A").astype(int)
    for _ in range(blocks):
        promised = np.minimum(truth.reach(shape, 3, "B").astype(int) @ promised, 1)
    np.testing.assert_array_equal(truth.seen(model), promised == 1)
    assert not (promised.astype(bool) & ~truth.earlier(shape)).any()


def test_blind_spot_is_the_theoretical_one():
    shape = (4, 10, 1)
    sees = truth.seen(small(shape, blocks=4))[30].reshape(4, 10)  # Pixel (3, 0).
    rows, columns = np.ogrid[:4, :10]
    # 3 to the right at once, and then one for each further row.
    expected = (rows < 3) & (columns <= 3 + np.maximum(2 - rows, 0))
    np.testing.assert_array_equal(sees, expected)
    assert not sees[2, 4]


def test_probabilities_of_all_pictures_sum_to_one():
    model = small((3, 3, 1))
    log_prob = model.log_prob(truth.all_binary())["log_prob"]
    assert float(tf.reduce_sum(tf.exp(log_prob))) == pytest.approx(1.0, abs=1e-5)


def test_parameter_count():
    f, h, head = 32, 16, 24
    blocks = (f * h + h) + (2 * 3 * h * h + h) + (h * f + f)
    top = (f * head + head) + (head * head + head) + (head + 1)
    model = PixelCNN((8, 8, 1), filters=f, blocks=3, head_filters=head)
    assert model.count_params() == 4 * 7 * f + f + 3 * blocks + top + 1  # And the step.


def test_classes_by_bayes_rule():
    model = small((3, 3, 1), num_classes=4)
    images = truth.all_binary()
    outputs = model.call_signature("class_log_prob", {"image": images})
    np.testing.assert_allclose(np.exp(outputs["class_log_prob"]).sum(1), 1.0, atol=1e-5)
    assert np.exp(outputs["log_prob"]).sum() == pytest.approx(1.0, abs=1e-5)
    joint = model.log_prob(images, np.full(512, 2, "int32"))["log_prob"] - np.log(4)
    received = outputs["class_log_prob"][:, 2] + outputs["log_prob"]
    np.testing.assert_allclose(received, joint, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.optimised
def test_copied_colour_costs_nothing():
    generator = np.random.default_rng(0)
    index = generator.integers(0, 4, (256, 4, 4, 3))
    index[..., 2] = index[..., 0]
    model = PixelCNN((4, 4, 3), levels=4, filters=24, blocks=1, head_filters=24)
    # A rate that falls: at a constant one the loss leaps now and then, by the last bit of a weight.
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, 200)))
    images = level_value(index, 4).numpy()
    model.fit(images, epochs=50, batch_size=64, shuffle=False, verbose=0)
    logits = model.logits(images)
    bits = tf.nn.sparse_softmax_cross_entropy_with_logits(index, logits) / np.log(2.0)
    red, _, blue = tf.reduce_mean(bits, (0, 1, 2)).numpy()
    assert blue < 0.05 and red > 1.0


@pytest.mark.slow
def test_onnx_gives_the_same_pixels(tmp_path):
    model = small((3, 16, 1))
    files = export.onnx(model, tmp_path)
    u, _, feeds = feeds_of(model, rows=9)
    session = onnxruntime.InferenceSession(files["generate"], providers=["CPUExecutionProvider"])
    received = session.run(None, {"u": u})[0]
    np.testing.assert_array_equal(received, model.call_signature("generate", feeds)["image"])


def test_bad_input_is_refused():
    model = PixelCNN((4, 4, 1), filters=4, blocks=1, head_filters=4, num_classes=3)
    grey, label = np.zeros((2, 4, 4, 1), "float32"), np.array([0, 1], "int32")
    with pytest.raises(ValueError, match="`levels` = 2"):
        model.log_prob(grey, label)
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        model.log_prob(grey + 3.0, label)
    with pytest.raises(ValueError, match="0 .. 2"):
        model.log_prob(grey - 1.0, label + 2)
    with pytest.raises(ValueError, match="conditional"):
        model.generate(np.zeros((2, 4, 4, 1), "float32"))
    with pytest.raises(ValueError, match="must have shape"):
        model.sample(
            range(2), "complete", image=grey, mask=grey[:, :2].astype("int32"), label=label
        )
    with pytest.raises(ValueError, match="0 .. 2"):
        model.sample(range(2), label=label + 2)
    model.compile()
    with pytest.raises(tf.errors.InvalidArgumentError, match="`levels` = 2"):
        model.fit(grey, label, verbose=0)
    with pytest.raises(ValueError, match="'label'"):
        model.fit(grey, verbose=0)
    with pytest.raises(ValueError, match="`blocks`"):
        PixelCNN(blocks=0)
    with pytest.raises(ValueError, match="`levels`"):
        PixelCNN(levels=1)


def test_nll_of_a_data_set_streams_and_has_a_standard_error():
    model = small((8, 8, 1))
    images = np.sign(truth.uniforms(50, (8, 8, 1)) - 0.5).astype("float32")
    whole = -model.log_prob(images)["log_prob"].numpy().astype(float)
    batches = tf.data.Dataset.from_tensor_slices({"image": images}).batch(16)
    result = nll(model, batches)
    assert result.nats == pytest.approx(whole.mean(), rel=1e-6)
    assert result.standard_error == pytest.approx(whole.std(ddof=1) / 50**0.5, rel=1e-5)
    assert result.bits_per_dim == pytest.approx(whole.mean() / np.log(2) / 64, rel=1e-6)
    assert result.images == 50
    with pytest.raises(ValueError, match="no image"):
        nll(model, batches.take(0))
    with pytest.raises(ValueError, match="`levels` = 2"):
        nll(model, data.load("digits", "test", batch_size=250))


def learned(name, epochs, batch_size, **arguments):
    """Test NLL in nats of a model on thresholded pictures."""
    train = data.load(name, "train", batch_size=batch_size, binarize="threshold")
    model = PixelCNN(train.source.image_shape, **arguments)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(train, epochs=epochs, verbose=0)
    return nll(model, data.load(name, "test", batch_size=250, binarize="threshold"))


@pytest.mark.slow
def test_learns_digits():
    result = learned("digits", 40, 50, filters=32, blocks=5, head_filters=32)
    assert 17.0 < result.nats < 19.0, result


@pytest.mark.slow
def test_learns_mnist():
    result = learned("mnist-5k", 5, 50, filters=32, blocks=3, head_filters=32)
    assert 70.0 < result.nats < 88.0, result


def test_sample_reports_its_progress():
    done = []
    small((4, 4, 1)).sample(range(5), batch_size=2, progress=done.append)
    assert done == [2, 2, 1]
