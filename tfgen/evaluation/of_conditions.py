"""Whether samples are of the class that they were asked to be of, and how they differ in it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.evaluation import drawing, needs
from tfgen.metrics import intervals
from tfgen.metrics.intervals import Value

if TYPE_CHECKING:
    from tfgen.evaluation.work import Pass, Work


@dataclass(frozen=True)
class LabelAgreement:
    """Share of samples that a classifier of real pictures puts into the class asked for.

    The classifier is a logistic regression on the feature network's features of the training
    pictures; its own accuracy on the data stands beside it.
    """

    needs = (needs.samples, needs.features, needs.condition, needs.training_labels)

    def measure(self, work: "Work") -> dict[str, Value]:
        judge = fitted(work.trained.features, work.trained.labels)
        found = {"label_agreement": accuracy(judge, work.fake, work.level)}
        if work.real.labels is not None:
            found["judge_accuracy"] = accuracy(judge, work.real, work.level)
        return found


@dataclass(frozen=True)
class TrainOnSynthetic:
    """Accuracy on real pictures of a classifier of samples; CAS of Ravuri and Vinyals 2019.

    The classifier is a logistic regression on the feature network's features, trained on samples
    with the classes asked for; that of one trained on as many real pictures stands beside it.
    """

    needs = (needs.samples, needs.features, needs.condition)

    def measure(self, work: "Work") -> dict[str, Value]:
        if len(np.unique(work.fake.labels)) < 2:
            raise ValueError("The samples are of one class only: nothing can be learned from them.")
        judge = fitted(work.fake.features, work.fake.labels)
        found = {"train_on_synthetic": accuracy(judge, work.real, work.level)}
        if not (needs.training_labels(work) or work.seen):
            train = work.trained
            rows = min(len(train.features), work.fake.count)
            judge = fitted(train.features[:rows], train.labels[:rows])
            found["train_on_real"] = accuracy(judge, work.real, work.level)
        return found


def fitted(features: np.ndarray, labels: np.ndarray):
    """A logistic regression on centred and scaled features, as a scikit-learn estimator."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    judge = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000, tol=1e-3))
    return judge.fit(features, labels)


def accuracy(judge: Any, found: "Pass", level: float) -> Value:
    """Share of a Pass whose class the judge names, with its interval."""
    right = judge.predict(found.features) == found.labels
    return intervals.proportion(int(right.sum()), len(right), level)


@dataclass(frozen=True)
class ConditionDiversity:
    """How different samples of one caption or class are, beside real pictures of it.

    Two different real pictures of one caption (or, without captions, of one class) are a pair, and
    so are two samples of that caption with two seeds. The figure is the root of half the mean
    squared difference over pairs and values, on the scale [0, 1]: the standard deviation of a value
    among the pictures of one caption. Samples that do not follow the noise have 0.

    Args:
        limit: Pairs.
        seed: Of the noise, and of the choice of pairs.
    """

    limit: int = 1000
    seed: int = 0

    needs = (needs.one_condition,)
    units = dict.fromkeys(
        ("condition_diversity", "condition_diversity_of_real"), "standard deviation in [0, 1]"
    )

    def measure(self, work: "Work") -> dict[str, Value]:
        name = work.way.given[0]
        conditions, images = _all(work, name)
        first, second, shared = pairs(conditions, self.limit, self.seed)
        if len(first) < 2:
            raise ValueError(f"No two pictures of the data have one {name} in common.")
        spreads: dict[str, list] = {key: [] for key in self.units}
        with work.model.averaged():
            for start in range(0, len(first), work.batch_size):
                rows = slice(start, start + work.batch_size)
                real = [images(chosen[rows]) for chosen in (first, second)]
                made = [
                    drawing.served(
                        work.model,
                        work.way.signature,
                        {name: shared[rows]},
                        self.seed + start + side * len(first),
                    )["image"]
                    for side in (0, 1)
                ]
                for side in made:
                    drawing.check(side, work.target.image_shape, work.way.signature, start)
                for key, (a, b) in zip(spreads, (made, real), strict=True):
                    squares = np.square(0.5 * (np.clip(a, -1, 1) - b.clip(-1, 1)), dtype=np.float64)
                    spreads[key].append(0.5 * squares.mean((1, 2, 3)))
        return {k: _root(intervals.mean(np.concatenate(v), work.level)) for k, v in spreads.items()}


def pairs(
    conditions: np.ndarray, limit: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of different rows that have a condition in common.

    Args:
        conditions: (N,) classes or captions, or (N, K) captions, K a row.
        limit: Pairs, at most; drawn from all that there are where there are more.
        seed: Of the draws.

    Returns:
        Two rows (M,), (M,) and what they share (M,). No row is twice in the pairs of one condition.
    """
    generator = np.random.default_rng(seed)
    table = conditions.reshape(len(conditions), -1)
    rows = np.repeat(np.arange(len(table)), table.shape[1])
    order = generator.permutation(len(rows))
    rows, values = rows[order], table.reshape(-1)[order]
    found = []
    for value in np.unique(values):
        members = np.unique(rows[values == value])  # A row may have a caption twice.
        members = generator.permutation(members)[: len(members) // 2 * 2].reshape(-1, 2)
        found += [(*pair, value) for pair in members.tolist()]
    chosen = [found[n] for n in np.sort(generator.permutation(len(found))[:limit])]
    first, second, shared = zip(*chosen, strict=True) if chosen else ((), (), ())
    return np.array(first, int), np.array(second, int), np.array(shared, conditions.dtype)


def _all(work, name):
    """The condition of every picture of the data, and a function of rows to pictures."""
    conditions, pictures = [], []
    for batch in work.watched(work.reference.batches(work.batch_size), "pictures with conditions"):
        conditions.append(batch[name])
        pictures.append(np.asarray(batch["image"], np.float32))
    images = np.concatenate(pictures)
    return np.concatenate(conditions), lambda rows: images[rows]


def _root(found):
    """The standard deviation of a variance, with its interval."""
    value, low, high = (float(np.sqrt(max(x, 0.0))) for x in (found.value, found.low, found.high))
    return Value(value, low, high, f"root of a mean, {found.method} of pairs", found.level)
