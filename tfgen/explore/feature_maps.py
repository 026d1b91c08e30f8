"""What the maps of a discriminator respond to, and by which pixels (guided backpropagation)."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen.data import Source
from tfgen.explore import examples, sheets
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.networks.features import convolutional_activations

NAME = "filters"
ROWS = 250
NETWORKS = ("discriminator", "trunk", "encoder")


def filters(
    model: Any,
    train: Source,
    maps: int = 6,
    pictures: int = 5,
    limit: int = 2000,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """What does each map of the discriminator look for? Nothing told it what a digit is.

    Of the last convolutional layer, the real pictures to which a map responds most, and by guided
    backpropagation (Springenberg et al. 2014) the pixels that make it respond; beside it the same
    of a network with its first random weights (Radford et al. 2015, figure 5).

    Args:
        model: With convolutions in its discriminator or encoder.
        train: Its data.
        maps: How many maps are shown: those whose response varies most over pictures.
        pictures: Of each map.
        limit: Real pictures that are looked through.
        seed: Of the choice of pictures.
        progress: Called with (done, total).

    Returns:
        Numbers: of each map shown its largest response, the share of pictures it responds to, and
        with labels the most frequent class among its 20 strongest pictures with its share, for
        trained and random weights; figures: "trained" and "random".

    Raises:
        ValueError: No convolutional layers.
    """
    if min(maps, pictures) < 1:
        raise ValueError(f"explore {NAME}: `maps` and `pictures` must be 1 or more.")
    if _network(model) is None:
        raise unfit(NAME, model, "its discriminator or encoder has no convolutions; DCGAN's has.")
    fresh = type(model).from_config(model.get_config())
    known = examples.mixed(train, limit, seed)
    numbers: dict[str, Any] = {}
    figures = {}
    for number, (name, one) in enumerate((("trained", model), ("random", fresh))):
        with one.averaged():
            top = _top(one)
            responses = _responses(top, known.images)  # (N, M)
            chosen = np.argsort(-responses.std(0), kind="stable")[:maps]
            numbers[name] = [_of_map(responses[:, m], int(m), known) for m in chosen]
            rows = []
            for m in chosen:
                strongest = known.images[np.argsort(-responses[:, m])[:pictures]]
                rows.append((f"map {m}", strongest))
                rows.append(("by pixels", _shown(guided(top, strongest, int(m)))))
            figures[name] = sheets.sheet(rows)
        progress(number + 1, 2)
    return Explored(NAME, _says(numbers, known), numbers, figures)


def guided(network: keras.Model, images: np.ndarray, number: int) -> np.ndarray:
    """Guided backpropagation of a map's largest response to the pixels, (N, H, W, C).

    As the gradient, but through each rectifier only what is positive above it passes.

    Args:
        network: Pictures -> activations (N, h, w, M), a chain of layers.
        images: (N, H, W, C) in [-1, 1].
        number: Of the map.
    """
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = x
        for layer in network.layers[1:]:
            h = layer(h, training=False)
            if _rectifies(layer):
                h = _positive_above(h)
        strongest = tf.reduce_sum(tf.reduce_max(h[..., number], axis=(1, 2)))
    return tape.gradient(strongest, x).numpy()


@tf.custom_gradient
def _positive_above(h):
    def gradient(upstream):
        # Of a leaky rectifier too, what is off passes nothing.
        return tf.where(h > 0, tf.nn.relu(upstream), tf.zeros_like(upstream))

    return tf.identity(h), gradient


def _rectifies(layer):
    if isinstance(layer, keras.layers.LeakyReLU | keras.layers.ReLU):
        return True
    return isinstance(layer, keras.layers.Activation) and layer.activation.__name__ == "relu"


def _network(model):
    """A chain of layers with convolutions, or None."""
    for name in NETWORKS:
        network = getattr(model, name, None)
        if isinstance(network, keras.Sequential) and convolutional_activations(network):
            return network
    return None


def _top(model):
    """Pictures -> the last convolutional activations."""
    network = _network(model)
    return keras.Model(network.inputs[0], convolutional_activations(network)[-1])


def _responses(network, images):
    """The largest activation of each map in each picture, (N, M)."""
    parts = []
    for first in range(0, len(images), ROWS):
        h = network(tf.constant(images[first : first + ROWS]), training=False)
        parts.append(tf.reduce_max(h, axis=(1, 2)).numpy())
    return np.concatenate(parts)


def _of_map(response, number, known):
    found = {
        "map": number,
        "largest": response.max(),
        "responds_to": float((response > 0.5 * response.max()).mean()),
    }
    if known.labels is not None:
        strongest = known.labels[np.argsort(-response)[:20]]
        values, counts = np.unique(strongest, return_counts=True)
        found["class"] = known.name(int(values[counts.argmax()]))
        found["share_of_class"] = float(counts.max() / counts.sum())
    return found


def _shown(gradient):
    """Each picture by itself in [-1, 1], grey where nothing counts."""
    size = np.abs(gradient).max(axis=(1, 2, 3), keepdims=True)
    return (gradient / np.maximum(size, 1e-12)).astype(np.float32)


def _says(numbers, known):
    says = f"The strongest pictures of {len(numbers['trained'])} maps of the last convolution"
    if known.labels is None:
        return f"{says}, and the pixels that make them respond; beside it random weights."
    trained, random = (
        np.mean([m["share_of_class"] for m in numbers[name]]) for name in ("trained", "random")
    )
    return f"{says} are {trained:.0%} of one class, with random weights {random:.0%}: the maps " + (
        "found classes that nobody told them." if trained > random else "look for no classes."
    )
