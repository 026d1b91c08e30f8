"""Linear probes: how well classes are read off a model's features with few labels.

A classifier is trained on the features of a few labelled training images and measured on all test
images; the raw pixels and an untrained network of the same shape go through the same. Repeated over
class-balanced draws of the labels (Radford et al. 2015, section 5).
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfgen.data.labelled import balanced_draw
from tfgen.explore.classifiers import CLASSIFIERS, chosen

CHOOSING = 3  # Draws whose labels choose scaling and penalty.
# The signatures that hold features, the first that a model has.
SIGNATURES = ("features", "encode")


@dataclass(frozen=True)
class ProbeResult:
    """Accuracies on the test images.

    Args:
        accuracy: What was probed ("model", "raw pixels", "untrained") -> one accuracy in [0, 1]
            for each draw of the labels, the same draws for all.
        dimensions: What was probed -> numbers in a feature vector.
        labels: Labelled images in a draw.
        tested: Test images.
        classifier: A name in `CLASSIFIERS`.
    """

    accuracy: dict[str, np.ndarray]
    dimensions: dict[str, int]
    labels: int
    tested: int
    classifier: str

    def mean(self, name: str = "model") -> float:
        """Mean accuracy over the draws."""
        return float(self.accuracy[name].mean())

    def stddev(self, name: str = "model") -> float:
        """Standard deviation over the draws; 0 for a single one."""
        values = self.accuracy[name]
        return float(values.std(ddof=1)) if len(values) > 1 else 0.0

    def table(self) -> str:
        """A small table for people."""
        draws = len(next(iter(self.accuracy.values())))
        wide = max(12, *map(len, self.accuracy))
        lines = [
            f"{self.classifier}, {self.labels} labels, {draws} draws, {self.tested} test images",
            f"{'features':<{wide}} {'numbers':>8} {'accuracy':>9} {'std. dev.':>10}",
        ]
        for name in self.accuracy:
            numbers, mean, spread = self.dimensions[name], self.mean(name), self.stddev(name)
            lines.append(f"{name:<{wide}} {numbers:>8} {mean:>9.4f} {spread:>10.4f}")
        return "\n".join(lines)


def linear_probe(
    model: Any,
    train: Any,
    test: Any,
    *,
    labels: int | None = 100,
    draws: int = 20,
    classifier: str = "linear_svm",
    signature: str | None = None,
    untrained: Callable | None = None,
    seed: int = 0,
    batch_size: int = 256,
) -> ProbeResult:
    """Accuracy of a classifier on a model's features, on raw pixels and on an untrained model's.

    Scaling (each number, or all together) and the strength of the classifier's penalty are chosen
    by cross-validation within the labels of the first draws, for each kind of features alike.

    Args:
        model: A `GenerativeModel`, or a function from images (N, H, W, C) to features (N, ...).
        train: Images and labels to draw from: a mapping with "image" and "label", a
            `tfgen.data.Source`, a pair of arrays or a finite data set of dict batches. Images are
            in [-1, 1], or uint8.
        test: The same, to be measured on.
        labels: Labelled images in a draw, as equal a number of each class as possible; None for
            all of them, in a single draw.
        draws: Number of draws.
        classifier: "linear_svm", "logistic" or "rbf_svm", of scikit-learn.
        signature: Which served function holds the features, its first output; by default
            "features" or "encode".
        untrained: Function for the third row; by default the model's class built anew from its own
            arguments. A plain function has no third row without one.
        seed: Of the draws.
        batch_size: Images at a time through the network.

    Raises:
        ValueError: An unknown classifier or signature, a signature that needs more than images, no
            labels, more labels than there are, fewer than two for each class, or features that are
            not finite.
    """
    functions = {"model": model, "raw pixels": pixels}
    if hasattr(model, "signatures"):
        functions["model"] = features_of(model, signature, batch_size)
        fresh = type(model).from_config(model.get_config())
        functions["untrained"] = untrained or features_of(fresh, signature, batch_size)
    elif untrained is not None:
        functions["untrained"] = untrained
    return compared(functions, train, test, labels, draws, classifier, seed)


def compared(
    functions: Mapping[str, Callable],
    train: Any,
    test: Any,
    labels: int | None = 100,
    draws: int = 20,
    classifier: str = "linear_svm",
    seed: int = 0,
    watch: Callable[[], None] = lambda: None,
) -> ProbeResult:
    """Several kinds of features on the same draws of the labels.

    Args:
        functions: Name -> function from images (N, H, W, C) in [-1, 1] to features (N, ...).
        train, test, labels, draws, classifier, seed: As of `linear_probe`.
        watch: Called after each of them.

    Raises:
        ValueError: As `linear_probe`.
    """
    if classifier not in CLASSIFIERS:
        raise ValueError(f"Unknown classifier {classifier!r}. Known: {', '.join(CLASSIFIERS)}.")
    if draws < 1:
        raise ValueError(f"`draws` must be at least 1. Received: {draws}.")
    (x, y), (x_test, y_test) = _arrays(train, "train"), _arrays(test, "test")
    draws = 1 if labels is None else draws
    drawn = [balanced_draw(y, labels, np.random.RandomState([seed, n])) for n in range(draws)]
    # Of a large set only what is drawn goes through the networks.
    needed = np.unique(np.concatenate(drawn))
    rows = [np.searchsorted(needed, one) for one in drawn]
    x, y, x_test = _floats(x[needed]), y[needed], _floats(x_test)
    accuracy, dimensions = {}, {}
    for name, function in functions.items():
        known, unknown = _flat(function(x), name), _flat(function(x_test), name)
        dimensions[name] = known.shape[1]
        accuracy[name] = _accuracies(classifier, rows, (known, y), (unknown, y_test))
        watch()
    return ProbeResult(accuracy, dimensions, len(drawn[0]), len(x_test), classifier)


def pixels(images: np.ndarray) -> np.ndarray:
    """Images themselves, as the features that every model must beat."""
    return images


def features_of(model: Any, signature: str | None = None, batch_size: int = 256) -> Callable:
    """A function from images (N, H, W, C) to a model's features, (N, ...).

    Inputs of noise are drawn, row n by seed n. Moving averages of the weights are used where the
    model keeps them.

    Raises:
        ValueError: The model has no such signature, or it needs more than images.
    """
    table = model.signatures()
    name = signature or next((name for name in SIGNATURES if name in table), None)
    if name not in table:
        wanted = f"{signature!r}" if signature else " or ".join(map(repr, SIGNATURES))
        raise ValueError(
            f"{type(model).__name__} has no signature {wanted}. It has: {', '.join(table)}."
        )
    inputs = table[name].inputs
    others = [
        n for n, i in inputs.items() if n != "image" and i.distribution in (None, "categorical")
    ]
    if "image" not in inputs or others:
        raise ValueError(
            f"A probe reads features of images alone; signature {name!r} needs {', '.join(inputs)}."
        )

    def features(images):
        feeds = table[name].draw(range(len(images)), image=images)
        parts = []
        with model.averaged():
            for first in range(0, len(images), batch_size):
                part = {n: value[first : first + batch_size] for n, value in feeds.items()}
                parts.append(next(iter(model.call_signature(name, part).values())).numpy())
        return np.concatenate(parts)

    return features


def _accuracies(classifier, draws, train, test):
    from sklearn.exceptions import ConvergenceWarning

    x, y = train
    with warnings.catch_warnings():
        # Logistic regression with a weak penalty on separable points may stop early.
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = chosen(classifier, x, y, draws[:CHOOSING])
        return np.array([estimator.fit(x[rows], y[rows]).score(*test) for rows in draws])


def _flat(features, name):
    features = np.asarray(features, np.float32).reshape(len(features), -1)
    if not np.isfinite(features).all():
        raise ValueError(f"Features of {name!r} hold values that are not finite.")
    return features


def _arrays(data: Any, name):
    data = getattr(data, "arrays", data)
    if isinstance(data, tuple | list):
        data = dict(zip(("image", "label"), data, strict=True))
    if not isinstance(data, Mapping):
        batches = [{k: np.asarray(v) for k, v in batch.items()} for batch in data]
        data = {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}
    missing = [key for key in ("image", "label") if key not in data]
    if missing:
        raise ValueError(f"`{name}` needs 'image' and 'label'. It lacks: {', '.join(missing)}.")
    image, label = np.asarray(data["image"]), np.asarray(data["label"])
    if len(image) != len(label) or (label < 0).any():
        raise ValueError(
            f"`{name}` needs one label, 0 or more, for each image. "
            f"Received {len(image)} images and {len(label)} labels."
        )
    return image, label


def _floats(image):
    if image.dtype == np.uint8:  # As a source of files holds them.
        image = image / np.float32(127.5) - np.float32(1)
    return image.astype(np.float32, copy=False)
