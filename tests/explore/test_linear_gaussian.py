import numpy as np
import pytest
import tensorflow as tf

from tfgen.explore import linear_gaussian as home


@pytest.fixture(scope="module")
def model():
    model = home.built(0, 0.01, 10)
    for weight in [*model.encoder.weights, *model.decoder.weights]:
        weight.assign(weight + 0.1 * tf.random.stateless_normal(weight.shape, (1, 2)))
    return model


@pytest.fixture(scope="module")
def y():
    return home.points(50, 1)


def test_log_p_is_the_bound_and_the_gap(model, y):
    moment = home.moment(model, y, 0)
    assert moment.error < 1e-10 and moment.gap > 0.01
    assert moment.elbo == pytest.approx(moment.reconstruction - moment.kl)


def test_log_p_is_the_integral_over_z(model, y):
    w, b = home.decoder(model)
    z = np.linspace(-9, 9, 20_001)
    prior = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    squares = ((y[:, None] - z[None, :, None] * w - b) ** 2).sum(-1) / home.STDDEV**2
    given = np.exp(-0.5 * squares) / (2 * np.pi * home.STDDEV**2)
    integral = (given * prior).sum(1) * (z[1] - z[0])
    moment = home.moment(model, y, 0)
    assert moment.log_p == pytest.approx(np.log(integral).mean(), abs=1e-8)


def test_the_terms_are_those_of_the_library(model, y):
    rows = np.repeat(y[:5], 4000, axis=0)
    eps = np.random.default_rng(0).normal(size=(len(rows), 1, 1)).astype("float32")
    nll, kl, _ = model.terms(home.image(rows), tf.constant(eps))
    moment = home.moment(model, y[:5], 0)
    assert float(tf.reduce_mean(kl)) == pytest.approx(moment.kl, abs=1e-5)
    assert -float(tf.reduce_mean(nll)) == pytest.approx(moment.reconstruction, abs=0.05)


def test_importance_samples_close_the_gap(model, y):
    moment = home.moment(model, y, 0)
    bounds = list(moment.iwae.values())
    assert bounds[0] == pytest.approx(moment.elbo, abs=0.1)
    assert bounds == sorted(bounds) and moment.log_p - bounds[-1] < 0.1 * moment.gap


def test_kl_by_samples_nears_the_closed_form(model, y):
    kl = home.monte_carlo_kl(model, y)
    assert abs(kl["estimate"][-1] - kl["closed"]) < 4 * kl["standard_error"][-1]
