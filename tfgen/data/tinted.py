"""Digits in colours: a set of several domains whose truth is known, and that needs no download."""

import numpy as np

from tfgen.data import builtin
from tfgen.data.picture import Form
from tfgen.data.sources import Source, build

COLORS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}


def tinted_digits(split: str, form: Form) -> Source:
    """The 8x8 digits, each shown in one colour, drawn by `RandomState(1)`; black stays black.

    Besides `image` (RGB) there are `label`, the colour; `attributes` float32 (3,), 1 where the
    colour has red, green and blue light; and `digit`, which digit it is.

    Raises:
        ValueError: Unknown split, or one channel asked for.
    """
    if form.channels == 1:
        raise ValueError("Data set 'tinted-digits' is RGB. Received: channels=1.")
    grey = builtin.digits(split, Form(form.image_size, None, form.resize))
    images = np.asarray(grey.arrays["image"], np.float32)
    label = np.random.RandomState(1).randint(0, len(COLORS), len(images)).astype(np.int32)
    light = np.array(list(COLORS.values()), np.float32)[label]  # (N, 3)
    arrays = {
        "image": (images + 1.0) * light[:, None, None] - 1.0,
        "label": label,
        "attributes": light,
        "digit": np.asarray(grey.arrays["label"]),
    }
    return build("tinted-digits", split, arrays, class_names=tuple(COLORS))
