"""Every term against a value worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen import losses

LN2 = float(np.log(2.0))
ZERO = tf.zeros((4, 1))


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        ("minimax", 2 * LN2, -LN2),
        ("non_saturating", 2 * LN2, LN2),
        ("least_squares", 0.5, 0.5),
        ("hinge", 2.0, 0.0),
        ("wasserstein", 0.0, 0.0),
    ],
)
def test_losses_at_logit_zero(name, discriminator, generator):
    game = losses.adversarial(name)
    assert float(game.discriminator(ZERO, ZERO)) == pytest.approx(discriminator, abs=1e-6)
    assert float(game.generator(ZERO)) == pytest.approx(generator, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        # real = (2, 0), fake = (-1, 1): softplus(-2) = 0.126928, softplus(-1) = 0.313262,
        # softplus(1) = 1.313262.
        ("minimax", (0.126928 + LN2) / 2 + 0.813262, -0.813262),
        ("non_saturating", (0.126928 + LN2) / 2 + 0.813262, 0.813262),
        ("least_squares", 0.5 * (1.0 + 1.0), 0.5 * (4.0 + 0.0) / 2),
        ("hinge", (0.0 + 1.0) / 2 + (0.0 + 2.0) / 2, 0.0),
        ("wasserstein", 0.0 - 1.0, 0.0),
    ],
)
def test_losses_by_hand(name, discriminator, generator):
    game = losses.adversarial(name)
    real, fake = tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [1.0]])
    assert float(game.discriminator(real, fake)) == pytest.approx(discriminator, abs=1e-5)
    assert float(game.generator(fake)) == pytest.approx(generator, abs=1e-5)


@pytest.mark.parametrize("name", losses.ADVERSARIAL)
def test_the_parts_of_the_discriminators_loss(name):
    game = losses.adversarial(name)
    real, fake = tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [1.0]])
    found = {key: float(value) for key, value in game.parts((real, fake)).items()}
    assert tuple(found) == game.reports
    whole = float(game.discriminator(real, fake))
    assert found["real_loss"] + found["fake_loss"] == pytest.approx(whole)
    if name in ("minimax", "non_saturating"):
        # sigmoid(2) = 0.880797; sigmoid(-1) + sigmoid(1) = 1.
        assert found["real_loss"] == pytest.approx((0.126928 + LN2) / 2, abs=1e-5)
        assert found["real_probability"] == pytest.approx(0.690399, abs=1e-5)
        assert found["fake_probability"] == pytest.approx(0.5)
    else:
        assert found["real_score"] == pytest.approx(1.0) and found["fake_score"] == 0.0


def test_the_parts_of_several_discriminators():
    game = losses.adversarial("least_squares")
    one, two = tf.fill((2, 1), 1.0), tf.fill((2, 1), 3.0)
    found = {k: float(v) for k, v in game.parts((one, two), (two, one), weight=0.5).items()}
    assert found == {"real_loss": 1.0, "fake_loss": 2.5, "real_score": 2.0, "fake_score": 2.0}
    several = {k: float(v) for k, v in game.parts((one, [two, one])).items()}
    assert several["fake_loss"] == 4.5 + 0.5 and several["fake_score"] == 3.0


def test_generator_gradients_tell_minimax_from_non_saturating():
    # At D(G(z)) = eps the gradient with respect to the logit is -eps and -(1 - eps).
    logit = tf.constant([[-3.0]])
    eps = float(tf.sigmoid(logit)[0, 0])
    for name, expected in (("minimax", -eps), ("non_saturating", -(1.0 - eps))):
        with tf.GradientTape() as tape:
            tape.watch(logit)
            loss = losses.adversarial(name).generator(logit)
        assert float(tape.gradient(loss, logit)[0, 0]) == pytest.approx(expected, rel=1e-5)


def test_extreme_logits_stay_finite():
    for name in losses.ADVERSARIAL:
        game = losses.adversarial(name)
        far = tf.constant([[-1e4], [1e4]])
        assert np.isfinite([game.discriminator(far, far), game.generator(far)]).all()


def test_smoothing_moves_the_target_of_real_images_only():
    smooth = losses.adversarial("non_saturating").discriminator(ZERO + 2.0, ZERO, 0.1)
    expected = 0.9 * np.log1p(np.exp(-2.0)) + 0.1 * np.log1p(np.exp(2.0)) + LN2
    assert float(smooth) == pytest.approx(expected, rel=1e-5)
    squares = losses.adversarial("least_squares").discriminator(ZERO + 0.9, ZERO, 0.1)
    assert float(squares) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(ValueError, match="hinge loss has no label to smooth"):
        losses.adversarial("hinge").discriminator(ZERO, ZERO, 0.1)


def linear_critic(w):
    return lambda x: tf.reduce_sum(x * w, axis=(1, 2, 3), keepdims=True)


def test_penalties_of_a_linear_critic():
    generator = np.random.default_rng(0)
    w = tf.constant(generator.normal(size=(1, 4, 4, 3)), tf.float32)
    real, fake = (tf.constant(generator.normal(size=(5, 4, 4, 3)), tf.float32) for _ in "ab")
    mix = tf.constant(generator.uniform(size=(5, 1, 1, 1)), tf.float32)
    norm = float(tf.norm(w))
    penalty = losses.gradient_penalty(linear_critic(w), real, fake, mix)
    assert float(penalty) == pytest.approx((norm - 1.0) ** 2, rel=1e-5)
    scaled = losses.gradient_penalty(linear_critic(w), real, fake, mix, target=750.0)
    assert float(scaled) == pytest.approx((norm / 750.0 - 1.0) ** 2, rel=1e-5)
    assert float(losses.r1(linear_critic(w), real)) == pytest.approx(0.5 * norm**2, rel=1e-5)


def test_gradient_penalty_has_a_gradient_at_a_flat_critic():
    w = tf.Variable(tf.zeros((1, 4, 4, 1)))
    x = tf.ones((3, 4, 4, 1))
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(linear_critic(w), x, -x, tf.ones((3, 1, 1, 1)) * 0.3)
    assert float(penalty) == pytest.approx(1.0, abs=1e-4)
    assert np.isfinite(tape.gradient(penalty, w)).all()


def test_penalty_norm_is_one_number_a_sample():
    # D(x) = |x|^2 / 2 has gradient x: each sample's own norm counts.
    real = tf.concat([tf.ones((1, 2, 2, 1)), 2.0 * tf.ones((1, 2, 2, 1))], 0)
    mix = tf.ones((2, 1, 1, 1))
    penalty = losses.gradient_penalty(
        lambda x: 0.5 * tf.reduce_sum(x**2, axis=(1, 2, 3)), real, real, mix
    )
    assert float(penalty) == pytest.approx(((2.0 - 1.0) ** 2 + (4.0 - 1.0) ** 2) / 2, rel=1e-5)


def test_sums_are_per_example():
    x, y = tf.ones((2, 3, 4, 1)), tf.zeros((2, 3, 4, 1))
    assert losses.squared_error(x, y).numpy().tolist() == [12.0, 12.0]
    assert losses.absolute_error(x, y).numpy().tolist() == [12.0, 12.0]
    nll = losses.bernoulli_nll(x, y)
    np.testing.assert_allclose(nll, [12 * LN2] * 2, rtol=1e-6)


def test_kl_against_monte_carlo():
    mean, log_var = np.array([[0.7, -1.2, 0.0]]), np.array([[0.4, -0.9, 1.1]])
    closed = float(losses.kl_to_standard_normal(tf.constant(mean), tf.constant(log_var))[0])
    eps = np.random.default_rng(0).normal(size=(100_000, 3))
    z = mean + np.exp(0.5 * log_var) * eps
    ratio = 0.5 * (z**2 - eps**2 - log_var).sum(1)
    assert closed == pytest.approx(ratio.mean(), rel=0.01)
    assert float(losses.kl_to_standard_normal(ZERO, ZERO)[0]) == 0.0


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Unknown adversarial loss 'hing'.*hinge"):
        losses.adversarial("hing")


def test_smoothing_is_part_of_a_game():
    smooth = losses.adversarial("non_saturating", 0.1).discriminator(ZERO + 2.0, ZERO)
    plain = losses.adversarial("non_saturating").discriminator(ZERO + 2.0, ZERO, 0.1)
    assert float(smooth) == pytest.approx(float(plain), rel=1e-6)
    for name in ("hinge", "wasserstein"):
        with pytest.raises(ValueError, match=f"The {name} loss has no label to smooth"):
            losses.adversarial(name, 0.1)


@pytest.mark.parametrize("name", list(losses.ADVERSARIAL))
def test_kinds_of_generated_images_are_summed(name):
    game = losses.adversarial(name)
    real, first, second = ZERO + 1.5, ZERO - 0.5, ZERO + 0.25
    whole = float(game.discriminator(real, [first, second]))
    one, other = (float(game.discriminator(real, x)) for x in (first, second))
    of_real = float(tf.reduce_mean(game.of_real(real)))
    assert whole == pytest.approx(one + other - of_real, abs=1e-6)
