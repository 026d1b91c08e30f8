"""Order and places of the patches, the composites, and the weights' decay."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgen
from tests.learned import trained
from tests.models.recording import Recording, step_recorded
from tests.tiny import TINY
from tfgen import data
from tfgen.models import PuzzleGAN
from tfgen.models.puzzlegan import overlap
from tfgen.networks.layers import BatchNorm
from tfgen.networks.patches import SumOverPatches


def assembled(model, patches, seed=0):
    z = np.random.default_rng(seed).uniform(-1, 1, (len(patches), model.latent_dim))
    feeds = {"patches": patches, "z": z.astype("float32")}
    return {k: v.numpy() for k, v in model.call_signature("assemble", feeds).items()}


def test_the_order_of_the_patches_does_not_matter_and_their_contents_do():
    tiny = TINY["puzzlegan"]
    model = tiny.build()
    for weight in model.generator.trainable_variables:
        weight.assign(weight * 5.0)  # Outputs away from 0, where everything is equal.
    patches = tiny.batch(4)["patches"]
    whole = assembled(model, patches)
    for order in ([1, 2, 0], [2, 1, 0]):
        other = assembled(model, patches[:, order])
        for name in ("image", "mask"):
            np.testing.assert_allclose(other[name], whole[name], atol=1e-5)
    changed = assembled(model, np.concatenate([patches[:, :2], -patches[:, 2:]], axis=1))
    assert np.abs(changed["mask"] - whole["mask"]).max() > 1e-3


def test_any_number_of_patches_is_taken():
    model = TINY["puzzlegan"].build()
    for count in (1, 2, 5):
        patches = np.zeros((2, count, 8, 8, 1), "float32")
        assert assembled(model, patches)["image"].shape == (2, 8, 8, 1)


def test_no_input_carries_places():
    """Patches, all of one size, and noise: nothing else, and each patch by shared weights."""
    model = TINY["puzzlegan"].build()
    assert list(model.signatures()["assemble"].inputs) == ["patches", "z"]
    assert model.signatures()["assemble"].inputs["patches"].shape == (None, 8, 8, 1)
    first = model.generator.trainable_variables[0]
    assert first.shape == (5, 5, 1, 3)


def test_images_follow_the_noise_and_masks_do_not():
    model = TINY["puzzlegan"].build()
    for weight in model.generator.trainable_variables:
        weight.assign(weight * 5.0)
    patches = TINY["puzzlegan"].batch(4)["patches"]
    one, two = assembled(model, patches, 0), assembled(model, patches, 1)
    np.testing.assert_array_equal(one["mask"], two["mask"])
    assert np.abs(one["image"] - two["image"]).max() > 1e-4


def test_composites_are_right_in_one_half_each():
    tiny = TINY["puzzlegan"]
    batch = tiny.batch(8)
    g, d = step_recorded(tiny.build(), batch, "generator", "discriminator")
    image, mask = batch["image"][0::2], batch["mask"][0::2]
    real, fake, first, second = (inputs for inputs, _ in d.calls[:4])
    other = np.roll(image, 1, axis=0)
    np.testing.assert_array_equal(real, image)
    np.testing.assert_array_equal(fake, g.calls[0][1][0])
    np.testing.assert_allclose(first, np.where(mask == 1, other, image))
    np.testing.assert_allclose(second, np.where(mask == 1, image, other))
    # Two steps of D with four passes each, one of the generator.
    assert (len(d.calls), len(g.calls)) == (9, 3)


@pytest.mark.parametrize(("taken", "expected"), [(0, 1e-2), (50, 1e-3), (100, 1e-4), (500, 1e-4)])
def test_weights_fall_log_linearly(taken, expected):
    model = TINY["puzzlegan"].build(decay_steps=100)
    model.step.assign(taken)
    assert float(model.now(model.mask_weights)) == pytest.approx(expected, rel=1e-4)
    assert model.now((0.0, 0.0)) == 0.0


def test_appearance_compares_under_both_masks_and_sums_over_pixels():
    tiny = TINY["puzzlegan"]
    model = tiny.build(discriminator_steps=1)
    batch = tiny.batch(4)
    (g,) = step_recorded(model, batch, "generator")
    fake, placed = (x.numpy() for x in g.calls[-1][1])
    image, mask = batch["image"], batch["mask"]
    expected = np.abs(fake * placed - image * mask).sum((1, 2, 3)).mean()
    np.testing.assert_allclose(model.means["appearance_error"].result(), expected, rtol=1e-5)
    expected = np.abs(placed - mask).sum((1, 2, 3)).mean()
    np.testing.assert_allclose(model.means["mask_error"].result(), expected, rtol=1e-5)


def test_l1_terms_are_summed_over_the_batch():
    """G's step by plain gradient descent, with a D that says nothing."""
    tiny = TINY["puzzlegan"]
    model, same = (tiny.build(discriminator_steps=1) for _ in "ab")
    batch = tiny.batch(4)
    for weight in model.discriminator.trainable_variables:
        weight.assign(tf.zeros_like(weight))
    before = [w.numpy() for w in model.generator.trainable_variables]
    model.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(0.0), run_eagerly=True)
    recorded = Recording(model.generator)
    object.__setattr__(model, "generator", recorded)
    model.train_step(batch)
    with tf.GradientTape() as tape:
        fake, placed = same.generator(recorded.calls[-1][0], training=True)
        loss = tf.reduce_sum(tf.abs(placed - batch["mask"]))
        loss += tf.reduce_sum(tf.abs(fake * placed - batch["image"] * batch["mask"]))
        loss *= 1e-2  # Both weights, at the first step.
    weights = same.generator.trainable_variables
    largest = 0.0
    for old, new, gradient in zip(
        before, recorded.network.trainable_variables, tape.gradient(loss, weights), strict=True
    ):
        largest = max(largest, float(np.abs(gradient).max()))
        np.testing.assert_allclose(old - new.numpy(), gradient, atol=1e-5)
    assert largest > 1e-3


