"""Pictures as PNG or JPEG files, in and out of a SavedModel: what its `_png` endpoints add.

A file is decoded to as many channels as the model takes: gray becomes equal red, green and blue,
colours become their brightness, transparency is dropped or opaque. Sides are never changed; other
sides than the model's are refused, before anything is decoded.
"""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen.signature import Input, Signature

FILE = "_bytes"  # Ending of inputs and outputs that are files; REST carries them as base64.
CHANNELS = (1, 3, 4)
LARGEST = 1 << 22  # Pixels of a picture where the model leaves the sides free.
_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD = 24  # Bytes up to the end of a PNG's width and height.


def shown(function: Any) -> bool:
    """Whether a traced function gives an `image` that PNG can hold."""
    image = function.structured_outputs.get("image")
    return image is not None and image.shape.rank == 4 and image.shape[-1] in CHANNELS


def taken(signature: Signature) -> dict[str, Input]:
    """The inputs that are pictures, by name."""
    return {n: i for n, i in signature.inputs.items() if i.is_image and i.shape[-1] in CHANNELS}


def as_files(signature: Signature, function: Any, gives_image: bool) -> Signature:
    """The same with each picture as a file: `image_bytes` in place of `image`.

    Args:
        signature: What the endpoint takes with pictures as numbers.
        function: Its traced function.
        gives_image: Whether the one output is `image_bytes`, or all are as they were.
    """
    files = taken(signature)
    inputs = {
        n + FILE if n in files else n: Input(i.shape[:-3], "string") if n in files else i
        for n, i in signature.inputs.items()
    }

    def served(**given):
        for name, spec in files.items():
            given[name] = decoded(given.pop(name + FILE), spec.shape, name + FILE)
        outputs = function(**given)
        return {"image_bytes": encoded(outputs["image"])} if gives_image else outputs

    return Signature(served, inputs)


def encoded(image: tf.Tensor) -> tf.Tensor:
    """PNG files, (N,), of pictures in [-1, 1], (N, H, W, C)."""
    levels = tf.round((image + 1.0) * 127.5)
    return tf.io.encode_png(tf.cast(tf.clip_by_value(levels, 0, 255), tf.uint8))


def decoded(files: tf.Tensor, shape: Sequence[int | None], name: str) -> tf.Tensor:
    """Pictures in [-1, 1] of PNG and JPEG files.

    Args:
        files: (N, ...) strings.
        shape: (..., H, W, C) of one row; None for a free side.
        name: What messages call the input.

    Returns:
        float32 (N, ..., H, W, C).

    In a graph that runs, InvalidArgument: neither PNG nor JPEG, a broken file, other sides; where
    sides are free, files of different sides, none at all, or more than `LARGEST` pixels.
    """
    flat = tf.reshape(files, (-1,))
    with tf.control_dependencies(checks(flat, shape[-3:-1], name)):
        flat = tf.identity(flat)
    channels = shape[-1]

    def pixels(data):
        return tf.cond(
            tf.strings.substr(data, 0, len(_PNG)) == _PNG,
            lambda: tf.io.decode_png(data, channels=channels),
            # The default is a coarser transform than other decoders use.
            lambda: tf.io.decode_jpeg(data, channels=channels, dct_method="INTEGER_ACCURATE"),
        )

    spec = tf.TensorSpec(shape[-3:], tf.uint8)
    levels = tf.map_fn(pixels, flat, fn_output_signature=spec)
    if len(shape) > 3:
        sides = tf.concat([tf.shape(files), tf.shape(levels)[1:]], 0)
        levels = tf.ensure_shape(tf.reshape(levels, sides), (None, *shape))
    return tf.cast(levels, tf.float32) / 127.5 - 1.0


