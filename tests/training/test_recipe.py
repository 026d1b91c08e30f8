"""Which config a folder gets, and that it is one."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tfgen.data.look import Look
from tfgen.training import config, recipe, yaml_text


def seen(train=400, classes=(), coloured=400, size=(64, 48), folder="photos"):
    names = {f"class{n}": number for n, number in enumerate(classes)}
    none = np.zeros((0, 48, 48, 3), np.uint8)
    return Look(folder, names, train, train, Counter({size: 9}), coloured, (), (), none, none)


def values(chosen):
    return config.parse(yaml_text.read(recipe.text(chosen)))


@pytest.mark.parametrize(
    ("look", "model", "side", "channels", "batch_size"),
    [
        (seen(classes=(100,) * 4), "conditionalgan", 32, 3, 32),
        (seen(classes=(390, 10)), "dcgan", 32, 3, 32),
        (seen(), "dcgan", 32, 3, 32),
        (seen(train=20, coloured=0), "dcgan", 32, 1, 16),
        (seen(size=(30, 29)), "dcgan", 28, 3, 32),
    ],
)
def test_a_recipe_suits_what_there_is(look, model, side, channels, batch_size):
    settings = values(recipe.choose(look))
    assert settings.model["name"] == model
    assert settings.model["image_shape"] == [side, side, channels]
    assert settings.data["batch_size"] == batch_size and settings.data["image_size"] == side
    assert settings.data["flip"] == (channels == 3)
    wanted = ["color"] if channels == 3 else []
    assert settings.model["augmentation"] == [*wanted, "translation", "cutout"]


def test_many_pictures_are_not_augmented():
    assert values(recipe.choose(seen(train=20_000, coloured=20_000))).model["augmentation"] == []


def test_steps_fill_the_time_within_bounds():
    chosen = recipe.choose(seen(classes=(100,) * 4))
    assert recipe.fitted(chosen, 0.3, 50).steps == 10_000
    assert recipe.fitted(chosen, 60.0, 50).steps == 1_000
    assert recipe.fitted(chosen, 1e-4, 50).steps == 40_000


def test_the_text_says_why_and_how():
    chosen = recipe.fitted(recipe.choose(seen(classes=(100,) * 4, folder="it's")), 0.3, 50)
    text = recipe.text(chosen, 0.3, Path("my configs/mine.yaml"))
    assert text.startswith("# 400 pictures of it's, all to train on; classes: class0 100, ")
    assert "# Expect: about 50 minutes for 10,000 steps on the machine where ten steps" in text
    assert "# Run:    tfgen train 'my configs/mine.yaml' --run runs/mine\n" in text
    assert config.parse(yaml_text.read(text)).data["name"] == "folder:it's"
    assert max(len(line) for line in text.splitlines()) <= 100


def test_what_cannot_be_chosen():
    with pytest.raises(ValueError, match="photos: 15 pictures to train on are too few"):
        recipe.choose(seen(train=15))
    with pytest.raises(ValueError, match="--size 30: expected a multiple of 4"):
        recipe.choose(seen(), 30)