def test_negatives_are_summed():
    tiny = TINY["puzzlegan"]
    model = tiny.build(discriminator_steps=1)
    (d,) = step_recorded(model, tiny.batch(4), "discriminator")
    real, *negatives = (np.asarray(output) for _, output in d.calls[:4])
    expected = np.logaddexp(0, -real).mean() + sum(np.logaddexp(0, n).mean() for n in negatives)
    assert float(model.means["discriminator_loss"].result()) == pytest.approx(expected, rel=1e-5)
    assert expected > 3.0 * np.log(2.0)  # 4 log 2 where D knows nothing.


def of_parts(model, layer):
    """Function of patches: a layer's output, a row a part."""
    network = keras.Model(model.generator.inputs, layer.output)
    z = np.zeros((4, model.latent_dim), "float32")
    return lambda patches, **how: np.asarray(network([patches, z], **how))


def test_each_code_passes_a_leaky_rectifier_before_the_sum():
    model = TINY["puzzlegan"].build()
    for weight in model.generator.trainable_variables:
        weight.assign(weight * 5.0)
    flat = [x for x in model.generator.layers if len(x.output.shape) == 2]
    (summed,) = (x for x in flat if isinstance(x, SumOverPatches))
    dense = next(x for x in flat if isinstance(x, keras.layers.Dense))
    patches = TINY["puzzlegan"].batch(4)["patches"]
    x = of_parts(model, dense)(patches).reshape(4, 3, 4)
    assert (x < 0).any() and (x > 0).any()
    expected = np.where(x > 0, x, 0.2 * x).sum(1)
    np.testing.assert_allclose(of_parts(model, summed)(patches), expected, atol=1e-5)


def test_one_part_is_normalised_without_the_others():
    model = TINY["puzzlegan"].build()
    first = next(x for x in model.generator.layers if isinstance(x, BatchNorm))
    normalised = of_parts(model, first)
    patches = TINY["puzzlegan"].batch(4)["patches"]
    other = patches.copy()
    other[0, 2] *= -0.5
    before, after = (normalised(x, training=True) for x in (patches, other))
    moved = np.abs(after - before).reshape(4, 3, -1).max(-1) > 1e-6
    assert moved.tolist() == [[False, False, True]] * 4


def test_overlap():
    a = tf.reshape([1.0, 1.0, 0.0, 0.0], (1, 2, 2, 1))
    b = tf.reshape([1.0, 0.0, 1.0, 0.0], (1, 2, 2, 1))
    assert float(overlap(a, b)[0]) == pytest.approx(1 / 3)
    assert float(overlap(a, a)[0]) == 1.0 and float(overlap(a, 1.0 - a)[0]) == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (30, 33, 3)}, "multiples of"),
        ({"mask_weights": (1e-2, 0.0)}, "two positive numbers, or 0 twice"),
        ({"loss": "hard"}, "Known: minimax"),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PuzzleGAN(**arguments)


def test_batches_without_patches_or_with_small_ones_are_named():
    tiny = TINY["puzzlegan"]
    batch = tiny.batch(4)
    model = tiny.build()
    model.compile()
    with pytest.raises(ValueError, match="PuzzleGAN needs batches with 'patches'"):
        model.fit({"image": batch["image"]}, batch_size=4, verbose=0)
    model.compile()
    small = {**batch, "patches": batch["patches"][:, :, :4]}
    with pytest.raises(ValueError, match="'patches' must have shape .*resized to the size"):
        model.fit(small, batch_size=4, verbose=0)


@pytest.mark.slow
def test_learns_where_patches_belong():
    """A tenth of the config's training: already above both controls."""
    model, _ = trained(
        "puzzlegan_mnist5k",
        "data.patch_warps=1",
        "fit={epochs: 1, steps_per_epoch: 300}",
        "compile.generator_optimizer.learning_rate.decay_steps=300",
    )
    options = {"image_size": 32, "patch_side": 0.34}
    test, train = (data.source("patches:mnist-5k", s, **options) for s in ("test", "train"))
    report = tfgen.evaluate(model, test, "mask_iou", training=train)
    reached = report["mask_iou"].value
    for control in ("mask_iou_of_mean", "mask_iou_shuffled"):
        assert reached > report[control].value + 0.04, report
