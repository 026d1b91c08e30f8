"""The feature networks that come with the package: their layers, weights and records.

`tfgen.metrics.train_feature_network` trains them, and writes beside the weights how well.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import files

WEIGHTS = Path(__file__).parent / "weights"
SHIPPED = {  # name -> shape of its pictures, filters of its layers; every second one halves.
    "digits8": ((8, 8, 1), (16, 32, 32)),
    "mnist28": ((28, 28, 1), (16, 32, 32, 64, 64)),
    "cifar32": ((32, 32, 3), (32, 32, 64, 96, 128)),
}
# What each was trained on, by the data sets' names: its figures speak of such pictures only.
DOMAINS = {
    "digits8": ("digits",),
    "mnist28": ("mnist-5k", "tfds:mnist"),
    "cifar32": ("tfds:cifar10",),
}


def domain(data: str) -> str:
    """The data set that pictures come from: "mnist-5k" of "patches:mnist-5k"."""
    return data.removeprefix("patches:").partition("[")[0]


def record(name: str) -> dict:
    """How a shipped network was trained, its accuracy and its hash."""
    return json.loads((WEIGHTS / f"{name}.json").read_text())


def build(name: str, filters: Sequence[int] | None = None) -> keras.Model:
    """A shipped network with new weights: pictures -> [features (B, F), logits (B, 10)].

    3x3 convolutions with batch normalisation and ReLU; the features are the last one's maps,
    averaged over the picture.

    Args:
        name: One of `SHIPPED`.
        filters: Of its layers; by default those of `SHIPPED`.
    """
    shape, own = SHIPPED[name]
    filters = filters or own
    x = image = keras.Input(shape)
    for number, width in enumerate(filters):
        x = layers.Conv2D(width, 3, strides=1 + number % 2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))
    x = layers.GlobalAveragePooling2D()(x)  # (B, F)
    return keras.Model(image, [x, layers.Dense(10)(x)], name=name)


def loaded(name: str):
    """(function of pictures to features and probabilities, shape of its pictures, its hash).

    Raises:
        ValueError: The weights are not those that were recorded.
    """
    path = WEIGHTS / f"{name}.npz"
    digest = files.sha256(path)
    if digest != record(name)["sha256"]:
        raise ValueError(f"{path} is not the file that was recorded: install tfgen again.")
    network = build(name, record(name).get("filters"))
    with np.load(path) as kept:
        network.set_weights([kept[f"arr_{i}"] for i in range(len(kept.files))])

    def function(image):
        found, logits = network(image, training=False)
        return found, tf.nn.softmax(logits)

    return function, SHIPPED[name][0], digest
