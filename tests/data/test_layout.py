"""Splits and classes of folders: what is understood, what is refused, what is passed over."""

import numpy as np
import pytest
from PIL import Image

from tfgen import data


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))


def tree(root, *places):
    """A picture at each place, whose grey is 10 times its number; returns the data set's name."""
    for number, place in enumerate(places):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), 10 * number, np.uint8)).save(path)
    return f"folder:{root}"


def numbers(source):
    return (source.arrays["image"][:, 0, 0, 0] // 10).tolist()


@pytest.mark.parametrize(
    ("train", "held"),
    [("train", "val"), ("Train", "Val"), ("TRAIN", "valid"), ("training", "validation"),
     ("Train", "Test"), ("train", "testing")],
)  # fmt: skip
def test_splits_in_any_letter_case(tmp_path, train, held):
    name = tree(tmp_path / "p", f"{train}/a/0.png", f"{train}/b/0.png", f"{held}/b/0.png")
    first, second = data.source(name, train.lower()), data.source(name, held.lower())
    assert (numbers(first), first.arrays["label"].tolist()) == ([0, 1], [0, 1])
    assert (numbers(second), second.arrays["label"].tolist()) == ([2], [1])
    assert first.class_names == second.class_names == ("a", "b")
    assert data.source(name, "all").arrays["label"].tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match=f"no split 'extra'. Its splits: all, .*{train}"):
        data.source(name, "extra")


def test_a_training_split_alone_has_no_other(tmp_path):
    name = tree(tmp_path / "p", "train/a/0.png", "train/b/0.png")
    assert data.source(name).class_names == ("a", "b")
    with pytest.raises(ValueError, match="no split 'test'. Its splits: all, .'train'."):
        data.source(name, "test")


def test_one_picture_has_no_test_split(tmp_path):
    name = tree(tmp_path / "p", "0.png")
    assert data.source(name).size == 1
    with pytest.raises(ValueError, match="holds one picture, and split 'test' none of it"):
        data.source(name, "test")


def test_flat_splits_and_unlabelled_ones(tmp_path):
    name = tree(tmp_path / "p", "train/a/0.png", "train/b/0.png", "test/0.png")
    assert "label" in data.source(name).arrays
    test = data.source(name, "test")
    assert numbers(test) == [2] and "label" not in test.arrays and test.class_names is None
    with pytest.raises(ValueError, match="'test' has no class folders"):
        data.source(name, "all")


DOMAINS = ("trainA/0.png", "trainB/0.png", "trainB/1.png", "testA/0.png", "testB/0.png")


@pytest.mark.parametrize("change", [str, str.lower])
def test_two_domains_of_each_split(tmp_path, change):
    name = tree(tmp_path / "p", *map(change, DOMAINS))
    pair = data.source(f"pairs:{name}")
    assert (numbers(pair), numbers(pair.second)) == ([0], [1, 2])
    pair = data.source(f"pairs:{name}", "test")
    assert (numbers(pair), numbers(pair.second)) == ([3], [4])
    assert numbers(data.source(name, "testB")) == [4]
    for split in ("train", "all"):
        with pytest.raises(ValueError, match="two domains.*Write 'pairs:folder:"):
            data.source(name, split)
    with pytest.raises(ValueError, match="train and val and test. Received: 'all'"):
        data.source(f"pairs:{name}", "all")
    with pytest.raises(ValueError, match="no split 'valA'"):
        data.source(f"pairs:{name}", "val")


