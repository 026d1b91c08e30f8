"""What a config takes, against numbers worked out by hand."""

import math
import re

import pytest

from tfgen.cli import main
from tfgen.training import config, experiment, trial
from tfgen.training.cost import Cost, cost, lines


def settings(model, **fit):
    values = {
        "model": {"image_shape": [8, 8, 1], **model},
        "data": {"name": "digits", "batch_size": 50},
        "fit": {"epochs": 2, **fit},
    }
    return config.parse(values)


def test_a_gan_is_counted_by_hand():
    model = {"name": "gan", "latent_dim": 4, "generator_hidden": [8], "discriminator_steps": 2}
    found = cost(
        settings({**model, "discriminator_hidden": [6], "discriminator_activation": "leaky_relu"})
    )
    generator = 4 * 8 + 8 + 8 * 64 + 64
    discriminator = 64 * 6 + 6 + 6 * 1 + 1
    assert found.parameters["generator"] == generator
    assert found.parameters["discriminator"] == discriminator
    assert found.updates == {"generator_optimizer": 1, "discriminator_optimizer": 2}
    assert found.gradient_bytes == 4 * (generator + discriminator)
    assert found.reduced_bytes == 4 * (generator + 2 * discriminator)
    assert found.sample_flop == 2 * (4 * 8 + 8 * 64)
    assert found.rows == 50 and found.steps == 2 * (1297 // 50)


@pytest.mark.parametrize("parts", [1, 5])
def test_an_autoencoder_is_counted_by_hand(parts):
    model = {"name": "autoencoder", "latent_dim": 3, "hidden": [8]}
    found = cost(settings(model, accumulate=parts))
    forward = 2 * (64 * 8 + 8 * 3 + 3 * 8 + 8 * 64)
    # Each product has two gradients; the first layer's has one.
    assert found.step_flop == found.rows * (3 * forward - 2 * 64 * 8)
    assert found.rows == 50 * parts


def test_a_ring_is_planned_by_hand():
    found = Cost({"total": 1}, 100, 3600, 1e9, None, 1, 1, {"optimizer": 2}, 4_000_000)
    assert found.seconds(1, 1e9) == 1.0
    expected = 1.0 / 4 + 2 * 3 / 4 * 4e6 / 1e8 + 6 * 1e-3 * 4
    assert math.isclose(found.seconds(4, 1e9, 1e8, 1e-3), expected)
    assert lines(found, (1,), 1e9)[-1].startswith("on 1        100 images/s, 1 h, 100%")


def test_the_command(capsys):
    plan = ["--devices", "1,4", "--rate", "50"]
    assert main.main(["cost", "autoencoder_digits", *plan, "data.batch_size=20"]) == 0
    out = capsys.readouterr().out
    assert "step        20 rows" in out and "on 4 " in out
    assert main.main(["cost", "autoencoder_digits", "--devices", "0"]) == 2
    assert "must be above 0" in capsys.readouterr().err


def test_a_trial_gives_the_rate_of_the_plan(capsys):
    assert main.main(["cost", "autoencoder_digits", "--trial", "0.1", "--devices", "1,2"]) == 0
    *_, here, memory, one, two = capsys.readouterr().out.splitlines()
    step, rate, hours = re.search(
        r"here +on one device (\S+) s a step \(mean of \d+\), (\S+ .?)FLOP/s, (\S+) h of", here
    ).groups()
    assert rate and f", {hours} h, 100% of 1 times one" in one and two.startswith("on 2 ")
    assert float(step) > 0
    assert "at its peak" in memory
    assert main.main(["cost", "autoencoder_digits", "--trial", "0"]) == 2
    assert "expected a number of seconds above 0" in capsys.readouterr().err


def test_a_trial_is_in_the_precision_of_the_run(monkeypatch):
    built, build = [], experiment.build
    monkeypatch.setattr(experiment, "build", lambda s: built.append(build(s)) or built[-1])
    chosen = config.parse(
        {
            "model": {"name": "autoencoder", "image_shape": [8, 8, 1], "hidden": [8]},
            "data": {"name": "digits", "batch_size": 50},
            "fit": {"epochs": 2},
            "run": {"precision": "mixed_bfloat16"},
        }
    )
    taken = trial.take(chosen, 0.01)
    cost(chosen)
    # The system counts a thread's pages late.
    assert taken.steps >= trial.STEPS and 1e8 < taken.before_bytes < 1.1 * taken.peak_bytes
    assert {m.decoder.layers[1].compute_dtype for m in built} == {"bfloat16"} and len(built) == 2


def test_a_model_that_grows_has_no_cost_of_a_step(capsys):
    assert main.main(["cost", "progan_digits"]) == 2
    assert "its steps are of several sizes" in capsys.readouterr().err
