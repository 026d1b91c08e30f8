"""What a config's model and data must have in common."""

import numpy as np
import pytest
from PIL import Image

from tfgen.training import config, experiment, run
from tfgen.training.config import ConfigError


@pytest.fixture
def check(tmp_path):
    """Builds and compares a model and a data set of 3 class folders, or another."""
    for number, name in enumerate(("bags", "boots", "coats")):
        for k in range(4):
            path = tmp_path / "p" / name / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 60 * number + k, np.uint8)).save(path)

    def checked(model, data=None, more=""):
        data = data or f"name: 'folder:{tmp_path / 'p'}', split: all, channels: 1"
        path = tmp_path / "config.yaml"
        path.write_text(
            f"model: {{{model}}}\ndata: {{{data}, batch_size: 4}}\nfit: {{epochs: 1}}\n{more}"
        )
        settings = config.load(path)
        stream, _ = experiment.batches(settings)
        experiment.check(settings, experiment.build(settings), stream)

    return checked


CONDITIONAL = (
    "name: conditionalgan, image_shape: [8, 8, 1]",
    "name: cvae, image_shape: [8, 8, 1], condition: label",
    "name: aae, image_shape: [8, 8, 1], use: supervised",
    "name: pixelcnn, image_shape: [8, 8, 1], num_classes: 10",
)


@pytest.mark.parametrize("model", CONDITIONAL)
def test_the_number_of_classes_is_that_of_the_data(check, model):
    with pytest.raises(ConfigError) as refused:
        check(model)
    said = str(refused.value)
    assert said.startswith("model.num_classes: 10, but data.name 'folder:")
    assert said.endswith("has 3 classes (bags, boots, coats): set model.num_classes: 3.")
    check(model.replace(", num_classes: 10", "") + ", num_classes: 3")


def test_domains_are_classes_too(check):
    model = (
        "name: stargan, image_shape: [8, 8, 3], kind: class, filters: 4, blocks: 1, "
        "downsamplings: 0, kernel_size: 3, discriminator_filters: 4, discriminator_layers: 3"
    )
    data = "name: tinted-digits"
    with pytest.raises(ConfigError, match="has 4 classes .red, green.*set model.num_domains: 4"):
        check(f"{model}, num_domains: 3", data)
    check(f"{model}, num_domains: 4", data)


@pytest.mark.parametrize(
    "model",
    [
        "name: gan, image_shape: [8, 8, 1]",
        "name: aae, image_shape: [8, 8, 1], use: clustering, num_classes: 16",
        "name: cvae, image_shape: [8, 8, 1], condition: quadrants",
    ],
)
def test_models_without_labels_take_any_number(check, model):
    check(model)


OWN = """
import keras

def critic(units, shape=(8, 8, 1)):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(tuple(shape)), layers.Flatten(), layers.Dense(units, "relu"), layers.Dense(1)]
    )
"""
RUN = """
model:
  name: gan
  image_shape: [8, 8, 1]
  latent_dim: 4
  generator_hidden: [8]
  discriminator: {name: own_nets_of_a_test.critic, units: 5}
data: {name: digits, batch_size: 64}
compile: {run_eagerly: true}
fit: {epochs: 1, steps_per_epoch: 2, verbose: 0}
run: {sample_epochs: null}
"""


def test_a_runs_network_comes_from_a_function_of_the_user(tmp_path, monkeypatch):
    (tmp_path / "own_nets_of_a_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "own.yaml"
    path.write_text(RUN)
    settings = config.load(path)
    assert settings.model["discriminator"]["shape"] == [8, 8, 1]
    assert config.parse(settings.resolved()) == settings
    run.train(settings, tmp_path / "run", lambda line: None)
    model = run.load(tmp_path / "run")
    assert model.discriminator.count_params() == 64 * 5 + 5 + 6
    assert int(model.step) == 2
    first, second = experiment.build(settings), experiment.build(settings)
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(one, other)

    for change, said in (
        ("discriminator.name=nowhere.critic", "model.discriminator.name: 'nowhere.critic' cannot"),
        ("discriminator.name=own_nets_of_a_test.nothing", "cannot be imported"),
        ("discriminator.unit=3", "model.discriminator.unit: unknown name 'unit'. Did you mean"),
        ("discriminator=3", "model.discriminator: expected a mapping with `name: package"),
    ):
        with pytest.raises(ConfigError, match=said):
            config.load(path, [f"model.{change}"])
    with pytest.raises(ValueError, match="`discriminator` of GAN must take"):
        experiment.build(config.load(path, ["model.discriminator.shape=[9, 8, 1]"]))


SEMI = "name: aae, image_shape: [8, 8, 1], use: semi_supervised, hidden: [8]"


def test_labelled_batches_are_for_a_model_that_learns_from_them(check):
    own = "name: digits, labelled: 20, labelled_batch_size: 5"
    check(SEMI, own)
    with pytest.raises(ConfigError, match="data.labelled_batch_size: model 'gan' has no use for"):
        check("name: gan, image_shape: [8, 8, 1]", own)
    with pytest.raises(ConfigError, match="data.labelled_batch_size: model 'aae' has no use for"):
        check(SEMI.replace("semi_", ""), own)


def test_labelled_batches_on_several_devices_are_as_large_as_the_others(check):
    own = "name: digits, labelled: 20, labelled_batch_size: "
    check(SEMI, own + "4", "run: {devices: 2}\n")
    with pytest.raises(ConfigError, match="labelled_batch_size: 5 .* set it to data.batch_size"):
        check(SEMI, own + "5", "run: {devices: 2}\n")


def test_validation_on_a_part_of_the_training_split_keeps_all_labels(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        f"model: {{{SEMI}}}\nfit: {{epochs: 1}}\nrun: {{validation: train}}\n"
        "data: {name: digits, batch_size: 100, labelled: 20, labelled_batch_size: 5}\n"
    )
    training, validation = experiment.batches(config.load(path))
    assert set(training.element_spec) > {"image_labelled", "label_labelled"}
    assert set(validation.element_spec) == {"image", "label"}
    assert all((batch["label"].numpy() >= 0).all() for batch in validation)
