import math

import numpy as np
import pytest
import tensorflow as tf

from tfgen.explore import densities, line_players
from tfgen.explore.line_records import Play, Record, Settings


def test_a_game_is_measured_before_and_while_it_is_played():
    seen = []
    density = densities.density("normal")
    played = line_players.play(density, Settings(batch=8), 4, 2, 0, lambda: seen.append(1))
    assert [r.step for r in played.records] == [0, 2, 4] and len(seen) == 2
    for record in played.records:
        numbers = record.numbers
        assert record.q.sum() == pytest.approx(1) and record.d.shape == record.q.shape
        # No D is better than the optimal one.
        assert numbers["value"] <= numbers["optimum"] + 1e-9
        assert numbers["optimum"] == pytest.approx(2 * numbers["jsd"] - math.log(4))
    assert played.over_time("jsd").shape == (3,)
    again = line_players.play(density, Settings(batch=8), 4, 2, 0)
    np.testing.assert_array_equal(again.records[-1].q, played.records[-1].q)


def test_steps_in_one_graph_are_the_steps_one_by_one():
    density, settings = densities.density("normal"), Settings(batch=4, average=0.5)
    alone, together = (line_players.built(density, settings, 6, 0) for _ in range(2))
    line_players.play(density, settings, 6, 2, 0, model=together)
    generator = np.random.default_rng(0)
    step = tf.function(alone.train_step, autograph=False)
    for _ in range(6):
        step({"image": tf.constant(density.draw(generator, 4))})
    for one, other in zip(alone.get_weights(), together.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    # What is drawn is by the averaged weights of G.
    noise = line_players.base_noise(4, 2)
    last = together.generator(noise[:, :1], training=False).numpy()
    assert np.abs(line_players.drawn(together, noise) - last).max() > 1e-4


def test_rates_fall_over_the_second_half_of_the_steps_however_often_a_player_moves():
    density = densities.density("normal")
    model = line_players.built(density, Settings(discriminator_steps=5, generator_steps=3), 100, 0)
    for player, updates in (("discriminator", 500), ("generator", 300)):
        rate = model.optimizers[f"{player}_optimizer"]._learning_rate
        assert float(rate(updates // 2)) == pytest.approx(rate.initial)
        assert float(rate(updates)) == 0.0 < float(rate(updates - 5))


def test_a_vae_on_points_has_a_bound_and_no_d():
    density = densities.density("moons")
    played = line_players.play(density, Settings("vae", batch=8, stddev=0.3), 2, 1, 0)
    record = played.records[-1]
    assert record.d is None and "value" not in record.numbers
    assert math.isfinite(record.numbers["negative_elbo"]) and record.q.shape == (48, 48)


def test_the_bound_of_points_is_in_their_own_units():
    """A decoder that is wrong by nothing: -log p of a Gaussian's peak, no KL."""
    density = densities.normal(0.0, 1.0)
    model = line_players.built(density, Settings("vae", stddev=2.0), 1, 0)
    for weight in model.encoder.weights + model.decoder.weights:
        weight.assign(tf.zeros_like(weight))
    model.decoder.layers[-2].bias.assign([0.5])  # x = 0 on the scale of the library.
    reported = model.test_step({"image": tf.zeros((4, 1))})
    record = line_players.measured(model, density, 0, reported)
    expected = math.log(2.0) + 0.5 * math.log(2 * math.pi)
    assert record.numbers["negative_elbo"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("loss, d, size", [("minimax", 0.1, 0.1), ("non_saturating", 0.1, 0.9)])
def test_what_reaches_the_generator(loss, d, size):
    logit = tf.constant([math.log(d / (1 - d))] * 3)
    np.testing.assert_allclose(np.abs(line_players.gradient_at(loss, logit)), size, atol=1e-6)


def test_what_diverged_is_said():
    record = Record(7, np.ones(2), None, (None, None), {"mean_norm": math.nan, "jsd": math.nan})
    assert Play(None, Settings(), [record]).diverged == "diverged: not finite at step 7"
    record = Record(7, np.ones(2), None, (None, None), {"mean_norm": 1.0, "jsd": 0.68})
    assert "JSD 0.68" in Play(None, Settings(), [record]).diverged


def test_numbers_that_are_not_finite_end_a_game():
    density = densities.density("normal")
    model = line_players.built(density, Settings(batch=4), 4, 0)
    model.generator.weights[0].assign(np.full((1, 64), np.nan, np.float32))
    record = line_players.measured(model, density, 3, {})
    assert math.isnan(record.numbers["mean_norm"]) and math.isnan(record.numbers["jsd"])


def test_settings_from_text():
    assert Settings().changed("discriminator_steps", "5").discriminator_steps == 5
    with pytest.raises(ValueError, match="unknown 'k'"):
        Settings().changed("k", "5")
    with pytest.raises(ValueError, match="batch='many' is no int"):
        Settings().changed("batch", "many")
