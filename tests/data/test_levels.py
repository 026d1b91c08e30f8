"""Sets whose values are not what they are taken for, and the range that names black and white."""

import numpy as np
import pytest
from PIL import Image

from tfgen import data


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))


BITS = np.random.RandomState(0).randint(0, 2, (4, 6, 6, 1))
RAMP = np.linspace(0, 1, 144).reshape(4, 6, 6, 1)


@pytest.mark.parametrize(
    ("images", "value_range"),
    [
        (RAMP, (0, 1)),
        (RAMP.astype(np.float32), (0, 1)),
        (BITS.astype(np.float32), (0, 1)),
        (BITS.astype(np.uint8), (0, 1)),
        (BITS.astype(np.int64), (0, 1)),
        (BITS.astype(bool), (0, 1)),
        (np.rint(RAMP * 4095).astype(np.uint16), (0, 4095)),
        (RAMP * 255, (0, 255)),
        (RAMP * 4095, (0, 4095)),
        (np.rint(RAMP * 255).astype(np.int32), (0, 255)),
        (np.rint(RAMP * 2000).astype(np.int32) - 1000, (-1000, 1000)),
    ],
)
def test_what_is_refused_is_right_with_the_range_of_the_message(images, value_range):
    with pytest.raises(ValueError, match=r"value_range=\(") as refused:
        data.array(images)
    assert f"value_range={value_range}" in str(refused.value)
    assert "\n" not in str(refused.value)
    source = data.array(images, value_range=value_range)
    got = source.arrays["image"]
    got = got / 127.5 - 1 if got.dtype == np.uint8 else got
    low, high = value_range
    expected = (images.astype(np.float64) - low) * 2 / (high - low) - 1
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert (got.min(), got.max()) == (-1, 1)


@pytest.mark.parametrize(
    ("images", "value_range"),
    [
        (np.rint(RAMP * 16).astype(np.uint8), (0, 16)),
        ((RAMP - 0.5).astype(np.float32), (-0.5, 0.5)),
    ],
)
def test_what_is_dim_is_warned_of(images, value_range):
    with pytest.warns(UserWarning, match=r"If they mean what they say, write value_range=\("):
        dim = data.array(images)
    assert dim.size == 4
    bright = data.array(images, value_range=value_range).arrays["image"]
    assert (bright.min(), bright.max()) in ((0, 255), (-1, 1))


@pytest.mark.parametrize(
    ("images", "value_range"),
    [(BITS.astype(np.uint8), (0, 255)), (RAMP.astype(np.float32), (-1, 1))],
)
def test_values_that_mean_what_they_say(images, value_range):
    source = data.array(images, value_range=value_range)
    np.testing.assert_allclose(source.arrays["image"], images, atol=1e-6)


def test_usual_values_and_plain_pictures_pass():
    data.array(np.rint(RAMP * 255).astype(np.uint8))
    data.array(RAMP * 2 - 1)
    data.array(np.zeros((4, 6, 6, 1), np.uint8))
    data.array(np.broadcast_to(np.arange(4, dtype=np.uint8)[:, None, None, None], (4, 6, 6, 1)))


@pytest.mark.parametrize(
    ("value_range", "message"),
    [
        ((1, 0), "must be \\(black, white\\)"),
        (("0", "1"), "must be"),
        (1, "must be"),
        ((0, np.inf), "must be"),
        ((0, 0.5), "values from 0 to 1 lie outside of value_range"),
    ],
)
def test_unusable_ranges(value_range, message):
    with pytest.raises(ValueError, match=message):
        data.array(RAMP, value_range=value_range)


def test_a_range_is_for_pictures_of_files():
    with pytest.raises(ValueError, match="value_range does not apply to 'digits'"):
        data.source("digits", value_range=(0, 16))


def files(root, values, dtype, ending):
    root.mkdir()
    for number, value in enumerate(values):
        Image.fromarray(value[..., 0].astype(dtype)).save(root / f"{number}{ending}")
    return f"folder:{root}"


DEEP = [
    (RAMP * 4095, np.uint16, ".png", [0, 4095]),
    (RAMP * 255, np.uint16, ".png", [0, 255]),
    (RAMP * 4095, np.uint16, ".tif", [0, 4095]),
    (RAMP * 4095, np.int32, ".tif", [0, 4095]),
    (RAMP * 65535, np.int32, ".tiff", [0, 65535]),
    (RAMP, np.float32, ".tif", [0, 1]),
    (RAMP * 2 - 1, np.float32, ".tif", [-1, 1]),
    (BITS, np.uint8, ".png", [0, 1]),
]


@pytest.mark.parametrize(("values", "dtype", "ending", "value_range"), DEEP)
def test_pictures_of_other_depths(values, dtype, ending, value_range, tmp_path):
    values = values if np.issubdtype(dtype, np.floating) else np.rint(values)
    name = files(tmp_path / "p", values, dtype, ending)
    for limit in (None, 10):  # In memory, and by way of the cache.
        with pytest.raises(ValueError, match="of all its pictures lie in|pictures hold") as refused:
            data.source(name, "all", channels=1, memory_limit=limit)
        assert f"data.value_range: {value_range}" in str(refused.value)
        options = {"channels": 1, "value_range": value_range, "memory_limit": limit}
        source = data.source(name, "all", **options)
        expected = (values - value_range[0]) * 255.0 / (value_range[1] - value_range[0])
        np.testing.assert_allclose(source.arrays["image"], expected, atol=0.51)


def test_sixteen_bits_that_are_used_need_no_range(tmp_path):
    name = files(tmp_path / "p", np.rint(RAMP * 65535), np.uint16, ".png")
    image = data.source(name, "all", channels=1).arrays["image"]
    np.testing.assert_allclose(image, RAMP * 255, atol=1)


def test_the_whole_set_decides_and_not_one_dark_picture(tmp_path):
    values = np.rint(RAMP * 65535)
    values[0] = np.rint(RAMP[0] * 100)
    name = files(tmp_path / "p", values, np.uint16, ".png")
    assert data.source(name, "all", channels=1).size == 4


def test_values_outside_of_the_range_are_named_and_counted(tmp_path):
    name = files(tmp_path / "p", np.rint(RAMP * 5000), np.int32, ".tif")
    with pytest.warns(UserWarning, match="1 of 4 pictures.*3.tif.*outside of value_range"):
        source = data.source(name, "all", channels=1, value_range=(0, 4095))
    assert source.size == 3


def test_the_alpha_of_a_mask_is_no_value(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[0, :, :3], pixels[:2, :, 3] = 1, 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    source = data.source(f"folder:{tmp_path}", "all", channels=1, value_range=[0, 1])
    assert source.arrays["image"][0, :, 0, 0].tolist() == [255, 0, 255, 255]
