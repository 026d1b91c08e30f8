"""PixelCNN++: what each pixel sees, normalisation, initialisation, and the cached sampler."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfgen.models.pixelcnnpp import PixelCNNPlusPlus
from tfgen.probability.likelihoods import sample_mixture

# (image_shape, levels, halvings, num_classes): sides that halve, odd ones, and no halving.
CASES = {
    "grey_even": ((4, 4, 1), 17, 1, None),
    "grey_odd_two_halvings": ((5, 5, 1), 17, 2, None),
    "colour_labels": ((4, 4, 3), 8, 1, 3),
    "colour_oblong": ((3, 5, 3), 256, 1, None),
    "flat_labels": ((4, 3, 1), 2, 0, 2),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def built(case, seed=1, **changes):
    """A model with weights far from their initial values."""
    shape, levels, halvings, classes = case
    arguments = dict(filters=6, block_layers=1, mixtures=3, seed=seed, **changes)
    model = PixelCNNPlusPlus(shape, levels, halvings=halvings, num_classes=classes, **arguments)
    generator = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(weight + generator.normal(0, 0.3, weight.shape))
    return model


def pictures(case, rows, seed=0):
    shape, levels = case[:2]
    index = np.random.default_rng(seed).integers(0, levels, (rows, *shape))
    return (2.0 * index / (levels - 1) - 1.0).astype("float32")


def labels(case, rows):
    return None if case[3] is None else tf.range(rows) % case[3]


def naive(model, u, label=None, known=None, image=None):
    """The plain procedure: a whole pass of the network for every pixel."""
    x = np.zeros(u.shape, np.float32) if image is None else np.where(known, image, 0.0)
    x = x.astype("float32")
    network = tf.function(lambda x: model.parameters(x, label), reduce_retracing=True)
    for i, j in np.ndindex(u.shape[1:3]):
        parameters = network(tf.constant(x))[:, i, j]
        rest = () if image is None else (image[:, i, j], ~known[:, i, j])
        x[:, i, j] = sample_mixture(parameters, tf.constant(u[:, i, j]), model.levels, *rest)
    return x


@every_case
def test_parameters_depend_on_every_earlier_pixel_and_on_no_other(case):
    model, pixels = built(case), case[0][0] * case[0][1]
    # Row i of the batch asks for pixel i, through a random projection of its parameters.
    image = tf.constant(np.repeat(pictures(case, 1), pixels, 0))
    with tf.GradientTape() as tape:
        tape.watch(image)
        parameters = model.parameters(image, labels(case, pixels))
        parameters = tf.reshape(parameters, (pixels, pixels, -1))
        weights = np.random.default_rng(0).normal(size=parameters.shape[-1]).astype("float32")
        asked = tf.linalg.trace(tf.tensordot(parameters, weights, 1))
    gradient = np.abs(tape.gradient(asked, image).numpy())
    seen = gradient.sum(3).reshape(pixels, pixels)  # of pixel i, by pixel j
    earlier = np.tril(np.ones((pixels, pixels)), -1) > 0
    assert seen[~earlier].max() == 0.0
    assert seen[earlier].min() > 0.0


def test_within_a_pixel_colours_follow_red_green_blue():
    case = CASES["colour_labels"]
    model = built(case)
    log_mass = {}
    x = pictures(case, 1)
    for colour in range(3):
        y = x.copy()
        y[..., colour] = -y[..., colour]
        draws = [
            sample_mixture(model.parameters(x, labels(case, 1)), tf.fill(x.shape, 0.5), 8, y, keep)
            for keep in (np.broadcast_to([c > colour for c in range(3)], x.shape),)
        ]
        log_mass[colour] = draws[0].numpy()
    np.testing.assert_array_equal(log_mass[0][..., 0], -x[..., 0])
    assert (log_mass[1][..., 2] != log_mass[0][..., 2]).any()


@pytest.mark.parametrize("halvings", [0, 1])
def test_all_binary_pictures_sum_to_one(halvings):
    model = built(((3, 3, 1), 2, halvings, None))
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=9)), "float32")
    log_prob = model.log_prob(every.reshape(-1, 3, 3, 1))["log_prob"]
    assert float(tf.reduce_sum(tf.exp(log_prob))) == pytest.approx(1.0, abs=1e-5)


def test_all_colour_pictures_sum_to_one():
    model = built(((2, 1, 3), 2, 1, None))
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=6)), "float32")
    log_prob = model.log_prob(every.reshape(-1, 2, 1, 3))["log_prob"]
    assert float(tf.reduce_sum(tf.exp(log_prob))) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            CASES[n], id=n, marks=[pytest.mark.slow] * (n in ("grey_even", "colour_oblong"))
        )
        for n in CASES
    ],
)
def test_cached_sampler_gives_the_naive_samplers_pixels(case):
    model, label = built(case), labels(case, 3)
    u = np.random.default_rng(2).random((3, *case[0])).astype("float32")
    given = {} if label is None else {"label": label}
    fast = model.call_signature("generate", {"u": u, **given})["image"]
    expected = naive(model, u, label)
    np.testing.assert_array_equal(fast, expected)
    assert len(np.unique(expected)) > 1


@pytest.mark.slow
def test_completion_keeps_what_is_given_and_draws_the_rest():
    case = CASES["colour_labels"]
    model, label = built(case), labels(case, 3)
    generator = np.random.default_rng(2)
    u = generator.random((3, *case[0])).astype("float32")
    mask = generator.integers(0, 2, (3, *case[0][:2], 1)).astype("int32")
    image = pictures(case, 3, seed=4)
    feeds = {"image": image, "mask": mask, "u": u, "label": label}
    completed = model.call_signature("complete", feeds)["image"]
    known = np.broadcast_to(mask > 0, image.shape)
    np.testing.assert_array_equal(np.asarray(completed)[known], image[known])
    np.testing.assert_array_equal(completed, naive(model, u, label, known, image))


def test_published_widths_have_the_published_number_of_outputs_and_layers():
    model = PixelCNNPlusPlus(filters=8)
    assert model.network.head.filters == 100
    ul = model.network.ul
    assert [len(block) for block in (*ul.down, *reversed(ul.up))] == [5, 5, 5, 5, 6, 6]
    assert model.network.sizes == [(32, 32), (16, 16), (8, 8)]


def test_initialization_gives_every_output_mean_0_and_a_fixed_spread():
    case = CASES["grey_even"]
    model = built(case, dropout=0.0)
    model.initialize(pictures(case, 50))
    features, conv = {}, model.network.u.down[0][0]
    for name in ("first", "second"):
        layer, call = getattr(conv, name), type(getattr(conv, name)).call
        layer.call = lambda x, layer=layer, name=name, call=call: features.setdefault(
            name, call(layer, x)
        )
    model.parameters(tf.constant(pictures(case, 50)))
    for name, spread in (("first", 1.0), ("second", 0.1)):
        values = features[name].numpy().reshape(-1, features[name].shape[-1])
        np.testing.assert_allclose(values.mean(0), 0.0, atol=1e-4)
        np.testing.assert_allclose(values.std(0), spread, rtol=1e-2)


def test_initialization_drops_out_as_training_does():
    case = CASES["grey_even"]
    model = built(case, dropout=0.5)
    seen, conv = [], model.network.u.down[0][0]
    call = type(conv.second).call
    conv.second.call = lambda x: seen.append(x.numpy()) or call(conv.second, x)
    for _ in range(2):
        model.initialize(pictures(case, 50))
    assert 0.45 < np.mean(seen[0] == 0.0) < 0.55
    np.testing.assert_array_equal(seen[0] == 0.0, seen[1] == 0.0)


@pytest.mark.slow
def test_fit_initializes_before_the_first_step_only():
    case = CASES["grey_even"]
    images = pictures(case, 8)
    model = built(case)
    gain = model.network.head.gain.numpy().copy()
    model.compile("sgd")
    model.single_optimizer.learning_rate = 0.0
    model.fit(images, batch_size=8, verbose=0)
    first = model.network.head.gain.numpy()
    assert np.abs(first - gain).max() > 1e-3
    model.fit(-images, batch_size=8, verbose=0)
    np.testing.assert_array_equal(first, model.network.head.gain)

    plain = built(case, data_dependent_init=False)
    plain.compile("sgd")
    plain.single_optimizer.learning_rate = 0.0
    plain.fit(images, batch_size=8, verbose=0)
    np.testing.assert_array_equal(gain, plain.network.head.gain)


def test_paper_optimizer_decays_and_averages():
    model = built(CASES["grey_even"])
    model.compile()
    optimizer = model.single_optimizer
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.95, 0.9995, 1e-8)
    assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.9995)
    rate = optimizer.learning_rate
    optimizer.iterations.assign(100_000)
    assert float(optimizer.learning_rate) == pytest.approx(float(rate) * 0.999995**1e5, rel=1e-3)


def test_labels_classify_by_bayes_rule():
    case = CASES["colour_labels"]
    model, image = built(case), pictures(case, 2)
    result = model.class_log_prob(image)
    joint = np.stack(
        [model.log_prob(image, tf.fill((2,), y))["log_prob"] - np.log(3.0) for y in range(3)], 1
    )
    marginal = np.log(np.exp(joint - joint.max(1, keepdims=True)).sum(1)) + joint.max(1)
    np.testing.assert_allclose(result["log_prob"], marginal, rtol=1e-5)
    np.testing.assert_allclose(
        result["class_log_prob"], joint - marginal[:, None], rtol=1e-4, atol=1e-3
    )


def test_bits_per_dim_divides_by_all_sub_pixels():
    case = CASES["colour_oblong"]
    result = built(case).log_prob(pictures(case, 2))
    expected = -result["log_prob"].numpy() / (np.log(2.0) * 3 * 5 * 3)
    np.testing.assert_allclose(result["bits_per_dim"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (4, 4, 2)}, "1 or 3 channels"),
        ({"levels": 1}, "`levels` must be at least 2"),
        ({"mixtures": 0}, "`mixtures` must be at least 1"),
        ({"dropout": 1.0}, "`rate` must lie in"),
    ],
)
def test_bad_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        PixelCNNPlusPlus(**{"image_shape": (4, 4, 1), "filters": 4, **arguments})


def test_bad_input_is_an_error():
    case = CASES["colour_labels"]
    model, image = built(case), pictures(case, 2)
    with pytest.raises(ValueError, match="`levels` = 8"):
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
