import numpy as np
import pytest

from tfgen import data


def labels(stream):
    batches = list(stream)
    return np.concatenate([b["label"] for b in batches]), np.concatenate(
        [b["image"] for b in batches]
    )


def test_keeps_few_labels_of_a_training_split():
    plain = {"shuffle": False, "drop_remainder": False}
    every, images = labels(data.load("digits", "train", 500, **plain))
    few, same = labels(data.load("digits", "train", 500, labelled=100, **plain))
    np.testing.assert_array_equal(images, same)
    np.testing.assert_array_equal(np.bincount(few[few >= 0]), [10] * 10)
    np.testing.assert_array_equal(few[few >= 0], every[few >= 0])
    assert np.sum(few == -1) == len(few) - 100
    again, _ = labels(data.load("digits", "train", 500, labelled=100, **plain))
    other, _ = labels(data.load("digits", "train", 500, labelled=100, seed=1, **plain))
    np.testing.assert_array_equal(few, again)
    assert not np.array_equal(few, other)
    whole, _ = labels(data.load("digits", "test", 500, labelled=100))
    assert (whole >= 0).all()


def test_needs_labels():
    with pytest.raises(ValueError, match="`labelled` needs labels"):
        data.load("digits", "train", 64, labels=False, labelled=100)
    with pytest.raises(ValueError, match="`labels` must lie in 20 .. 1297"):
        data.load("digits", "train", 64, labelled=5)


def aside(**options):
    return data.load(
        "digits", "train", 64, labelled=100, labelled_batch_size=40, start=0, **options
    )


def collected(stream, steps):
    return [{k: v.numpy() for k, v in b.items()} for b in stream.take(steps)]


def test_labelled_examples_come_in_batches_of_their_own():
    stream = aside()
    assert stream.steps_per_epoch == 1297 // 64
    source = data.source("digits", "train").arrays
    pairs = zip(source["image"], source["label"], strict=True)
    known = {image.tobytes(): label for image, label in pairs}
    few, _ = labels(data.load("digits", "train", 1297, labelled=100, shuffle=False))
    kept = {image.tobytes() for image in source["image"][few >= 0]}
    steps = collected(stream, 4)
    for batch in steps:
        assert batch["image"].shape[0] == 64
        assert batch["image_labelled"].shape == (40, 8, 8, 1)
        for image, label in zip(batch["image_labelled"], batch["label_labelled"], strict=True):
            assert image.tobytes() in kept
            assert known[image.tobytes()] == label
    # 2 batches of 40 go through the 100 once, without one twice; then comes another order.
    seen = [image.tobytes() for b in steps[:2] for image in b["image_labelled"]]
    assert len(set(seen)) == 80
    assert not np.array_equal(steps[0]["image_labelled"], steps[2]["image_labelled"])
    # The other examples come as they would without.
    plain = collected(data.load("digits", "train", 64, labelled=100, start=0), 4)
    for with_, without in zip(steps, plain, strict=True):
        for key in without:
            np.testing.assert_array_equal(with_[key], without[key])


@pytest.mark.parametrize("start", [1, 3, 25])
def test_the_labelled_order_is_a_function_of_seed_and_step(start):
    changed = {"binarize": "stochastic", "flip": True}
    whole = collected(aside(**changed), start + 2)[start:]
    resumed = collected(aside(**changed).from_step(start), 2)
    for a, b in zip(whole, resumed, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)
    other = collected(aside(seed=1, **changed).from_step(start), 1)[0]
    assert not np.array_equal(other["image_labelled"], whole[0]["image_labelled"])


def test_epochs_go_on_with_the_labelled_order():
    options = {"labelled": 100, "labelled_batch_size": 40}
    stream = data.load("digits", "train", 600, **options)
    epochs = [collected(stream, 2) for _ in range(2)]
    endless = collected(stream.from_step(0), 4)
    for a, b in zip([*epochs[0], *epochs[1]], endless, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_a_fixed_draw_is_the_examples_own_in_both_streams():
    stream = data.load(
        "digits", "train", 1297, labelled=100, labelled_batch_size=100, binarize="fixed"
    )
    batch = collected(stream, 1)[0]
    among = {image.tobytes() for image in batch["image"][batch["label"] >= 0]}
    assert {image.tobytes() for image in batch["image_labelled"]} == among


def test_all_labels_and_other_splits():
    batch = collected(data.load("digits", "train", 64, labelled_batch_size=10), 1)[0]
    assert batch["image_labelled"].shape[0] == 10
    assert (batch["label"] >= 0).all()
    options = {"labelled": 100, "labelled_batch_size": 10}
    assert set(data.load("digits", "test", 64, **options).element_spec) == {"image", "label"}


@pytest.mark.parametrize("size", [0, 101, True, 2.0])
def test_a_labelled_batch_that_cannot_be_filled(size):
    with pytest.raises(ValueError, match="labelled_batch_size must lie in 1 .. 100"):
        data.load("digits", "train", 64, labelled=100, labelled_batch_size=size)


def test_labelled_with_two_domains():
    with pytest.raises(ValueError, match="label"):
        data.load("inverted-digits", "train", 64, labelled_batch_size=10)
