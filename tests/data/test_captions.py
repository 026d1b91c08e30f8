"""Captions of coloured digits, of a folder, of tensorflow-datasets; and what is refused."""

import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfgen import data
from tfgen.data.captioned_digits import COLOURS, DIGITS, POSITIONS, SIZES, captions, is_held_out


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))


class TfgenTinyCaptions(tfds.core.GeneratorBasedBuilder):
    """Pictures with one to three captions each."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        caption = {"id": np.int64, "text": tfds.features.Text()}
        features = {
            "image": tfds.features.Image(shape=(4, 4, 3)),
            "captions": tfds.features.Sequence(caption),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {"train": self._generate_examples(range(5))}

    def _generate_examples(self, numbers):
        for n in numbers:
            texts = [{"id": k, "text": f"picture {n}, view {k}"} for k in range(1 + n % 3)]
            yield n, {"image": np.full((4, 4, 3), n, np.uint8), "captions": texts}


@pytest.fixture(scope="module")
def splits():
    return {
        split: data.source("captioned-digits", split) for split in ("train", "test", "held-out")
    }


def styles(source):
    names = ("label", "colour", "position", "size")
    return set(zip(*(source.arrays[name].tolist() for name in names), strict=True))


def test_combinations_are_held_out_and_every_attribute_is_seen(splits):
    seen, held = styles(splits["train"]), styles(splits["held-out"])
    assert len(seen) == 140 and len(held) == 20 and not seen & held
    assert styles(splits["test"]) <= seen
    for column, count in enumerate((10, 4, 2, 2)):
        assert len({style[column] for style in seen}) == count
        assert len({style[column] for style in held}) > 1
    names = tuple(COLOURS), POSITIONS, tuple(SIZES)
    for digit, *style in held:
        assert is_held_out(digit, tuple(n[k] for n, k in zip(names, style, strict=True)))


def test_no_real_digit_of_training_is_tested(splits):
    greys = {k: {x.tobytes() for x in s.arrays["image"].max(-1)} for k, s in splits.items()}
    assert not greys["train"] & (greys["test"] | greys["held-out"])


def test_the_pictures_are_what_their_captions_say(splits):
    source = splits["train"]
    for row in range(0, source.size, 97):
        image = source.arrays["image"][row].astype(int)
        digit, colour, position, size = (
            int(source.arrays[name][row]) for name in ("label", "colour", "position", "size")
        )
        style = (list(COLOURS)[colour], POSITIONS[position], list(SIZES)[size])
        assert [t.decode() for t in source.arrays["text"][row]] == captions(digit, style)
        assert all(word in captions(digit, style)[0] for word in (*style, DIGITS[digit]))
        height = np.flatnonzero(image.sum((1, 2)))
        centre = (image.sum((0, 2)) * np.arange(16)).sum() / image.sum()
        assert (centre > 7.5) == (style[1] == "right")
        assert np.ptp(height) + 1 <= SIZES[style[2]]
        ink = image.reshape(-1, 3)[image.sum(-1).argmax()]
        nearest = min(COLOURS, key=lambda c: np.abs(ink - np.array(COLOURS[c])).sum())
        assert nearest == style[0]


def test_batches_carry_the_captions():
    batch = next(iter(data.load("captioned-digits", batch_size=4)))
    assert batch["image"].shape == (4, 16, 16, 3)
    assert batch["text"].shape == (4, 3) and batch["text"].dtype == "string"


def test_unknown_split():
    with pytest.raises(ValueError, match="Its splits are: train, test, held-out, all"):
        data.source("captioned-digits", "validation")


def pictures(root, count=4):
    root.mkdir()
    for n in range(count):
        Image.fromarray(np.full((5, 5, 3), 40 * n, np.uint8)).save(root / f"{n}.png")
    return root


def test_csv_with_several_captions_a_picture(tmp_path):
    root = pictures(tmp_path / "p")
    lines = ["file_name,text", '1.png,"a dark, small thing"', "0.png,black", "1.png, grey "]
    (root / "captions.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    source = data.source(f"captions:{root}", "all")
    assert source.arrays["image"][:, 0, 0, 0].tolist() == [40, 0]
    assert source.arrays["text"].tolist() == [[b"a dark, small thing", b"grey"], [b"black"] * 2]
    assert data.source(f"captions:{root / 'captions.csv'}", "all").size == 2
    assert data.source(f"captions:{root}", "train").size == 1


def test_json_lines_with_splits(tmp_path):
    root = pictures(tmp_path / "p")
    rows = [
        {"image": f"{n}.png", "caption": [f"number {n}", "grün"], "split": "train" if n else "test"}
        for n in range(4)
    ]
    (root / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert data.source(f"captions:{root}", "train").size == 3
    test = data.source(f"captions:{root}", "test", image_size=8, channels=1)
    assert test.image_shape == (8, 8, 1)
    assert test.arrays["text"].tolist() == [[b"number 0", "grün".encode()]]
    with pytest.raises(ValueError, match="Its splits: all, test, train"):
        data.source(f"captions:{root}", "validation")


def test_a_damaged_picture_takes_its_caption_along(tmp_path):
    root = pictures(tmp_path / "p", 3)
    (root / "1.png").write_bytes(b"not a picture")
    (root / "captions.csv").write_text("image,caption\n0.png,a\n1.png,b\n2.png,c\n")
    with pytest.warns(UserWarning, match="1 of 3 pictures"):
        source = data.source(f"captions:{root}", "all")
    assert source.arrays["text"].tolist() == [[b"a"], [b"c"]]


@pytest.mark.parametrize(
    "file, content, message",
    [
        (
            "captions.csv",
            "image,caption\n0.png,a\n9.png,b\n",
            "line 3: there is no picture '9.png'",
        ),
        ("captions.csv", "image,caption\n0.png,\n", "line 2: the caption of '0.png' is empty"),
        ("captions.csv", "image,caption\n0.png,  \n", "is empty. Write or remove it"),
        ("captions.csv", "image,words\n0.png,a\n", "needs one of text, caption, captions"),
        ("captions.csv", "image,caption\n", "no captions in it"),
        ("captions.jsonl", '{"image": "0.png", "caption": ""}', "is empty"),
        ("captions.jsonl", '{"image": "0.png", "caption": []}', "is empty"),
        ("captions.jsonl", '{"image": "0.png", "caption": 5}', "'0.png' is no text"),
        ("captions.jsonl", "{image", "line 1: is no JSON"),
        ("captions.jsonl", "[1]", "expected an object"),
        ("captions.csv", "image,caption,split\n0.png,a,x\n0.png,b,y\n", "in another split"),
    ],
)
def test_unusable_captions_file(tmp_path, file, content, message):
    root = pictures(tmp_path / "p", 1)
    (root / file).write_text(content)
    with pytest.raises(ValueError, match=message):
        data.source(f"captions:{root}", "all")


def test_no_captions_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds none of captions.csv"):
        data.source(f"captions:{pictures(tmp_path / 'p')}")
    with pytest.raises(FileNotFoundError, match="no such folder or file"):
        data.source(f"captions:{tmp_path / 'q'}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_captions_of_tensorflow_datasets(tmp_path):
    TfgenTinyCaptions(data_dir=tmp_path).download_and_prepare()
    name = "captions:tfds:tfgen_tiny_captions"
    for _ in range(2):  # The second time from the cache.
        source = data.source(name, "train", data_dir=str(tmp_path), memory_limit=1)
        values = source.arrays["image"][:, 0, 0, 0].tolist()
        assert sorted(values) == list(range(5))
        for number, texts in zip(values, source.arrays["text"], strict=True):
            expected = [f"picture {number}, view {k % (1 + number % 3)}" for k in range(3)]
            assert [t.decode() for t in texts] == expected
