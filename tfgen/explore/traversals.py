"""What each input of a generator does while all others are held."""

from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import examples, sheets
from tfgen.explore.explored import Explored, Film, Progress, silent, unfit

NAME = "traverse"
GENERATING = ("decode", "generate", "complete", "assemble")
SIDE = 16  # Rows of the sheet, at most: those that change the picture most.


def traverse(
    model: Any,
    train: Source | None = None,
    values: int = 9,
    reach: float = 2.0,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Each number of z, each code and each class in turn, all others held: who does what?

    One picture, and one row for each input: a class or category takes all of its values, a number
    goes from one end of its range to the other. Rows stand in the order of how much they change
    (Chen et al. 2016, figure 2, for the codes of InfoGAN).

    Args:
        model: One that draws pictures of noise or codes.
        train: Its data, for what the model needs besides them.
        values: Of a number, from left to right.
        reach: How far a normal number goes to either side; a uniform one goes through its range.
        seed: Of the picture.
        progress: Called with (done, total).

    Returns:
        Numbers: input -> distance of pictures from one end of its row to the other; figures:
        "inputs", and the film "inputs-moving".

    Raises:
        ValueError: A model without numbers, codes or classes as inputs, or less than two values.
    """
    if values < 2:
        raise ValueError(f"explore {NAME}: `values` must be 2 or more. Received: {values}.")
    table = model.signatures()
    name = next((n for n in GENERATING if n in table), None)
    inputs = table[name].inputs if name else {}
    wanted = [
        (key, index)
        for key, spec in inputs.items()
        if not spec.is_image and (spec.num_classes or len(spec.shape) == 1)
        for index in ([None] if not spec.shape else range(spec.shape[0] or 0))
    ]
    if name is None or not wanted:
        reason = "it draws no pictures of numbers, codes or classes; see `order` or `domains`."
        raise unfit(NAME, model, reason)
    feeds = _one(model, name, train, seed)
    rows, moved = [], {}
    for done, (key, index) in enumerate(wanted):
        images = _row(model, name, feeds, key, index, _range(inputs[key], values, reach))
        ends = images if inputs[key].num_classes else images[[0, -1]]
        label = key if index is None else f"{key}[{index}]"
        moved[label] = float(np.linalg.norm((ends - ends[:1]).reshape(len(ends), -1), axis=1).max())
        rows.append((label, images))
        progress(done + 1, len(wanted))
    rows.sort(key=lambda row: -moved[row[0]])
    first, last = rows[0][0], rows[-1][0]
    says = (
        f"Of {len(rows)} inputs {first} changes the picture most, by {moved[first]:.2f}, and "
        f"{last} least, by {moved[last]:.2f} (Euclidean distance of the pixels)."
    )
    shown = rows[:SIDE]
    figures: dict[str, Any] = {"inputs": sheets.sheet(shown)}
    numbers = [images for label, images in shown if len(images) == values]
    if numbers:
        order = [*range(values), *range(values - 2, 0, -1)]
        stills = np.stack(numbers, 1)  # (values, rows, H, W, C)
        figures["inputs-moving"] = Film(
            [sheets.sheet([("", stills[n])]) for n in order], 0.15, 0.15
        )
    return Explored(NAME, says, {"change": moved, "seed": seed}, figures)


def _one(model, name, train, seed):
    """One value of each input."""
    signature = model.signatures()[name]
    lacking = [n for n, spec in signature.inputs.items() if not spec.distribution]
    known = examples.of(train, 1).arrays if lacking and train is not None else {}
    given = {n: known[n][0] for n in lacking if n in known}
    missing = [n for n in lacking if n not in given and n != "z"]
    if missing:
        raise unfit(NAME, model, f"it needs {', '.join(missing)}, which the data set lacks.")
    if "z" in lacking and "z" not in given:  # An autoencoder's, which no distribution draws.
        given["z"] = next(iter(model.call_signature("encode", {"image": known["image"]}).values()))
        given["z"] = given["z"].numpy()[0]
    return signature.draw([seed], **given)


def _range(spec, values, reach):
    if spec.num_classes:
        return np.arange(spec.num_classes)
    ends = (spec.low, spec.high) if spec.distribution == "uniform" else (-reach, reach)
    return np.linspace(*ends, values)


def _row(model, name, feeds, key, index, values):
    rows = {n: np.repeat(value, len(values), axis=0) for n, value in feeds.items()}
    values = values.astype(rows[key].dtype)
    if index is None:
        rows[key] = values
    else:
        rows[key][:, index] = values
    with model.averaged():
        return model.call_signature(name, rows)["image"].numpy()
