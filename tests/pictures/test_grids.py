import numpy as np
import pytest
from PIL import Image

from tfgen import pictures
from tfgen.pictures import class_grids
from tfgen.signature import Input, Signature


def test_rounding_is_that_of_exports():
    x = np.linspace(-1.2, 1.2, 1001, dtype=np.float32)
    expected = np.clip(np.round((x + 1) * 127.5), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(pictures.to_uint8(x), expected)
    np.testing.assert_array_equal(pictures.to_uint8(np.float32([-1, 0, 1])), [0, 128, 255])


def test_grid_places_each_picture():
    images = np.stack([np.full((2, 3, 1), n, np.uint8) for n in range(1, 6)])
    grid = pictures.grid(images)
    assert grid.shape == (2 * 3 - 1, 3 * 4 - 1, 1)
    np.testing.assert_array_equal(grid[0, :, 0], [1, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3])
    np.testing.assert_array_equal(grid[3, :, 0], [4, 4, 4, 0, 5, 5, 5, 0, 0, 0, 0])
    assert pictures.grid(images, columns=1).shape == (5 * 3 - 1, 3, 1)
    assert pictures.grid(images, columns=9).shape == (2, 5 * 4 - 1, 1)


@pytest.mark.parametrize("shape", [(0, 2, 2, 1), (2, 2, 1), (1, 2, 2, 2)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(ValueError, match="A grid needs pictures of shape"):
        pictures.grid(np.zeros(shape, np.float32))


def test_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        pictures.to_uint8([np.nan])


@pytest.mark.parametrize("channels", [1, 3])
def test_save_round_trips(tmp_path, channels):
    image = np.arange(4 * 5 * channels, dtype=np.uint8).reshape(4, 5, channels)
    pictures.save(tmp_path / "deep/x.png", image)
    back = np.asarray(Image.open(tmp_path / "deep/x.png")).reshape(image.shape)
    np.testing.assert_array_equal(back, image)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x.png"]


def test_unknown_ending(tmp_path):
    with pytest.raises(ValueError, match="'.txt' is no picture format"):
        pictures.save(tmp_path / "x.txt", np.zeros((2, 2, 1), np.uint8))


def test_a_grid_of_classes_has_their_rows_in_order_and_their_names():
    shades = np.array([2, 0, 1, 0, 2, 2])
    images = np.repeat(40 * (shades + 1), 16).reshape(6, 4, 4, 1).astype("uint8")
    names = ("cats", "dogs", "a name that is far too long to be shown whole")
    grid = class_grids.of_classes(images, shades, names)
    side = 4 * 3  # Enlarged until a line of text fits.
    assert len(grid) == 3 * side + 2
    right = grid[:, -(3 * side + 2) :, 0]
    assert (right[:side, : 2 * side + 1][:, [0, -1]] == 40).all() and right[0, -1] == 0
    assert (right[side + 1 : 2 * side + 1, :side] == 80).all() and (right[-1, [0, -1]] == 120).all()
    left = grid[:, : -(3 * side + 2), 0]
    for top in (0, side + 1, 2 * side + 2):
        assert left[top : top + side].max() > 100
    many = class_grids.of_classes(np.repeat(images, 10, 0), np.repeat(shades, 10))
    assert len(many) > len(grid)  # Classes of more than fit into a row have several.


def test_the_classes_of_a_signature():
    label = Input.label(3, ("a", "b", "c"))
    signature = Signature(lambda **x: x, {"z": Input.noise(2), "label": label})
    feeds = signature.draw(range(9))
    numbers, names = class_grids.classes_of(signature, feeds)
    np.testing.assert_array_equal(numbers, feeds["label"])
    assert names == ("a", "b", "c")
    assert class_grids.classes_of(Signature(lambda z: z, {"z": Input.noise(2)}), {}) is None
