"""The paper's sizes, the bound on the mutual information, and where its gradient goes."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.learned import trained
from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen.models import InfoGAN
from tfgen.networks.layers import borrow
from tfgen.pictures.traversals import traversal
from tfgen.probability.codes import Codes


def tiny(variant="infogan", **changes):
    return TINY[variant].build(**changes)


def count(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_weights)


def test_parameter_counts():
    model = InfoGAN(learned_stddev=True)
    assert count(model.generator) == 6_652_481
    assert count(model.trunk) == 6_558_144
    assert count(model.head) == 1_025
    assert count(model.recognition) == 133_262  # Ten logits, two means, two spreads.
    assert count(InfoGAN().recognition) == 133_262 - 2 * 129


def test_information_of_categorical_codes_is_at_most_the_entropy():
    codes = Codes((10,), 0)
    labels = tf.constant(np.arange(50) % 10)
    c = codes.joined({"category_1": labels})
    exact = codes.information(c, 1e3 * c)
    np.testing.assert_allclose(exact[0], np.full(50, math.log(10)), atol=1e-5)
    np.testing.assert_allclose(exact[1], np.zeros(50))
    np.testing.assert_allclose(codes.information(c, tf.zeros((50, 10)))[0], 0.0, atol=1e-6)
    for seed in range(20):
        outputs = np.random.default_rng(seed).normal(scale=5.0, size=(50, 10)).astype("float32")
        assert float(tf.reduce_max(codes.information(c, outputs)[0])) <= math.log(10) + 1e-5
    several = Codes((10, 4), 0)
    c = several.joined({"category_1": labels, "category_2": labels % 4})
    bound = float(tf.reduce_max(several.information(c, 1e3 * c)[0]))
    assert bound == pytest.approx(math.log(40), abs=1e-5)


def test_information_of_continuous_codes():
    c = tf.constant([[0.5, -0.25]])
    # Q's spread is 1: log N(c; m, 1) + log 2 for each.
    fixed = Codes((), 2).information(c, tf.constant([[0.5, 0.75]]))[1]
    expected = 2 * (math.log(2) - 0.5 * math.log(2 * math.pi)) - 0.5
    assert float(fixed[0]) == pytest.approx(expected, rel=1e-5)
    learned = Codes((), 2, learned_stddev=True)
    outputs = tf.constant([[0.5, 0.75, 2.0 * math.log(0.1), 0.0]])
    expected += -math.log(0.1)
    assert float(learned.information(c, outputs)[1][0]) == pytest.approx(expected, rel=1e-5)
    # A perfect guess with a spread of 0 is not worth infinitely much.
    sure = tf.constant([[0.5, -0.25, -1e3, -1e3]])
    assert float(learned.information(c, sure)[1][0]) < 12.0


def test_drawn_codes():
    model = tiny("infogan_codes")
    (of_g,) = step_recorded(model, TINY["infogan_codes"].batch(600), "generator")
    for latent, _ in of_g.calls:
        z, first, second, continuous = np.split(latent, [3, 5, 8], axis=1)
        for part in (first, second):
            np.testing.assert_array_equal(part.sum(1), np.ones(600))
            assert np.abs(part.mean(0) - 1 / part.shape[1]).max() < 0.07
        for part in (z, continuous):
            assert -1.0 <= part.min() < -0.97 and 0.97 < part.max() <= 1.0
    assert not np.array_equal(*(latent for latent, _ in of_g.calls))


def test_recognition_sees_generated_images_only():
    model = tiny(augmentation=("cutout",))
    batch = TINY["infogan"].batch(8)
    names = "trunk", "head", "recognition"
    trunk, head, recognition = step_recorded(model, batch, *names)
    # In D's step the generated and the real images, in G's step the generated ones.
    fake, real, fake_of_g = (output for _, output in trunk.calls)
    assert [len(x.calls) for x in (trunk, head, recognition)] == [3, 3, 2]
    for (features, _), expected in zip(recognition.calls, (fake, fake_of_g), strict=True):
        assert features is expected
    assert head.calls[0][0] is real


def test_information_reaches_the_shared_trunk_and_not_the_head():
    model = tiny()
    c = model.codes.joined(
        {"category_1": np.arange(8) % 3, "continuous": np.full((8, 2), 0.3, "float32")}
    )
    with tf.GradientTape(persistent=True) as tape:
        fake = borrow(model.generator, tf.concat([tf.zeros((8, 3)), c], 1))
        features = borrow(model.trunk, fake)
        information = model.weighted(*model.codes.information(c, model.recognition(features)))
    for network in (model.generator, model.trunk, model.recognition):
        gradients = tape.gradient(information, network.trainable_weights)
        moving = [g for g in gradients if g is not None and float(tf.norm(g)) > 0]
        assert len(moving) >= len(network.trainable_weights) // 2
    assert tape.gradient(information, model.head.trainable_weights) == [None, None]


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_both_steps_take_the_information(player):
    """With the game switched off by a head of zeros, lambda alone moves the weights."""
    moved = {}
    for weight in (0.0, 1.0):
        model = tiny(categorical_weight=weight, continuous_weight=weight)
        for w in model.head.weights:
            w.assign(tf.zeros_like(w))
        rates = {p: keras.optimizers.SGD(0.1 if p == player else 0.0) for p in PLAYERS}
        model.compile(**{f"{p}_optimizer": o for p, o in rates.items()}, run_eagerly=True)
        network = model.generator if player == "generator" else model.trunk
        before = [w.numpy() for w in network.trainable_weights]
        model.train_step(TINY["infogan"].batch(8))
        after = network.trainable_weights
        moved[weight] = sum(np.abs(a - b).sum() for a, b in zip(after, before, strict=True))
    assert moved[0.0] == 0.0 and moved[1.0] > 0.0


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_the_plain_gan_of_figure_1_trains_q_and_not_g_on_the_information(player):
    """lambda moves the recognition network and the trunk, and nothing of G."""
    after = {}
    for weight in (0.0, 1.0):
        weights = {"categorical_weight": weight, "continuous_weight": weight}
        model = tiny(generator_information=False, **weights)
        rates = {p: keras.optimizers.SGD(0.1 if p == player else 0.0) for p in PLAYERS}
        model.compile(**{f"{p}_optimizer": o for p, o in rates.items()}, run_eagerly=True)
        model.train_step(TINY["infogan"].batch(8))
        networks = (model.generator,) if player == "generator" else (model.trunk, model.recognition)
        after[weight] = [w.numpy() for n in networks for w in n.trainable_weights]
    moved = [not np.array_equal(a, b) for a, b in zip(*after.values(), strict=True)]
    assert not any(moved) if player == "generator" else sum(moved) > len(moved) // 2


def test_d_and_q_see_noisy_images_and_g_is_judged_by_them():
    clean, noisy = tiny(), tiny(instance_noise=0.5)
    batch = TINY["infogan"].batch(8)
    for model in (clean, noisy):
        generator, trunk = step_recorded(model, batch, "generator", "trunk")
        fake, real, fake_of_g = (inputs for inputs, _ in trunk.calls)
        made = [image for _, image in generator.calls]
        for seen, before in ((fake, made[0]), (real, batch["image"]), (fake_of_g, made[1])):
            spread = float(np.std(np.asarray(seen) - np.asarray(before)))
            assert spread == pytest.approx(0.5 if model is noisy else 0.0, rel=0.1)


PLAYERS = ("generator", "discriminator")


def test_served_codes():
    model = tiny("infogan_codes")
    assert list(model.signatures()["generate"].inputs) == [
        "z",
        "category_1",
        "category_2",
        "continuous",
    ]
    found = model.infer(TINY["infogan_codes"].batch(5)["image"])
    assert {k: v.shape for k, v in found.items()} == {
        "category_1": (5, 2),
        "category_2": (5, 3),
        "continuous": (5, 1),
        "stddev": (5, 1),
    }
    np.testing.assert_allclose(tf.reduce_sum(found["category_2"], 1), np.ones(5), rtol=1e-5)
    with pytest.raises(ValueError, match="must lie in 0 .. 2"):
        model.sample(range(2), category_2=[1, 3])


def test_traversal_varies_one_input_along_each_row():
    model = tiny("infogan_codes")
    picture = traversal(model, "category_2", rows=4)
    assert picture.shape == (4 * 9 - 1, 3 * 9 - 1, 1)
    # Each column is a class; with the class that was drawn, a row holds its seed's own sample.
    drawn = model.signatures()["generate"].draw(range(4))["category_2"]
    alone = traversal(model, "category_2", [0, 1, 2], rows=1, seed=2)
    np.testing.assert_array_equal(alone, picture[18:26])
    sample = model.sample([2])[0]
    column = 9 * int(drawn[2])
    own = np.round((sample + 1) * 127.5)
    assert np.abs(alone[:, column : column + 8] - own).max() <= 1
    assert traversal(model, "continuous", index=0, rows=2).shape == (17, 89, 1)
    with pytest.raises(ValueError, match="Unknown input 'c'"):
        traversal(model, "c")
    with pytest.raises(ValueError, match="must lie in 0 .. 0. Received: 1"):
        traversal(model, "continuous", index=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categorical": (10, 1)}, "each at least 2"),
        ({"continuous": -1}, "must not be negative"),
        ({"categorical": (), "continuous": 0}, "at least one part"),
        ({"network": "resnet"}, "must be 'conv' or 'mlp'"),
        ({"penalty": "gradient_penalty"}, "function of one sample"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


@pytest.mark.slow
def test_learns_codes_of_digits():
    """L_I near its maximum log 10 = 2.3026, and the codes change pictures more than the noise."""
    model, reported = trained("infogan_digits")
    assert 2.2 < reported["categorical_information"] <= math.log(10)
    seeds = np.repeat(np.arange(100), 10)
    drawn = model.signatures()["generate"].draw(seeds)
    by_code = model.sample(seeds, category_1=np.tile(np.arange(10), 100), batch_size=500)
    other = model.signatures()["generate"].draw(np.arange(1000) + 10_000)["z"]
    held = {k: v for k, v in drawn.items() if k != "z"}
    by_noise = model.sample(seeds, z=other, **held, batch_size=500)
    spread = [x.reshape(100, 10, -1).std(1).mean() for x in (by_code, by_noise)]
    assert spread[0] > spread[1], spread
