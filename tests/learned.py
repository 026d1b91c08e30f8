"""What slow tests share: models trained by a config, and a judge trained on real digits."""

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from tfgen import data
from tfgen.training import config, experiment

CONFIGS = Path(__file__).parent.parent / "configs"


def trained(name, *overrides):
    """The model of configs/<name>.yaml after its training, and the last epoch's reports."""
    settings = config.load(CONFIGS / f"{name}.yaml", overrides)
    stream, _ = experiment.batches(settings)
    model = experiment.build(settings)
    steps = settings.fit["steps_per_epoch"] or stream.steps_per_epoch
    epochs = settings.fit["epochs"]
    history = model.fit(stream.from_step(0), steps_per_epoch=steps, epochs=epochs, verbose=0)
    return model, {k: values[-1] for k, values in history.history.items()}


def digits(split):
    """Images (N, 8, 8, 1) in [-1, 1] and labels of the real digits."""
    arrays = data.source("digits", split).arrays
    return np.asarray(arrays["image"]), np.asarray(arrays["label"])


def flat(images):
    return np.reshape(images, (len(images), -1))


def classifier(images, labels):
    """A linear classifier; of real training digits it is right about 96 % of the test digits."""
    return LogisticRegression(C=0.1, max_iter=2000).fit(flat(images), labels)
