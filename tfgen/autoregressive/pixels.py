"""What models of p(x) = product of p(sub-pixel | earlier sub-pixels) do alike.

Such a model has `image_shape`, `levels`, `num_classes`, and two methods of its own:

    nll(index, label=None, training=False)   -log p(x|y) in nats, (B,)
    draw(u, label, given=None)               pictures from one uniform number a sub-pixel

Everything that follows from these is a function here, which the model takes as a method:

    inputs(model, batch)                     levels and labels of a batch
    check_values(model, batch)               levels and labels, asserted
    test_step(model, batch)
    generate, log_prob, complete, class_log_prob, signatures
"""

import dataclasses
import math

import tensorflow as tf

from tfgen.model import GenerativeModel
from tfgen.probability.levels import bits_per_dim, level_index, level_value, require
from tfgen.signature import Input, Signature
from tfgen.step import class_numbers, required, step


def inputs(
    model: GenerativeModel, batch: dict[str, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Levels (B, H, W, C) and labels (B,) or None of a batch."""
    label = None
    if model.num_classes:
        label = required(batch, "label", f"{type(model).__name__} with num_classes")
    return level_index(batch["image"], model.levels), label


def check_values(model: GenerativeModel, batch: dict[str, tf.Tensor]) -> None:
    """The model's `check_values`: levels and labels."""
    _, label = inputs(model, batch)
    one_hot_label(label, model.num_classes)


@step
def test_step(model: GenerativeModel, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Means of -log p(x), in nats and in bits a sub-pixel."""
    nll = model.nll(*inputs(model, batch))
    return model.report(nll=nll, bits_per_dim=bits_per_dim(nll, model.image_shape))


def generate(
    model: GenerativeModel, u: tf.Tensor, label: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """Pictures {"image": (B, H, W, C)} from uniform numbers of the same shape."""
    return {"image": model.draw(u, label)}


def log_prob(
    model: GenerativeModel, image: tf.Tensor, label: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """log p(x|y), (B,) in nats, and -log p as bits a sub-pixel, (B,)."""
    # A served picture, decoded from 8 bits or less, is read to the nearest level.
    index = level_index(image, model.levels, nearest=not tf.executing_eagerly())
    nll = model.nll(index, label)
    return {"log_prob": -nll, "bits_per_dim": bits_per_dim(nll, model.image_shape)}


def complete(
    model: GenerativeModel,
    image: tf.Tensor,
    mask: tf.Tensor,
    u: tf.Tensor,
    label: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
    """Pictures whose pixels outside the mask are drawn, given those inside; see `given_part`."""
    known, seen = given_part(image, mask, model.levels)
    return {"image": tf.where(known, image, model.draw(u, label, (known, seen)))}


def class_log_prob(model: GenerativeModel, image: tf.Tensor) -> dict[str, tf.Tensor]:
    """log p(y|x) by Bayes' rule with a uniform prior, (B, Y), and log p(x), (B,), in nats."""
    classes = model.num_classes
    repeated = tf.repeat(image, classes, axis=0)  # (B * Y, H, W, C)
    label = tf.tile(tf.range(classes), [tf.shape(image)[0]])
    joint = tf.reshape(model.log_prob(repeated, label)["log_prob"], (-1, classes))
    joint -= math.log(classes)
    marginal = tf.reduce_logsumexp(joint, 1, keepdims=True)
    return {"class_log_prob": joint - marginal, "log_prob": marginal[:, 0]}


def signatures(model: GenerativeModel) -> dict[str, Signature]:
    """What an autoregressive model serves, from its methods of the same names.

    `generate(u[, label])`, `log_prob(image[, label])`, `complete(image, mask, u[, label])`, and
    with labels `class_log_prob(image)`. `u` holds one uniform number for each sub-pixel.
    """
    shape, classes = model.image_shape, model.num_classes
    u, image = Input.uniform(*shape), Input.image(shape)
    mask = Input((*shape[:2], 1), "int32", num_classes=2)
    drawn = {"label": Input.label(classes, model.class_names)} if classes else {}
    # A likelihood of a label that was drawn by chance would mean nothing.
    label = {name: dataclasses.replace(spec, distribution=None) for name, spec in drawn.items()}
    table = {
        "generate": Signature(model.generate, {"u": u, **drawn}),
        "log_prob": Signature(model.log_prob, {"image": image, **label}),
        "complete": Signature(model.complete, {"image": image, "mask": mask, "u": u, **label}),
    }
    if classes:
        table["class_log_prob"] = Signature(model.class_log_prob, {"image": image})
    return table


def one_hot_label(label: tf.Tensor | None, num_classes: int | None) -> tf.Tensor | None:
    """The condition of p(x|y), float32 (B, num_classes); None for a model without labels.

    Raises:
        ValueError: A label that is missing, one that the model has no use for, or one outside
            0 .. num_classes - 1 (in a graph as in `level_index`).
    """
    if num_classes is None and label is None:
        return None
    if num_classes is None:
        raise ValueError("This model has no labels: build it with `num_classes`, or give none.")
    if label is None:
        raise ValueError(f"This model is conditional: give a label in 0 .. {num_classes - 1}.")
    label = class_numbers(label)
    wrong = tf.reduce_any((label < 0) | (label >= num_classes))
    require(~wrong, f"Labels must lie in 0 .. {num_classes - 1}. Received:", label)
    return tf.one_hot(label, num_classes)


def given_part(image: tf.Tensor, mask: tf.Tensor, levels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The mask as bool (B, H, W, C), and the picture with its hidden part at -1.

    Args:
        image: (B, H, W, C) in [-1, 1]; where hidden, anything.
        mask: int32 (B, H, W, 1), 1 where the picture is given and 0 where it is to be filled in.
        levels: Number of levels; a given value between two is taken to the nearer one.

    Raises:
        ValueError: A mask of another shape or with other values.
    """
    image, mask = tf.convert_to_tensor(image, tf.float32), tf.convert_to_tensor(mask)
    expected = tf.TensorShape([*image.shape[:-1], 1])
    if not mask.shape.is_compatible_with(expected):
        raise ValueError(
            f"`mask` must have shape {expected}: 1 where a pixel is given. Received: {mask.shape}."
        )
    mask = tf.cast(mask, tf.int32) if mask.dtype == tf.bool else mask
    wrong = tf.reduce_any((mask != 0) & (mask != 1))
    require(~wrong, "`mask` must be 1 (given) or 0 (to be filled in). Received:", mask)
    known = tf.broadcast_to(mask, tf.shape(image)) > 0  # (B, H, W, C)
    seen = tf.where(known, image, -tf.ones_like(image))
    return known, level_value(level_index(seen, levels, nearest=True), levels)
