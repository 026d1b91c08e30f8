"""Every experiment in configs/ builds and takes one step, on made-up pictures of its size."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import TINY, level_extra
from tfgen.models import MODELS
from tfgen.training import config, experiment

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))

# At full size these networks are too slow for a test.
SMALLER = {
    "cyclegan_horse2zebra": ["model.image_shape=[64, 64, 3]"],
    "pixelcnnpp_cifar10": ["model.image_shape=[8, 8, 3]", "model.block_layers=1"],
}

# Those whose step takes longest to build, of models that others of the list have too.
LONG = ("cyclegan_horse2zebra", "pixelcnnpp_cifar10", "pixelrnn_mnist", "sngan_cifar10")
EACH = [pytest.param(p, marks=[pytest.mark.slow] * (p.stem in LONG), id=p.stem) for p in CONFIGS]


def test_every_model_has_a_config():
    named = {config.load(path).model["name"] for path in CONFIGS}
    assert named == set(MODELS)


@pytest.mark.parametrize("path", EACH)
def test_config_takes_one_step(path):
    settings = config.load(path, SMALLER.get(path.stem, ()))
    model = experiment.build(settings)
    rows = 2 * getattr(model, "discriminator_steps", 1)
    small = TINY[settings.model["name"]]
    levels = getattr(model, "levels", None)
    tiny = dataclasses.replace(
        small,
        extra=level_extra(levels, model.image_shape) if levels else small.extra,
        shape=model.image_shape,
        num_classes=getattr(model, "num_classes", None),
    )
    model.run_eagerly = True  # The tiny versions test graphs.
    history = model.fit(tiny.batch(rows), batch_size=rows, verbose=0).history
    assert np.isfinite([v for values in history.values() for v in values]).all()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_config_says_what_to_expect_and_how_to_run_it(path):
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    text = "\n".join(header)
    assert "# Expect: " in text and f"tfgen train configs/{path.name} --run runs/" in text


@pytest.mark.parametrize("name", ["infogan_digits", "conditionalgan_digits", "texttoimage_digits"])
@pytest.mark.parametrize(
    ("override", "expected"),
    [("0.3", (0.3, 0.3)), ("[0.3, 0.0]", (0.3, 0.0))],
)
def test_instance_noise_in_a_config(name, override, expected):
    overrides = [f"model.instance_noise={override}"]
    if override.startswith("["):
        overrides.append("model.instance_noise_steps=20000")
    settings = config.load(Path(CONFIGS[0].parent, f"{name}.yaml"), overrides)
    model = experiment.build(settings)
    assert model.game.instance_noise == expected
    assert type(model).from_config(model.get_config()).game.instance_noise == expected


def test_a_discriminator_of_texts_without_normalisation_in_a_config():
    path = Path(CONFIGS[0].parent, "texttoimage_digits.yaml")
    settings = config.load(path, ["model.discriminator_normalization=null", "model.penalty=r1"])
    assert experiment.build(settings).game.kind == "r1"
