import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfgen import export, random
from tfgen.models import VAE
from tfgen.probability import prior as priors
from tfgen.probability.prior import Sampler
from tfgen.probability.priors import PRIORS, as_prior
from tfgen.probability.shaped_priors import Mixture

tfd = tfp.distributions
ROWS = 20_000
MEANS = [[-1.0, 0.0], [1.0, 0.5]]
TABLE = {
    "standard_normal": "standard_normal",
    "gaussian": {"name": "gaussian", "stddev": 5.0, "mean": 1.0},
    "mixture": {"name": "mixture", "means": MEANS, "stddev": 0.3, "weights": [1.0, 3.0]},
    "gaussian_mixture": "gaussian_mixture",
    "swiss_roll": "swiss_roll",
}
DISTRIBUTIONS = {
    "diagonal": lambda: tfd.MultivariateNormalDiag([1.0, -1.0], [0.5, 2.0]),
    "triangular": lambda: tfd.MultivariateNormalTriL([1.0, 0.0], [[1.0, 0.0], [0.5, 0.7]]),
    "product": lambda: tfd.Independent(tfd.Laplace([0.0, 1.0], [1.0, 0.5]), 1),
    "sample": lambda: tfd.Sample(tfd.Logistic(0.5, 0.5), [2]),
    "mixture": lambda: tfd.MixtureSameFamily(
        tfd.Categorical(probs=[0.25, 0.75]), tfd.MultivariateNormalDiag(MEANS, [[0.3, 0.3]] * 2)
    ),
    "any": lambda: tfd.Dirichlet([2.0, 3.0]),
}


def draw(prior, rows=ROWS):
    return prior.sample(range(rows))


def test_table_is_covered():
    assert set(TABLE) == set(PRIORS)


@pytest.mark.parametrize("name", [n for n in TABLE if n != "swiss_roll"])
def test_density_integrates_to_one_and_agrees_with_the_samples(name):
    prior = as_prior(TABLE[name], 2)
    side = np.linspace(-25.0, 25.0, 701).astype("float32")
    step = side[1] - side[0]
    plane = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    mass = np.exp(prior.log_prob(tf.constant(plane)).numpy().astype(np.float64)) * step**2
    assert mass.sum() == pytest.approx(1.0, abs=5e-3)
    z = draw(prior)
    mean = mass @ plane
    centred = plane - mean
    covariance = (centred * mass[:, None]).T @ centred
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(z.mean(0), mean, atol=0.03 * spread.max())
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.05 * spread.max() ** 2)


def test_mixture_agrees_with_tfp():
    prior = as_prior(TABLE["mixture"], 2)
    z = tf.random.stateless_normal((4, 5, 2), [1, 2])
    expected = DISTRIBUTIONS["mixture"]().log_prob(z)
    np.testing.assert_allclose(prior.log_prob(z), expected, rtol=1e-5, atol=1e-5)


def test_components_are_where_they_should_be():
    mixture = as_prior("gaussian_mixture", 2)
    noise = {
        n: s.draw(random.namespace("numpy"), np.arange(500), n) for n, s in mixture.noise.items()
    }
    z = mixture.sample_from_noise(component=np.full(500, 3, np.int32), **noise).numpy()
    angle = 2 * np.pi * 3 / 10
    np.testing.assert_allclose(z.mean(0), [2 * np.cos(angle), 2 * np.sin(angle)], atol=0.1)
    radial = z @ [np.cos(angle), np.sin(angle)]
    across = z @ [-np.sin(angle), np.cos(angle)]
    assert radial.std() == pytest.approx(0.5, rel=0.1)
    assert across.std() == pytest.approx(0.1, rel=0.1)
    free = mixture.sample_from_noise(component=np.full(500, -1, np.int32), **noise)
    np.testing.assert_array_equal(free, mixture.sample_from_noise(**noise))