def checks(files: tf.Tensor, wanted: Sequence[int | None], name: str) -> list:
    """The assertions of `decoded`, from the files' first bytes."""
    heads = tf.io.decode_raw(files, tf.uint8, fixed_length=_HEAD)  # Shorter files end in zeros.
    is_png = tf.reduce_all(heads[:, :8] == tf.constant(list(_PNG), tf.uint8), 1)
    is_jpeg = tf.reduce_all(heads[:, :3] == tf.constant([0xFF, 0xD8, 0xFF], tf.uint8), 1)
    is_known = tf.debugging.Assert(
        tf.reduce_all(is_png | is_jpeg),
        [f"{name} takes PNG and JPEG files. Neither is the file of row:"]
        + [tf.where(~(is_png | is_jpeg))[:, 0]],
        name="neither_png_nor_jpeg",
    )
    parts = tf.cast(tf.reshape(heads[:, 16:24], (-1, 2, 4)), tf.int64)
    width_height = tf.reduce_sum(parts * tf.constant([1 << 24, 1 << 16, 1 << 8, 1], tf.int64), 2)

    def sides_of(row):
        data, is_png, width_height = row
        return tf.cond(
            is_png,
            lambda: width_height[::-1],
            lambda: tf.cast(tf.image.extract_jpeg_shape(data)[:2], tf.int64),
        )

    with tf.control_dependencies([is_known]):
        rows = (files, is_png, width_height)
        spec = tf.TensorSpec((2,), tf.int64)
        sides = tf.map_fn(sides_of, rows, fn_output_signature=spec)  # (N, 2)
    fixed = [(axis, side) for axis, side in enumerate(wanted) if side is not None]
    fits = tf.reduce_all([sides[:, axis] == side for axis, side in fixed], 0) if fixed else True
    if len(fixed) == 2:
        text = f"{name} takes pictures {wanted[0]} high and {wanted[1]} wide."
        return [_asserted(fits, text, sides)]
    return [
        _asserted(tf.size(files) > 0, f"{name} takes at least one file.", sides),
        _asserted(
            tf.reduce_all(sides == sides[:1], 1) & fits,
            f"{name} takes pictures of one size, {_size(wanted)}, as is the first.",
            sides,
        ),
        _asserted(
            tf.reduce_prod(sides, 1) <= LARGEST,
            f"{name} takes pictures of at most {LARGEST} pixels.",
            sides,
        ),
    ]


def _asserted(fits, text, sides):
    wrong = tf.boolean_mask(sides, ~fits) if fits.shape.rank else sides
    data = [f"{text} Received heights and widths:", wrong]
    return tf.debugging.Assert(tf.reduce_all(fits), data, summarize=8)


def _size(wanted):
    return " x ".join("any" if side is None else str(side) for side in wanted)


def packed(signature: Signature, feeds: dict[str, Any]) -> dict[str, Any]:
    """Feeds with each picture as a PNG file, rounded to 8 bits; written without TensorFlow."""
    files = taken(signature)
    return {n + FILE if n in files else n: _png(v) if n in files else v for n, v in feeds.items()}


def unpacked(signature: Signature, feeds: dict[str, Any]) -> dict[str, Any]:
    """The numbers of packed feeds, read without TensorFlow."""
    found = {}
    for name in signature.inputs:
        if name not in taken(signature):
            found[name] = feeds[name]
            continue
        files = feeds[name + FILE]
        levels = np.stack([np.asarray(Image.open(io.BytesIO(one))) for one in files.ravel()])
        sides = levels.shape[1:3]
        levels = levels.reshape(*files.shape, *sides, -1).astype(np.float32)
        found[name] = levels / np.float32(127.5) - np.float32(1)
    return found


def _png(images):
    outer, sides = images.shape[:-3], images.shape[-3:]
    levels = np.clip(np.round((images.astype(np.float64) + 1) * 127.5), 0, 255).astype(np.uint8)
    files = np.empty(math.prod(outer), object)
    for row, one in enumerate(levels.reshape(-1, *sides)):
        target = io.BytesIO()
        Image.fromarray(one[..., 0] if sides[-1] == 1 else one).save(target, "PNG")
        files[row] = target.getvalue()
    return files.reshape(outer)
