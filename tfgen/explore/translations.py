"""Every picture in every domain, there and back, and what each term of the loss is there for."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import data
from tfgen.construct import parameters
from tfgen.data import Source
from tfgen.explore import sheets, translators
from tfgen.explore.explored import Explored, Progress, silent
from tfgen.explore.judge import MOST
from tfgen.explore.translators import Reader, Translated, translated
from tfgen.metrics import intervals

NAME = "domains"
# Terms of the two losses that a weight turns off, and what they are called.
TERMS = {
    "cycle_weight": "cycle",
    "identity_weight": "identity",
    "class_weight": "domain",
    "reconstruction_weight": "cycle",
    "penalty_weight": "penalty",
}
# Those that may be variables of the graph; without the identity term CycleGAN's is another graph.
WEIGHED = set(TERMS) - {"identity_weight"}
IN_A_ROW = 3  # Pictures that a row of the sheet of terms shows.


def domains(
    model: Any,
    train: Source,
    test: Source,
    shown: int = 8,
    pictures: int = 200,
    steps: int = 300,
    batch: int = 16,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Every picture in every domain, there and back, and what each term of the loss is there for.

    Unseen pictures brought to each domain by StarGAN or CycleGAN; to another one and back, which
    the cycle term wants to be the picture again; and to their own, which should leave them alone.
    Beside it the same networks trained anew for a short while: with the loss as it is, and with
    each term switched off (one that the run is without is switched on).

    Args:
        model: CycleGAN or StarGAN.
        train: Its data: what the short trainings and the judge of domains learn from.
        test: Pictures that it was not trained on.
        shown: Pictures of the sheet.
        pictures: Pictures that are measured.
        steps: Of each short training; 0 leaves them out.
        batch: Pictures of a generator's step in the short trainings.
        seed: Of the choice of pictures, and of weights and data of the short trainings.
        progress: Called with (done, total).

    Returns:
        Numbers: for each domain the share of pictures read as of it, with its interval, by a judge
        that was trained on real pictures, and what the judge is right about on real ones; the
        errors (mean absolute difference on [-1, 1]) after the way there and back and of pictures
        brought to their own domain; the same of each short training. Figures: "domains", "terms".

    Raises:
        ValueError: A model that translates nothing, too few pictures, or data without domains.
    """
    if min(shown, batch) < 1 or pictures < 10 or steps < 0:
        raise ValueError(
            f"explore {NAME}: `shown` and `batch` must be 1 or more, `pictures` 10 or more and "
            f"`steps` 0 or more. Received: {shown}, {batch}, {pictures}, {steps}."
        )
    own = translators.of(NAME, model, test, pictures, seed)
    reader = Reader(translators.of(NAME, model, train, MOST, seed), own)
    variants = _variants(model) if steps else {}
    total = 1 + steps * len(variants)
    numbers: dict[str, Any] = {"judge": reader.accuracy, "pictures": len(own.images)}
    numbers |= measured(model, own, reader)
    numbers["domains"] = _by_target(model, own, reader)
    figures = {"domains": _every_domain(model, own.first(shown))}
    progress(1, total)
    rows, found = [("as trained", _ways(model, own.first(IN_A_ROW)))], {}
    trained = _Trainings(model, train, steps, batch, seed)
    for number, (name, changes) in enumerate(variants.items()):
        before = 2 + number * steps
        one = trained(changes, lambda step, before=before: progress(before + step, total))
        found[name] = measured(one, own, reader)
        rows.append((name, _ways(one, own.first(IN_A_ROW))))
    if variants:
        numbers["terms"] = {"steps": steps, "batch": batch, **found}
        columns = ["picture", "there", "back", "to itself"] * IN_A_ROW
        figures["terms"] = sheets.sheet(rows, columns, cell=64)
    return Explored(NAME, _says(numbers, found, steps), numbers, figures)


def measured(model: Any, own: Translated, reader: Reader) -> dict[str, Any]:
    """What a model does to pictures on the way to another domain, back, and to their own."""
    there = translated(model, own.images, own.other)
    back = translated(model, there, own.own)
    same = translated(model, own.images, own.own)
    right = reader.right(there, own.other, own.own)
    return {
        "read_as_wanted": intervals.proportion(int(right.sum()), len(right)).as_dict(),
        "change": _apart(there, own.images),
        "cycle_error": _apart(back, own.images),
        "identity_error": _apart(same, own.images),
    }


