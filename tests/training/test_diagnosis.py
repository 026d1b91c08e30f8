"""Findings from constructed measurements, and the measurements themselves."""

import math

import numpy as np
import pytest

from tfgen.training import diagnosis

HEALTHY = {
    "discriminator_accuracy": 0.75,
    "logit_gap": 1.2,
    "real_logit": 0.6,
    "fake_logit": -0.6,
    "diversity": 0.95,
    "mean_difference": 0.1,
    "gradient_norm/generator": 0.8,
    "gradient_norm/discriminator": 0.5,
    "update/generator": 1e-3,
    "update/discriminator": 1e-3,
}


def names(loss="non_saturating", **changes):
    measured = {**HEALTHY, **{k.replace("_of_", "/"): v for k, v in changes.items()}}
    return [finding.name for finding in diagnosis.diagnose(measured, loss)]


def test_nothing_is_wrong():
    assert names() == [] and diagnosis.diagnose({}) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fake_logit": math.nan}, ["not_finite"]),
        ({"diversity": 0.1}, ["collapse"]),
        ({"diversity": 0.4}, ["little_diversity"]),
        ({"discriminator_accuracy": 1.0, "logit_gap": 12.0}, ["discriminator_wins"]),
        ({"discriminator_accuracy": 0.5, "mean_difference": 0.9}, ["discriminator_blind"]),
        ({"fake_logit": -5e3}, ["logits_explode"]),
        ({"gradient_norm_of_generator": 1e-9}, ["dead_player"]),
        ({"update_of_discriminator": 0.0}, ["dead_player"]),
        ({"gradient_norm_of_generator": 1e6}, ["gradient_explodes"]),
    ],
)
def test_one_thing_is_wrong(changes, expected):
    assert names(**changes) == expected


def test_equilibrium_is_no_finding():
    assert names(discriminator_accuracy=0.5, logit_gap=0.0) == []


def test_a_critic_is_meant_to_win():
    apart = {"discriminator_accuracy": 1.0, "logit_gap": 12.0}
    assert names("wasserstein", **apart) == []
    assert names("hinge", **apart) == ["discriminator_wins"]


def test_findings_speak():
    (finding,) = diagnosis.diagnose({**HEALTHY, "diversity": 0.05})
    assert "collapsed" in finding.says and "0.05 times" in finding.says
    assert str(finding) == f"{finding.says} Try: {finding.advice}"


def test_the_advice_is_what_a_model_can_do_and_has_not_done():
    class Plain:
        loss, penalty, augmentation, discriminator_steps = "hinge", None, ("color",), 1

    Plain.label_smoothing = 0.0
    apart = {"discriminator_accuracy": 1.0, "logit_gap": 12.0}
    (found,) = diagnosis.diagnose({**HEALTHY, **apart}, "hinge", Plain())
    assert found.advice == (
        "model.penalty: r1, or a lower learning rate of the discriminator's optimizer."
    )
    everything = diagnosis.advice("discriminator_wins")
    assert "model.augmentation: [color" in everything and "model.generator_steps: 2" in everything


def test_the_training_steps_have_a_word_in_who_wins():
    probe = {"discriminator_accuracy": 1.0, "logit_gap": 12.0}
    assert names(**probe, real_probability=0.7, fake_probability=0.3) == []
    assert names(**probe, real_probability=0.95, fake_probability=0.02) == ["discriminator_wins"]
    alone = {"real_probability": 0.99, "fake_probability": 0.01}  # Of a model without a probe.
    (found,) = diagnosis.diagnose(alone)
    assert found.says == "The discriminator wins. In training D(real) is 0.99, D(fake) 0.01."
    assert diagnosis.diagnose({**alone, "fake_probability": 0.2}) == []


def test_logits():
    real, fake = np.array([[3.0], [1.0], [-1.0], [2.0]]), np.array([[-2.0], [0.5], [-1.0], [-3.0]])
    found = diagnosis.of_logits(real, fake)
    assert found == {
        "discriminator_accuracy": 0.75,
        "logit_gap": 1.25 + 1.375,
        "real_logit": 1.25,
        "fake_logit": -1.375,
    }
    # A critic's zero means nothing, and a least-squares target lies at 1.
    shifted = diagnosis.of_logits(real + 100, fake + 100, "wasserstein")
    assert shifted["discriminator_accuracy"] == 0.75
    assert diagnosis.of_logits([0.6], [0.4], "least_squares")["discriminator_accuracy"] == 1.0


def test_samples():
    generator = np.random.default_rng(0)
    real = np.tanh(generator.normal(size=(64, 28, 28, 1))).astype("float32")
    same = diagnosis.of_samples(real, real)
    assert same["diversity"] == pytest.approx(1.0) and same["mean_difference"] == 0.0
    assert same["feature_variance"] == pytest.approx(1.0) and same["ms_ssim"] < 0.2
    collapsed = diagnosis.of_samples(real, np.repeat(real[:1], 64, 0))
    assert collapsed["diversity"] == pytest.approx(0.0, abs=1e-4)
    assert collapsed["ms_ssim"] == pytest.approx(1.0) and collapsed["real_ms_ssim"] < 0.2


def test_distance():
    x = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    assert diagnosis.distance(x) == pytest.approx(10 / 3)
