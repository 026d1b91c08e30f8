"""From a folder of pictures to a config that trains."""

import json

import numpy as np
import pytest
from PIL import Image

from tfgen.cli import main as cli


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of 24 pictures, one file that is none, one copy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for n in range(24):
            pixels = draw.integers(0, 256, (9, 12, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{n:02d}.png")
    cat = tmp_path / "photos" / "cat"
    (cat / "torn.png").write_bytes(b"\x89PNG")
    (cat / "copy.png").write_bytes((cat / "00.png").read_bytes())
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*could not be decoded")
def test_a_config_that_trains_is_written(photos, capsys):
    assert cli.main(["new", "photos", "--out", "configs/my pets.yaml", "--minutes", "0.01"]) == 0
    said = capsys.readouterr().out
    assert "classes        2: cat 25, dog 24\n" in said and "sizes          all 12x9\n" in said
    assert "cannot be read 1: cat/torn.png: " in said
    assert "copies         1: cat/copy.png is cat/00.png\n" in said
    assert "configs/my pets.yaml: conditionalgan at 8x8, 1,000 steps, about " in said
    assert said.endswith("Next: tfgen train 'configs/my pets.yaml' --run 'runs/my pets'\n")
    with Image.open("configs/my pets.png") as sheet:
        assert sheet.width > 8 * 48 and sheet.height > 6 * 48

    small = ["fit.epochs=1", "fit.steps_per_epoch=1", "compile.run_eagerly=true"]
    assert cli.main(["train", "configs/my pets.yaml", "--run", "runs/pets", *small]) == 0
    known = json.loads((photos / "runs" / "pets" / "run.json").read_text())["data"]
    assert known["class_names"] == ["cat", "dog"]
    capsys.readouterr()
    assert cli.main(["new", "photos", "--out", "configs/my pets.yaml"]) == 2
    assert "my pets.yaml: exists. Give another --out" in capsys.readouterr().err


def test_what_is_refused_before_anything_is_read(photos, capsys):
    for arguments, message in (
        (["--out", "mine"], "--out mine: expected the name of a config, such as mine.yaml."),
        (["--minutes", "0"], "--minutes 0: expected more than 0."),
    ):
        assert cli.main(["new", "photos", *arguments]) == 2
        assert message in capsys.readouterr().err
    assert cli.main(["new", "nowhere"]) == 2
    assert "nowhere: does not exist. Expected a folder of pictures." in capsys.readouterr().err
    assert not (photos / "configs").exists()
