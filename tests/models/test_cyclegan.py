"""The paper's sizes, the field of view of a logit, the losses, the pool, and learning on digits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.learned import classifier, digits, flat, trained
from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen.models import CycleGAN
from tfgen.networks.pool import Pool
from tfgen.networks.translation import (
    InstanceNorm,
    ReflectionPadding,
    patch_discriminator,
    patch_map,
    residual_translator,
)
from tfgen.optimizers import LinearDecay
from tfgen.step import step


def test_parameter_counts():
    assert residual_translator(3, 64, 9, 2, 7, "instance").count_params() == 11_378_179
    network = patch_discriminator((None, None, 3), 64, 3, "instance")
    assert network.count_params() == 2_764_737


@pytest.mark.parametrize(("strided", "field"), [(0, 7), (1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch_of_exactly_this_side(strided, field):
    side = field + 2**strided * 14
    # Without normalisation, whose statistics would see all of the picture.
    network = patch_discriminator((side, side, 1), 1, strided, None)
    for weight in network.trainable_variables:
        weight.assign(tf.abs(weight) + 1e-2)  # Nothing cancels.
    x = tf.Variable(tf.ones((1, side, side, 1)))
    with tf.GradientTape() as tape:
        logits = network(x)
        middle = logits.shape[1] // 2
        logit = logits[0, middle, middle, 0]
    seen = np.argwhere(tape.gradient(logit, x).numpy()[0, ..., 0])
    assert (np.ptp(seen, axis=0) + 1).tolist() == [field, field]
    assert logits.shape[1] == patch_map(side, strided)


def test_reflection_padding_and_instance_norm():
    x = np.random.default_rng(0).normal(3.0, 2.0, (2, 4, 5, 3)).astype("float32")
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), "reflect")
    np.testing.assert_array_equal(ReflectionPadding(2)(x), padded)
    layer = InstanceNorm(affine=True)
    y = layer(x).numpy()
    np.testing.assert_allclose(y.mean((1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(y.std((1, 2)), 1.0, atol=1e-4)
    assert not layer.non_trainable_variables
    np.testing.assert_array_equal(layer(x, training=False), layer(x, training=True))


class Serving:
    """A pool by itself, in the steps of a model."""

    def __init__(self, pool):
        self.pool, self.seed, self.step = pool, 0, keras.Variable(0, dtype="int64")

    @step
    def train_step(self, batch):
        return self.pool(batch["value"])


def numbered(count, rows):
    """Pictures of one pixel that hold 1, 2, 3, ..., in batches."""
    return tf.reshape(tf.range(1.0, count + 1.0), (-1, rows, 1, 1, 1))


@pytest.mark.parametrize("rows", [1, 8])
def test_pool_of_50_answers_half_of_the_time_with_an_older_image(rows):
    pool = Pool(50, (1, 1, 1), "pool")
    serving = Serving(pool)
    take = tf.function(lambda x: serving.train_step({"value": x}))
    given = numbered(2400, rows)
    answers = np.concatenate([take(x).numpy().ravel() for x in given])
    queries = np.ravel(given)
    np.testing.assert_array_equal(answers[:50], queries[:50])
    older = answers[400:] != queries[400:]
    assert abs(older.mean() - 0.5) < 0.05
    assert int(pool.stored) == 50 and len(np.unique(pool.images)) == 50
    # Every image is answered with or lies in the pool; none is answered with twice once it is full.
    out = answers[50:]
    assert len(np.unique(out)) == len(out)
    age = queries[400:][older] - answers[400:][older]
    assert age.min() >= 1 and 70 < age.mean() < 130  # Geometric: a place is taken every 100 rows.


def test_rows_of_a_batch_are_served_as_if_they_came_alone():
    u = tf.random.stateless_uniform((64, 2), (1, 2))
    pool = Pool(5, (1, 1, 1), "pool")
    places, stored = np.arange(5), 0
    contents, expected = {}, []
    for row, (coin, place) in enumerate(u.numpy()):
        if stored < 5:
            contents[stored], stored = row, stored + 1
            expected.append(row)
        elif coin > 0.5:
            chosen = int(place * np.float32(5))
            expected.append(contents[chosen])
            contents[chosen] = row
        else:
            expected.append(row)
    answers, places, stored = pool.served(u, tf.constant(0))
    assert int(stored) == 5
    assert answers.numpy().tolist() == [5 + row for row in expected]
    assert places.numpy().tolist() == [5 + contents[n] for n in range(5)]


def test_a_pool_of_none_answers_with_the_image():
    pool = Pool(0, (1, 1, 1), "pool")
    x = tf.ones((3, 1, 1, 1))
    np.testing.assert_array_equal(pool(x), x)


def test_losses_at_known_logits_and_maps():
    """Identity generators and discriminators that say 0.25 everywhere."""
    model = TINY["cyclegan"].build()
    quarter = lambda x, training=False: 0.25 * tf.ones_like(x)  # noqa: E731
    a, b = tf.zeros((2, 8, 8, 1)), tf.ones((2, 8, 8, 1))
    assert float(model.fooling(quarter, a)) == pytest.approx(0.75**2)
    expected = 0.5 * (0.75**2 + 0.25**2)
    assert float(model.telling_apart(quarter, b, a)[0]) == pytest.approx(expected)
    inverse = lambda x, training=False: 1.0 - x  # noqa: E731
    for name in ("generator_ab", "generator_ba"):
        object.__setattr__(model, name, inverse)
    assert float(model.identity_error(a, b)) == pytest.approx(2.0)


def test_the_identity_term_is_fed_the_target_domain():
    names = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    batch = TINY["cyclegan"].batch(4)
    ab, ba, d_a, d_b = step_recorded(TINY["cyclegan"].build(), batch, *names)
    a, b = batch["image"], batch["image_b"]
    # Fakes, then cycles, then identities: no further pass for the discriminators' step.
    fake_b, fake_a = ab.calls[0][1], ba.calls[0][1]
    for generator_calls, inputs in ((ab.calls, (a, fake_a, b)), (ba.calls, (b, fake_b, a))):
        assert len(generator_calls) == 3
        for (given, _), expected in zip(generator_calls, inputs, strict=True):
            np.testing.assert_array_equal(given, expected)
    np.testing.assert_array_equal(d_a.calls[1][0], a)
    np.testing.assert_array_equal(d_b.calls[1][0], b)


def test_discriminators_see_the_pool_and_generators_do_not():
    model = TINY["cyclegan"].build(pool_size=2)
    model.compile(run_eagerly=True)
    model.train_step(TINY["cyclegan"].batch(4, seed=1))
    held = model.pools[1].images.numpy()
    ab, d_b = step_recorded(model, TINY["cyclegan"].batch(6), "generator_ab", "discriminator_b")
    fake = ab.calls[0][1]
    np.testing.assert_array_equal(d_b.calls[0][0], fake)  # The generators' step.
    shown = d_b.calls[2][0].numpy()
    seen_before = [any(np.array_equal(image, old) for old in held) for image in shown]
    assert any(seen_before)


def test_linear_decay():
    schedule = LinearDecay(1.0, 100, 50)
    rates = [float(schedule(step)) for step in (0, 99, 100, 125, 150, 1000)]
    assert rates == pytest.approx([1.0, 1.0, 1.0, 0.5, 0.0, 0.0])


def test_any_size_is_translated_and_wrong_ones_are_named():
    model = TINY["cyclegan"].build()
    for shape in ((2, 12, 20, 1), (1, 8, 8, 1)):
        image = np.zeros(shape, "float32")
        assert model.sample([0] * shape[0], image=image).shape == shape
    with pytest.raises(ValueError, match="multiples of 2.*9, 8"):
        model.a_to_b(tf.zeros((1, 9, 8, 1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (30, 32, 3)}, r"multiples of 4 \(2 halvings\).*\(30, 32, 3\)"),
        ({"image_shape": (4, 4, 3)}, "too small to reflect"),
        ({"image_shape": (16, 16, 3)}, "too small for `discriminator_layers` = 3"),
        ({"kernel_size": 4}, "must be odd"),
        ({"image_shape": (32, 32, 3), "normalization": "layer"}, "Known: instance, batch, None"),
        ({"image_shape": (32, 32, 3), "pool_size": -1, "filters": 2, "blocks": 1}, "pool_size"),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        CycleGAN(**arguments)


def test_a_batch_without_the_second_domain_is_named():
    model = TINY["cyclegan"].build()
    model.compile()
    with pytest.raises(ValueError, match="'image_b'.*Received keys: image.*pairs:"):
        model.fit(TINY["cyclegan"].batch(4)["image"], verbose=0)


def errors(model):
    """L1 to the truth -x and after the cycle, and accuracy of digits after inverting back."""
    (x, y), (real, labels) = digits("train"), digits("test")
    there = model.call_signature("a_to_b", {"image": real})["image"].numpy()
    back = model.call_signature("b_to_a", {"image": there})["image"].numpy()
    accuracy = classifier(x, y).score(flat(-there), labels)
    return np.abs(there + real).mean(), np.abs(back - real).mean(), accuracy


@pytest.mark.slow
def test_inverts_digits():
    model, _ = trained("cyclegan_digits")
    truth, cycle, accuracy = errors(model)
    assert truth < 0.10 and cycle < 0.08 and accuracy > 0.9, (truth, cycle, accuracy)


@pytest.mark.slow
def test_without_the_cycle_the_inversion_is_worse():
    model, _ = trained("cyclegan_digits", "model.cycle_weight=0.0")
    truth, cycle, _ = errors(model)
    assert truth > 0.10 and cycle > 0.08, (truth, cycle)


def test_a_served_graph_refuses_sides_that_cannot_be_halved():
    model = TINY["cyclegan"].build()
    served = tf.function(
        model.a_to_b, input_signature=[tf.TensorSpec((None, None, None, 1))], autograph=False
    )
    assert served(tf.zeros((1, 8, 10, 1)))["image"].shape == (1, 8, 10, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="multiples of 2"):
        served(tf.zeros((1, 8, 9, 1)))
