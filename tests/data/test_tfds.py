"""Sets of tensorflow-datasets: generated ones, and real MNIST where TFDS_DATA_DIR has it."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.data import tiny_tfds
from tfgen import data
from tfgen.data import tfds


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    builders = (
        *(tiny_tfds.TfgenTiny, tiny_tfds.TfgenTinyMixed),
        *(tiny_tfds.TfgenTinyText, tiny_tfds.TfgenTinyIds),
    )
    for builder in builders:
        builder(data_dir=folder).download_and_prepare()
    return str(folder)


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))


def test_images_and_labels(prepared):
    source = data.source("tfds:tfgen_tiny", data_dir=prepared)
    values = source.arrays["image"][:, 0, 0, 0] // 10
    assert sorted(values) == list(range(8))
    np.testing.assert_array_equal(source.arrays["label"], values % 2)
    assert source.class_names == ("even", "odd")
    assert set(source.arrays) == {"image", "label"}
    again = data.source("tfds:tfgen_tiny", data_dir=prepared)
    assert source.fingerprint == again.fingerprint


@pytest.mark.parametrize("image_size", [None, 2])
def test_ids_of_64_bits_do_not_become_classes(prepared, image_size):
    with pytest.raises(ValueError, match="class numbers below 2.31.*4294967303"):
        data.source("tfds:tfgen_tiny_ids", data_dir=prepared, image_size=image_size)


def test_splits(prepared, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", prepared)
    sizes = {s: data.source("tfds:tfgen_tiny", s).size for s in ("test", "train[:50%]", "all")}
    assert sizes == {"test": 1, "train[:50%]": 4, "all": 9}
    with pytest.raises(ValueError, match="no split 'tset'. Its splits: .*train"):
        data.source("tfds:tfgen_tiny", "tset")


def test_an_empty_part(prepared):
    with pytest.raises(ValueError, match="is empty"):
        data.source("tfds:tfgen_tiny", "train[:0]", data_dir=prepared)


def test_form_and_limit(prepared, tmp_path):
    options = {"data_dir": prepared, "image_size": 2, "channels": 3}
    plain = data.source("tfds:tfgen_tiny", **options)
    mapped = data.source("tfds:tfgen_tiny", memory_limit=10, **options)
    assert plain.image_shape == (2, 2, 3)
    assert isinstance(mapped.arrays["image"], np.memmap)
    assert plain.fingerprint == mapped.fingerprint


def test_resized_pictures_are_made_once(prepared, tmp_path, monkeypatch):
    options = {"data_dir": prepared, "image_size": 2}
    first = data.source("tfds:tfgen_tiny", **options)
    monkeypatch.setattr(tfds, "fitted_array", None)  # Not called again.
    again = data.source("tfds:tfgen_tiny", **options)
    assert not isinstance(again.arrays["image"], np.memmap)
    assert again.fingerprint == first.fingerprint
    for name, value in first.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], value)


def test_a_cache_that_cannot_be_written_is_done_without(prepared, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "file"))
    source = data.source("tfds:tfgen_tiny", data_dir=prepared, image_size=2)
    assert source.image_shape == (2, 2, 1)


def test_mixed_sizes_need_image_size(prepared):
    with pytest.raises(ValueError, match="differ in shape.*Pass image_size"):
        data.source("tfds:tfgen_tiny_mixed", data_dir=prepared)
    source = data.source("tfds:tfgen_tiny_mixed", data_dir=prepared, image_size=4)
    assert source.image_shape == (4, 4, 3)
    assert source.num_classes is None


def test_sets_without_pictures(prepared):
    with pytest.raises(ValueError, match="no feature 'image'.*It has: text"):
        data.source("tfds:tfgen_tiny_text", data_dir=prepared)


def test_a_set_that_is_not_prepared_names_both_remedies(tmp_path):
    with pytest.raises(ValueError, match="download=True.*TFDS_DATA_DIR"):
        data.source("tfds:tfgen_tiny", data_dir=str(tmp_path))


def test_download_prepares(tmp_path):
    source = data.source("tfds:tfgen_tiny", "test", data_dir=str(tmp_path), download=True)
    assert source.arrays["image"][0, 0, 0, 0] == 90


def test_a_failed_download_says_so(tmp_path, monkeypatch):
    def offline(self):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(tiny_tfds.TfgenTiny, "download_and_prepare", offline)
    with pytest.raises(ValueError, match="could not be downloaded.*no route to host"):
        data.source("tfds:tfgen_tiny", data_dir=str(tmp_path), download=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tfds:mnsit", "no data set 'mnsit'. Did you mean tfds:mnist"),
        ("tfds:mnist:9.9.9", "version 9.9.9"),
    ],
)
def test_unknown_sets(name, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        data.source(name, data_dir=str(tmp_path))


@pytest.mark.skipif(
    not Path(os.environ.get("TFDS_DATA_DIR", "none"), "mnist").is_dir(),
    reason="TFDS_DATA_DIR has no prepared mnist",
)
def test_real_mnist():
    source = data.source("tfds:mnist", "test")
    assert (source.size, source.image_shape, source.num_classes) == (10000, (28, 28, 1), 10)
    assert np.bincount(source.arrays["label"])[0] == 980
