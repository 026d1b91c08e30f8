"""Pictures of sentences between two sentences."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.explore import sheets
from tfgen.explore.explored import Explored, Film, Progress, silent, unfit

NAME = "sentences"


def sentences(
    model: Any,
    first: str | None = None,
    second: str | None = None,
    steps: int = 8,
    seeds: Sequence[int] = (0, 1, 2, 3),
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """From one sentence to another: a text between two texts has a picture, and z keeps the style.

    The embeddings of two texts are blended, with the same z along each row (Reed et al. 2016,
    section 6.3: what the text does not say comes from z).

    Args:
        model: TextToImageGAN.
        first: A text; by default the first of the model's sample texts.
        second: Another; by default the last of them.
        steps: From the one to the other.
        seeds: Of z, one a row.
        seed: Added to each of them.
        progress: Called with (done, total).

    Returns:
        Numbers: mean distance of neighbouring pictures along the way, from end to end, and between
        two z of one text; figures: "texts", and the film "texts-moving".

    Raises:
        ValueError: Another model, no texts, fewer than two seeds or two steps.
    """
    table = model.signatures()
    if "embed" not in table or not hasattr(model, "encoder"):
        raise unfit(NAME, model, "it draws no pictures of texts; TextToImageGAN does.")
    known = list(getattr(model, "sample_texts", ()))
    ends: list[str] = [first or "".join(known[:1]), second or "".join(known[-1:])]
    if "" in ends or ends[0] == ends[1]:
        raise ValueError(f"explore {NAME}: give two texts by `first` and `second`.")
    if len(seeds) < 2 or steps < 2:
        raise ValueError(f"explore {NAME}: give two seeds and two `steps`, or more.")
    texts: np.ndarray = np.array([text.encode() for text in ends], dtype=object)
    z = table["generate"].draw([seed + n for n in seeds], **_texts(table["generate"], texts[:1]))[
        "z"
    ]
    shares = np.linspace(0.0, 1.0, steps + 1)
    with model.averaged():
        embedded = model.call_signature("embed", _texts(table["embed"], texts))
        a, b = next(iter(embedded.values())).numpy()
        columns = []
        for number, share in enumerate(shares):
            text = tf.constant(np.tile((1.0 - share) * a + share * b, (len(z), 1)))
            columns.append(model.generator([tf.constant(z), text], training=False).numpy())
            progress(number + 1, len(shares))
    images = np.stack(columns)  # (steps + 1, rows, H, W, C)
    step = _distance(images[1:], images[:-1])
    whole, style = _distance(images[0], images[-1]), _distance(images[:, 1:], images[:, :-1])
    says = (
        f"From {ends[0]!r} to {ends[1]!r} in {steps} steps of {step:.2f}, {whole:.2f} from end to "
        f"end; another z changes the picture of one text by {style:.2f} (Euclidean, pixels)."
    )
    numbers = {
        "texts": ends,
        "mean_step": step,
        "from_end_to_end": whole,
        "between_two_z": style,
        "steps": steps,
    }
    rows = [(f"seed {seed + n}", images[:, row]) for row, n in enumerate(seeds)]
    order = [*range(len(shares)), *range(len(shares) - 2, 0, -1)]
    figures: dict[str, Any] = {
        "texts": sheets.sheet(rows, [f"{share:.0%}" for share in shares]),
        "texts-moving": Film([sheets.sheet([("", images[n])]) for n in order], 0.15, 0.15),
    }
    return Explored(NAME, says, numbers, figures)


def _texts(signature, texts):
    """The signature's input of texts, by its name."""
    (name,) = [n for n, spec in signature.inputs.items() if spec.dtype == "string"]
    return {name: texts if len(texts) > 1 else texts[0]}


def _distance(a, b):
    difference = (a - b).reshape(-1, int(np.prod(a.shape[-3:])))
    return float(np.linalg.norm(difference, axis=1).mean())
