"""Trains one of the feature networks that come with the package.

    python -m tfgen.metrics.train_feature_network mnist28 [--epochs 4] [--folder FOLDER] [--seed 0]
    python -m tfgen.metrics.train_feature_network cifar32 --filters 64,128,128,256,256,256 \\
        --epochs 40 --least 0.88

It classifies the training split of digits, MNIST or CIFAR-10; MNIST and CIFAR-10 are read by
tensorflow-datasets from $TFDS_DATA_DIR. Random shifts (and mirroring, for CIFAR-10) augment;
cross-entropy, AdamW with a cosine schedule. The last epoch's weights are kept, whatever they are;
the test split is looked at once, for the record. Writes NAME.npz and NAME.json: data, settings,
accuracy, size, SHA-256; under `--least` nothing is written over what is there, but beside it, as
NAME-ACCURACY.npz.

The second command is what is to replace the shipped "cifar32"; `load` builds the layers that the
JSON names. It has not been run yet: it wants a GPU, or hours.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfgen import data, files
from tfgen.metrics.shipped_networks import SHIPPED, WEIGHTS, build

SETS = {  # name -> data set, epochs, pixels of shift, mirrored
    "digits8": ("digits", 60, 1, False),
    "mnist28": ("tfds:mnist", 4, 2, False),
    "cifar32": ("tfds:cifar10", 6, 4, True),
}
BATCH = 128


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tfgen.metrics.train_feature_network", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", choices=SETS)
    parser.add_argument("--epochs", type=int, help="by default what the shipped one was given")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where the files go")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--filters", type=_widths, help="of the layers, every second one halves")
    parser.add_argument(
        "--least", type=float, default=0.0, help="accuracy below which none is kept"
    )
    arguments = parser.parse_args()
    epochs = arguments.epochs or SETS[arguments.name][1]
    rest = arguments.seed, arguments.filters, arguments.least
    record = train(arguments.name, arguments.folder, epochs, *rest)
    print(json.dumps(record, indent=2))


def _widths(text):
    """ "64,128" -> (64, 128)"""
    return tuple(int(width) for width in text.split(","))


def train(
    name: str,
    folder: Path,
    epochs: int,
    seed: int = 0,
    filters: Sequence[int] | None = None,
    least: float = 0.0,
) -> dict:
    """Trains, writes both files and returns the record.

    Args:
        name: A key of `SETS`.
        folder: Where NAME.npz and NAME.json go.
        epochs: Passes over the training split.
        seed: Of the weights, the order and the shifts.
        filters: Of the layers; by default those of the shipped network.
        least: Test accuracy below which the files are called NAME-ACCURACY.
    """
    began = time.perf_counter()
    keras.utils.set_random_seed(seed)
    source = data.source(SETS[name][0], "train")
    network = build(name, filters)
    steps = source.size // BATCH
    classifier = keras.Model(network.inputs[0], network.outputs[1])
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * steps)
    classifier.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    stream = _stream(source, seed, SETS[name][2], SETS[name][3])
    classifier.fit(stream, steps_per_epoch=steps, epochs=epochs, verbose=2, shuffle=False)
    test = data.source(SETS[name][0], "test")
    pairs = ((b["image"], b["label"]) for b in data.batches(test, 500))
    hits = [np.argmax(classifier(x, training=False), -1) == y for x, y in pairs]
    folder.mkdir(parents=True, exist_ok=True)
    weights = [w.astype(np.float32) for w in network.get_weights()]
    accuracy = float(np.concatenate(hits).mean())
    called = name if accuracy >= least else f"{name}-{accuracy:.4f}"
    files.write(folder / f"{called}.npz", lambda path: np.savez_compressed(path, *weights))
    record = {
        "name": name,
        "data": SETS[name][0],
        "train_images": source.size,
        "train_fingerprint": source.fingerprint,
        "test_images": test.size,
        "test_accuracy": accuracy,
        "epochs": epochs,
        "seed": seed,
        "features": int(network.outputs[0].shape[-1]),
        "filters": list(filters or SHIPPED[name][1]),
        "parameters": int(network.count_params()),
        "bytes": (folder / f"{called}.npz").stat().st_size,
        "seconds": round(time.perf_counter() - began),
        "sha256": files.sha256(folder / f"{called}.npz"),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    files.write_text(folder / f"{called}.json", json.dumps(record, indent=2) + "\n")
    return record


def _stream(source, seed, shift, mirrored):
    stream = data.batches(source, BATCH, seed=seed, start=0, flip=mirrored)
    height, width, channels = source.image_shape
    generator = tf.random.Generator.from_seed(seed, alg="philox")

    def moved(batch):
        x = tf.pad(batch["image"], [[0, 0], [shift] * 2, [shift] * 2, [0, 0]], constant_values=-1.0)
        top, left = tf.unstack(generator.uniform((2,), 0, 2 * shift + 1, tf.int32))
        x = x[:, top : top + height, left : left + width]  # One shift a batch is random enough.
        return tf.ensure_shape(x, (BATCH, height, width, channels)), batch["label"]

    return stream.map(moved)


if __name__ == "__main__":
    main()
