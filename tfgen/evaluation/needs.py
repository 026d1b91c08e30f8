"""What metrics need: functions of a `Work` that say what is missing, or None."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tfgen.evaluation.work import Work


def samples(work: "Work") -> str | None:
    return work.way if isinstance(work.way, str) else None


def features(work: "Work") -> str | None:
    return work.features_from if isinstance(work.features_from, str) else None


def domain(work: "Work") -> str | None:
    """A feature network that was trained on such data, or that was asked for by name."""
    lacking = features(work)
    if lacking or work.network or not work.strange:
        return lacking
    return f"{work.strange}; `features` names one that is to be used all the same"


def classes(work: "Work") -> str | None:
    """Class probabilities of the feature network."""
    lacking = features(work)
    if lacking or work.has_classes:
        return lacking
    return f"feature network {work.features_from.name!r} gives no class probabilities"


def labels(work: "Work") -> str | None:
    if "label" not in work.reference.keys:
        return "the data have no labels"
    source = work.reference.source
    if source is not None and np.min(source.arrays["label"]) < 0:
        return "some labels of the data are missing"
    return None


def condition(work: "Work") -> str | None:
    """Samples whose class comes from the data's labels, by label or caption."""
    lacking = samples(work) or labels(work)
    if lacking:
        return lacking
    if {"label", "text"} & set(work.way.given):
        return None
    return "samples are not drawn by class"


def one_condition(work: "Work") -> str | None:
    """Samples of which a caption or a class is given, and nothing else."""
    lacking = samples(work)
    if lacking:
        return lacking
    if len(work.way.given) == 1 and work.way.given[0] in ("label", "text"):
        return None
    return "samples are not drawn by class or caption alone"


def training(work: "Work") -> str | None:
    return None if work.training is not None else "the training data are not known"


def training_labels(work: "Work") -> str | None:
    lacking = training(work)
    if lacking or "label" in work.training.keys:
        return lacking
    return "the training data have no labels"


def factors(work: "Work") -> str | None:
    """Known factors of variation in the data."""
    if "factors" in work.reference.keys:
        return None
    return "the data have no known factors of variation (data set 'shapes' has)"


def codes(work: "Work") -> str | None:
    table = work.model.signatures()
    if "encode" in table or "infer" in table:
        return None
    return "the model has no encoder"


def reconstructions(work: "Work") -> str | None:
    table = work.model.signatures()
    if "reconstruct" not in table:
        return "the model reconstructs nothing"
    inputs = table["reconstruct"].inputs
    lacking = [n for n, i in inputs.items() if n not in work.reference.keys and not i.distribution]
    return f"the data lack {', '.join(lacking)}" if lacking else None


def log_prob(work: "Work") -> str | None:
    table = work.model.signatures()
    if "log_prob" not in table:
        return "the model has no exact likelihood"
    lacking = [n for n in table["log_prob"].inputs if n not in work.reference.keys]
    return f"the data lack {', '.join(lacking)}" if lacking else None


def bound(work: "Work") -> str | None:
    """A variational bound with the parts that importance sampling needs."""
    parts = ("terms", "posterior", "latent_prior", "pixels")
    if all(hasattr(work.model, part) for part in parts):
        return None
    return "the model has no variational bound of log p(x)"


def conditional_bound(work: "Work") -> str | None:
    """A variational bound of log p(y|x)."""
    if not (hasattr(work.model, "condition_of") and hasattr(work.model, "recognition")):
        return "the model has no variational bound of log p(y|x)"
    wanted = work.model.condition
    if wanted in ("label", "mask") and wanted not in work.reference.keys:
        return f"the data lack {wanted}"
    return None


def translation(work: "Work") -> str | None:
    """A translation between known domains."""
    table = work.model.signatures()
    if "a_to_b" in table:
        return None if work.reference.second is not None else "the data have no second domain"
    if "translate" not in table:
        return "the model translates nothing"
    key = work.model.sets[0].key
    return None if key in work.reference.keys else f"the data lack {key!r}, the domains"


def assembly(work: "Work") -> str | None:
    """Key patches and the masks of their places."""
    if "assemble" not in work.model.signatures():
        return "the model assembles nothing"
    lacking = [k for k in ("patches", "mask") if k not in work.reference.keys]
    return f"the data lack {', '.join(lacking)} (data set 'patches:NAME' has)" if lacking else None


def lacking(metric: Any, work: "Work") -> str | None:
    """Why a metric does not apply; None where it does."""
    for need in metric.needs:
        found = need(work)
        if found:
            return found
    return None
