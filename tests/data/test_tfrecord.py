"""A packed data set is the set itself, and a damaged one is named."""

import numpy as np
import pytest

from tfgen import data
from tfgen.cli import main
from tfgen.data import tfrecord


def same(one, other):
    assert set(one.arrays) == set(other.arrays)
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)
    assert one.fingerprint == other.fingerprint and one.class_names == other.class_names


@pytest.mark.parametrize("limit", [None, 10], ids=["in memory", "on disk"])
def test_a_packed_set_is_the_set_itself(limit, tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))
    rows = np.random.default_rng(0)
    source = data.array(
        rows.integers(0, 256, (300, 4, 5, 3), "uint8"),
        np.arange(300) % 3,
        class_names=("a", "b", "c"),
    )
    manifest = tfrecord.pack(source, str(tmp_path / "x"), 7)
    assert [s["rows"] for s in manifest["shards"]] == [42, 43, 43, 43, 43, 43, 43]
    same(source, data.source(f"tfrecord:{tmp_path / 'x'}", memory_limit=limit))
    whole = data.batches(source, 16, start=5).take(2)
    packed = data.load(f"tfrecord:{tmp_path / 'x'}", batch_size=16, start=5).take(2)
    for one, other in zip(whole, packed, strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])
        np.testing.assert_array_equal(one["label"], other["label"])


@pytest.mark.parametrize("shape", [(6, 3, 4, 1), (6, 3, 4, 2)])
def test_floats_texts_and_further_arrays_are_kept(shape, tmp_path):
    images = np.linspace(-1, 1, np.prod(shape), dtype="float32").reshape(shape)
    texts = np.array([f"text {n}".encode() for n in range(6)], object)
    source = data.array(images, factors=np.eye(6, dtype="float32"), text=texts)
    tfrecord.pack(source, str(tmp_path), 2)
    same(source, data.source(f"tfrecord:{tmp_path}"))


def test_the_command_packs_splits_and_a_run_can_name_them(tmp_path, capsys):
    assert main.main(["data", "pack", "digits", "--to", str(tmp_path), "--shards", "3"]) == 0
    assert "3 shards" in capsys.readouterr().out
    for split in ("train", "test"):
        same(data.source("digits", split), data.source(f"tfrecord:{tmp_path}", split))
    assert not list(tmp_path.rglob(".unfinished*"))


def test_what_is_missing_or_damaged_is_named(tmp_path):
    source = data.array(np.arange(96, dtype="uint8").reshape(6, 4, 4, 1))
    tfrecord.pack(source, str(tmp_path), 2)
    name = f"tfrecord:{tmp_path}"
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        data.source(f"{name}/none")
    with pytest.raises(ValueError, match="split 'test' was not packed whole.*There are: train"):
        data.source(name, "test")
    with pytest.raises(ValueError, match="as they were packed"):
        data.source(name, image_size=8)
    with pytest.raises(ValueError, match="shards must lie in 1 .. 6"):
        tfrecord.pack(source, str(tmp_path), 7)
    shard = sorted((tmp_path / "train").glob("*.tfrecord"))[1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-20] + bytes(20))
    with pytest.raises(ValueError, match="data-00001-of-00002.tfrecord is damaged"):
        data.source(name)
    shard.write_bytes((tmp_path / "train" / "data-00000-of-00002.tfrecord").read_bytes() * 2)
    with pytest.raises(ValueError, match="has 6 rows or more in place of 3"):
        data.source(name)
    with pytest.raises(ValueError, match="has two domains"):
        tfrecord.pack(data.source("inverted-digits"), str(tmp_path), 1)
