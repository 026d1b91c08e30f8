"""Real digits in colours, at places and in sizes, with captions by template that say so.

Every attribute is known for every picture, and some combinations of them are kept from training:
a model of texts can be asked for what it has never seen.
"""

import itertools

import numpy as np
from PIL import Image

from tfgen.data.picture import Form, fitted_array
from tfgen.data.sources import Source, build

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = {"red": (255, 40, 40), "green": (40, 255, 40), "blue": (60, 80, 255), "white": (255,) * 3}
POSITIONS = ("left", "right")
SIZES = {"small": 8, "large": 12}
SIDE = 16

TEMPLATES = (
    "a {size} {colour} {digit} on the {position}",
    "the digit {digit}, {size} and {colour}, to the {position}",
    "on the {position} there is a {colour} {digit} that is {size}",
)
SPLITS = ("train", "test", "held-out", "all")
# Combinations drawn for each real digit.
_COPIES = {"train": 4, "test": 2, "held-out": 2, "all": 4}
_STYLES = tuple(itertools.product(COLOURS, POSITIONS, SIZES))


def captioned_digits(split: str, form: Form) -> Source:
    """Pictures 16x16x3 of scikit-learn's digits with `text`, and their attributes.

    Arrays beside `image` and `label` (the digit): `text` (N, 3), three captions as bytes; `colour`,
    `position` and `size`, numbers in the order of the names above. "train" has the training digits
    of "digits" in 4 seen combinations each; "test" its test digits in seen combinations, "held-out"
    in combinations that "train" does not have (20 of 160); "all" every digit in any combination.

    Raises:
        ValueError: Unknown split.
    """
    if split not in SPLITS:
        raise ValueError(
            f"Data set 'captioned-digits' has no split {split!r}. "
            f"Its splits are: {', '.join(SPLITS)}."
        )
    images, digits = _digits(split)
    generator = np.random.RandomState(SPLITS.index(split))
    rows = [
        (image, digit, styles[k])
        for image, digit in zip(images, digits, strict=True)
        for styles in [_styles(digit, split)]
        for k in generator.choice(len(styles), min(_COPIES[split], len(styles)), replace=False)
    ]
    pictures = np.stack([_drawn(image, *style) for image, _, style in rows])
    if not form.keeps(pictures.shape[1:]):
        pictures = np.stack([fitted_array(picture, form) for picture in pictures])
    columns = zip(*(_numbers(digit, style) for _, digit, style in rows), strict=True)
    names = ("label", "colour", "position", "size")
    arrays = {name: np.array(c, np.int32) for name, c in zip(names, columns, strict=True)}
    texts = [[text.encode() for text in captions(d, style)] for _, d, style in rows]
    arrays = {"image": pictures, **arrays, "text": np.array(texts, object)}
    return build("captioned-digits", split, arrays, class_names=DIGITS)


def captions(digit: int, style: tuple[str, str, str]) -> list[str]:
    """The captions of a digit in (colour, position, size)."""
    colour, position, size = style
    values = {"digit": DIGITS[digit], "colour": colour, "position": position, "size": size}
    return [template.format(**values) for template in TEMPLATES]


def is_held_out(digit: int, style: tuple[str, str, str]) -> bool:
    """Whether the training split leaves this combination out: two of the 16 of each digit."""
    return _STYLES.index(style) in (3 * digit % 16, (3 * digit + 7) % 16)


def _styles(digit, split):
    if split == "all":
        return _STYLES
    return [style for style in _STYLES if is_held_out(digit, style) == (split == "held-out")]


def _digits(split):
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.RandomState(0).permutation(len(data.images))
    rows = {"train": order[:1297], "all": np.arange(len(order))}.get(split, order[1297:])
    return data.images[rows] / 16.0, data.target[rows]


def _drawn(image, colour, position, size):
    side = SIZES[size]
    grey = Image.fromarray(image.astype(np.float32))
    grey = np.asarray(grey.resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1)
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    top, left = (SIDE - side) // 2, 0 if position == "left" else SIDE - side
    ink = np.round(grey[..., np.newaxis] * COLOURS[colour])
    canvas[top : top + side, left : left + side] = ink.astype(np.uint8)
    return canvas


def _numbers(digit, style):
    colour, position, size = style
    return digit, list(COLOURS).index(colour), POSITIONS.index(position), list(SIZES).index(size)
