"""PixelRNN: what each pixel sees, normalisation, and sampling from the recurrent state."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfgen.models.pixelrnn import PixelRNN
from tfgen.probability.levels import draw_level, level_value

KINDS = ("diagonal_bilstm", "row_lstm")
every_kind = pytest.mark.parametrize("kind", KINDS)
# (image_shape, levels, num_classes)
CASES = {"grey": ((5, 5, 1), 2, None), "colour_labels": ((4, 4, 3), 5, 3)}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def built(kind, case, depth=2, seed=1):
    """A model with weights far from their initial values."""
    shape, levels, classes = case
    model = PixelRNN(shape, levels, kind, 6, depth, 12, num_classes=classes, seed=seed)
    generator = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(weight + generator.normal(0, 0.3, weight.shape))
    return model


def pictures(case, rows, seed=0):
    shape, levels = case[:2]
    index = np.random.default_rng(seed).integers(0, levels, (rows, *shape))
    return (2.0 * index / (levels - 1) - 1.0).astype("float32")


def labels(case, rows):
    return None if case[2] is None else tf.range(rows) % case[2]


def seen_by(model, case):
    """|d logits i / d x j| for all sub-pixels, (N, N); row i is one example of a batch of N.

    A rectifier that is off hides what a sub-pixel sees: add the results of several seeds.
    """
    count = int(np.prod(case[0]))
    image = tf.constant(np.repeat(pictures(case, 1), count, 0))
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = tf.reshape(model.logits(image, labels(case, count)), (count, count, -1))
        weights = np.random.default_rng(0).normal(size=logits.shape[-1]).astype("float32")
        asked = tf.linalg.trace(tf.tensordot(logits, weights, 1))
    return np.abs(tape.gradient(asked, image).numpy()).reshape(count, count)


@every_kind
@every_case
def test_no_sub_pixel_sees_itself_or_a_later_one(kind, case):
    seen = seen_by(built(kind, case), case)
    assert seen[np.triu(np.ones_like(seen)) > 0].max() == 0.0


@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=pytest.mark.slow)])
@every_case
def test_diagonal_bilstm_sees_every_earlier_sub_pixel(case, depth):
    seen = sum(seen_by(built("diagonal_bilstm", case, depth, seed), case) for seed in range(8))
    assert seen[np.tril(np.ones_like(seen), -1) > 0].min() > 0.0


def test_no_blind_spot_beyond_the_first_convolution():
    """With one layer, on a picture so wide that the last pixel of a row is far from the next one.

    Without the empty column on the right it would be seen from its three neighbours below only.
    """
    case = ((5, 12, 1), 2, None)
    seen = sum(seen_by(built("diagonal_bilstm", case, 1, seed), case) for seed in range(8))
    assert seen[np.tril(np.ones_like(seen), -1) > 0].min() > 0.0


def test_one_row_lstm_sees_its_triangle_and_nothing_else():
    case = ((5, 15, 1), 2, None)
    height, width = case[0][:2]
    expected = np.zeros((height, width, height, width), bool)
    for i, j in np.ndindex(height, width):
        for up in range(i + 1):  # The cells above, a pixel wider each row, and one to the left.
            for column in range(max(j - up - 1, 0), min(j + up, width - 1) + 1):
                row = i - up
                left, right = max(column - 3, 0), column + 4
                expected[i, j, max(row - 3, 0) : row, left:right] = True
                expected[i, j, row, left:column] = True
    seen = sum(seen_by(built("row_lstm", case, 1, seed), case) for seed in range(8))
    np.testing.assert_array_equal(seen > 0.0, expected.reshape(seen.shape))


@every_kind
def test_all_binary_pictures_sum_to_one(kind):
    model = built(kind, ((3, 3, 1), 2, None))
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=9)), "float32")
    log_prob = model.log_prob(every.reshape(-1, 3, 3, 1))["log_prob"]
    assert float(tf.reduce_sum(tf.exp(log_prob))) == pytest.approx(1.0, abs=1e-5)


@every_kind
def test_all_colour_pictures_sum_to_one(kind):
    model = built(kind, ((2, 1, 3), 3, None))
    every = np.array(list(itertools.product([-1.0, 0.0, 1.0], repeat=6)), "float32")
    log_prob = model.log_prob(every.reshape(-1, 2, 1, 3))["log_prob"]
    assert float(tf.reduce_sum(tf.exp(log_prob))) == pytest.approx(1.0, abs=1e-5)


def naive(model, u, label=None, known=None, image=None):
    """The plain procedure: a whole pass of the network for every sub-pixel."""
    x = np.zeros(u.shape, np.float32) if known is None else np.where(known, image, 0.0)
    x = x.astype("float32")
    network = tf.function(lambda x: model.logits(x, label))
    for i, j, c in np.ndindex(u.shape[1:]):
        logits = network(tf.constant(x))[:, i, j, c]
        value = level_value(draw_level(logits, tf.constant(u[:, i, j, c])), model.levels)
        x[:, i, j, c] = (
            value if known is None else np.where(known[:, i, j, c], image[:, i, j, c], value)
        )
    return x


@every_kind
@every_case
def test_sampler_gives_the_naive_samplers_pixels(kind, case):
    model, label = built(kind, case), labels(case, 3)
    u = np.random.default_rng(2).random((3, *case[0])).astype("float32")
    given = {} if label is None else {"label": label}
    fast = model.call_signature("generate", {"u": u, **given})["image"]
    expected = naive(model, u, label)
    np.testing.assert_array_equal(fast, expected)
    assert len(np.unique(expected)) == case[1]


@every_kind
def test_completion_keeps_what_is_given_and_draws_the_rest(kind):
    case = CASES["colour_labels"]
    model, label = built(kind, case), labels(case, 3)
    generator = np.random.default_rng(2)
    u = generator.random((3, *case[0])).astype("float32")
    mask = generator.integers(0, 2, (3, *case[0][:2], 1)).astype("int32")
    image = pictures(case, 3, seed=4)
    feeds = {"image": image, "mask": mask, "u": u, "label": label}
    completed = model.call_signature("complete", feeds)["image"].numpy()
    known = np.broadcast_to(mask > 0, image.shape)
    np.testing.assert_array_equal(completed[known], image[known])
    np.testing.assert_array_equal(completed, naive(model, u, label, known, image))


def parameter_count(layer, units, depth, head):
    """By hand, for one grey binary picture; see table 1 of the paper for the layers."""
    first = 4 * 7 * 2 * units + 2 * units  # Rows that the mask would empty are not stored.
    if layer == "row_lstm":
        recurrent = 2 * 2 * units * 4 * units + 4 * units + 3 * units * 4 * units
    else:
        recurrent = 2 * (2 * units * 4 * units + 4 * units + 2 * units * 4 * units)
    widen = units * 2 * units + 2 * units
    last = 2 * units * head + head + head * head + head + head + 1
    return first + depth * (recurrent + widen) + last


@every_kind
def test_parameter_count_of_the_published_widths(kind):
    model = PixelRNN(layer=kind)
    assert model.network.count_params() == parameter_count(kind, 16, 7, 32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": "lstm"}, "Known: row_lstm, diagonal_bilstm"),
        ({"depth": 0}, "`depth` must be at least 1"),
        ({"levels": 1}, "`levels` must be at least 2"),
        ({"image_shape": (4, 4, 3), "units": 2}, "colour groups"),
    ],
)
def test_bad_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        PixelRNN(**{"image_shape": (4, 4, 1), **arguments})


def test_bad_input_is_an_error():
    case = CASES["colour_labels"]
    model, image = built("row_lstm", case), pictures(case, 2)
    with pytest.raises(ValueError, match="`levels` = 5"):
        model.log_prob(image * 0.9, labels(case, 2))
    with pytest.raises(ValueError, match=r"lie in \[-1, 1\]"):
        model.log_prob(image * 3.0, labels(case, 2))
    with pytest.raises(ValueError, match=r"Labels must lie in 0 .. 2"):
        model.log_prob(image, tf.constant([0, 3]))
    with pytest.raises(ValueError, match="`mask` must have shape"):
        model.complete(image, np.ones((2, 4, 3, 1), "int32"), image, labels(case, 2))
    model.compile()
    with pytest.raises(ValueError, match="needs batches with 'label'"):
        model.fit(image, verbose=0)