def test_swiss_roll_is_a_spiral_in_ten_parts():
    roll = as_prior("swiss_roll", 2)
    u = np.linspace(0, 0.999, 50).astype("float32")
    for part in (0, 9):
        z = roll.sample_from_noise(z_choice=u, component=np.full(50, part, np.int32)).numpy()
        turn = 3 * np.pi * np.sqrt((part + u) / 10)
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), turn / 4, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(z[:, 0], turn / 4 * np.cos(turn), atol=1e-5)
    with pytest.raises(NotImplementedError, match="no density"):
        roll.log_prob(tf.zeros((1, 2)))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_tfp_distributions_are_functions_of_base_noise(name):
    distribution = DISTRIBUTIONS[name]()
    prior = as_prior(distribution, 2)
    rows = 1000 if name == "any" else ROWS
    z = draw(prior, rows)
    spread = np.asarray(distribution.stddev())
    np.testing.assert_allclose(z.mean(0), distribution.mean(), atol=5 * spread.max() / rows**0.5)
    np.testing.assert_allclose(z.std(0), spread, rtol=0.1)
    np.testing.assert_allclose(prior.log_prob(tf.constant(z)), distribution.log_prob(z))
    np.testing.assert_allclose(prior.sample([5, 3]), z[[5, 3]], atol=1e-6)


def test_functions_are_samplers():
    square = as_prior(lambda u: 2.0 * u - 1.0, 3)
    z = draw(square, 1000)
    assert z.shape == (1000, 3) and -1 <= z.min() < -0.9 and 0.9 < z.max() <= 1
    assert not square.has_density


@pytest.mark.parametrize("stddev, mean", [(1.0, 0.0), (2.0, 0.5)])
def test_closed_form_kl_against_monte_carlo(stddev, mean):
    prior = priors.Gaussian(2, stddev, mean)
    q_mean, q_log_var = np.array([[0.8, -0.3]], np.float32), np.array([[-1.0, 0.4]], np.float32)
    eps = np.random.default_rng(0).normal(size=(100_000, 2))
    z = q_mean + np.exp(0.5 * q_log_var) * eps
    log_q = -0.5 * (eps**2 + q_log_var + np.log(2 * np.pi)).sum(1)
    estimate = (log_q - prior.log_prob(tf.constant(z, tf.float32)).numpy()).mean()
    assert np.sum(prior.kl(q_mean, q_log_var)) == pytest.approx(estimate, rel=0.01)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: as_prior("swiss_roll", 3), "latent_dim must be 2"),
        (lambda: as_prior(DISTRIBUTIONS["diagonal"](), 3), "latent_dim = 3.*length 2"),
        (lambda: as_prior(tfd.Normal([0.0, 0.0], 1.0), 2), "Independent"),
        (lambda: as_prior({"name": "mixture", "means": [[0.0]]}, 2), r"\(C, 2\)"),
        (lambda: as_prior({"name": "gaussian", "stddev": 0.0}, 2), "above 0"),
        (lambda: as_prior("normal", 2), "standard_normal"),
        (lambda: as_prior(3, 2), "must be one of"),
        (lambda: as_prior(priors.StandardNormal(4), 2), "length 4"),
        (lambda: Sampler(lambda u: u[:, :1], 2), r"\(B, 2\)"),
        (lambda: Mixture([[0.0]], [[[1.0]]], [-1.0]), "positive"),
        (lambda: Mixture([[0.0]], [[1.0]]), r"\(C, Z, Z\)"),
    ],
)
def test_bad_input_is_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "name",
    [
        "mixture",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("diagonal", "product", "sample")),
    ],
)
def test_tfp_priors_are_exported(name, tmp_path):
    model = VAE((8, 8, 1), latent_dim=2, hidden=[8], prior=DISTRIBUTIONS[name]())
    report = export.export(model, tmp_path)
    assert {"generate", "elbo", "decode"} <= set(report["verification"]["max_abs_error"]["onnx"])
    manifest = json.loads((tmp_path / "export.json").read_text())
    kind = type(DISTRIBUTIONS[name]()).__name__
    assert kind in json.dumps(manifest["model"]["config"]["prior"])


def test_priors_that_onnx_cannot_express_are_an_error(tmp_path):
    model = VAE((8, 8, 1), latent_dim=2, hidden=[8], prior=DISTRIBUTIONS["any"]())
    with pytest.raises(export.ExportError, match="cannot be written as ONNX"):
        export.onnx(model, tmp_path)
