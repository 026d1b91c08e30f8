"""One call that measures a model of any family, with an interval and a stamp for every figure."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tfgen.evaluation import combine, of_run, reference
from tfgen.evaluation.chosen import chosen_metrics
from tfgen.evaluation.measuring import Options, Subject, measure
from tfgen.evaluation.report import Report


def evaluate(
    model: Any,
    dataset: Any = None,
    metrics: str | Iterable | None = None,
    samples: int = 10_000,
    seeds: int | Sequence[int] = (0,),
    split: str = "test",
    features: Any = None,
    training: Any = None,
    seen: bool = False,
    batch_size: int = 100,
    progress: bool | None = None,
    signature: str | None = None,
) -> Report:
    """Measures a model, or several trained alike.

    Pictures are generated and reduced to features in batches; what is kept of 10,000 of them is
    their features and at most 128 MiB of pixels.

    Args:
        model: A `GenerativeModel`, the folder of a run, or a list of either: the figures are then
            means over them, with intervals over them.
        dataset: The real pictures: a name as of `tfgen.data.load`, a `Source`, finite batches as
            `fit` takes them, images in [-1, 1], (images, labels), or a dict of arrays. For runs,
            by default the data of their config.
        metrics: Names in `METRICS` ("fid,kid" or a list), mappings with `name` and options, or
            None for all that apply to this model and these data.
        samples: Pictures to generate.
        seeds: Numbers of sets of samples; with several, figures are means over the sets.
        split: Of a data set given by its name, and of a run's data.
        features: Feature network: a name or path, (name, whether it resizes), or a loaded one;
            None for the shipped one that fits. Distances in features are measured only by one that
            was trained on such data, or that is given here.
        training: The training pictures, as `dataset`; known for a run. Without them, metrics that
            need them do not apply, and nobody checks that the model has not seen the data.
        seen: Measure even though the model was trained on these pictures; the stamp says so.
        batch_size: Pictures generated at once.
        progress: Whether bars are shown on stderr; None for bars on a terminal, and elsewhere a
            line every ten seconds.
        signature: Whose pictures are measured, such as "generate" or "draw"; by default samples of
            p(x|z) ("draw") where the real pictures are black and white and the model has them.

    Raises:
        ValueError: An unknown metric or signature, a metric that does not apply, data that do not
            fit the model, data that it was trained on, or generated pictures that are not finite,
            outside [-1, 1] or of another size.
    """
    sets = [seeds] if isinstance(seeds, int) else list(seeds)
    options = Options(samples, sets, features, seen, batch_size, progress, signature).checked()
    chosen = chosen_metrics(metrics)
    models = list(model) if isinstance(model, list | tuple) else [model]
    if not models:
        raise ValueError("There is no model to evaluate: the list is empty.")
    given = {"dataset": dataset, "split": split, "training": training}
    shared: dict = {}
    reports = [
        measure(subject(one, **given), chosen, metrics is not None, options, shared)
        for one in models
    ]
    return combine.over_models(reports)


def subject(model: Any, dataset: Any = None, split: str = "test", training: Any = None) -> Subject:
    """A model or run folder together with its data."""
    if isinstance(model, str | Path):
        return of_run.subject(model, split, dataset=dataset, training=training)
    if dataset is None:
        raise ValueError("A model needs a data set to be measured against. Give `dataset`.")
    against = reference.of(dataset, split)
    known = None if training is None else reference.of(training, "train")
    return Subject(lambda: model, against, known, {})
