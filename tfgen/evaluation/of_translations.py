"""What becomes of given pictures: translated, assembled from patches, or reconstructed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfgen.evaluation import drawing, needs
from tfgen.evaluation.of_conditions import fitted
from tfgen.metrics import intervals
from tfgen.metrics.intervals import Value
from tfgen.models.puzzlegan import overlap

if TYPE_CHECKING:
    from tfgen.evaluation.work import Work


@dataclass(frozen=True)
class DomainTransfer:
    """Share of translations that a classifier of real pictures sees in the wrong domain.

    The classifier is a logistic regression on the feature network's features of the training
    pictures; its own error on real pictures stands beside it. StarGAN translates to every domain
    that is not the picture's own (with attributes, each of them switched by itself); CycleGAN to
    the other one. L1 on the scale [0, 1] after there and back is the cycle error.

    Args:
        limit: Pictures of each domain.
    """

    limit: int = 2000

    needs = (needs.features, needs.training, needs.translation)
    units = {"cycle_error": "L1 in [0, 1]"}

    def measure(self, work: "Work") -> dict[str, Value]:
        cyclic = "a_to_b" in work.model.signatures()
        if cyclic and work.training.second is None:
            raise ValueError("The training data have no second domain to learn the domains from.")
        return _cyclegan(work, self.limit) if cyclic else _stargan(work, self.limit)


@dataclass(frozen=True)
class MaskIoU:
    """Intersection over union of the predicted and the true places of key patches.

    Two controls stand beside it: the same truth against what the model makes of the patches of
    another picture (the one before), and against the mean mask of the training pictures, the same
    for all. Placing is what is above both.

    Args:
        limit: Pictures.
        seed: Of the noise.
    """

    limit: int = 2000
    seed: int = 0

    needs = (needs.assembly,)

    def measure(self, work: "Work") -> dict[str, Value]:
        found, done = {"mask_iou": [], "mask_iou_shuffled": []}, 0
        mean = _mean_mask(work.training)
        if mean is not None:
            found["mask_iou_of_mean"] = []
        batches = work.watched(work.reference.batches(work.batch_size), "assembled pictures")
        with work.model.averaged():
            for batch in batches:
                truth = batch["mask"]
                placed = drawing.served(work.model, "assemble", batch, self.seed + done)["mask"]
                found["mask_iou"].append(overlap(placed, truth))
                # Rows are independent: those of other patches are those of other pictures.
                found["mask_iou_shuffled"].append(overlap(np.roll(placed, 1, axis=0), truth))
                if mean is not None:
                    same = np.broadcast_to(mean, truth.shape)
                    found["mask_iou_of_mean"].append(overlap(same, truth))
                done += len(truth)
                if done >= self.limit:
                    break
        return {
            name: intervals.mean(np.concatenate(values)[: self.limit], work.level)
            for name, values in found.items()
        }


@dataclass(frozen=True)
class Reconstruction:
    """Mean squared error of reconstructions, a pixel, on the scale [0, 1].

    Linear outputs count as they are, also outside the scale.

    Args:
        limit: Pictures.
    """

    limit: int = 10_000

    needs = (needs.reconstructions,)
    units = {"reconstruction_error": "MSE in [0, 1]"}

    def measure(self, work: "Work") -> dict[str, Value]:
        found, done = [], 0
        batches = work.watched(work.reference.batches(work.batch_size), "reconstructions")
        with work.model.averaged():
            for batch in batches:
                made = drawing.served(work.model, "reconstruct", batch, done)["image"]
                drawing.check(np.clip(made, -1, 1), work.reference.image_shape, "reconstruct", done)
                squares = np.square(0.5 * (made.astype(np.float64) - batch["image"]))
                found.append(squares.reshape(len(squares), -1).mean(1))
                done += len(made)
                if done >= self.limit:
                    break
        values = np.concatenate(found)[: self.limit]
        return {"reconstruction_error": intervals.mean(values, work.level)}


def _mean_mask(training):
    """The mean mask of the training pictures, (H, W, 1), or None where they are not known."""
    if training is None or "mask" not in training.keys:
        return None
    return training.rows("mask", limit=10_000)[0].mean(0)


def _cyclegan(work, limit):
    network = work.features_from
    real = {"a": work.reference, "b": work.reference.second}
    train = {"a": work.training, "b": work.training.second}
    features = {k: network.features(r.rows("image", limit=limit)[0]) for k, r in train.items()}
    judge = fitted(np.concatenate(list(features.values())), _zeros_and_ones(features))
    wrong, own, cycle, outputs = [], [], [], {}
    for number, (here, there) in enumerate((("a", "b"), ("b", "a"))):
        (images,) = real[here].rows("image", limit=limit)
        made = _translated(work, f"{here}_to_{there}", images)
        back = _translated(work, f"{there}_to_{here}", made)
        missed = judge.predict(network.features(made)) != 1 - number
        outputs[f"domain_error_{here}_to_{there}"] = _share(missed, work)
        wrong.append(missed)
        own.append(judge.predict(network.features(images)) != number)
        cycle.append(np.abs(back - images).reshape(len(images), -1).mean(1) / 2.0)
    return {
        "domain_error": _share(np.concatenate(wrong), work),
        **outputs,
        "judge_error": _share(np.concatenate(own), work),
        "cycle_error": intervals.mean(np.concatenate(cycle), work.level),
    }


def _stargan(work, limit):
    labelled = work.model.sets[0]
    kind, number, key = labelled.kind, labelled.size, labelled.key
    network = work.features_from
    images, own = work.reference.rows("image", key, limit=limit)
    train, labels = work.training.rows("image", key, limit=10_000)
    learned = network.features(train)
    columns = [labels] if kind == "class" else list(np.asarray(labels).T)
    judges = [fitted(learned, np.round(column).astype(int)) for column in columns]
    seen, wrong, cycle = network.features(images), [], []
    for turn in range(1, number) if kind == "class" else range(number):
        if kind == "class":
            target, judge, asked = (own + turn) % number, judges[0], (own + turn) % number
        else:
            target = np.array(own, np.float32)
            target[:, turn] = 1.0 - target[:, turn]
            judge, asked = judges[turn], target[:, turn].astype(int)
        made = _translated(work, "translate", images, target)
        back = _translated(work, "translate", made, own)
        wrong.append(judge.predict(network.features(made)) != asked)
        cycle.append(np.abs(back - images).reshape(len(images), -1).mean(1) / 2.0)
    truth = [own] if kind == "class" else list(np.asarray(own).T)
    mistaken = [j.predict(seen) != np.round(t) for j, t in zip(judges, truth, strict=True)]
    return {
        "domain_error": _share_by_picture(np.mean(wrong, axis=0), work),
        "judge_error": _share(np.concatenate(mistaken), work),
        "cycle_error": intervals.mean(np.mean(cycle, axis=0), work.level),
    }


def _translated(work, signature, images, domain=None):
    given = {"image": images} if domain is None else {"image": images, "domain": domain}
    made = work.model.sample(range(len(images)), signature, work.batch_size, **given)
    drawing.check(made, images.shape[1:], signature)
    return np.clip(made, -1.0, 1.0)


def _zeros_and_ones(features):
    return np.repeat([0, 1], [len(f) for f in features.values()])


def _share_by_picture(shares, work):
    """Translations of one picture are not independent: each picture's share counts once."""
    if np.isin(shares, (0, 1)).all():
        return _share(shares, work)  # A t interval has no width where all are alike.
    return intervals.mean(shares, work.level)


def _share(cases, work):
    return intervals.proportion(int(np.sum(cases)), len(cases), work.level)
