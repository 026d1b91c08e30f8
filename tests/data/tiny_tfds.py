"""Data sets of a few generated pictures, for tensorflow-datasets to prepare."""

import numpy as np
import tensorflow_datasets as tfds


def example(number):
    return np.full((4, 4, 1), 10 * number, np.uint8)


class TfgenTiny(tfds.core.GeneratorBasedBuilder):
    """Labelled pictures of one size."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(4, 4, 1)),
            "label": tfds.features.ClassLabel(names=["even", "odd"]),
            "other": np.int64,
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {"train": self._generate_examples(range(8)), "test": self._generate_examples([9])}

    def _generate_examples(self, numbers):
        for n in numbers:
            yield n, {"image": example(n), "label": n % 2, "other": n}


class TfgenTinyMixed(TfgenTiny):
    """Pictures of two sizes without labels."""

    def _info(self):
        features = tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(None, None, 3))})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _generate_examples(self, numbers):
        for n in numbers:
            yield n, {"image": np.full((4 + n % 2, 4, 3), 10 * n, np.uint8)}


class TfgenTinyText(TfgenTiny):
    """No pictures."""

    def _info(self):
        features = tfds.features.FeaturesDict({"text": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _generate_examples(self, numbers):
        for n in numbers:
            yield n, {"text": str(n)}


class TfgenTinyIds(TfgenTiny):
    """Labels that are ids of 64 bits."""

    def _info(self):
        features = {"image": tfds.features.Image(shape=(4, 4, 1)), "label": np.int64}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, numbers):
        for n in numbers:
            yield n, {"image": example(n), "label": 2**32 + n}
