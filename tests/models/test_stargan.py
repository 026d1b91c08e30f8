"""The paper's sizes, closed forms, targets of two label sets, and learning on colours."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.learned import classifier, flat, trained
from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen import data
from tfgen.models import StarGAN
from tfgen.step import step


def test_parameter_counts():
    model = StarGAN()
    assert model.generator.count_params() == 8_430_528
    assert model.discriminator.count_params() == 44_762_048


def test_classification_losses_have_their_closed_forms():
    """Attributes are summed, classes are not, and both are means over the batch."""
    classes = TINY["stargan"].build()
    domains = tf.one_hot([0, 2], 3)
    assert float(classes.class_loss(domains, tf.zeros((2, 3)))) == pytest.approx(np.log(3))
    several = TINY["stargan"].build(kind="attributes", num_domains=4)
    assert float(several.class_loss(tf.ones((2, 4)), tf.zeros((2, 4)))) == pytest.approx(
        4 * np.log(2)
    )


def test_only_the_known_label_set_enters_the_loss():
    model = TINY["stargan_joint"].build()
    batch = {"attributes": [[1, 0], [1, 1]], "label_b": [2, 1], "label_set": [0, 1]}
    vectors = model.domains({k: tf.constant(v) for k, v in batch.items()})
    expected = [[1, 0, 0, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0, 1]]
    np.testing.assert_array_equal(vectors, expected)
    logits = tf.Variable(tf.zeros((2, 5)))
    with tf.GradientTape() as tape:
        loss = model.class_loss(vectors, logits)
    assert float(loss) == pytest.approx((2 * np.log(2) + np.log(3)) / 2)
    gradient = tape.gradient(loss, logits).numpy()
    assert (gradient[0, 2:] == 0).all() and (gradient[1, :2] == 0).all()
    assert (gradient[0, :2] != 0).all() and (gradient[1, 2:] != 0).all()


class Targets:
    """The targets of a model in a step by itself."""

    def __init__(self, model):
        self.model, self.seed, self.step = model, 0, keras.Variable(0, dtype="int64")

    @step
    def train_step(self, batch):
        return self.model.targets(batch["domains"])


def test_targets_are_the_batchs_labels_in_another_order():
    model = TINY["stargan"].build(num_domains=40)
    own = tf.one_hot(tf.range(40), 40)
    target = Targets(model).train_step({"domains": own}).numpy().argmax(1)
    assert sorted(target) == list(range(40)) and target.tolist() != list(range(40))


def test_targets_stay_within_a_label_set():
    model = TINY["stargan_joint"].build(second_num_domains=30, num_domains=30)
    batch = {
        "attributes": tf.one_hot(tf.range(30), 30),
        "label_b": tf.range(30),
        "label_set": tf.constant([0, 1, 1] * 10),
    }
    own = model.domains(batch)
    target = Targets(model).train_step({"domains": own}).numpy()
    np.testing.assert_array_equal(target[:, -2:], own[:, -2:])
    assert sorted(map(tuple, target)) == sorted(map(tuple, own.numpy()))
    assert not np.array_equal(target, own)


def test_steps_of_the_critic_and_what_the_generator_is_given():
    tiny = TINY["stargan"]
    model = tiny.build(discriminator_steps=2)
    batch = tiny.batch(8)
    g, d = step_recorded(model, batch, "generator", "discriminator")
    # A fake for each step of the critic; a translation and the way back for the generator.
    assert len(g.calls) == 4
    (image, target), fake = g.calls[2]
    np.testing.assert_array_equal(image, batch["image"][1::2])
    (returned, own), _ = g.calls[3]
    np.testing.assert_array_equal(returned, fake)
    np.testing.assert_array_equal(own.numpy().argmax(1), batch["label"][1::2])
    np.testing.assert_array_equal(np.sort(target.numpy().argmax(1)), np.sort(batch["label"][1::2]))
    # Real, fake and penalty for each step of the critic, a fake for the generator's.
    assert len(d.calls) == 7


def test_the_domain_reaches_every_pixel_and_the_critic_is_not_told_it():
    model = TINY["stargan"].build()
    image = np.zeros((2, 8, 8, 1), "float32")
    out = model.translate(tf.constant(image), tf.constant([0, 1]))["image"].numpy()
    assert np.abs(out[0] - out[1]).max() > 0
    assert [tuple(i.shape[1:]) for i in model.discriminator.inputs] == [(8, 8, 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (96, 96, 3)}, "multiples of 64"),
        ({"kind": "one"}, "'attributes' or 'class'"),
        ({"kind": "class", "num_domains": 1}, "at least 2"),
        ({"second_kind": "attributes"}, "at least 1 of kind 'attributes'. Received: 0"),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        StarGAN(**arguments)


def test_labels_out_of_range_and_missing_labels_are_named():
    model = TINY["stargan"].build()
    model.compile()
    batch = TINY["stargan"].batch(4)
    with pytest.raises(ValueError, match="needs batches with 'label'"):
        model.fit({"image": batch["image"]}, batch_size=4, verbose=0)
    model.compile()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"0 \.\. 2"):
        model.fit({**batch, "label": np.full(4, 3)}, batch_size=4, verbose=0)


def measured(model):
    """Shares of wrong colours and of right digits; L1 to the own colour, and there and back."""
    train, test = (data.source("tinted-digits", split).arrays for split in ("train", "test"))
    colour = classifier(train["image"], train["label"])
    digit = classifier(np.max(train["image"], -1), train["digit"])
    image, label = np.asarray(test["image"]), np.asarray(test["label"])

    def translated(pictures, domain):
        return model.sample(range(len(image)), "translate", 500, image=pictures, domain=domain)

    wrong, right, cycle = [], [], []
    for shift in (1, 2, 3):
        target = (label + shift) % 4
        there = translated(image, target)
        wrong.append(np.mean(colour.predict(flat(there)) != target))
        right.append(np.mean(digit.predict(flat(there.max(-1))) == test["digit"]))
        cycle.append(np.abs(translated(there, label) - image).mean())
    own = np.abs(translated(image, label) - image).mean()
    return np.mean(wrong), np.mean(right), own, np.mean(cycle)


@pytest.mark.slow
def test_recolours_digits():
    model, _ = trained("stargan_digits")
    domain_error, digit_accuracy, own, cycle = figures = measured(model)
    assert domain_error < 0.05 and digit_accuracy > 0.90, figures
    assert own < 0.045 and cycle < 0.06, figures


@pytest.mark.slow
@pytest.mark.parametrize("weight", ["class_weight", "reconstruction_weight"])
def test_each_loss_is_needed(weight):
    """Without reconstruction 8x8 digits are still read right, but come back twice as far off."""
    model, _ = trained("stargan_digits", f"model.{weight}=0.0")
    domain_error, _, own, cycle = figures = measured(model)
    if weight == "class_weight":
        assert domain_error > 0.4, figures
    else:
        assert own > 0.045 and cycle > 0.06, figures
