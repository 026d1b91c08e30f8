"""Tables of captions and attributes as programs and people write them."""

import numpy as np
import pytest
from PIL import Image

from tfgen import data


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "p").mkdir()
    for n in range(2):
        Image.fromarray(np.full((4, 4, 3), 90 * n, np.uint8)).save(tmp_path / "p" / f"{n}.png")
    return tmp_path / "p"


HEAD = "file_name,caption\n"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("captions.csv", HEAD + "0.png,a cat, black\n", "line 2: has more cells than the 2 col"),
        ("captions.csv", HEAD + '0.png,"a cat\n1.png,b\n', "is no CSV .*Look at its quotes"),
        ("captions.csv", HEAD + f'0.png,"{"a " * 70000}"\n', "is no CSV .field larger than"),
        ("captions.csv", "file_name,caption,caption\n0.png,a,b\n", "'caption' comes twice"),
        ("captions.csv", HEAD + "a" * 5000 + ",b\n", "no picture 'aaa.*[.]{3}' in"),
        ("captions.jsonl", '{"image": "0.png", "caption": "\\ud800 a"}', "is no text"),
        ("captions.jsonl", '{"image": ' + "[" * 5000 + "]" * 5000 + "}", "line 1: is no JSON"),
        ("attributes.csv", "file_name,a,a\n0.png,1,0\n1.png,0,1\n", "'a' comes twice"),
        ("attributes.csv", "file_name,a\n0.png,1,0\n1.png,0\n", "has more cells than the 2 col"),
    ],
    ids=range(9),
)
def test_what_is_cut_or_doubled_is_refused(root, file, content, said):
    (root / file).write_text(content)
    with pytest.raises(ValueError, match=said):
        data.source(f"{file.partition('.')[0]}:{root}", "all")


def test_row_numbers_of_pandas_and_spaces_in_the_head_are_passed_over(root):
    (root / "attributes.csv").write_text(",file_name, male\n0,0.png,1\n1,1.png,0\n")
    source = data.source(f"attributes:{root}", "all")
    assert source.arrays["attributes"].tolist() == [[1], [0]]


def test_pictures_may_be_named_by_their_whole_path(root, tmp_path):
    other = tmp_path / "other.png"
    Image.fromarray(np.full((4, 4, 3), 40, np.uint8)).save(other)
    (root / "captions.csv").write_text(HEAD + f"{other},a\n{root / '1.png'},b\n")
    source = data.source(f"captions:{root}", "all")
    assert source.arrays["image"][:, 0, 0, 0].tolist() == [40, 90]
