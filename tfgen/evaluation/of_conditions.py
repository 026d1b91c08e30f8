"""Whether samples are of the class that they were asked to be of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.evaluation import needs
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
