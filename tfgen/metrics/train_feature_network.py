"""Trains one of the feature networks that come with the package.

    python -m tfgen.metrics.train_feature_network mnist28 [--epochs 4] [--folder FOLDER] [--seed 0]

It classifies the training split of digits, MNIST or CIFAR-10; MNIST and CIFAR-10 are read by
tensorflow-datasets from $TFDS_DATA_DIR. Random shifts (and mirroring, for CIFAR-10) augment;
cross-entropy, AdamW with a cosine schedule. The last epoch's weights are kept, whatever they are;
the test split is looked at once, for the record. Writes NAME.npz and NAME.json: data, settings,
accuracy, SHA-256.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfgen import data, files
from tfgen.metrics.shipped_networks import WEIGHTS, build

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
    arguments = parser.parse_args()
    epochs = arguments.epochs or SETS[arguments.name][1]
    record = train(arguments.name, arguments.folder, epochs, arguments.seed)
    print(json.dumps(record, indent=2))


def train(name: str, folder: Path, epochs: int, seed: int = 0) -> dict:
    """Trains, writes both files and returns the record."""
    began = time.perf_counter()
    keras.utils.set_random_seed(seed)
    source = data.source(SETS[name][0], "train")
    network = build(name)
    steps = source.size // BATCH
    classifier = keras.Model(network.inputs[0], network.outputs[1])
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * steps)
    classifier.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    stream = _stream(source, seed, SETS[name][2], SETS[name][3])
    classifier.fit(stream, steps_per_epoch=steps, epochs=epochs, verbose=2)
    test = data.source(SETS[name][0], "test")
    pairs = ((b["image"], b["label"]) for b in data.batches(test, 500))
    hits = [np.argmax(classifier(x, training=False), -1) == y for x, y in pairs]
    folder.mkdir(parents=True, exist_ok=True)
    weights = [w.astype(np.float32) for w in network.get_weights()]
    files.write(folder / f"{name}.npz", lambda path: np.savez_compressed(path, *weights))
    record = {
        "name": name,
        "data": SETS[name][0],
        "train_images": source.size,
        "train_fingerprint": source.fingerprint,
        "test_images": test.size,
        "test_accuracy": float(np.concatenate(hits).mean()),
        "epochs": epochs,
        "seed": seed,
        "features": int(network.outputs[0].shape[-1]),
        "parameters": int(network.count_params()),
        "seconds": round(time.perf_counter() - began),
        "sha256": files.sha256(folder / f"{name}.npz"),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    files.write_text(folder / f"{name}.json", json.dumps(record, indent=2) + "\n")
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
