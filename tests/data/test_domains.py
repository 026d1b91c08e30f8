"""Unpaired domains and coloured digits: their orders, names, contents and errors."""

import numpy as np
import pytest

from tfgen import data
from tfgen.data import domains


def numbered(count, first=0, side=4):
    """Pictures that hold their own number."""
    values = (np.arange(first, first + count, dtype=np.uint8))[:, None, None, None]
    return data.array(np.broadcast_to(values, (count, side, side, 1)).copy())


def numbers(batch, key):
    return np.rint((batch[key].numpy()[:, 0, 0, 0] + 1.0) * 127.5).astype(int).tolist()


def test_each_domain_has_its_own_order_and_length():
    stream = data.batches(data.pairs(numbered(10), numbered(35, 100)), 5, seed=3)
    assert stream.steps_per_epoch == 7
    first = [(numbers(b, "image"), numbers(b, "image_b")) for b in stream]
    second = [(numbers(b, "image"), numbers(b, "image_b")) for b in stream]
    whole = first + second
    # The larger domain once an epoch; the smaller one as often as it fits, each time whole.
    assert sorted(sum((b for _, b in first), [])) == list(range(100, 135))
    small = sum((a for a, _ in whole), [])
    assert all(sorted(small[n : n + 10]) == list(range(10)) for n in range(0, 70, 10))
    assert first != second and small[:10] != small[10:20]
    again = [(numbers(b, "image"), numbers(b, "image_b")) for b in stream.from_step(0).take(14)]
    assert again == whole
    later = next(iter(stream.from_step(9)))
    assert (numbers(later, "image"), numbers(later, "image_b")) == whole[9]


def test_equal_domains_are_not_read_in_step():
    stream = data.batches(data.pairs(numbered(50), numbered(50)), 50)
    batch = next(iter(stream))
    a, b = numbers(batch, "image"), numbers(batch, "image_b")
    assert sorted(a) == sorted(b) == list(range(50))
    assert sum(x == y for x, y in zip(a, b, strict=True)) < 10


def test_augmentation_differs_between_epochs_and_domains():
    image = np.random.RandomState(0).randint(0, 256, (1, 4, 4, 1), np.uint8)
    source = data.array(np.repeat(image, 32, axis=0))
    stream = data.batches(data.pairs(source, source), 32, flip=True)
    first, second = next(iter(stream)), next(iter(stream))
    straight = image / np.float32(127.5) - np.float32(1)

    def flipped(x):
        return [not np.allclose(row, straight[0]) for row in x.numpy()]

    for one, other in (
        (first["image"], second["image"]),
        (first["image_b"], second["image_b"]),
        (first["image"], first["image_b"]),
    ):
        assert flipped(one) != flipped(other)


def test_inverted_digits_share_no_digit_and_split_evenly():
    source, digits = data.source("inverted-digits"), data.source("digits")
    a, b = source.arrays["image"], source.second.arrays["image"]
    assert len(a) + len(b) == digits.size
    np.testing.assert_array_equal(np.concatenate([a, -b]), digits.arrays["image"])


def test_one_class_of_any_set_is_a_domain():
    source = data.source("pairs:A=digits[3],B=digits[7]", "test")
    labels = data.source("digits", "test").arrays["label"]
    assert (source.size, source.second.size) == ((labels == 3).sum(), (labels == 7).sum())
    whole = data.source("digits", "test").arrays["image"]
    np.testing.assert_array_equal(source.arrays["image"], whole[labels == 3])


def test_cycle_gan_sets_have_a_split_for_each_domain():
    asked = []

    def find(name, split):
        asked.append((name, split))
        return numbered(3)

    source = domains.named("tfds:cycle_gan/horse2zebra", "test", find)
    assert asked == [("tfds:cycle_gan/horse2zebra", s) for s in ("testA", "testB")]
    assert source.split == "test" and source.name == "pairs:tfds:cycle_gan/horse2zebra"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pairs:digits", "expected 'pairs:A=NAME,B=NAME'"),
        ("pairs:A=digits,B=mnist-5k", r"one shape.*\(8, 8, 1\).*\(28, 28, 1\).*image_size"),
        ("pairs:A=digits[3],B=digits[ten]", r"no class 'ten'. Known: 0, 1"),
        ("pairs:A=digits,B=number", "Unknown data set 'number'"),
    ],
)
def test_impossible_pairs_are_named(name, message):
    with pytest.raises(ValueError, match=message):
        data.source(name)


def test_an_empty_domain_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty.*no pictures found"):
        data.source(f"pairs:A=digits,B=folder:{tmp_path}/empty")


def test_the_last_batches_of_two_domains_cannot_be_kept():
    with pytest.raises(ValueError, match="drop_remainder=True"):
        data.batches(data.pairs(numbered(4), numbered(5)), 2, drop_remainder=False)


def test_tinted_digits_are_digits_in_the_light_of_their_label():
    source, digits = data.source("tinted-digits"), data.source("digits")
    image, light = source.arrays["image"], source.arrays["attributes"]
    assert source.class_names == ("red", "green", "blue", "yellow")
    np.testing.assert_array_equal(source.arrays["digit"], digits.arrays["label"])
    on = light[:, None, None].astype(bool) & np.ones(image.shape, bool)
    grey = np.broadcast_to(digits.arrays["image"], image.shape)
    np.testing.assert_allclose(image, np.where(on, grey, -1.0), atol=1e-6)
    np.testing.assert_array_equal(light[:, 0] + 2 * light[:, 1] + 4 * light[:, 2],
                                  np.array([1, 2, 4, 3])[source.arrays["label"]])  # fmt: skip
    assert np.bincount(source.arrays["label"]).min() > 250
    with pytest.raises(ValueError, match="is RGB"):
        data.source("tinted-digits", channels=1)


def test_tinted_digits_of_another_size():
    assert data.source("tinted-digits", image_size=16).image_shape == (16, 16, 3)