REFUSED = {
    "other words for splits": (
        ("training_set/a/0.png", "test_set/a/0.png"), r"test_set.*training_set.*look like splits"),
    "splits below one folder": (
        ("set/train/a/0.png", "set/test/a/0.png"), "class folder .*set holds pictures in 2 places"),
    "one split below one folder": (("set/Train/0.png",), "class folder .*set"),
    "splits below classes": (
        ("a/train/0.png", "a/test/0.png", "b/train/0.png"), "class folder .*a holds"),
    "classes below classes": (
        ("dog/husky/0.png", "dog/poodle/0.png", "cat/0.png"), r"dog holds.*husky, poodle"),
    "pictures beside a nested folder": (("a/0.png", "a/old/0.png", "b/0.png"), "itself, old"),
    "a split beside classes": (("train/0.png", "bus/0.png"), "'train', which is a split, beside"),
    "a split beside pictures": (("train/0.png", "test/0.png", "0.png"), "beside '0.png'"),
    "one split twice": (("train/0.png", "Train/0.png"), "are one split"),
    "domains beside splits": (("trainA/0.png", "trainB/0.png", "train/0.png"), "beside 'train'"),
    "a class that only another split has": (
        ("train/a/0.png", "val/a/0.png", "val/c/0.png"), r"val has the class folders \['c'\]"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_understood_is_refused_before_it_is_trained_on(tmp_path, case):
    places, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as refused:
        data.source(tree(tmp_path / "p", *places))
    assert "\n" not in str(refused.value)


def test_a_class_may_lie_one_folder_deeper(tmp_path):
    name = tree(tmp_path / "p", "a/images/0.png", "b/images/0.png")
    assert data.source(name, "all").arrays["label"].tolist() == [0, 1]


def test_a_class_that_the_training_tenths_lack_is_warned_of(tmp_path):
    held = int(np.random.RandomState(0).permutation(10)[-1])  # The row that is "test".
    classes = ["a"] * held + ["b"] + ["c"] * (9 - held)
    name = tree(tmp_path / "p", *(f"{one}/{n}.png" for n, one in enumerate(classes)))
    assert data.source(name, "all").class_names == ("a", "b", "c")
    assert data.source(name, "test").arrays["label"].tolist() == [1]
    with pytest.warns(UserWarning, match=r"no picture of \['b'\] is in split 'train'"):
        assert data.source(name).num_classes == 3


def test_links_are_followed_and_never_in_a_circle(tmp_path):
    name = tree(tmp_path / "p", "a/0.png", "b/0.png")
    tree(tmp_path / "far", "0.png", "1.png")
    (tmp_path / "p" / "c").symlink_to(tmp_path / "far")
    (tmp_path / "p" / "d").mkdir()
    (tmp_path / "p" / "d" / "more").symlink_to(tmp_path / "far")
    (tmp_path / "p" / "b" / "1.png").symlink_to(tmp_path / "far" / "1.png")
    source = data.source(name, "all")
    assert source.class_names == ("a", "b", "c", "d") and source.notes == ()
    assert source.arrays["label"].tolist() == [0, 1, 1, 2, 2, 3, 3]
    (tmp_path / "p" / "a" / "up").symlink_to(tmp_path / "p")
    (tmp_path / "p" / "e").symlink_to(tmp_path / "p")
    (tmp_path / "p" / "a" / "gone.png").symlink_to(tmp_path / "nothing.png")
    with pytest.warns(UserWarning, match="3 of 10 pictures"):
        again = data.source(name, "all")
    assert again.arrays["label"].tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert sorted(note.split(":")[0] for note in again.notes) == ["a/gone.png", "a/up", "e"]


def test_pictures_of_kinds_that_are_not_read_are_named_and_counted(tmp_path):
    name = tree(tmp_path / "p", "a/0.png", "a/1.png", "b/0.png", "b/1.avif")
    root = tmp_path / "p"
    (root / "a" / "2.heic").write_bytes(b"....ftypheic")
    (root / "b" / "3.jpg_large").write_bytes((root / "a" / "1.png").read_bytes())
    (root / "b" / "4").write_bytes((root / "a" / "1.png").read_bytes())
    (root / "top.HEIC").write_bytes(b"....ftypheic")
    (root / "b" / "broken.avif").write_bytes(b"....ftypavif")
    for other in ("notes.txt", "a/labels.csv", "a/Thumbs.db", "LICENSE", "a/.hidden.heic"):
        (root / other).write_bytes(b"text")
    with pytest.warns(UserWarning, match="5 of 9 pictures"):
        source = data.source(name, "all")
    assert source.size == 4
    assert sorted(note.split(":")[0] for note in source.notes) == [
        "a/2.heic", "b/3.jpg_large", "b/4", "b/broken.avif", "top.HEIC"]  # fmt: skip


def test_a_folder_of_unread_pictures_only_says_so(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"....ftypheic")
    with pytest.raises(ValueError, match="no pictures found, 1 passed over .a.heic: .*as PNG"):
        data.source(f"folder:{tmp_path}")