def _by_target(model, own, reader):
    found = {}
    for name, domain in own.targets.items():
        moved = own.moved(name)
        if moved.any():
            made = translated(model, own.images[moved], domain[moved])
            right = reader.right(made, domain[moved], own.own[moved])
            share = intervals.proportion(int(right.sum()), len(right)).as_dict()
            found[name] = {"read_as": share, "change": _apart(made, own.images[moved])}
    return found


def _variants(model):
    """Name of a short training -> what it changes of the model's arguments."""
    config, defaults = model.get_config(), parameters(type(model))
    found: dict[str, dict[str, float]] = {"all terms": {}}
    for argument, name in TERMS.items():
        if argument not in config:
            continue
        if config[argument]:
            found[f"without {name}"] = {argument: 0.0}
        else:
            found[f"with {name}"] = {argument: defaults[argument].default}
    return found


class _Trainings:
    """Short trainings of a model's networks, each from the same first weights.

    Building the graph of a step takes as long as many steps, so that all trainings that only weigh
    a term otherwise have one graph, in which these weights are variables.
    """

    def __init__(self, model, train, steps, batch, seed):
        self.model, self.train, self.steps, self.batch = model, train, steps, batch
        self.seed, self._shared = seed, None

    def __call__(self, changes, tell):
        """Trained with these arguments changed; until the next call, which may go on from it."""
        one = self._weighed(changes) if set(changes) <= WEIGHED else self._new(changes)
        told = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: tell(step))
        rows = self.batch * getattr(one, "discriminator_steps", 1)
        stream = data.batches(self.train, rows, seed=self.seed).from_step(0)
        one.fit(stream, steps_per_epoch=self.steps, verbose=0, callbacks=[told])
        return one

    def _weighed(self, changes):
        if self._shared is None:
            one = self._new({})
            own = {n: getattr(one, n) for n in WEIGHED if hasattr(one, n)}
            weights = {n: tf.Variable(value, trainable=False) for n, value in own.items()}
            for name, weight in weights.items():
                setattr(one, name, weight)  # Of the same value: a built model takes no other.
            state = [*one.variables, *(v for o in _optimizers(one).values() for v in o.variables)]
            self._shared = one, own, weights, [(v, v.numpy()) for v in state]
        one, own, weights, first = self._shared
        for variable, value in first:
            variable.assign(value)
        for name, weight in weights.items():
            weight.assign(changes.get(name, own[name]))
        return one

    def _new(self, changes):
        one = type(self.model).from_config(
            {**self.model.get_config(), **changes, "seed": self.seed}
        )
        optimizers = _optimizers(self.model).items()
        one.compile(**{n: type(o).from_config(o.get_config()) for n, o in optimizers})
        return one


def _optimizers(model):
    return model.optimizers if getattr(model, "players", ()) else {}


def _every_domain(model, own):
    columns = {name: translated(model, own.images, d) for name, d in own.targets.items()}
    there = translated(model, own.images, own.other)
    columns["back"] = translated(model, there, own.own)
    columns["to itself"] = translated(model, own.images, own.own)
    stacked = np.stack([own.images, *columns.values()], 1)
    rows = [("", images) for images in stacked]
    return sheets.sheet(rows, ["picture", *columns], cell=64)


def _ways(model, own):
    """Each picture, in another domain, back, and brought to its own: (4 N, H, W, C)."""
    there = translated(model, own.images, own.other)
    back, same = translated(model, there, own.own), translated(model, own.images, own.own)
    return np.stack([own.images, there, back, same], 1).reshape(-1, *own.images.shape[1:])


def _apart(a, b):
    return float(np.abs(a - b).mean())


def _said(found):
    return (
        f"{found['read_as_wanted']['value']:.0%} read as of the other domain, "
        f"{found['cycle_error']:.3f} off after the way back, {found['identity_error']:.3f} when "
        "brought to their own"
    )


def _says(numbers, found, steps):
    says = (
        f"Of {numbers['pictures']} unseen pictures {_said(numbers)} (a judge reads "
        f"{numbers['judge']:.0%} of real ones rightly)."
    )
    if found:
        parts = [f"{name}: {_said(one)}" for name, one in found.items()]
        says += f" Trained anew for {steps} steps, {'; '.join(parts)}."
    return says
