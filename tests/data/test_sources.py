"""Plain arrays as data sets, the sets that come with libraries, and the names of all."""

from pathlib import Path

import numpy as np
import pytest

from tfgen import data


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))


def pictures(count=6, height=4, width=5, channels=3):
    return np.random.RandomState(0).randint(0, 256, (count, height, width, channels), np.uint8)


def test_array_keeps_uint8_and_labels():
    source = data.array(pictures(), range(6))
    assert (source.size, source.image_shape, source.num_classes) == (6, (4, 5, 3), 6)
    assert source.arrays["image"].dtype == np.uint8
    assert source.arrays["label"].dtype == np.int32


def test_array_takes_grey_images_without_channels_and_float64():
    source = data.array(np.linspace(-1, 1, 2 * 4 * 5).reshape(2, 4, 5))
    assert source.image_shape == (4, 5, 1)
    assert source.arrays["image"].dtype == np.float32
    assert source.num_classes is None


def test_array_is_read_only_and_leaves_the_callers_array_writable():
    images = pictures()
    source = data.array(images)
    with pytest.raises(ValueError, match="read-only"):
        source.arrays["image"][0] = 0
    images[0] = 0


def test_fingerprint_follows_the_contents():
    one, same, other = pictures(), pictures(), pictures()
    other[3, 2, 1, 0] ^= 1
    assert data.array(one).fingerprint == data.array(same).fingerprint
    assert data.array(one).fingerprint != data.array(other).fingerprint
    assert data.array(one).fingerprint != data.array(one, range(6)).fingerprint
    captions = [np.array([f"{word} {n}" for n in range(6)], object) for word in ("a", "b")]
    digests = {data.array(one, caption=c).fingerprint for c in captions}
    assert len(digests) == 2


NAN = np.zeros((5, 4, 4, 1))
NAN[2, 0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (NAN, "1 of 5 images hold NaN or infinity, the first is image 2"),
        (np.full((3, 4, 4, 1), np.inf), "3 of 3 images hold NaN"),
        (np.full((3, 4, 4, 1), 200.0), r"from 200 to 200; 3 of 3 .* images / 127.5 - 1"),
        (np.full((3, 4, 4, 1), -1.5), r"from -1.5 to -1.5; 3 of 3 .* scale them"),
        (np.zeros((3, 4)), r"shape \(N, H, W, C\).*Received: \(3, 4\)"),
        (np.zeros((3, 4, 0, 1)), r"Received: \(3, 4, 0, 1\)"),
        (np.zeros((3, 3, 32, 32)), "transpose"),
        (np.zeros((0, 4, 4, 1)), "no images"),
        (np.zeros((3, 4, 4, 1), np.int64), "astype"),
        ([np.zeros((4, 4, 1)), np.zeros((3, 4, 1))], "have different shapes: bring them to one"),
        (np.ma.masked_less(np.zeros((3, 4, 4, 1)), 1), "masked array"),
        (np.zeros((8, 8, 3), np.uint8), r"looks like one picture: pass images\[np.newaxis\]"),
    ],
)
def test_array_refuses_images(images, message):
    with pytest.raises(ValueError, match=message):
        data.array(images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], r"one row an image, 6 rows. Received shape: \(2,\)"),
        (np.zeros((6, 1), int), "reshape"),
        (np.zeros((6, 3)), "argmax"),
        ([0, 1, 2, 3, 4, -1], "smallest one of -1"),
        ([0, 1, 2, 3, 4, 1 << 32], "largest one of 4294967296"),
        (["a"] * 6, "must be integers.*number the classes"),
        (np.zeros(6), r"pass labels.astype\('int32'\)"),
        ([0, 1, 2, 3, 4, 7], "largest label is 7, but there are 2"),
    ],
)
def test_array_refuses_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        data.array(pictures(), labels, class_names=["a", "b"])


