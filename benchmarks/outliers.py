"""Whether log p(x) of a likelihood model tells its own pictures from others.

    python -m benchmarks.outliers RUN [--against DATA] [--checkpoint last] [--seed 0]

The pictures of RUN's test split against as many of (a) uniform noise of the same levels, (b) the
same pictures inverted, (c) another data set brought to the same size, form and levels: the area
under the ROC curve of log p(x), 0.5 for chance and 1 where every own picture is the likelier one.
A conditional model's p(x) is the mean of p(x|y) over the classes.
"""

import argparse

import numpy as np


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outliers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("run", help="folder of a trained run")
    parser.add_argument(
        "--against",
        help="data set of (c); by default the other built-in digits, which are the hardest case",
    )
    parser.add_argument("--checkpoint", default="last", help="'last', 'best' or a step")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    arguments = parser.parse_args()
    for line in report(arguments.run, arguments.against, arguments.checkpoint, arguments.seed):
        print(line, flush=True)


def report(folder, against=None, checkpoint="last", seed=0):
    """The lines, one a group of pictures."""
    from tfgen.training import run

    return compared(run.load(folder, checkpoint), run.read(folder).data, against, seed)


def compared(model, settings, against=None, seed=0):
    """The lines of a model trained on the data of `settings`, a config's `data` section."""
    own = pictures(settings, settings["name"], model.image_shape)
    against = against or ("mnist-5k" if settings["name"] == "digits" else "digits")
    noise = np.random.default_rng(seed).integers(0, model.levels, own.shape)
    groups = {
        "noise": (noise * 2.0 / (model.levels - 1) - 1.0).astype("float32"),
        "inverted": -own,
        against: pictures(settings, against, model.image_shape)[: len(own)],
    }
    scores = log_prob(model, own)
    yield f"{settings['name']} (test): {len(own)} images, log p(x) {scores.mean():.2f} nats"
    for name, images in groups.items():
        others = log_prob(model, images)
        yield f"{name}: AUROC {auroc(scores, others):.4f}, log p(x) {others.mean():.2f} nats"


def pictures(settings, name, image_shape):
    """The test split of a data set in the form of the run's, (N, H, W, C)."""
    from tfgen import data

    height, width, channels = image_shape
    form = {"image_size": (height, width), "channels": channels}
    form["binarize"] = settings.get("binarize")
    batches = data.load(name, "test", batch_size=250, **form)
    return np.concatenate([batch["image"] for batch in batches])


def log_prob(model, images, batch_size=250):
    """log p(x) in nats, (N,)."""
    name = "class_log_prob" if "class_log_prob" in model.signatures() else "log_prob"
    parts = []
    with model.averaged():
        for start in range(0, len(images), batch_size):
            feeds = {"image": images[start : start + batch_size]}
            parts.append(model.call_signature(name, feeds)["log_prob"].numpy())
    return np.concatenate(parts)


def auroc(own, others):
    """Area under the ROC curve of "is one of its own"."""
    from sklearn.metrics import roc_auc_score

    labels = np.repeat([1, 0], [len(own), len(others)])
    return roc_auc_score(labels, np.concatenate([own, others]))


if __name__ == "__main__":
    main()
