"""What the metrics of one evaluation share: features, a bounded number of pictures, the networks.

Everything is computed when a metric first asks for it, and once. Pictures are generated and reduced
to features batch by batch: of 10,000 pictures, their features stay, and as many of the pictures
themselves as `KEPT_BYTES` hold.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.evaluation import drawing, progress
from tfgen.metrics import feature_networks, intervals
from tfgen.metrics.shipped_networks import DOMAINS, domain

if TYPE_CHECKING:
    from tfgen.evaluation.reference import Reference
    from tfgen.model import GenerativeModel

KEPT_PICTURES, KEPT_BYTES = 10_000, 1 << 27
SMALL = 64  # Longest side of pictures for which a shipped network is resized to.


@dataclass(frozen=True)
class Pass:
    """What is left of one pass over pictures.

    Args:
        count: Pictures seen.
        features: (N, F) float32; None without a network.
        probabilities: (N, K) float32; None where the network has no classes.
        pictures: The first pictures (M, H, W, C) in [-1, 1], M <= N.
        labels: (N,), or None.
    """

    count: int
    features: np.ndarray | None
    probabilities: np.ndarray | None
    pictures: np.ndarray
    labels: np.ndarray | None

    @property
    def constant(self) -> bool:
        """Whether all kept pictures are one."""
        return bool((self.pictures == self.pictures[0]).all())


@dataclass
class Work:
    """One model against one data set with one set of samples.

    Attributes:
        own: What metrics share of this model.
        notes: What a reader of the figures that are being measured must know.
        sample_notes: What a reader of every figure of samples must know.
        pictures: Name -> (pictures, columns) that metrics have to show.

    Args:
        model: What is measured.
        reference: The `Reference` it is measured against.
        training: The `Reference` that it was trained on; None where it is not known.
        samples: Pictures to generate, at most.
        sample_set: Number of the set of samples: another one is drawn afresh.
        network: Name or path of the feature network, (name, whether it resizes), or a loaded one;
            None for the one that fits.
        batch_size: Pictures generated at once.
        seen: Whether the pictures measured on are among the training pictures.
        shared: Passes over real pictures, shared by several works on the same data.
        progress: As of `tfgen.evaluation.progress.bar`.
        signature: Of the samples; None for the one that fits.
    """

    model: "GenerativeModel"
    reference: "Reference"
    training: "Reference | None" = None
    samples: int = 10_000
    sample_set: int = 0
    network: Any = None
    batch_size: int = 100
    seen: bool = False
    shared: dict = field(default_factory=dict)
    progress: bool | None = None
    signature: str | None = None
    level: float = intervals.LEVEL

    def __post_init__(self):
        self.own, self.notes, self.sample_notes, self.pictures = {}, [], [], {}

    @cached_property
    def way(self):
        """How samples are drawn, or a text that says why none can be."""
        return drawing.way(self.model, self.reference, self.signature)

    @property
    def target(self):
        """The real pictures that samples are compared with."""
        second = isinstance(self.way, drawing.Way) and self.way.second
        return self.reference.second if second else self.reference

    @cached_property
    def features_from(self):
        """The feature network, or a text that says why there is none."""
        if isinstance(self.network, feature_networks.FeatureNetwork):
            return self.network
        name, resize = self.network or fitting(self.target.image_shape, self.target.name), None
        if isinstance(name, tuple):
            name, resize = name
        try:
            return _network(name, resize)
        except ValueError as error:
            if self.network:
                raise
            return str(error)

    @property
    def strange(self) -> str | None:
        """What is wrong where the feature network was trained on other data; None where not."""
        network, data = self.features_from.name, self.target.name
        trained = DOMAINS.get(network)
        if trained is None or domain(data) in trained:
            return None
        return f"feature network {network!r} was trained on {' and '.join(trained)}, not on {data}"

    @cached_property
    def has_classes(self) -> bool:
        """Whether the feature network gives class probabilities."""
        blank = np.zeros((1, *self.target.image_shape), np.float32)
        self.features_from.features(blank)  # What is wrong with the pictures is said here.
        try:
            self.features_from.probabilities(blank)
        except ValueError:
            return False
        return True

    @cached_property
    def count(self) -> int:
        """Samples that are drawn."""
        found = drawing.count(self.way, self.reference, self.samples)
        if found < self.samples:
            text = f"{found} samples, not {self.samples}: the data's pictures are used once each"
            self.sample_notes.append(text)
        return found

    @cached_property
    def fake(self) -> Pass:
        """A pass over generated pictures."""
        stream = drawing.pictures(
            self.model, self.way, self.reference, self.count, self.sample_set, self.batch_size
        )
        return self._pass(self._limited(stream), self.count, "samples")

    @property
    def real(self) -> Pass:
        """A pass over the real pictures that samples are compared with."""
        return self._of_real(self.target, "real pictures")

    @property
    def trained(self) -> Pass:
        """A pass over the training pictures."""
        training = self.training
        if isinstance(self.way, drawing.Way) and self.way.second:
            training = training.second
        return self._of_real(training, "training pictures")

    def watched(self, batches: Iterable[dict], title: str) -> Iterator[dict]:
        """The dict batches of the reference, with their progress shown."""
        with progress.bar(self.reference.size, title, "images", self.progress) as bar:
            for batch in batches:
                yield batch
                bar.update(len(batch["image"]))

    def note(self, text: str) -> None:
        """Something that a reader of the figures that are being measured must know."""
        self.notes.append(text)

    def _limited(self, stream):
        """Generated pictures cut off at -1 and 1, as they are shown; how many values is noted."""
        outside = total = 0
        for images, labels, _ in stream:
            outside += int(np.sum(np.abs(images) > 1.0))
            total += images.size
            yield np.clip(images, -1.0, 1.0), labels
        if outside > 1e-4 * total:
            text = f"{outside / total:.2%} of the samples' values lay outside [-1, 1], cut off"
            self.sample_notes.append(text)

    def _of_real(self, reference, title):
        def run():
            batches = ((b["image"], b.get("label")) for b in reference.batches())
            return self._pass(batches, reference.size, title)

        return _once(self.shared, (reference.fingerprint, str(reference.preparation)), run)

    def _pass(self, batches, total, title):
        network = self.features_from if not isinstance(self.features_from, str) else None
        columns, kept, count = {"features": [], "probabilities": [], "labels": []}, [], 0
        limit = None
        with progress.bar(total, title, "images", self.progress) as bar:
            for images, labels in batches:
                limit = limit or max(1, min(KEPT_PICTURES, KEPT_BYTES // images[0].nbytes))
                if network is not None:
                    if self.has_classes:
                        found, shares = network.features_and_probabilities(images)
                        columns["probabilities"].append(shares)
                    else:
                        found = network.features(images)
                    columns["features"].append(found)
                if labels is not None:
                    columns["labels"].append(np.asarray(labels))
                if count < limit:
                    kept.append(np.asarray(images[: limit - count], np.float32))
                count += len(images)
                bar.update(len(images))
        joined = {k: np.concatenate(v) if v else None for k, v in columns.items()}
        return Pass(count=count, pictures=np.concatenate(kept), **joined)


def fitting(image_shape: Sequence[int], data: str) -> tuple[str, bool | None]:
    """(name, whether it resizes) of the feature network for pictures of this shape and data set.

    The shipped one that was trained on such data. Where there is none, the one of this size; for
    another size up to `SMALL` the one of these channels, pictures resized; else Inception-v3.
    """
    for name, known in DOMAINS.items():
        shape = feature_networks.SHIPPED[name][0]
        if domain(data) in known and shape[2] == image_shape[2]:
            return name, None if shape == tuple(image_shape) else True
    name = feature_networks.default_for(image_shape)
    if name == "inception_v3" and max(image_shape[:2]) <= SMALL:
        return ("mnist28" if image_shape[2] == 1 else "cifar32"), True
    return name, None


@functools.lru_cache(maxsize=4)
def _network(name, resize):
    """A network stays loaded and compiled from one evaluation to the next."""
    return feature_networks.load(name, resize=resize)


def _once(kept, key, make):
    if key not in kept:
        kept[key] = make()
    return kept[key]
