"""Order and places of the patches, the composites, and the weights' decay."""

import numpy as np
import pytest
import tensorflow as tf

import tfgen
from tests.learned import trained
from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen import data
from tfgen.models import PuzzleGAN
from tfgen.models.puzzlegan import overlap


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
