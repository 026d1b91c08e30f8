import numpy as np
import pytest

from tests.tiny import TINY
from tfgen.explore import elbo


def test_the_bound_is_exact_at_every_record():
    calls = []
    found = elbo(steps=20, rows=20, progress=lambda *call: calls.append(call))
    assert set(found.figures) == {"decomposition", "posterior", "importance_weighted", "kl"}
    records = found.numbers["records"]
    assert max(records["error"]) < 1e-4 and records["step"][0] == 0 and records["step"][-1] == 20
    np.testing.assert_allclose(np.add(records["elbo"], records["gap"]), records["log_p"], atol=1e-4)
    assert len(found.figures["posterior"].frames) == len(records["step"]) and calls[-1] == (20, 20)


def test_the_units_of_a_trained_model():
    tiny = TINY["vae"]
    images = tiny.batch(12)["image"]
    found = elbo(tiny.build(), images, rows=10)
    numbers = found.numbers
    assert numbers["pictures"] == 10 and numbers["units"] == len(numbers["unit_kl"])
    assert numbers["kl"] == pytest.approx(numbers["unit_kl"].sum(), rel=1e-5)
    assert numbers["reconstruction"] - numbers["kl"] == pytest.approx(numbers["elbo"])
    assert set(found.figures) == {"units", "aggregated"} and "latent units are in use" in found.says


@pytest.mark.parametrize("name", ["gan", "autoencoder"])
def test_models_without_a_bound(name):
    with pytest.raises(ValueError, match="explore elbo: it makes no sense for"):
        elbo(TINY[name].build(), TINY[name].batch(4)["image"])


def test_bad_input():
    with pytest.raises(ValueError, match="must be at least 1"):
        elbo(rows=0)
    with pytest.raises(ValueError, match="needs `test`"):
        elbo(TINY["vae"].build())


@pytest.mark.slow
def test_the_posterior_is_learned():
    records = elbo(seed=1).numbers["records"]
    assert records["gap"][-1] < 0.01 < 0.5 < records["gap"][0]
