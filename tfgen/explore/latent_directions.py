"""Directions of the latent space that mean something: by the weights, and by labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import concepts, examples, judge, latent_space, sheets
from tfgen.explore.explored import Explored, Progress, silent
from tfgen.explore.latent_space import LatentSpace

NAME = "directions"
PROBES = 32  # Codes at which directions are measured.
STEPS = 7  # Pictures of a direction.
FOLDS = 4


def directions(
    model: Any,
    train: Source | None = None,
    test: Source | None = None,
    count: int = 5,
    reach: float = 0.6,
    seeds: Sequence[int] = (0, 1),
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Directions in z that change the picture most, found in the weights; and those of classes.

    The eigenvectors of A^T A, A the weights that z meets first (closed-form factorisation, Shen
    and Zhou 2021); where there is no one such layer, of the mean of J^T J, J the derivative of the
    picture. A linear classifier of the drawn pictures' classes in z says whether a class is a side
    of a plane there; its normals are directions too.

    Args:
        model: With a latent vector.
        train: Its data; with labels, classes are looked for in z.
        test: What the judge of classes is measured on.
        count: Directions shown.
        reach: How far each goes to either side, in lengths of a usual z.
        seeds: Pictures that are changed.
        seed: Of the random directions, and of the pictures that a judge learns from.
        progress: Called with (done, total).

    Returns:
        Numbers: how much each direction changes pictures against random ones, the method, and the
        cross-validated accuracy of classes in z beside that of the most frequent class; figures:
        "weights" and, with labels, "classes".

    Raises:
        ValueError: A model without a latent vector, or `count` that does not lie in 1 .. Z.
    """
    space = latent_space.of_run(NAME, model, train)
    if not 1 <= count <= space.size:
        raise ValueError(
            f"explore {NAME}: `count` must lie in 1 .. {space.size}. Received: {count}."
        )
    with model.averaged():
        kernel = first_kernel(model, space.size)
    method = "weights" if kernel is not None else "derivatives"
    gram = kernel @ kernel.T if kernel is not None else _mean_gram(space)
    values, vectors = np.linalg.eigh(gram)
    found = vectors[:, ::-1][:, :count].T  # (D, Z)
    progress(1, 4)
    length = float(np.linalg.norm(space.draw(range(200)), axis=1).mean())
    random = np.random.default_rng(seed).normal(size=(10, space.size))
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    strength = _strength(space, found, 0.2 * length)
    usual = _strength(space, random, 0.2 * length)
    progress(2, 4)
    figures = {"weights": _sheet(space, [(f"direction {n}", v) for n, v in enumerate(found)],
                                 reach * length, seeds)}  # fmt: skip
    numbers = {
        "method": method,
        "eigenvalues": values[::-1],
        "directions": found,
        "change": strength,
        "change_of_random_directions": usual,
        "length_of_z": length,
    }
    ratio = strength[0] / max(usual.mean(), 1e-12)
    says = (
        f"The first direction found in the {method} changes pictures {ratio:.1f} times as much as "
        f"a random one of the same length, the {count} first ones "
        f"{strength.mean() / max(usual.mean(), 1e-12):.1f} times."
    )
    if train is not None and "label" in train.arrays and "label" not in space.inputs:
        of_classes = _classes(space, train, test, seed)
        progress(3, 4)
        numbers["classes"] = {k: v for k, v in of_classes.items() if k != "normals"}
        normals = of_classes["normals"][:count]
        figures["classes"] = _sheet(space, normals, reach * length, seeds)
        says += (
            f" A linear classifier in z tells the class of {of_classes['accuracy']:.0%} of the "
            f"pictures; the most frequent class alone is {of_classes['most_frequent']:.0%}."
        )
    progress(4, 4)
    return Explored(NAME, says, numbers, figures)


