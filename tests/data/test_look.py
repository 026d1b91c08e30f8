"""What is said of a folder of pictures: sizes, colours, broken files, copies."""

import numpy as np
import pytest
from PIL import Image

from tfgen.data.look import look


def picture(path, colour=(200, 30, 30), size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_a_folder_a_class_with_all_that_can_be_wrong(tmp_path):
    for n in range(3):
        picture(tmp_path / "red" / f"{n}.png", (200, n, n))
        picture(tmp_path / "grey" / f"{n}.png", (n, n, n), (20, 60))
    (tmp_path / "red" / "again.png").write_bytes((tmp_path / "red" / "1.png").read_bytes())
    (tmp_path / "grey" / "torn.png").write_bytes((tmp_path / "grey" / "0.png").read_bytes()[:60])
    (tmp_path / "grey" / "phone.heic").write_bytes(b"x")
    seen = []
    found = look(str(tmp_path), seen.append)
    assert found.classes == {"grey": 3, "red": 4}
    assert (found.count, found.coloured, len(seen)) == (7, 4, 8)
    assert found.sizes == {(40, 30): 4, (20, 60): 3} and found.side == 30
    passed, torn = found.broken
    assert passed.startswith("grey/phone.heic: ") and torn.startswith("grey/torn.png: ")
    assert found.copies == (("red/again.png", "red/1.png"),)
    assert found.thumbnails.shape == (7, 48, 48, 3) and found.thumbnails.dtype == np.uint8
    assert found.thumbnail_labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert found.train in (6, 7)  # One of eight files, torn ones too, is the split test.


def test_splits_are_counted_and_the_orientation_of_a_camera_is_followed(tmp_path):
    for n in range(4):
        picture(tmp_path / "train" / "a" / f"{n}.png", (n, 99, 0))
        picture(tmp_path / "test" / "a" / f"{n}.png", (n, 99, 1))
    turned = Image.new("RGB", (40, 30), (1, 2, 250))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "train" / "a" / "turned.jpg", exif=exif)
    found = look(str(tmp_path))
    assert (found.train, found.count) == (5, 9)
    assert found.sizes[30, 40] == 1 and found.classes == {"a": 9}


def test_what_is_no_folder_of_pictures(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: does not exist. Expected a folder"):
        look(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="there are no pictures here. Expected files ending in"):
        look(str(tmp_path))
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="none of 1 pictures can be read. The first: a.png: "):
        look(str(tmp_path))
