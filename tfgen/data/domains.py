"""Two sets of pictures of which no two belong together: domain A as `image`, B as `image_b`.

Each domain keeps its own examples and its own order (see `tfgen.data.pipeline`), so the two are
never read in step, whatever their sizes.
"""

import dataclasses
import hashlib
import re
from collections.abc import Callable

import numpy as np

from tfgen.data import builtin
from tfgen.data.picture import Form
from tfgen.data.sources import Source, build

FORMS = (
    "'pairs:A=NAME,B=NAME', where NAME is a data set, perhaps with one class of it as in "
    "'tfds:cifar10[horse]', 'pairs:tfds:cycle_gan/NAME', or 'pairs:folder:PATH' of a folder with "
    "sub-folders trainA, trainB, testA and testB"
)


def pairs(a: Source, b: Source, name: str | None = None) -> Source:
    """Two sources as the domains A and B of one; labels are left out.

    Args:
        a, b: Of one image shape.
        name: For reports.

    Raises:
        ValueError: Their pictures differ in shape.
    """
    if a.image_shape != b.image_shape:
        raise ValueError(
            f"The pictures of both domains must have one shape. Received {a.image_shape} "
            f"({a.name!r}) and {b.image_shape} ({b.name!r}): pass image_size and channels."
        )
    first, second = _images_only(a), _images_only(b)
    digest = hashlib.sha256((first.fingerprint + second.fingerprint).encode()).hexdigest()
    return dataclasses.replace(
        first,
        name=name or f"pairs:A={a.name},B={b.name}",
        fingerprint=digest,
        second=second,
        notes=a.notes + b.notes,
    )


def named(rest: str, split: str, find: Callable[[str, str], Source]) -> Source:
    """The source of "pairs:" followed by `rest`.

    Args:
        rest: "A=NAME,B=NAME", "tfds:cycle_gan/NAME" or "folder:PATH".
        split: Of both.
        find: (name, split) -> the source of a data set.

    Raises:
        ValueError: Another form, a class that is not there, or a domain without pictures.
    """
    if rest.startswith(("tfds:cycle_gan/", "folder:")):
        known = ("train", "test") if rest.startswith("tfds:") else ("train", "val", "test")
        if split not in known:
            raise ValueError(
                f"Data set 'pairs:{rest}' has the splits {' and '.join(known)}. "
                f"Received: {split!r}."
            )
        a, b = (find(rest, split + domain) for domain in ("A", "B"))
        a, b = (dataclasses.replace(source, split=split) for source in (a, b))
    else:
        match = re.fullmatch(r"A=(.+),\s*B=(.+)", rest)
        if not match:
            raise ValueError(f"Data set 'pairs:{rest}': expected {FORMS}.")
        a, b = (one(text.strip(), split, find) for text in match.groups())
    return pairs(a, b, name=f"pairs:{rest}")


def inverted_digits(split: str, form: Form) -> Source:
    """Half of the 8x8 digits against the other half inverted; the truth of A -> B is -x.

    No digit is in both domains.
    """
    whole = builtin.digits(split, form)
    images = np.asarray(whole.arrays["image"], np.float32)
    half = len(images) // 2
    return pairs(
        build("digits", split, {"image": images[:half]}),
        build("digits, inverted", split, {"image": -images[half:]}),
        name="inverted-digits",
    )


def one(text: str, split: str, find: Callable[[str, str], Source]) -> Source:
    """The source of NAME, or of one class of it where `text` is NAME[CLASS].

    Raises:
        ValueError: A class that is not there, or without pictures.
    """
    match = re.fullmatch(r"(.+)\[([^\[\]]+)\]", text)
    if not match or text.startswith("attributes:"):  # Brackets choose attributes there.
        return find(text, split)
    name, wanted = match.groups()
    source = find(name, split)
    if "label" not in source.arrays:
        raise ValueError(f"Data set {name!r} has no classes, so there is no [{wanted}] of it.")
    names = source.class_names or tuple(str(n) for n in range(source.num_classes or 0))
    known = {**{str(n): n for n in range(len(names))}, **{n: k for k, n in enumerate(names)}}
    if wanted not in known:
        raise ValueError(f"Data set {name!r} has no class {wanted!r}. Known: {', '.join(names)}.")
    rows = np.flatnonzero(source.arrays["label"] == known[wanted])
    if not len(rows):
        raise ValueError(f"Data set {text!r}, split {split!r}: it is empty (0 images).")
    images = np.asarray(source.arrays["image"])[rows]
    return build(text, split, {"image": images}, None, source.notes, range_known=True)


def _images_only(source):
    digest = source.fingerprint if set(source.arrays) == {"image"} else None
    arrays = {"image": source.arrays["image"]}
    return build(source.name, source.split, arrays, None, (), digest, range_known=True)
