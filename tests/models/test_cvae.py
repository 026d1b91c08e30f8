import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY
from tfgen import data, losses
from tfgen.models import CVAE
from tfgen.probability.conditional_likelihood import conditional_log_likelihood, log_weights
from tfgen.probability.masks import quadrant_mask


def binary(rows, seed=0):
    generator = np.random.default_rng(seed)
    return np.where(generator.random((rows, 8, 8, 1)) < 0.4, 1.0, -1.0).astype("float32")


def with_spread(model, seed=1):
    """Larger weights, so that z matters."""
    generator = np.random.default_rng(seed)
    for v in model.trainable_variables:
        v.assign(generator.normal(0.0, 0.3, v.shape))
    return model


def silent(model):
    """The decoder ignores z."""
    for v in model.generation.trainable_variables[-2:]:
        v.assign(tf.zeros_like(v))
    return model


def test_kl_equals_monte_carlo():
    generator = np.random.default_rng(0)
    q = [generator.normal(size=(1, 4)).astype("float32") for _ in range(2)]
    p = [generator.normal(size=(1, 4)).astype("float32") for _ in range(2)]
    z = q[0] + np.exp(0.5 * q[1]) * generator.normal(size=(100_000, 4)).astype("float32")
    ratio = losses.gaussian_nll(z, *p) - losses.gaussian_nll(z, *q)
    kl = losses.kl_between_normals(*q, *p)
    np.testing.assert_allclose(tf.reduce_mean(ratio), kl[0], rtol=0.01)
    standard = losses.kl_between_normals(*q, tf.zeros((1, 4)), tf.zeros((1, 4)))
    np.testing.assert_allclose(standard, losses.kl_to_standard_normal(*q), rtol=1e-5)


def test_likelihood_counts_hidden_pixels_only():
    model = with_spread(TINY["cvae"].build())
    first = binary(4)
    y, given = tf.constant(first), model.given({"image": first})
    eps = tf.ones((4, 3))
    changed = tf.where(model.visible > 0, -first, first)
    logits = model.logits(given, eps)
    for images in (first, changed):
        ce = tf.nn.sigmoid_cross_entropy_with_logits(0.5 * (images + 1.0), logits).numpy()
        expected = ce[:, :4].sum((1, 2, 3)) + ce[:, 4:, 4:].sum((1, 2, 3))
        nll = losses.bernoulli_nll(0.5 * (images + 1.0), logits, given.hidden)
        np.testing.assert_allclose(nll, expected, rtol=1e-5)
    completed = model.complete(z=eps, image=y)["image"].numpy()
    np.testing.assert_array_equal(completed[:, 4:, :4], first[:, 4:, :4])
    assert not np.array_equal(completed[:, :4], first[:, :4])


def test_nets_see_nothing_of_the_hidden_part():
    model = with_spread(TINY["cvae"].build())
    image = binary(4)
    changed = np.where(model.visible > 0, image, -image)
    for name in ("complete", "guess"):
        eps = {"z": np.ones((4, 3), "float32")} if name == "complete" else {}
        a = model.call_signature(name, {"image": image, **eps})["image"]
        b = model.call_signature(name, {"image": changed, **eps})["image"]
        np.testing.assert_array_equal(a, b)
    codes = [model.encode(image=i)["mean"] for i in (image, changed)]
    assert np.abs(codes[0] - codes[1]).max() > 1e-3


def test_a_decoder_without_z_equals_the_baseline():
    model = silent(with_spread(TINY["cvae"].build()))
    batch = {"image": binary(5)}
    given = model.given(batch)
    baseline = losses.bernoulli_nll(0.5 * (batch["image"] + 1.0), given.guess, given.hidden)
    found = conditional_log_likelihood(model, batch, 7, "monte_carlo")
    np.testing.assert_allclose(-found, baseline, rtol=1e-5)
    np.testing.assert_array_equal(
        model.complete(z=tf.ones((5, 3)), **batch)["image"], model.guess(**batch)["image"]
    )


def test_importance_sampling_equals_monte_carlo_where_the_nets_agree():
    model = with_spread(TINY["cvae"].build())
    batch, eps = {"image": binary(3)}, tf.constant(np.ones((3, 4, 3), "float32"))
    model.posterior = lambda y, given, training=False: given.prior
    a, b = (log_weights(model, batch, eps, m) for m in ("monte_carlo", "importance"))
    np.testing.assert_allclose(a, b, rtol=1e-5)


def test_both_estimates_converge_to_the_same_number_and_rise():
    model = with_spread(TINY["cvae"].build(latent_dim=1))
    for v in model.recognition.trainable_variables:
        v.assign(0.3 * v)
    batch = {"image": binary(6)}
    many, weighted = (
        conditional_log_likelihood(model, batch, 20_000, method).mean()
        for method in ("monte_carlo", "importance")
    )
    np.testing.assert_allclose(many, weighted, atol=0.05)
    # In expectation: with one seed three samples are above as often as not.
    few = [
        conditional_log_likelihood(model, batch, 3, "monte_carlo", seed).mean() for seed in range(9)
    ]
    assert np.mean(few) < many
    eps = tf.constant(np.random.default_rng(0).normal(size=(6, 1)).astype("float32"))
    assert float(tf.reduce_mean(model.elbo(eps, **batch)["elbo"])) < many