def first_kernel(model: Any, size: int) -> np.ndarray | None:
    """The weights (Z, F) that z alone meets first, with batch normalisation's gain in them.

    None where the network that makes pictures is no chain whose first layer with weights is dense
    and takes z alone.
    """
    from keras.layers import BatchNormalization, Dense

    for name in ("generator", "decoder"):
        layers = getattr(getattr(model, name, None), "layers", [])
        weighted = [layer for layer in layers if layer.weights]
        if not weighted or not isinstance(weighted[0], Dense):
            continue
        kernel = np.asarray(weighted[0].kernel, np.float64)
        if kernel.shape[0] != size:
            return None
        if len(weighted) > 1 and isinstance(weighted[1], BatchNormalization):
            after = weighted[1]
            variance = np.asarray(after.moving_variance, np.float64)
            gain = 1.0 if after.gamma is None else np.asarray(after.gamma, np.float64)
            kernel = kernel * gain / np.sqrt(variance + after.epsilon)
        return kernel
    return None


def _mean_gram(space, step=0.05):
    """Mean of J^T J over drawn codes, by differences along each number of z, (Z, Z)."""
    z = space.draw(range(PROBES))
    here = space.decode(z, range(PROBES)).reshape(PROBES, -1)
    columns = []
    for axis in np.eye(space.size, dtype=np.float32):
        there = space.decode(z + step * axis, range(PROBES)).reshape(PROBES, -1)
        columns.append((there - here) / step)
    jacobian = np.stack(columns, -1)  # (P, pixels, Z)
    return np.einsum("ndi,ndj->ij", jacobian, jacobian) / PROBES


def _strength(space: LatentSpace, vectors: np.ndarray, length: float) -> np.ndarray:
    """Mean distance of pictures along each direction, from one side to the other, (D,)."""
    z, seeds = space.draw(range(PROBES)), range(PROBES)
    found = []
    for vector in vectors.astype(np.float32):
        ends = [space.decode(z + sign * length * vector, seeds) for sign in (-1.0, 1.0)]
        found.append(np.linalg.norm((ends[1] - ends[0]).reshape(PROBES, -1), axis=1).mean())
    return np.array(found)


def _classes(space, train, test, seed):
    """How well z tells classes apart by planes, and the planes' normals, the surest first."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    of_classes = judge.of(train, test, seed)
    known = examples.mixed(train, concepts.POOL)
    pool = concepts.pool(NAME, space, known, of_classes)
    values, counts = np.unique(pool.classes, return_counts=True)
    kept = np.isin(pool.classes, values[counts >= FOLDS])
    z, y = pool.z[kept], pool.classes[kept]
    classifier = LogisticRegression(C=0.1, max_iter=300)
    predicted = cross_val_predict(classifier, z, y, cv=FOLDS)
    right = {int(n): float((predicted[y == n] == n).mean()) for n in np.unique(y)}
    classifier.fit(z, y)
    rows = (
        classifier.coef_
        if len(classifier.coef_) > 1
        else [-classifier.coef_[0], classifier.coef_[0]]
    )
    units = [row / np.linalg.norm(row) for row in rows]
    order = np.argsort([-right[int(n)] for n in classifier.classes_], kind="stable")
    return {
        "accuracy": float((predicted == y).mean()),
        "of_each": {known.name(n): share for n, share in right.items()},
        "most_frequent": float(counts.max() / counts.sum()),
        "judge": of_classes and of_classes.accuracy.as_dict(),
        "normals": [(f"class {known.name(int(classifier.classes_[n]))}", units[n]) for n in order],
    }


def _sheet(space, named, length, seeds):
    """Each direction from one side to the other, for each seed."""
    shares = np.linspace(-1.0, 1.0, STEPS)
    parts = []
    for number, seed in enumerate(seeds):
        start = space.draw([seed])
        rows = [
            (
                name if number == 0 else "",
                space.decode(start + length * shares[:, None] * vector, np.full(STEPS, seed)),
            )
            for name, vector in named
        ]
        parts.append(sheets.sheet(rows, [f"{share:+.1f}" for share in shares]))
    return sheets.beside(parts)
