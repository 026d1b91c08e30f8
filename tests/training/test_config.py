import itertools
import textwrap

import keras
import pytest
import yaml

from tfgen import construct
from tfgen.training import config, experiment
from tfgen.training.config import ConfigError

GOOD = """\
seed: 3
model: {name: gan, image_shape: [8, 8, 1], latent_dim: 4, generator_hidden: [8], dropout: [0, 0.5]}
data: {name: digits, batch_size: 64}
compile:
  generator_optimizer: {name: adam, learning_rate: 2.0e-4, beta_1: 0.5}
fit: {epochs: 2}
"""


@pytest.fixture
def load(tmp_path):
    def run(text=GOOD, *overrides):
        path = tmp_path / "experiment.yaml"
        path.write_text(textwrap.dedent(text))
        return config.load(path, overrides)

    return run


def test_defaults_come_from_the_real_signatures(load):
    resolved = load().resolved()
    assert resolved["model"]["discriminator_hidden"] == [240, 240]
    assert resolved["data"]["split"] == "train" and resolved["data"]["flip"] is False
    assert resolved["compile"]["generator_optimizer"]["beta_2"] == 0.999
    assert resolved["compile"]["discriminator_optimizer"] is None
    assert resolved["fit"]["epochs"] == 2
    assert resolved["run"]["keep"] == config.RunOptions().keep
    assert "seed" not in resolved["model"] and resolved["seed"] == 3


def test_resolved_text_loads_to_an_equal_config(load):
    first = load()
    assert load(first.text()) == first
    assert yaml.safe_load(first.text()) == first.resolved()


def test_overrides_reach_any_depth(load):
    changes = ("model.latent_dim=64", "fit.epochs=5", "seed=-1", "run.best=generator_loss")
    deep = "compile.generator_optimizer.learning_rate=1.0e-3"
    found = load(GOOD, *changes, deep, "compile.discriminator_optimizer=sgd")
    assert found.model["latent_dim"] == 64 and found.fit["epochs"] == 5 and found.seed == -1
    assert found.run["best"] == "generator_loss"
    assert found.compile["generator_optimizer"]["learning_rate"] == 1e-3
    assert found.compile["generator_optimizer"]["beta_1"] == 0.5
    assert found.compile["discriminator_optimizer"]["name"] == "sgd"


def test_an_override_extends_the_short_form_of_an_optimizer(load):
    changes = ("compile.generator_optimizer=rmsprop", "compile.generator_optimizer.rho=0.5")
    assert load(GOOD, *changes).compile["generator_optimizer"]["rho"] == 0.5


def test_builds_the_model_with_nested_schedule(load):
    rate = "{name: cosine_decay, initial_learning_rate: 0.01, decay_steps: 10}"
    settings = load(GOOD, f"compile.generator_optimizer.learning_rate={rate}")
    assert settings.compile["generator_optimizer"]["learning_rate"]["alpha"] == 0.0
    model = experiment.build(settings)
    optimizer = model.generator_optimizer
    assert isinstance(optimizer, keras.optimizers.Adam) and optimizer.beta_1 == 0.5
    assert isinstance(optimizer._learning_rate, keras.optimizers.schedules.CosineDecay)
    assert model.seed == 3 and model.latent_dim == 4


@pytest.mark.parametrize("name", construct.OPTIMIZERS)
def test_every_optimizer_is_constructed_from_its_resolved_form(name):
    spec = construct.resolved(construct.OPTIMIZERS, name, "here")
    found = construct.construct(construct.OPTIMIZERS, spec, "here")
    assert isinstance(found, keras.optimizers.Optimizer)


@pytest.mark.parametrize("name", construct.SCHEDULES)
def test_every_schedule_is_constructed(name):
    needed = {
        "cosine_decay": {"initial_learning_rate": 0.1, "decay_steps": 9},
        "cosine_decay_restarts": {"initial_learning_rate": 0.1, "first_decay_steps": 9},
        "exponential_decay": {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.9},
        "geometric_decay": {},
        "linear_decay": {"initial": 0.1},
        "inverse_time_decay": {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.9},
        "piecewise_constant_decay": {"boundaries": [3, 6], "values": [0.1, 0.05, 0.01]},
        "polynomial_decay": {"initial_learning_rate": 0.1, "decay_steps": 9},
    }[name]
    spec = construct.resolved(construct.SCHEDULES, {"name": name, **needed}, "here")
    schedule = construct.construct(construct.SCHEDULES, spec, "here")
    assert float(schedule(0)) == pytest.approx(0.1)


# Eight levels of aliases, ten of the one below each: 10^9 values in 300 bytes.
LAUGHS = "a: &a [1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 10)}]\n"
    for below, name in itertools.pairwise("abcdefghi")
)