def test_chunks_and_batches_do_not_change_the_estimate():
    model = with_spread(TINY["cvae"].build())
    batch = {"image": binary(5)}
    whole = conditional_log_likelihood(model, batch, 10, "importance")
    parts = conditional_log_likelihood(model, batch, 10, "importance", chunk=4, batch_size=2)
    np.testing.assert_allclose(whole, parts, rtol=1e-5)


@pytest.mark.parametrize("name", ["cvae", "cvae_label", "cvae_mask"])
def test_every_net_is_connected(name):
    model, batch = TINY[name].build(), TINY[name].batch(8)
    with tf.GradientTape() as tape:
        given = model.given(batch)
        nll, kl = model.bound(batch["image"], given, tf.ones((8, 3)))
        loss = tf.reduce_mean(nll + kl)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        owner = "baseline" if any(variable is v for v in model.baseline.variables) else "net"
        recognition = any(variable is v for v in model.recognition.variables)
        if owner == "baseline":
            assert gradient is None  # The guess is a fixed input of the other nets.
        elif not (recognition and not model.alpha):
            assert np.abs(gradient).max() > 0, variable.path


def test_gsnn_draws_from_the_prior_net():
    model = TINY["cvae_mask"].build()
    assert model.recognition is model.prior
    batch = TINY["cvae_mask"].batch(4)
    given = model.given(batch)
    _, kl = model.bound(batch["image"], given, tf.ones((4, 3)))
    np.testing.assert_array_equal(kl, np.zeros(4))


def test_quadrants():
    mask = quadrant_mask((4, 6, 1), ("upper_left", "lower_left"))[0, :, :, 0]
    np.testing.assert_array_equal(mask, np.repeat([[1, 1, 1, 0, 0, 0]], 4, axis=0))
    mask = quadrant_mask((3, 3, 1), ("lower_right",))[0, :, :, 0]
    np.testing.assert_array_equal(mask, [[0, 0, 0], [0, 1, 1], [0, 1, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_dim": 0}, "latent_dim"),
        ({"condition": "text"}, "condition"),
        ({"observed": ("left",)}, "observed"),
        ({"observed": ()}, "observed"),
        ({"alpha": 1.5}, "alpha"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        TINY["cvae"].build(**change)


def test_bad_batches():
    image = binary(4)
    for name, key in (("cvae_label", "label"), ("cvae_mask", "mask")):
        model = TINY[name].build()
        model.compile()
        with pytest.raises(ValueError, match=f"needs batches with '{key}'"):
            model.fit({"image": image}, verbose=0)
    with pytest.raises(ValueError, match="`mask` must have shape"):
        model.condition_of({"image": image, "mask": np.ones((4, 8, 8, 3), "float32")})
    with pytest.raises(ValueError, match="Unknown method"):
        conditional_log_likelihood(model, {"image": image}, 4, "exact")
    with pytest.raises(ValueError, match="`samples` must be at least 1"):
        conditional_log_likelihood(model, {"image": image}, 0)


@pytest.mark.slow
def test_learns_the_hidden_quadrants_of_digits():
    # configs/cvae_digits.yaml for half its epochs.
    train = data.load("digits", "train", 64, binarize="threshold")
    test = data.source("digits", "test").arrays["image"]
    arrays = {"image": np.where(test >= 0, 1.0, -1.0).astype("float32")}
    model = CVAE((8, 8, 1), latent_dim=8, hidden=(128,))
    model.compile()
    model.fit(train, epochs=50, verbose=0)
    bound = model.evaluate(arrays, batch_size=500, verbose=0, return_dict=True)
    monte_carlo, importance = (
        -conditional_log_likelihood(model, arrays, 100, method).mean()
        for method in ("monte_carlo", "importance")
    )
    assert monte_carlo < bound["baseline"] - 1.5
    assert importance <= monte_carlo <= bound["negative_elbo"] + 0.3


def test_draws_are_samples_of_the_hidden_pixels():
    model, first = with_spread(TINY["cvae"].build()), binary(4)
    z = np.ones((4, 3), "float32")
    means = model.call_signature("complete", {"z": z, "image": first})["image"].numpy()
    for level in (0.25, 0.75):
        noise = np.full((4, 8, 8, 1), level, "float32")
        feeds = {"z": z, "pixel_noise": noise, "image": first}
        drawn = model.call_signature("draw", feeds)["image"].numpy()
        expected = np.where(
            model.visible > 0, first, np.where(level < 0.5 * (means + 1), 1.0, -1.0)
        )
        np.testing.assert_array_equal(drawn, expected)
    by_class = CVAE((4, 4, 1), condition="label", num_classes=3, latent_dim=2, hidden=(4,))
    assert set(by_class.signatures()["draw"].inputs) == {"z", "pixel_noise", "label"}
    drawn = by_class.sample(range(5), signature="draw", label=1)
    assert drawn.shape == (5, 4, 4, 1) and set(np.unique(drawn)) <= {-1.0, 1.0}
