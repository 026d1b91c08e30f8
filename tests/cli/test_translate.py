"""A user's pictures through a translator: sizes kept, targets and names checked."""

import numpy as np
import pytest
from PIL import Image

from tests.tiny import TINY
from tfgen.cli.translate import found, results, target, translate


def picture(path, width, height, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def test_every_picture_keeps_its_size_and_its_place(tmp_path):
    model = TINY["cyclegan"].build()
    sizes = {"a.png": (13, 7), "deep/b.jpg": (40, 33), "c.bmp": (8, 8)}
    for name, size in sizes.items():
        picture(tmp_path / "in" / name, *size)
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    number, failures = translate(model, tmp_path / "in", "b", tmp_path / "out")
    assert number == 3 and len(failures) == 1 and "broken.png" in failures[0]
    for name, size in sizes.items():
        with Image.open((tmp_path / "out" / name).with_suffix(".png")) as made:
            assert made.size == size and made.mode == "L"
    assert not (tmp_path / "out" / "broken.png").exists()


def test_the_result_is_what_the_network_gives(tmp_path):
    model = TINY["cyclegan"].build()
    for weight in model.generator_ba.trainable_variables:
        weight.assign(weight * 5.0)
    path = picture(tmp_path / "x.png", 32, 64)
    assert translate(model, path, "A", tmp_path / "out") == (1, [])
    with Image.open(path) as opened:
        image = np.asarray(opened, np.float32)[None, ..., None] / 127.5 - 1.0
    expected = model.b_to_a(image)["image"].numpy()[0, ..., 0]
    with Image.open(tmp_path / "out" / "x.png") as opened:
        made = np.asarray(opened, np.float32) / 127.5 - 1.0
    assert np.ptp(made) > 0.01
    np.testing.assert_allclose(made, expected, atol=1 / 127.5)


def test_a_network_of_one_size_gets_that_size(tmp_path):
    model = TINY["stargan"].build()
    path = picture(tmp_path / "x.png", 21, 10)
    translate(model, path, "2", tmp_path / "out")
    with Image.open(tmp_path / "out" / "x.png") as made:
        assert made.size == (21, 10)


def test_targets():
    assert target(TINY["cyclegan"].build(), "b")[0] == "a_to_b"
    name, given = target(TINY["stargan"].build(), "2")
    assert name == "translate" and given["domain"].tolist() == [2]
    name, given = target(TINY["stargan_joint"].build(), "1,0")
    assert given["domain"].tolist() == [[1.0, 0.0]]


def test_a_domain_is_given_by_its_name():
    model = TINY["stargan"].build()
    model.class_names = ("red", "green", "1")
    assert target(model, "green")[1]["domain"].tolist() == [1]
    assert target(model, "1")[1]["domain"].tolist() == [2]  # A name that looks like a number.
    with pytest.raises(ValueError, match="'blue': expected one of red, green, 1, or its number"):
        target(model, "blue")
    with pytest.raises(ValueError, match=r"a domain 0 \.\. 2 \(red, green, 1\)"):
        target(model, "3")


@pytest.mark.parametrize(
    ("model", "to", "message"),
    [
        ("cyclegan", "zebra", "expected one of a, b"),
        ("stargan", "3", r"a domain 0 \.\. 2"),
        ("stargan", "red", "expected a number"),
        ("stargan_joint", "1", "expected 2 attributes"),
        ("stargan_joint", "1,2", "expected 2 attributes"),
        ("gan", "b", "GAN does not translate"),
    ],
)
def test_unknown_targets_are_named(model, to, message):
    with pytest.raises(ValueError, match=message):
        target(TINY[model].build(), to)


def test_inputs_and_names_are_checked(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        found(tmp_path / "none")
    with pytest.raises(ValueError, match="no pictures"):
        found(tmp_path)
    one, two = picture(tmp_path / "x.png", 8, 8), picture(tmp_path / "x.jpg", 8, 8)
    files = found(tmp_path)
    assert files == [two, one]
    with pytest.raises(ValueError, match="would both become"):
        results(files, tmp_path, tmp_path / "out")
    with pytest.raises(ValueError, match="would replace"):
        results([one], tmp_path, tmp_path)
