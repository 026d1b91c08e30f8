"""Cut-down settings: what the documented calls do, at a size that takes seconds.

Each call is made as it is written, with its own arguments checked and used; what is replaced is how
many steps and samples it takes and how many examples the data sets have.
"""

from dataclasses import replace

import numpy as np
import tensorflow as tf

import tfgen
from tfgen import data
from tfgen.data import sources
from tfgen.training import trial

TRAIN_ROWS, TEST_ROWS = 240, 120

# Added to every `tfgen train` ...
STEPS = (
    "fit.epochs=1",
    "fit.steps_per_epoch=1",
    "run.sample_seeds=4",
    "compile.run_eagerly=true",
)
# ... and to those of some configs.
SMALLER = {
    "dcgan_mnist": ("model.filters=4", "model.latent_dim=8", "data.batch_size=8"),
    "texttoimage_digits": ("model.text_steps=0",),
    "puzzlegan_mnist5k": ("data.patch_warps=0", "data.batch_size=8"),
    "puzzlegan_cifar10": ("data.patch_warps=0", "data.batch_size=8"),
}
# Flags -> their value here, where a command has them or where it would take the default.
VALUES = {
    "evaluate": {"--samples": "120", "--seeds": "0"},
    "generate": {"--seeds": "0-39", "--batch-size": "20"},
}


def command(argv: list[str]) -> list[str]:
    """`tfgen`'s arguments, cut down."""
    name = argv[0]
    if name == "train":
        config = argv[1].rpartition("/")[2].removesuffix(".yaml")
        return [*argv, *STEPS, *SMALLER.get(config, ())]
    for flag, value in VALUES.get(name, {}).items():
        if flag in argv:
            argv = [*argv[: argv.index(flag) + 1], value, *argv[argv.index(flag) + 2 :]]
        else:
            argv = [*argv, flag, value]
    return argv


def install(patch):
    """Cuts down data sets and `fit` in this process, until `patch` is undone."""
    table = {}
    for name, kind in data.DATASETS.items():
        if ":" not in name:
            table[name] = kind._replace(make=_first_rows(kind.make))
    table["tfds:NAME"] = data.DATASETS["tfds:NAME"]._replace(make=made_up)
    for name, kind in table.items():
        patch.setitem(data.DATASETS, name, kind)
    whole = tfgen.GenerativeModel.fit

    def fit(self, x=None, *arguments, **options):
        self.run_eagerly = True
        if clocks := [c for c in options.get("callbacks") or () if isinstance(c, trial._Clock)]:
            clocks[0].enough = 0.0  # It ends the training itself, after ten steps.
            return whole(self, x, *arguments, **options)
        batches = x.take(1) if isinstance(x, tf.data.Dataset) else x
        return whole(self, batches, *arguments, **{**options, "epochs": 1, "verbose": 0})

    patch.setattr(tfgen.GenerativeModel, "fit", fit)
    measure = tfgen.evaluate

    def evaluate(*arguments, **options):
        return measure(*arguments, **{"samples": TEST_ROWS, **options})

    patch.setattr(tfgen, "evaluate", evaluate)


def _first_rows(make):
    def few(split, form):
        return _cut(make(split, form))

    return few


def _cut(whole):
    rows = TRAIN_ROWS if whole.training else TEST_ROWS
    arrays = {key: value[:rows] for key, value in whole.arrays.items()}
    first = sources.build(whole.name, whole.split, arrays, whole.class_names)
    return first if whole.second is None else replace(first, second=_cut(whole.second))


def made_up(name, split, form, limit, data_dir, download):
    """Pictures of noise in the place of a set that would be downloaded."""
    side, channels = {"mnist": (28, 1), "cifar10": (32, 3)}[name]
    rows = TRAIN_ROWS if split.startswith("train") else TEST_ROWS
    draw = np.random.default_rng(len(split))
    image = draw.integers(0, 256, (rows, side, side, channels)).astype(np.uint8)
    label = (np.arange(rows) % 10).astype(np.int32)
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    named = tuple(names if channels == 3 else "0123456789")
    return sources.build(f"tfds:{name}", split, {"image": image, "label": label}, named)