BAD = [
    ("model.name=gam", "model.name: unknown name 'gam'. Did you mean 'gan'? Known: "),
    (
        "model.latentdim=9",
        "model.latentdim: unknown name 'latentdim'. Did you mean 'latent_dim'? Known: image_shape,",
    ),
    ("data.batchsize=9", "data.batchsize: unknown name 'batchsize'. Did you mean 'batch_size'?"),
    ("fit.epoch=9", "fit.epoch: unknown name 'epoch'. Did you mean 'epochs'?"),
    ("run.kep=9", "run.kep: unknown name 'kep'. Did you mean 'keep'?"),
    ("compile.optimiser=adam", "compile.optimiser: unknown name 'optimiser'."),
    ("modle.x=1", "modle: unknown name 'modle'. Did you mean 'model'?"),
    ("compile.generator_optimizer=adan", "compile.generator_optimizer.name: unknown name 'adan'."),
    ("compile.generator_optimizer=3", "compile.generator_optimizer: expected a mapping"),
    ("compile.discriminator_optimizer.beta_1=0.5", "discriminator_optimizer.name: missing."),
    ("compile.generator_optimizer.beta1=0.5", "Did you mean 'beta_1'?"),
    (
        "compile.generator_optimizer.learning_rate={name: cosin_decay}",
        "compile.generator_optimizer.learning_rate.name: unknown name 'cosin_decay'. "
        "Did you mean 'cosine_decay'?",
    ),
    (
        "compile.generator_optimizer.learning_rate={name: cosine_decay, decay_steps: 3}",
        "learning_rate.initial_learning_rate: missing",
    ),
    ("model.latent_dim=abc", "model.latent_dim: expected a whole number (default: 100). Received"),
    ("model.latent_dim=1.5", "model.latent_dim: expected a whole number"),
    ("model.latent_dim=true", "model.latent_dim: expected a whole number"),
    ("model.latent_dim=null", "Received null"),
    ("model.generator_hidden=8", "model.generator_hidden: expected a list"),
    ("model.generator_hidden=[8, x]", "model.generator_hidden[1]: expected a whole number"),
    ("model.discriminator_activation=1", "model.discriminator_activation: expected text"),
    ("data.flip=1", "data.flip: expected true or false"),
    ("fit.epochs=0", "fit.epochs: expected at least 1"),
    ("fit.epochs=many", "fit.epochs: expected a whole number"),
    ("run.precision=float8", "run.precision: unknown name 'float8'"),
    ("run.devices=0", "run.devices: expected at least 1"),
    ("seed=x", "seed: expected a whole number of 64 bits"),
    ("model.seed=1", "model.seed: the seed stands beside the sections"),
    ("compile.jit_compile=maybe", "compile.jit_compile: unknown name 'maybe'"),
    ("metrics=[fod]", "metrics[0].name: unknown name 'fod'. Did you mean 'fid'?"),
    (
        "compile.generator_optimizer.learning_rate=2e-4",
        "2e-4 is text in YAML 1.1, not a number: write 2.0e-4.",
    ),
    ("fit=null", "fit: missing section. Needed: model, data, fit."),
    ("data=[1]", "data: expected a mapping"),
    ("data={batch_size: 3}", "data.name: missing. Known: digits"),
    ("fit.epochs", "override 'fit.epochs': expected the form section.key=value."),
    ("model.hidden.x.y=[", "not YAML"),
    ("fit.epochs.x=1", "'epochs' holds 2, no mapping"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[c for c, _ in BAD])
def test_bad_values_are_named(load, change, message):
    with pytest.raises(ConfigError) as caught:
        load(GOOD, change)
    assert message in str(caught.value)
    assert "experiment.yaml: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("- 1", "expected a mapping of sections"),
        ("model: {name: gan\nfit: 3", "line 2, column 4: not YAML"),
        ("fit: {epochs: 1}\nfit: {epochs: 2}", "line 2: the key 'fit' comes twice"),
        ("data: {x: [1, 2e-4]}", "data.x[1]: 2e-4 is text in YAML 1.1, not a number: write 2.0e-4"),
        ("a: -1e5", "a: -1e5 is text in YAML 1.1, not a number: write -1.0e+5"),
        ("a: 1.5e3", "write 1.5e+3"),
        ("model: {name: gan}", "data: missing section"),
        pytest.param("a: " + "[" * 3000 + "]" * 3000, "nested too deeply", id="deep"),
        (LAUGHS, "more than 10000 values"),
        ("x: &x {a: 1}\nb: {<<: *x}", "`<<` does not merge mappings here, write their keys out"),
        ("a: \x00", "special characters are not allowed in"),
    ],
)
def test_bad_files_are_named(load, text, message):
    with pytest.raises(ConfigError, match="experiment.yaml") as caught:
        load(text)
    assert message in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        config.load(tmp_path / "none.yaml")


def test_quoted_text_that_looks_like_a_number_stays_text():
    from tfgen.training import yaml_text

    assert yaml_text.read("a: '2e-4'") == {"a": "2e-4"}
    assert yaml_text.read("a: 2.0e-4") == {"a": 2e-4}


def test_difference_names_each_key():
    old = {"model": {"name": "gan", "z": 1, "flag": True}, "fit": {"epochs": 1}}
    new = {"model": {"name": "gan", "z": 2, "flag": 1}, "fit": {"epochs": 1, "new": None, "x": 3}}
    found = config.difference(old, new)
    assert found == ["model.z: 1 -> 2", "model.flag: True -> 1", "fit.x: None -> 3"]
