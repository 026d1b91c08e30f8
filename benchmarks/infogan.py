"""Trains configs/infogan_mnist.yaml with several seeds and measures what the codes have found.

    python -m benchmarks.infogan runs/infogan --seeds 0 1 2 3 4

Prints one JSON line an epoch (500 steps): D's loss, L_I of the categorical code in nats (at most
ln 10 = 2.3026) over 10,000 generated images, and the error of its most probable category as a
classifier of the test images, each category matched with one digit on 10,000 training images. At
the end, the best and the median error over the seeds. Chen et al. 2016 report 5 %. Each seed has a
run of its own under the folder, which the same command continues. The control of the paper's
figure 1:

    python -m benchmarks.infogan runs/infogan_control --set model.generator_information=false
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from tfgen import data, pictures
from tfgen.pictures.traversals import traversal
from tfgen.training import config, run

CONFIG = Path(__file__).parent.parent / "configs" / "infogan_mnist.yaml"
ROWS = 10_000


def inferred(model, name, split, rows=ROWS):
    """Q's probabilities (N, K) of the first category and the labels (N,) of the first rows."""
    found, labels = [], []
    batches = data.load(name, split, 500, shuffle=False, drop_remainder=False)
    for batch in batches.take(rows // 500):
        outputs = model.call_signature("infer", {"image": batch["image"]})
        found.append(outputs["category_1"].numpy())
        labels.append(batch["label"].numpy())
    return np.concatenate(found), np.concatenate(labels)


def matched(probability, label):
    """The digit that each category is matched with, one to one, such that most are right, (K,)."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (probability.argmax(1), label), 1)
    return linear_sum_assignment(-counts)[1]


def information(model, rows=ROWS, part=500):
    """L_I of the categorical codes on generated images, nats."""
    values = []
    for start in range(0, rows, part):
        drawn = model.signatures()["generate"].draw(range(start, start + part))
        image = model.call_signature("generate", drawn)["image"]
        outputs = model.recognition(model.trunk(image, training=False), training=False)
        codes = model.codes.joined({k: tf.constant(v) for k, v in drawn.items() if k != "z"})
        values.append(model.codes.information(codes, outputs)[0].numpy())
    return float(np.mean(np.concatenate(values)))


def measured(done, seed, name):
    """The line about a run as it stands."""
    names = matched(*inferred(done.model, name, "train"))
    probability, label = inferred(done.model, name, "test")
    return {
        "seed": seed,
        "step": done.step,
        "discriminator_loss": done.metrics[-1]["discriminator_loss"],
        "information": information(done.model),
        "clustering_error": float(np.mean(names[probability.argmax(1)] != label)),
    }


def trained(folder, seed, overrides):
    """Trains one seed an epoch at a time, and says after each how it stands; the last line."""
    epochs = config.load(CONFIG, [f"seed={seed}", *overrides]).fit["epochs"]
    epoch = 0
    while epoch < epochs:
        part = [f"seed={seed}", *overrides, f"fit.epochs={epoch + 1}"]
        epoch, line = apart(trained_epoch, folder, part, epochs)
        print(json.dumps(line), flush=True)
    return line


def apart(function, *arguments):
    """The function's value, from a process of its own.

    TensorFlow keeps a quarter of a gigabyte of every model that was trained.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as processes:
        return processes.submit(function, *arguments).result()


def trained_epoch(folder, overrides, last):
    """The epochs that the run then has, more than one at once where it goes on, and its line."""
    settings = config.load(CONFIG, overrides)
    done = run.train(settings, folder, say=lambda line: None)
    if done.epochs >= last:
        for name, index in (("category_1", None), ("continuous", 0), ("continuous", 1)):
            shown = name if index is None else f"{name}_{index}"
            pictures.save(folder / f"{shown}.png", traversal(done.model, name, index=index))
    return done.epochs, measured(done, settings.seed, settings.data["name"])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--set", nargs="*", default=[], help="overrides, such as fit.epochs=10")
    arguments = parser.parse_args(argv)
    lines = [trained(arguments.folder / f"seed-{s}", s, arguments.set) for s in arguments.seeds]
    errors = [line["clustering_error"] for line in lines]
    whole = {"seeds": len(lines), "best": min(errors), "median": float(np.median(errors))}
    print(json.dumps(whole), flush=True)


if __name__ == "__main__":
    main()
