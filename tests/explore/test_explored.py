import json

import numpy as np
import pytest
from PIL import Image

from tfgen.explore import explored
from tfgen.explore.explored import Explored, Film

FLAT = np.zeros((4, 6, 3), np.uint8)


def test_files_of_an_experiment(tmp_path):
    frames = [np.full((4, 6, 3), level, np.uint8) for level in (0, 100, 200)]
    numbers = {"a": np.float32(0.5), "b": np.arange(3), "c": [float("nan"), np.inf], "d": True}
    found = Explored("x", "One sees it.", numbers, {"still": FLAT, "moving": Film(frames, 0.1)})
    paths = found.save(tmp_path / "new", {"command": "tfgen explore x"})
    assert [p.name for p in paths] == ["still.png", "moving.gif", "explored.json"]
    content = json.loads(paths[-1].read_text())
    assert content == explored.read(tmp_path / "new")
    assert content["numbers"] == {"a": 0.5, "b": [0, 1, 2], "c": ["nan", "inf"], "d": True}
    assert content["figures"] == ["still.png", "moving.gif"]
    assert content["origin"]["command"] == "tfgen explore x"
    with Image.open(paths[1]) as film:
        assert film.n_frames == 3 and film.info["duration"] == 100
        film.seek(2)
        assert film.convert("RGB").getpixel((0, 0)) == (200, 200, 200)
        assert film.info["duration"] == 1500


def test_figures_that_are_no_more_are_removed(tmp_path):
    Explored("x", "", {}, {"one": FLAT, "two": FLAT}).save(tmp_path)
    (tmp_path / "mine.png").touch()
    Explored("x", "", {}, {"two": FLAT}).save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"two.png", "mine.png", "explored.json"}


def test_a_file_of_others_is_refused(tmp_path):
    (tmp_path / "explored.json").write_text("[1]")
    with pytest.raises(ValueError, match="it lacks figures, name"):
        explored.read(tmp_path)
    (tmp_path / "explored.json").write_text("{")
    with pytest.raises(ValueError, match="no JSON"):
        explored.read(tmp_path)


def test_frames_of_two_shapes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="frames of one shape"):
        Explored("x", "", {}, {"film": Film([FLAT, FLAT[1:]])}).save(tmp_path)


def test_an_unfit_model_is_named():
    error = explored.unfit("invert", 3, "it has no latent.")
    assert str(error) == "explore invert: it makes no sense for int: it has no latent."
