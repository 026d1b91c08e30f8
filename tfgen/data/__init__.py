"""Data sets as `tf.data` batches: dicts with `image` float32 (B, H, W, C) in [-1, 1] and `label`.

    tfgen.data.load("mnist-5k", batch_size=128)             # straight into model.fit
    tfgen.data.source("folder:pictures", image_size=64)     # the examples themselves
    tfgen.data.batches(tfgen.data.array(images), 64)        # from plain arrays

What batch a step sees is a pure function of (seed, step).
"""

import difflib
import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfgen.construct import no_such
from tfgen.data import (
    attributes,
    builtin,
    captioned_digits,
    captions,
    domains,
    folder,
    shapes,
    tfds,
    tfrecord,
    tinted,
)
from tfgen.data.domains import pairs
from tfgen.data.key_patches import COUNT, patches
from tfgen.data.picture import Form
from tfgen.data.pipeline import batches
from tfgen.data.sources import Source, array
from tfgen.data.store import memory_limit as _memory_limit

__all__ = [
    "DATASETS",
    "Source",
    "array",
    "batches",
    "describe",
    "load",
    "pairs",
    "patches",
    "source",
]


class _Kind(NamedTuple):
    line: str
    make: Callable[..., Source]


DATASETS = {
    "digits": _Kind("1,797 real 8x8 grey digits, 10 classes; no download", builtin.digits),
    "mnist-5k": _Kind("5,000 real 28x28 MNIST digits, 10 classes; no download", builtin.mnist_5k),
    "inverted-digits": _Kind(
        "8x8 digits (A) and other ones inverted (B), unpaired; no download",
        domains.inverted_digits,
    ),
    "tinted-digits": _Kind(
        "8x8 digits in one of four colours, which is their class; no download",
        tinted.tinted_digits,
    ),
    "captioned-digits": _Kind(
        "7,188 pictures 16x16 of real digits in colours, with captions; no download",
        captioned_digits.captioned_digits,
    ),
    "shapes": _Kind(
        "4,608 pictures 32x32 of one shape, five known factors; no download", shapes.shapes
    ),
    "tfds:NAME": _Kind("any set of images of tensorflow-datasets", tfds.prepared),
    "folder:PATH": _Kind("your own pictures, flat or one folder a class", folder.folder),
    "tfrecord:PATH": _Kind("what `tfgen data pack` wrote, in shards; gs:// too", tfrecord.packed),
    "captions:PATH": _Kind(
        "your own pictures with captions.csv or .jsonl, or captions:tfds:NAME", captions.captioned
    ),
    "attributes:PATH": _Kind(
        "your own pictures with attributes.csv, or attributes:tfds:celeb_a[Male,Young]",
        attributes.attributed,
    ),
    "patches:NAME": _Kind(
        "one of these, or NAME[CLASS], with the key local patches of each picture", patches
    ),
    "pairs:A=NAME,B=NAME": _Kind(
        "two of these as unpaired domains; NAME[CLASS] is one class of a set", domains.named
    ),
}


def describe() -> list[tuple[str, str]]:
    """(name, one line) of each data set."""
    return [(name, kind.line) for name, kind in DATASETS.items()]


