"""Trains configs/infogan_mnist.yaml with several seeds and measures what the codes have found.

    python -m benchmarks.infogan runs/infogan --seeds 0 1 2 3 4

Prints one JSON line a seed: L_I of the categorical code in nats (at most ln 10 = 2.3026) over
10,000 generated images, and the error of its most probable category as a classifier of the test
images, each category matched with one digit on the training images. Chen et al. 2016 report 5 %.
Each seed has a run of its own under the folder, which the same command continues.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from tfgen import data, pictures
from tfgen.pictures.traversals import traversal
from tfgen.training import config, run

CONFIG = Path(__file__).parent.parent / "configs" / "infogan_mnist.yaml"


def inferred(model, split):
    """Q's probabilities (N, K) of the first category and the labels (N,) of a split of MNIST."""
    found, labels = [], []
    for batch in data.load("tfds:mnist", split, 500, shuffle=False, drop_remainder=False):
        outputs = model.call_signature("infer", {"image": batch["image"]})
        found.append(outputs["category_1"].numpy())
        labels.append(batch["label"].numpy())
    return np.concatenate(found), np.concatenate(labels)


def matched(probability, label):
    """The digit that each category is matched with, one to one, such that most are right, (K,)."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (probability.argmax(1), label), 1)
    return linear_sum_assignment(-counts)[1]


def information(model, rows=10_000, part=500):
    """L_I of the categorical codes on generated images, nats."""
    values = []
    for start in range(0, rows, part):
        drawn = model.signatures()["generate"].draw(range(start, start + part))
        image = model.call_signature("generate", drawn)["image"]
        outputs = model.recognition(model.trunk(image, training=False), training=False)
        codes = model.codes.joined({k: tf.constant(v) for k, v in drawn.items() if k != "z"})
        values.append(model.codes.information(codes, outputs)[0].numpy())
    return float(np.mean(np.concatenate(values)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--set", nargs="*", default=[], help="overrides, such as fit.epochs=10")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        settings = config.load(CONFIG, [f"seed={seed}", *arguments.set])
        folder = arguments.folder / f"seed-{seed}"
        done = run.train(settings, folder)
        probability, label = inferred(done.model, "test")
        names = matched(*inferred(done.model, "train"))
        error = np.mean(names[probability.argmax(1)] != label)
        line = {
            "seed": seed,
            "steps": done.step,
            "information": information(done.model),
            "clustering_error": float(error),
        }
        print(json.dumps(line), flush=True)
        for name, index in (("category_1", None), ("continuous", 0), ("continuous", 1)):
            shown = name if index is None else f"{name}_{index}"
            pictures.save(folder / f"{shown}.png", traversal(done.model, name, index=index))


if __name__ == "__main__":
    main()
