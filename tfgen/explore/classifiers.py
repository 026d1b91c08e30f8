"""Simple classifiers on features, from few labels; and clusters read as classes."""

from collections.abc import Sequence

import numpy as np

CLASSIFIERS = ("linear_svm", "logistic", "rbf_svm")
STRENGTHS = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)  # C of scikit-learn, the inverse of the penalty.


class _Together:
    """Centres each number and divides all by one spread: a scikit-learn transformer."""

    def get_params(self, deep=True):
        return {}

    def set_params(self):
        return self

    def fit(self, x, y=None):
        self.mean = x.mean(axis=0)
        self.spread = max(float((x - self.mean).std()), 1e-12)
        return self

    def transform(self, x):
        return (x - self.mean) / self.spread

    def fit_transform(self, x, y=None):
        return self.fit(x).transform(x)


def chosen(classifier: str, x: np.ndarray, y: np.ndarray, draws: Sequence[np.ndarray]):
    """The classifier whose scaling and penalty do best in cross-validation within the draws.

    Scaling is of each number by itself or of all by one spread; both it and C are chosen once, by
    the mean over the draws, each with its own labelled points only.

    Args:
        classifier: A name in `CLASSIFIERS`.
        x: Features (N, F).
        y: Classes (N,).
        draws: Row numbers of labelled points, one array for each draw.

    Returns:
        A scikit-learn estimator that is not fitted.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    candidates = [
        make_pipeline(scale(), _estimator(classifier, strength))
        for scale in (StandardScaler, _Together)
        for strength in STRENGTHS
    ]
    folds = StratifiedKFold(
        min(3, min(np.unique(y[r], return_counts=True)[1].min() for r in draws))
    )
    scores = [
        np.mean([cross_val_score(c, x[rows], y[rows], cv=folds).mean() for rows in draws])
        for c in candidates
    ]
    return candidates[int(np.argmax(scores))]


def _estimator(classifier, strength):
    from sklearn import linear_model, svm

    if classifier == "logistic":
        return linear_model.LogisticRegression(C=strength, max_iter=500)
    # The dual of a few labelled points is quick for features of any length.
    return svm.SVC(C=strength, kernel=classifier.removesuffix("_svm"))


def cluster_error(
    probability: np.ndarray,
    label: np.ndarray,
    naming_probability: np.ndarray | None = None,
    naming_label: np.ndarray | None = None,
) -> float:
    """Error of clusters as a classifier, Makhzani et al. 2015, section 6.

    Cluster i is named by the class of the point that has the highest q(y = i | x).

    Args:
        probability: q(y|x) of the points that are measured, (N, K).
        label: Their classes, (N,).
        naming_probability: Of the points that name the clusters, (M, K); by default the same.
        naming_label: Their classes, (M,).

    Returns:
        The fraction of points whose most probable cluster has another name than their class.
    """
    probability = np.asarray(probability)
    if naming_probability is None:
        naming_probability, naming_label = probability, label
    names = np.asarray(naming_label)[np.argmax(naming_probability, axis=0)]  # (K,)
    return float(np.mean(names[np.argmax(probability, axis=1)] != np.asarray(label)))
