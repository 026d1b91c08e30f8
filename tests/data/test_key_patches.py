"""Boxes where things are, patches as large as the picture, and flips of all three together."""

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.data.key_patches import candidates, intersection_over_union, key_boxes


def blobs(count=4, side=24):
    """Three bright squares on black, and where they are."""
    images = np.zeros((count, side, side, 1), np.uint8)
    for top, left in ((2, 2), (3, 15), (15, 8)):
        images[:, top : top + 4, left : left + 4] = 255
    return images


def test_boxes_lie_on_the_things_in_the_picture():
    boxes = key_boxes(blobs(1))[0]
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    for thing in ((4, 4), (5, 17), (17, 10)):
        assert np.abs(centers - thing).max(1).min() <= 2, centers


def test_boxes_hardly_overlap():
    source = data.source("mnist-5k", "test")
    for own in key_boxes(source.arrays["image"][:50]):
        overlap = intersection_over_union(own)
        assert (overlap[~np.eye(3, dtype=bool)] <= 0.3).all()


def test_intersection_over_union():
    boxes = np.array([[0, 0, 2, 2], [0, 1, 2, 2], [5, 5, 1, 1]])
    expected = [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(intersection_over_union(boxes), expected)


def test_patches_are_the_boxes_resized_and_the_mask_their_union():
    images = blobs() // 2 + np.random.default_rng(0).integers(0, 99, (4, 24, 24, 1), np.uint8)
    source = data.patches(data.array(images.astype(np.uint8)))
    boxes = key_boxes(source.arrays["image"])
    mask = np.zeros((4, 24, 24, 1), np.uint8)
    for row in range(4):
        for number, (top, left, h, w) in enumerate(boxes[row]):
            mask[row, top : top + h, left : left + w] = 1
            part = Image.fromarray(images[row, top : top + h, left : left + w, 0].astype(np.uint8))
            expected = np.asarray(part.resize((24, 24), Image.Resampling.BICUBIC))
            np.testing.assert_array_equal(source.arrays["patches"][row, number, ..., 0], expected)
    np.testing.assert_array_equal(source.arrays["mask"], mask)


def test_patches_and_mask_are_mirrored_with_the_image():
    source = data.patches(data.array(np.random.default_rng(0).random((40, 12, 12, 3)) * 2 - 1))
    stream = data.batches(source, 40, flip=True, shuffle=False)
    batch = {name: value.numpy() for name, value in next(iter(stream)).items()}
    mirrored = 0
    for row in range(40):
        turned = not np.allclose(batch["image"][row], source.arrays["image"][row])
        mirrored += turned
        step = -1 if turned else 1
        for name in ("image", "mask"):
            expected = source.arrays[name][row][:, ::step]
            np.testing.assert_allclose(batch[name][row], expected, atol=1e-6)
        expected = source.arrays["patches"][row][:, :, ::step]
        np.testing.assert_allclose(batch["patches"][row], expected, atol=1e-6)
    assert 8 < mirrored < 32


def test_values_are_scaled_and_keys_named():
    source = data.source("patches:digits", "test")
    assert source.name == "patches:digits"
    batch = next(iter(data.batches(source, 8)))
    assert batch["patches"].shape == (8, 3, 8, 8, 1) and batch["mask"].shape == (8, 8, 8, 1)
    assert set(np.unique(batch["mask"])) == {0.0, 1.0}
    assert np.abs(batch["patches"]).max() <= 1.0
    with pytest.raises(ValueError, match="`flip` only"):
        data.batches(source, 8, binarize="threshold")


def test_candidates_lie_inside():
    boxes = candidates(20, 30)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= (20, 30)).all()
    assert len({tuple(shape) for shape in boxes[:, 2:]}) == 3


def test_square_patches_of_a_size():
    boxes = candidates(20, 30, side=0.4)
    assert (boxes[:, 2:] == 8).all() and len(boxes) == 13 * 23
    source = data.source("patches:digits", "test", image_size=16, patch_count=2, patch_side=0.4)
    assert source.arrays["patches"].shape[1:] == (2, 16, 16, 1)
    assert source.arrays["mask"].sum((1, 2, 3)).max() <= 2 * 6 * 6


def test_warps_are_other_versions_of_the_training_pictures_with_boxes_of_their_own():
    images = np.concatenate([blobs(2), blobs(2)[:, ::-1]])
    plain = data.patches(data.array(images, [0, 1, 2, 3]))
    source = data.patches(data.array(images, [0, 1, 2, 3]), warps=5)
    assert source.arrays["label"].tolist() == [0, 1, 2, 3] * 6
    for name in ("image", "patches", "mask"):
        np.testing.assert_array_equal(source.arrays[name][:4], plain.arrays[name])
    found = source.arrays["image"]
    assert len(np.unique(found.reshape(24, -1), axis=0)) == 22  # Two are there twice, unwarped.
    boxes = key_boxes(found)
    for row, (top, left, height, width) in enumerate(boxes[:, 0]):
        assert source.arrays["mask"][row, top : top + height, left : left + width].all()
    # Little is changed: most of the light stays where it was.
    light, kept = found[4:].astype(float), np.concatenate([images] * 5).astype(float)
    assert (np.minimum(light, kept).sum((1, 2, 3)) > 0.4 * kept.sum((1, 2, 3))).all()
    assert source.fingerprint != plain.fingerprint


def test_patches_of_one_class():
    whole = data.source("digits", "test").arrays
    one = data.source("patches:digits[3]", "test")
    np.testing.assert_array_equal(one.arrays["image"], whole["image"][whole["label"] == 3])


def test_warps_do_not_touch_other_splits():
    plain = data.source("patches:digits", "test", image_size=12)
    other = data.source("patches:digits", "test", image_size=12, patch_warps=2)
    assert other.fingerprint == plain.fingerprint and other.size == 500


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("digits", {"patch_warps": 1}, "apply to 'patches:NAME' only.*'digits'"),
        ("patches:digits", {"patch_side": 1.5}, r"in \(0, 1\). Received: 1.5"),
        ("patches:digits", {"patch_warps": -1}, "0 or more. Received: -1"),
    ],
)
def test_impossible_options_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        data.source(name, "train", **options)


def test_pictures_too_small_for_the_patches_are_named():
    with pytest.raises(ValueError, match="no 9 boxes"):
        data.patches(data.source("digits", "test"), count=9)
