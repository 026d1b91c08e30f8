"""Folders of pictures: every mode, size and state that files come in."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.data import store as store_module
from tfgen.data.picture import Form, fitted


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def save(path, pixels, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(pixels, np.uint8))
    (picture.convert(mode) if mode else picture).save(path, **options)


def flat(root, count=10, size=(6, 6)):
    for n in range(count):
        save(root / f"{n:03d}.png", np.full((*size, 3), 10 * n))
    return f"folder:{root}"


def test_flat_folder_in_sorted_order(tmp_path):
    source = data.source(flat(tmp_path / "p"), "all")
    assert source.image_shape == (6, 6, 3)
    assert source.arrays["image"][:, 0, 0, 0].tolist() == [10 * n for n in range(10)]
    assert "label" not in source.arrays
    assert source.notes == ()


def test_ninety_ten_split_is_fixed_and_disjoint(tmp_path):
    name = flat(tmp_path / "p", 20)
    values = {
        s: data.source(name, s).arrays["image"][:, 0, 0, 0].tolist() for s in ("train", "test")
    }
    assert (len(values["train"]), len(values["test"])) == (18, 2)
    assert sorted(values["train"] + values["test"]) == [10 * n for n in range(20)]
    expected = np.sort(np.random.RandomState(0).permutation(20)[18:]) * 10
    assert values["test"] == expected.tolist()


def test_a_folder_a_class(tmp_path):
    for n, name in enumerate(["cat", "ant", "bee"]):
        for k in range(n + 1):
            save(tmp_path / "p" / name / "deep" / f"{k}.png", np.full((4, 4), 50 * n))
    (tmp_path / "p" / ".hidden").mkdir()
    (tmp_path / "p" / "empty").mkdir()
    (tmp_path / "p" / "cat" / "notes.txt").write_text("not a picture")
    source = data.source(f"folder:{tmp_path / 'p'}", "all", channels=1)
    assert source.class_names == ("ant", "bee", "cat")
    assert source.arrays["label"].tolist() == [0, 0, 1, 1, 1, 2]
    assert source.arrays["image"][:, 0, 0, 0].tolist() == [50, 50, 100, 100, 100, 0]


def test_sub_folders_train_and_test_are_the_splits(tmp_path):
    root = tmp_path / "p"
    for part, value in (("train", 10), ("test", 20), ("val", 30)):
        for name in ("a", "b") if part == "train" else ("b",):
            save(root / part / name / "0.png", np.full((4, 4), value))
    name = f"folder:{root}"
    assert data.source(name).arrays["image"][:, 0, 0, 0].tolist() == [10, 10]
    test = data.source(name, "test")
    assert (test.arrays["image"][0, 0, 0, 0], test.arrays["label"].tolist()) == (20, [1])
    assert test.class_names == ("a", "b")
    assert data.source(name, "val").arrays["image"][0, 0, 0, 0] == 30
    assert data.source(name, "all").arrays["label"].tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="no split 'validation'"):
        data.source(name, "validation")
    save(root / "test" / "c" / "0.png", np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"class folders \['c'\]"):
        data.source(name, "test")


def test_corrupt_files_are_named_and_counted(tmp_path):
    name = flat(tmp_path / "p", 4)
    (tmp_path / "p" / "001.png").write_bytes(b"")
    whole = (tmp_path / "p" / "002.png").read_bytes()
    (tmp_path / "p" / "002.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="2 of 4 pictures could not be decoded.*001.png"):
        source = data.source(name, "all")
    assert source.arrays["image"][:, 0, 0, 0].tolist() == [0, 30]
    assert [note.split(":")[0] for note in source.notes] == ["001.png", "002.png"]


def test_labels_stay_with_their_pictures_past_corrupt_files(tmp_path):
    for n, name in enumerate("abc"):
        save(tmp_path / "p" / name / "0.png", np.full((4, 4), n))
    (tmp_path / "p" / "b" / "0.png").write_bytes(b"nothing")
    with pytest.warns(UserWarning, match="1 of 3"):
        source = data.source(f"folder:{tmp_path / 'p'}", "all")
    assert source.arrays["label"].tolist() == source.arrays["image"][:, 0, 0, 0].tolist() == [0, 2]
    assert source.num_classes == 3


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        data.source(f"folder:{tmp_path / 'none'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no pictures found"):
        data.source(f"folder:{tmp_path / 'empty'}")
    with pytest.raises(ValueError, match="no split 'val'"):
        data.source(f"folder:{tmp_path / 'empty'}", "val")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="none of the 1 pictures could be decoded.*a.png"):
        data.source(f"folder:{tmp_path / 'bad'}")
    save(tmp_path / "bad" / "class" / "b.png", np.zeros((4, 4)))
    with pytest.raises(ValueError, match="either a flat folder or one folder a class"):
        data.source(f"folder:{tmp_path / 'bad'}")
    with pytest.raises(FileNotFoundError, match="is a file"):
        data.source(f"folder:{tmp_path / 'bad' / 'a.png'}")


def test_mixed_sizes_need_image_size(tmp_path):
    name = flat(tmp_path / "p", 2)
    save(tmp_path / "p" / "wide.png", np.zeros((5, 9, 3)))
    with pytest.raises(ValueError, match="000.png is 6x6, wide.png is 5x9. Pass image_size"):
        data.source(name, "all")
    assert data.source(name, "all", image_size=(4, 7)).arrays["image"].shape == (3, 4, 7, 3)


def test_sets_past_the_limit_are_mapped_from_the_cache(tmp_path, cache, monkeypatch):
    name = flat(tmp_path / "p", 5)
    (tmp_path / "p" / "002.png").write_bytes(b"nothing")
    with pytest.warns(UserWarning, match="1 of 5"):
        plain = data.source(name, "all")
    assert not cache.exists()
    with pytest.warns(UserWarning, match="1 of 5"):
        mapped = data.source(name, "all", memory_limit=100)
    assert isinstance(mapped.arrays["image"], np.memmap)
    assert mapped.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(mapped.arrays["image"], plain.arrays["image"])
    [kept] = cache.iterdir()

    def unexpected(*arguments):
        raise AssertionError("decoded again")

    monkeypatch.setattr("tfgen.data.folder._decoded", unexpected)
    monkeypatch.setenv("TFGEN_MEMORY_LIMIT", "100")
    with pytest.warns(UserWarning, match="1 of 5"):
        assert data.source(name, "all").fingerprint == plain.fingerprint
    monkeypatch.undo()
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(cache))
    save(tmp_path / "p" / "002.png", np.full((6, 6, 3), 77))
    changed = data.source(name, "all", memory_limit=100)
    assert changed.size == 5
    assert kept in cache.iterdir()


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def change(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("image.raw", cut),
        ("image.raw", change),
        ("label.raw", cut),
        ("label.raw", change),
        ("image.raw", lambda path: path.unlink()),
        ("source.json", cut),
        ("source.json", lambda path: path.unlink()),
        ("source.json", lambda path: path.write_text("[]")),
    ],
)
def test_a_damaged_cache_is_found_and_decoded_anew(tmp_path, cache, file, damage):
    for n in range(6):
        save(tmp_path / "p" / "ab"[n % 2] / f"{n}.png", np.full((4, 4), 40 * n))
    name = f"folder:{tmp_path / 'p'}"
    whole = data.source(name, "all", memory_limit=10)
    [kept] = cache.iterdir()
    damage(kept / file)
    with pytest.warns(UserWarning, match="is damaged .*; it is decoded anew"):
        again = data.source(name, "all", memory_limit=10)
    np.testing.assert_array_equal(again.arrays["image"][:, 0, 0, 0], [0, 80, 160, 40, 120, 200])
    assert again.fingerprint == whole.fingerprint
    assert list(cache.iterdir()) == [kept]
    assert data.source(name, "all", memory_limit=10).fingerprint == whole.fingerprint


def test_a_picture_replaced_by_one_of_its_size_and_time_is_noticed(tmp_path):
    name = flat(tmp_path / "p", 5)
    path = tmp_path / "p" / "001.png"
    before, first = path.stat(), data.source(name, "all", memory_limit=10)
    save(path, np.full((6, 6, 3), 77))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    second = data.source(name, "all", memory_limit=10)
    assert (first.arrays["image"][1, 0, 0, 0], second.arrays["image"][1, 0, 0, 0]) == (10, 77)


def test_a_failed_write_leaves_nothing(tmp_path, cache, monkeypatch):
    name = flat(tmp_path / "p", 5)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module._Disk, "add", full)
    with pytest.raises(OSError, match="No space left"):
        data.source(name, "all", memory_limit=100)
    assert list(cache.iterdir()) == []


def test_transparency_goes_over_white_and_grey_is_asked_for():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (255, 0, 0, 255)
    pixels[1, 1] = (0, 0, 0, 128)
    picture = Image.fromarray(pixels)
    colored = fitted(picture, Form())
    assert colored[0, 0].tolist() == [255, 0, 0]
    assert colored[0, 1].tolist() == [255, 255, 255]
    assert abs(int(colored[1, 1, 0]) - 127) <= 1
    grey = fitted(picture, Form(channels=1))
    assert grey.shape == (2, 2, 1)
    assert (grey[0, 0, 0], grey[0, 1, 0]) == (76, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_gives_the_same_grey(tmp_path, mode):
    if mode == "I;16":
        picture = Image.fromarray(np.full((4, 4), 65535, np.uint16))
    else:
        picture = Image.new("L", (4, 4), 255).convert(mode)
    path = tmp_path / f"a.{'tif' if mode == 'CMYK' else 'png'}"
    picture.save(path)
    with Image.open(path) as opened:
        assert fitted(opened, Form(channels=3)).tolist() == [[[255] * 3] * 4] * 4


def test_camera_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # To be shown turned clockwise by 90 degrees.
    pixels = np.zeros((2, 4), np.uint8)
    pixels[0, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        turned = fitted(opened, Form(channels=1))[..., 0]
    assert turned.shape == (4, 2)
    assert np.argwhere(turned).tolist() == [[0, 1]]


def test_resizing_is_antialiased():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    small = fitted(Image.fromarray(stripes), Form(8, 1))
    assert abs(small[:, 1:-1].astype(int) - 127).max() < 12


def test_other_aspect_ratios():
    pixels = np.zeros((40, 80), np.uint8)
    pixels[:, 20:60] = 255  # The middle, which is what a centered crop leaves.
    columns = {
        resize: fitted(Image.fromarray(pixels), Form(20, 1, resize))[..., 0]
        for resize in ("crop", "stretch", "pad")
    }
    assert (columns["crop"][:, 1:-1] == 255).all()
    assert columns["stretch"][10, [2, 10, 17]].tolist() == [0, 255, 0]
    assert columns["stretch"][[0, 19], 10].tolist() == [255, 255]
    assert columns["pad"][10, [2, 10, 17]].tolist() == [0, 255, 0]
    assert columns["pad"][[3, 16], 10].tolist() == [0, 0]


def png_header(width, height):
    """A PNG that says its size and has no more to it."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    parts = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
             for c in (chunk, data, b"IEND")]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("side", [13_000, 30_000])
def test_too_many_pixels_are_refused_by_the_header(tmp_path, side):
    name = flat(tmp_path / "p", 3)
    (tmp_path / "p" / "bomb.png").write_bytes(png_header(side, side))
    with pytest.warns(UserWarning, match=r"1 of 4 pictures.*bomb.png: .*pixels"):
        assert data.source(name, "all", image_size=6).size == 3


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (20, 2000), (10, 640)])
def test_a_picture_of_which_padding_leaves_nothing_is_named(tmp_path, size):
    name = flat(tmp_path / "p", 3)
    save(tmp_path / "p" / "long.png", np.full((*size, 3), 255))
    with pytest.warns(UserWarning, match="1 of 4 pictures.*long.png.*too long to be padded"):
        assert data.source(name, "all", image_size=32, resize="pad").size == 3
    seen = fitted(Image.new("L", (600, 10), 255), Form(32, 1, "pad"))
    assert seen.max() == 255