def source(
    name: str,
    split: str = "train",
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    resize: str = "crop",
    value_range: tuple[float, float] | None = None,
    data_dir: str | None = None,
    download: bool = False,
    memory_limit: int | None = None,
    patch_count: int = COUNT,
    patch_side: float | None = None,
    patch_warps: int = 0,
) -> Source:
    """The examples of one split, with random access.

    Args:
        name: One of `DATASETS`, such as "digits", "tfds:NAME" or "folder:PATH".
        split: "train", "test" or "all"; for "tfds:" whatever tensorflow-datasets takes.
        image_size: Side or (H, W) that the images are brought to; None keeps theirs.
        channels: 1 (grey) or 3 (RGB); None keeps theirs, a folder's become RGB.
        resize: "crop", "pad" or "stretch": what happens to another aspect ratio.
        value_range: For pictures of files and of "tfds:", the values of black and white, such as
            (0, 1) for masks or (0, 4095) for 12 bits; by default those of the file's format.
        data_dir: For "tfds:", where prepared sets lie (by default $TFDS_DATA_DIR).
        download: For "tfds:", whether a set that is not there is downloaded.
        memory_limit: For "tfds:", "folder:" and "tfrecord:", bytes of decoded images past which
            they go to a file in $TFGEN_CACHE_DIR (by default ~/.cache/tfgen) that is mapped into
            memory. By default $TFGEN_MEMORY_LIMIT, or 2 GiB.
        patch_count: For "patches:NAME", how many of each picture.
        patch_side: For "patches:NAME", the share of the shorter side that square patches have; by
            default three shapes of about a third.
        patch_warps: For "patches:NAME", turned, scaled and sheared versions that a training split
            has besides each picture, with patches of their own.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: Unknown name or split, a set that is empty, not prepared or cannot be decoded,
            images of several sizes without `image_size`, or an option that does not apply.
    """
    if not isinstance(name, str):
        raise ValueError(
            "The name of a data set is a text, such as 'digits' or 'folder:PATH'. "
            f"Received: {name!r}."
        )
    kind, colon, rest = name.partition(":")
    if kind in ("pairs", "patches") and rest:
        own: dict[str, Any] = {"image_size": image_size, "channels": channels, "resize": resize}
        own |= {"memory_limit": memory_limit, "value_range": value_range}
        of_tfds: dict[str, Any] = {"data_dir": data_dir, "download": download}

        def find(one, part):
            return source(one, part, **own, **(of_tfds if one.startswith("tfds:") else {}))

        if kind == "patches":
            warps = patch_warps if split.startswith("train") else 0
            return patches(domains.one(rest, split, find), patch_count, patch_side, warps)
        return domains.named(rest, split, find)
    if (patch_count, patch_side, patch_warps) != (COUNT, None, 0):
        raise ValueError(
            f"patch_count, patch_side and patch_warps apply to 'patches:NAME' only. "
            f"Received: {name!r}."
        )
    form = Form(image_size, channels, resize, value_range)
    limit = _memory_limit(memory_limit)
    from_tfds = kind == "tfds" or name.startswith(("captions:tfds:", "attributes:tfds:"))
    if not from_tfds and (data_dir is not None or download):
        raise ValueError(f"data_dir and download apply to 'tfds:NAME' only. Received: {name!r}.")
    if kind == "tfds" and rest:
        found = DATASETS["tfds:NAME"].make(rest, split, form, limit, data_dir, download)
    elif kind in ("folder", "tfrecord") and rest:
        found = DATASETS[f"{kind}:PATH"].make(rest, split, form, limit)
    elif kind in ("captions", "attributes") and rest:
        found = DATASETS[f"{kind}:PATH"].make(rest, split, form, limit, data_dir, download)
    elif name in DATASETS and not colon:
        if value_range is not None:
            raise ValueError(f"value_range does not apply to {name!r}, whose values are known.")
        found = DATASETS[name].make(split, form)
    else:
        raise ValueError(_unknown(name))
    if found.notes:
        shown = "; ".join(found.notes[:3]) + ("; ..." if len(found.notes) > 3 else "")
        total = found.size + len(found.notes)
        warnings.warn(
            f"Data set {name!r}: {len(found.notes)} of {total} pictures could not be decoded and "
            f"are left out: {shown}",
            stacklevel=2,
        )
    return found


def load(name: str, split: str = "train", batch_size: int = 64, **options) -> tf.data.Dataset:
    """`batches` of a `source`, ready for `model.fit`.

    A training split is shuffled, anew each epoch, and drops the last batch that is not full; other
    splits come in order and whole.

    Args:
        name: "digits", "mnist-5k", "tfds:NAME" or "folder:PATH".
        split: "train", "test" or "all"; for "tfds:" whatever tensorflow-datasets takes.
        batch_size: Examples in a batch.
        **options: Keyword arguments of `source` and of `batches`.

    Raises:
        ValueError: As `source` and `batches`, or an unknown option.
    """
    known = inspect.signature(load).parameters
    for option in options:
        if option not in known:
            raise ValueError(no_such("data option", option, sorted(known)))
    of_source = inspect.signature(source).parameters
    found = source(name, split, **{k: v for k, v in options.items() if k in of_source})
    return batches(found, batch_size, **{k: v for k, v in options.items() if k not in of_source})


# What `help` shows and configurations are checked against.
load.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # `inspect` reads it.
    [p for p in inspect.signature(load).parameters.values() if p.kind is not p.VAR_KEYWORD]
    + [
        parameter
        for function in (source, batches)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ],
    return_annotation=tf.data.Dataset,
)


def _unknown(name):
    near = difflib.get_close_matches(name, DATASETS, cutoff=0.4)[:1]
    if "mnist" in name.lower():
        near = ["mnist-5k", "tfds:mnist"]
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"Unknown data set {name!r}.{hint} Known: {', '.join(DATASETS)}."
