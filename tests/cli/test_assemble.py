"""A user's own patches: read as pictures of any kind, put together as the model does it."""

import numpy as np
import pytest
from PIL import Image

from tests.tiny import TINY
from tfgen.cli.assemble import assemble
from tfgen.cli.main import main
from tfgen.training import run


@pytest.fixture(scope="module")
def model():
    made = TINY["puzzlegan"].build()
    for weight in made.generator.trainable_variables:
        weight.assign(weight * 5.0)
    return made


def patch(path, width, height, mode="L"):
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def test_the_result_is_what_the_network_gives(model, tmp_path):
    files = [patch(tmp_path / f"{side}.png", side, side) for side in (8, 9)][:1]
    files.append(patch(tmp_path / "rgb.png", 13, 5, "RGB"))
    made, mask = assemble(model, files, [3, 4])
    assert made.shape == mask.shape == (2, 8, 8, 1)
    patches = np.empty((2, 2, 8, 8, 1), "float32")
    for number, path in enumerate(files):
        with Image.open(path) as opened:
            grey = opened.convert("L").resize((8, 8), Image.Resampling.BICUBIC)
        patches[:, number, ..., 0] = np.asarray(grey, np.float32) / 127.5 - 1.0
    feeds = model.signatures()["assemble"].draw([3, 4], patches=patches)
    expected = model.call_signature("assemble", feeds)
    np.testing.assert_allclose(made, expected["image"], atol=1e-2)
    np.testing.assert_allclose(mask, expected["mask"], atol=1e-2)
    assert np.abs(made[0] - made[1]).max() > 1e-4  # The seed is that of the noise.
    np.testing.assert_array_equal(mask[0], mask[1])
    turned, _ = assemble(model, files[::-1], [3, 4])
    np.testing.assert_allclose(turned, made, atol=1e-5)


def test_the_command_writes_pictures_and_a_mask(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "load", lambda folder, checkpoint: model)
    files = [str(patch(tmp_path / f"{side}.png", side, side)) for side in (5, 20, 9)]
    out, mask = tmp_path / "face.png", tmp_path / "mask.png"
    command = ["assemble", "runs/x", *files, "--out", str(out), "--mask", str(mask)]
    assert main([*command, "--seeds", "0-3"]) == 0
    assert "face.png: 4 pictures" in capsys.readouterr().out
    with Image.open(out) as opened:
        assert opened.size == (17, 17)
    with Image.open(mask) as opened:
        assert opened.size == (8, 8) and opened.mode == "L"
    assert main([*command, "--seeds", "0-2", "--out", f"{tmp_path / 'folder'}/"]) == 0
    assert len(list((tmp_path / "folder").iterdir())) == 3


def test_what_cannot_be_assembled_is_named(model, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="broken.png: this is no picture"):
        assemble(model, [broken], [0])
    with pytest.raises(FileNotFoundError, match=r"none.png: no such file\. Give each patch"):
        assemble(model, [tmp_path / "none.png"], [0])
    with pytest.raises(ValueError, match="No patches"):
        assemble(model, [], [0])
    with pytest.raises(ValueError, match="GAN does not assemble patches: give a run of PuzzleGAN"):
        assemble(TINY["gan"].build(), [broken], [0])
