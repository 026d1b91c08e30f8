"""What the training doctor measures of a model: its players' gradients, and a probe batch."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen.training import diagnosis

NO_STEP = -1.0  # In place of the norm of a gradient.


def player(optimizer_name: str) -> str:
    """Whose optimizer it is."""
    return optimizer_name.removesuffix("_optimizer")


def watch(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> tf.Variable:
    """A variable that holds the norm of the optimizer's last gradient, from now on."""
    with model.distribute_strategy.scope():
        norm = tf.Variable(
            NO_STEP, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
    apply = type(optimizer).apply

    def watching(gradients, trainable_variables=None):
        # Of the whole batch: `tfgen.optimizers.update` has summed what the replicas found.
        scale = 1.0 / tf.cast(getattr(optimizer, "dynamic_scale", 1.0), tf.float32)
        known = [tf.cast(g, tf.float32) for g in gradients if g is not None]
        norm.assign(scale * tf.linalg.global_norm(known))
        return apply(optimizer, gradients, trainable_variables)

    optimizer.apply = watching
    return norm


def measured(
    model: Any, maker: str, critic: str | None, probe: dict, loss: str | None, similar: bool
) -> dict[str, float]:
    """What the served functions do with a probe.

    Args:
        model: With `signatures()`.
        maker: Name of the function that makes pictures.
        critic: Name of the one whose first output is the logit, None for a model without.
        probe: Name -> array of a batch (B, ...), with `image`.
        loss: Of the model, which says what a logit means.
        similar: Whether MS-SSIM is measured too.

    Returns:
        Numbers of `diagnosis.of_samples` and `diagnosis.of_logits`; {} for a model whose pictures
        are made of the probe's own.
    """
    table = model.signatures()
    inputs, real = table[maker].inputs, probe["image"]
    given = _given(probe, inputs)
    # What is made of the real pictures themselves, as by a translator, is no sample.
    if "image" in given or any(n not in given and not i.distribution for n, i in inputs.items()):
        return {}
    feeds = table[maker].draw(range(len(real)), **given)
    made = next(iter(model.call_signature(maker, feeds).values())).numpy()
    if not np.isfinite(made).all():
        return {"samples": math.nan}
    shown = _shrunk(real, made.shape[1:3])
    found = {} if shown is None else diagnosis.of_samples(shown, made, similar=similar)
    names = table[critic].inputs if critic else {}
    if critic is None or _given(probe, names).keys() != names.keys():
        return found
    of_real, of_fake = (
        next(iter(model.call_signature(critic, {name: batch[name] for name in names}).values()))
        for batch in (probe, {**probe, "image": made})
    )
    return {**found, **diagnosis.of_logits(of_real, of_fake, loss)}


def _given(probe, inputs):
    """What the probe has of a signature's inputs."""
    ranks = {name: len(given.shape) + 1 for name, given in inputs.items()}
    return {n: probe[n] for n, rank in ranks.items() if n in probe and probe[n].ndim == rank}


def _shrunk(images, sides):
    """Images averaged down to the sides of a model that still grows; None if that cannot be."""
    rows, height, width, channels = images.shape
    if sides[0] == 0 or height % sides[0] or height // sides[0] != width / sides[1]:
        return None
    n = height // sides[0]
    return images.reshape(rows, sides[0], n, sides[1], n, channels).mean((2, 4))