@pytest.mark.parametrize("names", ["ab", [3, 4], []])
def test_class_names_are_texts(names):
    with pytest.raises(ValueError, match="`class_names` must be one text a class"):
        data.array(pictures(), class_names=names)
    assert data.array(pictures(), class_names=iter("ab")).class_names == ("a", "b")
    with pytest.raises(ValueError, match="must differ. More than one class is 'a'"):
        data.array(pictures(), class_names=["a", "b", "a"])


def test_array_refuses_other_arrays_of_another_length():
    with pytest.raises(ValueError, match="'caption' must have one row an image"):
        data.array(pictures(), caption=np.zeros((5, 7), np.int32))


def test_digits_are_scaled_and_split():
    train, test = data.source("digits"), data.source("digits", "test")
    whole = data.source("digits", "all")
    assert (train.size, test.size, whole.size) == (1297, 500, 1797)
    assert train.num_classes == 10
    order = np.random.RandomState(0).permutation(1797)
    np.testing.assert_array_equal(test.arrays["image"], whole.arrays["image"][order[1297:]])
    np.testing.assert_array_equal(train.arrays["label"], whole.arrays["label"][order[:1297]])
    levels = np.unique(whole.arrays["image"])
    np.testing.assert_array_equal(levels, np.arange(17) / 8 - 1)


def test_numbers_of_numpy_are_numbers():
    batches = data.load("digits", batch_size=np.int64(8), image_size=np.int32(16), shuffle=False)
    assert batches.element_spec["image"].shape == (8, 16, 16, 1)


def test_digits_in_another_form():
    source = data.source("digits", "test", image_size=16, channels=3)
    assert source.image_shape == (16, 16, 3)
    assert abs(source.arrays["image"]).max() <= 1


def test_mnist_5k_and_its_cache(tmp_path):
    first = data.source("mnist-5k", "test")
    kept = tmp_path / "cache" / "mnist-5k.npz"
    assert first.size == 1000
    assert first.image_shape == (28, 28, 1)
    assert [path.name for path in kept.parent.iterdir()] == ["mnist-5k.npz"]
    assert data.source("mnist-5k", "test").fingerprint == first.fingerprint
    assert np.bincount(data.source("mnist-5k", "all").arrays["label"]).tolist() == [500] * 10
    kept.write_bytes(b"PK damaged")
    with pytest.warns(UserWarning, match="damaged"):
        again = data.source("mnist-5k", "test")
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digts", "Did you mean 'digits'"),
        ("mnist", "'mnist-5k' or 'tfds:mnist'"),
        ("zzz", "Unknown data set 'zzz'. Known: digits"),
        ("folder:", "Known: digits, mnist-5k, .*folder:PATH"),
        ("digits:8", "Unknown data set"),
        (Path("digits"), "The name of a data set is a text.*Received: PosixPath"),
        (None, "Received: None"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(ValueError, match=message):
        data.source(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "no split 'val'. Its splits are: train, test, all"),
        ({"download": True}, "'tfds:NAME' only"),
        ({"image_size": 0}, "image_size"),
        ({"image_size": (8, 8, 1)}, "image_size"),
        ({"image_size": 10**6}, "image_size of 1000000x1000000 is more than .* pixels"),
        ({"shuffle": "no"}, "shuffle must be true or false. Received: 'no'"),
        ({"drop_remainder": 1}, "drop_remainder must be true or false. Received: 1"),
        ({"channels": 4}, "channels must be 1"),
        ({"resize": "squash"}, "resize must be one of"),
        ({"memory_limit": -1}, "number of bytes"),
        ({"batchsize": 4}, "Unknown data option 'batchsize'. Did you mean 'batch_size'"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(ValueError, match=message):
        data.load("digits", **options)


def test_every_name_is_described():
    lines = dict(data.describe())
    assert {"digits", "mnist-5k", "captioned-digits", "captions:PATH", "folder:PATH"} <= set(lines)
    assert all(lines.values())
