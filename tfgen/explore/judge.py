"""A classifier of pictures, learned from a run's own labelled data, that judges what is drawn."""

import numpy as np

from tfgen.data import Source
from tfgen.explore import examples
from tfgen.metrics import intervals
from tfgen.metrics.intervals import Value

COMPONENTS = 50  # Principal components of the pixels that it sees.
MOST = 4000  # Pictures that it learns from.
MOST_TESTED = 1000


class Judge:
    """A support vector machine on principal components of the pixels.

    Args:
        images: Real pictures (N, H, W, C) in [-1, 1].
        labels: Their classes (N,).
        test_images: Held-out pictures, for `accuracy`.
        test_labels: Their classes.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        test_images: np.ndarray,
        test_labels: np.ndarray,
    ):
        from sklearn.decomposition import PCA
        from sklearn.pipeline import make_pipeline
        from sklearn.svm import SVC

        count = min(COMPONENTS, len(images), int(np.prod(images.shape[1:])))
        machine = SVC(C=5.0, decision_function_shape="ovr", random_state=0)
        self._machine = make_pipeline(PCA(count, random_state=0), machine)
        self._machine.fit(_flat(images), labels)
        right = int((self.classes(test_images) == test_labels).sum())
        self.accuracy: Value = intervals.proportion(right, len(test_images))

    @property
    def known(self) -> np.ndarray:
        """The classes (K,), in the order of `scores`."""
        return self._machine.classes_

    def scores(self, images: np.ndarray) -> np.ndarray:
        """(N, K): how far each picture lies inside each class."""
        scores = self._machine.decision_function(_flat(images))
        return np.stack([-scores, scores], 1) if scores.ndim == 1 else scores

    def classes(self, images: np.ndarray) -> np.ndarray:
        """The most likely class of each picture, (N,)."""
        return self._machine.predict(_flat(images))


def of(train: Source, test: Source | None = None, seed: int = 0) -> Judge | None:
    """The judge of a data set; None for one without labels.

    Args:
        train: Pictures that it learns from.
        test: Pictures that it is measured on; by default a fifth of the others.
        seed: Of the choice of pictures.
    """
    if "label" not in train.arrays:
        return None
    known = examples.mixed(train, MOST, seed).arrays
    x, y = known["image"], known["label"]
    if test is not None and "label" in test.arrays:
        other = examples.mixed(test, MOST_TESTED, seed).arrays
        return Judge(x, y, other["image"], other["label"])
    held = max(1, len(x) // 5)
    return Judge(x[held:], y[held:], x[:held], y[:held])


def _flat(images):
    return np.asarray(images, np.float32).reshape(len(images), -1)
