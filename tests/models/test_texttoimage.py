"""Text to image: its losses by hand, what each player is shown, and texts that do not match."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.captioned import agreement, classifiers, matching_gap
from tests.models.recording import step_recorded
from tests.tiny import TINY
from tfgen import data
from tfgen.models import TextToImageGAN
from tfgen.step import step
from tfgen.text.matching import matching_aware
from tfgen.text.tokens import vocabulary

WORDS = ("red", "blue", "green", "one", "two", "three")


def tiny(**changes):
    return TextToImageGAN(
        **{
            "image_shape": (8, 8, 1),
            "latent_dim": 4,
            "text_encoder": "bag_of_words",
            "vocabulary": WORDS,
            "text_length": 3,
            "embedding_dim": 6,
            "text_steps": 0,
            "text_dim": 3,
            "generator_filters": 4,
            "discriminator_filters": 4,
            **changes,
        }
    )


def batch(rows=8, texts=None, seed=0):
    generator = np.random.default_rng(seed)
    images = np.tanh(generator.normal(size=(rows, 8, 8, 1))).astype("float32")
    texts = texts or [f"{WORDS[n % 3]} {WORDS[3 + n // 3 % 3]}" for n in range(rows)]
    return {"image": images, "text": np.array(texts, object)}


def fit(model, data, **arguments):
    rows = len(data["image"])
    return model.fit(tf.data.Dataset.from_tensor_slices(data).batch(rows), verbose=0, **arguments)


def run(model, function, data):
    """A function of (model, batch) inside a training step, so that it may draw."""

    def train_step(self, tokens):
        return function(self, tokens)

    return step(train_step)(model, model.texts.tokenized(data))


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_discriminator_loss_at_logit_0_is_two_logarithms_of_2(weight):
    zero = tf.zeros((5,))
    loss = matching_aware(zero, zero, zero, tf.fill((5,), weight))
    assert float(loss) == pytest.approx(2.0 * math.log(2.0), abs=1e-6)


def test_discriminator_loss_by_hand():
    loss = matching_aware(
        tf.constant([2.0]), tf.constant([-1.0]), tf.constant([0.5]), tf.constant([0.25])
    )
    expected = (
        -math.log(1 / (1 + math.exp(-2.0)))
        - 0.25 * math.log(1 - 1 / (1 + math.exp(1.0)))
        - 0.75 * math.log(1 - 1 / (1 + math.exp(-0.5)))
    )
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_first_step_reports_the_loss_at_logit_0():
    model = tiny()
    model.discriminator.layers[-2].kernel.assign(
        tf.zeros_like(model.discriminator.layers[-2].kernel)
    )
    model.compile()
    history = fit(model, batch()).history
    assert history["discriminator_loss"][0] == pytest.approx(1.3863, abs=1e-4)


@pytest.mark.parametrize("match", ["text", "label"])
def test_a_text_never_counts_as_its_own_mismatch(match):
    model = tiny(match=match)
    data = batch(24)
    data["label"] = np.arange(24, dtype=np.int32) % 5
    keys = data["label"] if match == "label" else data["text"]
    encoded = model.encoder(
        model.texts.tokenizer(tf.constant(data["text"])), training=False
    ).numpy()

    def drawn(self, data):
        differs = self.texts.differs(data, data["tokens"])
        return [self.texts.other("mismatch", data["tokens"], differs) for _ in range(20)]

    picked = set()
    for wrong, exists in run(model, drawn, data):
        assert exists.numpy().all()
        for row, embedding in enumerate(wrong.numpy()):
            same = np.flatnonzero(np.abs(encoded - embedding).max(1) < 1e-6)
            assert any(keys[n] != keys[row] for n in same)
            if match == "text":
                assert not np.allclose(embedding, encoded[row])
            picked.add((row, int(same[0])))
    assert len(picked) > 24 * 4  # Drawn, not one fixed partner.


def test_a_batch_of_one_text_has_no_mismatch():
    model = tiny()
    model.compile()
    data = batch(4, ["red one"] * 4)

    def drawn(self, data):
        return self.texts.other(
            "mismatch", data["tokens"], self.texts.differs(data, data["tokens"])
        )

    assert not run(model, drawn, data)[1].numpy().any()
    assert np.isfinite(fit(model, data).history["discriminator_loss"]).all()


def trained(**changes):
    model = tiny(**changes)
    model.compile()
    fit(model, batch())
    return model


def arrays(network):
    return [v.numpy() for v in network.weights]


def test_the_discriminator_never_learns_from_interpolated_texts():
    with_them, without = trained(), trained(interpolation_weight=0.0)
    for a, b in zip(arrays(with_them.discriminator), arrays(without.discriminator), strict=True):
        np.testing.assert_array_equal(a, b)
    pairs = zip(arrays(with_them.generator), arrays(without.generator), strict=True)
    assert any(not np.array_equal(a, b) for a, b in pairs)


def test_real_and_interpolated_texts_are_one_batch_at_1_to_a_half():
    model = tiny(interpolation=0.25)
    data = batch(8)
    data.update(model.texts.tokenized(data))
    g, d = step_recorded(model, data, "generator", "discriminator")
    (z, text), fake = g.calls[1]
    score = d.calls[-1][1].numpy()
    right = model.encoder(data["tokens"], training=False).numpy()
    assert len(z) == len(text) == len(fake) == len(score) == 12  # 8 texts, 4 points between.
    np.testing.assert_allclose(text[:8], right, atol=1e-6)
    ends = (text[8:].numpy() - 0.25 * right[::2]) / 0.75
    for end, start in zip(ends, right[::2], strict=True):
        assert np.abs(right - end).max(1).min() < 1e-5 < np.abs(start - end).max()
    assert len(np.unique(z.numpy(), axis=0)) == 12
    terms = np.logaddexp(0, -score)
    assert float(model.means["generator_loss"].result()) == pytest.approx(terms[:8].mean())
    assert float(model.means["interpolation_loss"].result()) == pytest.approx(terms[8:].mean())


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_the_loss_is_the_weighted_mean_over_the_joint_batch(weight):
    model = tiny(interpolation_weight=weight)
    text = tf.random.stateless_normal((8, 6), (0, 0))
    g_loss, between, loss = run(model, lambda self, _: self.deceit(text, -text), batch())
    expected = (8 * g_loss + 4 * weight * between) / 12
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)


def test_without_interpolation_the_loss_is_the_plain_mean():
    model = tiny(interpolation_weight=0.0)
    text = tf.random.stateless_normal((8, 6), (0, 0))
    g_loss, between, loss = run(model, lambda self, _: self.deceit(text, -text), batch())
    assert float(loss) == float(g_loss) and float(between) == 0.0


def test_the_paper_halves_both_rates_on_a_schedule():
    model = tiny()
    model.compile()
    for optimizer in model.optimizers.values():
        rates = [float(optimizer._learning_rate(n)) for n in (0, 13_799, 13_800, 41_400)]
        assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 2.5e-5])


@pytest.mark.parametrize(
    ("normalization", "kinds"),
    [
        ("batch", {"BatchNorm"}),
        ("layer", {"LayerNormalization"}),
        ("spectral", {"SpectralNormalization"}),
        (None, set()),
    ],
)
def test_normalisation_of_d_includes_its_projection_of_the_text(normalization, kinds):
    network = tiny(discriminator_normalization=normalization).discriminator
    found = {type(x).__name__ for x in network.layers if "Normal" in type(x).__name__
             or "Norm" in type(x).__name__}  # fmt: skip
    assert found == kinds
    # What follows the text's own input: its projection, normalised.
    (text,) = (x for x in network.layers if x.output.shape == (None, 6))
    (first,) = (n.operation for n in text._outbound_nodes)
    (second,) = (n.operation for n in first._outbound_nodes)
    if normalization in ("batch", "layer"):
        assert type(first).__name__ == "Dense" and type(second).__name__ in kinds
    else:
        assert type(second).__name__ == "LeakyReLU"


@pytest.mark.parametrize(
    "changes",
    [
        {"penalty": "gradient_penalty", "discriminator_normalization": "layer"},
        {"penalty": "r1", "penalty_interval": 2, "discriminator_normalization": "spectral"},
        {"loss": "hinge", "augmentation": ("translation", "cutout")},
        {"label_smoothing": 0.1, "instance_noise": (0.3, 0.0), "instance_noise_steps": 4},
        {"loss": "wasserstein", "interpolation_weight": 0.0},
    ],
)
def test_stabilisers_of_the_conditional_gan(changes):
    model = tiny(**changes)
    model.compile(run_eagerly=True)
    history = fit(model, batch()).history
    assert np.isfinite([v for values in history.values() for v in values]).all()
    assert ("penalty" in history) == ("penalty" in changes)
    assert all(history.get("penalty", [1.0]))


def test_what_the_discriminator_sees_is_noisy_and_its_target_smooth():
    model = tiny(instance_noise=0.5, label_smoothing=0.1)
    data = batch(8)
    data.update(model.texts.tokenized(data))
    g, d = step_recorded(model, data, "generator", "discriminator")
    fakes = [fake for _, fake in g.calls]
    seen = [image for (image, _), _ in d.calls]
    for before, after in zip(
        (data["image"], data["image"], *fakes), seen, strict=True
    ):  # Right, wrong, generated; then G's.
        assert float(np.std(after - before)) == pytest.approx(0.5, rel=0.15)
    np.testing.assert_array_equal(seen[0], seen[1])
    right, wrong, fake = (score.numpy() for _, score in d.calls[:3])
    softplus = np.logaddexp(0, np.stack([-right, right, wrong, fake]))
    expected = (softplus * np.array([[0.9], [0.1], [0.5], [0.5]])).sum(0).mean()
    found = float(model.means["discriminator_loss"].result())
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_generator_learns_through_the_interpolated_embedding():
    model = tiny()
    text = tf.random.stateless_normal((4, 6), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(text)
        score = model.discriminator([model.generator([tf.zeros((4, 4)), text]), text])
    assert float(tf.reduce_max(tf.abs(tape.gradient(score, text)))) > 0


def test_the_encoder_learns_first_and_then_is_frozen():
    model = tiny(text_steps=2)
    model.compile()
    data, history = batch(), []
    for _ in range(4):
        before = [arrays(n) for n in (model.encoder, model.generator, model.discriminator)]
        history.append(fit(model, data).history)
        after = [arrays(n) for n in (model.encoder, model.generator, model.discriminator)]
        moved = [
            any(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))
            for a, b in zip(before, after, strict=True)
        ]
        assert moved == ([True, False, False] if len(history) <= 2 else [False, True, True])
    assert history[0]["text_loss"][0] > 0 and history[0]["generator_loss"][0] == 0
    assert history[3]["text_loss"][0] == 0 and history[3]["generator_loss"][0] > 0


@pytest.mark.slow
def test_resume_across_the_freezing(tmp_path):
    arguments = dict(text_steps=1, text_encoder="gru", text_filters=(4, 5))
    data = tf.data.Dataset.from_tensor_slices(batch(24)).batch(8)
    whole, first, rest = (tiny(**arguments) for _ in range(3))
    for model in (whole, first, rest):
        model.compile()
    whole.fit(data, verbose=0)
    first.fit(data.take(1), verbose=0)
    first.save_weights(tmp_path / "x.weights.h5")
    rest.load_weights(tmp_path / "x.weights.h5")
    rest.fit(data.skip(1), verbose=0)
    for expected, received in zip(whole.weights, rest.weights, strict=True):
        np.testing.assert_array_equal(expected.numpy(), received.numpy())


def test_one_of_several_captions_is_drawn_for_each_picture():
    model = tiny()
    data = batch(64)
    data["text"] = np.array([["red one", "blue two", "green three"]] * 64, object)
    tokens = run(model, lambda self, data: self.texts.caption(data), data)
    assert tokens.shape == (64, 3)
    assert len({tuple(row) for row in tokens.numpy().tolist()}) == 3


def test_strings_are_served_whatever_they_say():
    model = tiny(sample_texts=("red one", "blue two"))
    strange = ["red", "unheard of blue", "RED one!", "red " * 999, "三 one"]
    images = model.sample(range(5), text=strange)
    assert images.shape == (5, 8, 8, 1) and np.isfinite(images).all()
    for unread in ("", "unheard of", "三"):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"no word .* in rows:\] \[1\]"):
            model.sample(range(2), text=["red", unread])
    same = model.sample([7, 7], text=["red one", "Red,  ONE"])
    np.testing.assert_array_equal(same[0], same[1])
    drawn = model.signatures()["generate"].draw(range(20))["text"]
    assert set(drawn.tolist()) == {b"red one", b"blue two"}
    graph = model.signatures()["generate"].draw(tf.range(20, dtype=tf.int64), "tensorflow")
    assert graph["text"].numpy().tolist() == drawn.tolist()


def test_onnx_gets_tokens_with_the_vocabulary_beside(tmp_path):
    import json

    import onnxruntime

    from tfgen.export import onnx

    model = TINY["texttoimage"].build()
    files = onnx(model, tmp_path)
    session = onnxruntime.InferenceSession(str(files["generate"]))
    assert {i.name: i.type for i in session.get_inputs()} == {
        "z": "tensor(float)",
        "tokens": "tensor(int32)",
    }
    table = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    tokens = np.array([[table["tokens"]["red"], table["tokens"]["three"], table["padding"]]])
    z = np.ones((1, 4), np.float32)
    image = session.run(None, {"z": z, "tokens": tokens.astype(np.int32)})[0]
    expected = model.call_signature("generate", {"z": z, "text": ["red three"]})["image"]
    np.testing.assert_allclose(image, expected, atol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"text_encoder": "lstm"}, "Unknown text encoder 'lstm'"),
        ({"vocabulary": ()}, "`vocabulary` is empty"),
        ({"match": "colour"}, "`match` must be one of"),
        ({"mismatch_weight": 1.5}, r"must lie in \[0, 1\]"),
        ({"image_shape": (7, 7, 1)}, "halvings"),
        ({"text_encoder": "char_cnn_rnn"}, "reads characters"),
        ({"loss": "hing"}, "Unknown adversarial loss"),
        ({"penalty": "gradient_penalty"}, "function of one sample"),
        ({"instance_noise": (0.3, 0.1)}, "`instance_noise_steps` belongs to a pair"),
    ],
)
def test_unusable_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_batches_without_texts_or_labels():
    model = tiny()
    model.compile()
    with pytest.raises(ValueError, match="needs batches with 'text'"):
        model.fit(tf.data.Dataset.from_tensors({"image": batch()["image"]}), verbose=0)
    model = tiny(match="label")
    model.compile()
    with pytest.raises(ValueError, match="needs batches with 'label'"):
        fit(model, batch())


def test_a_text_optimizer_with_nothing_to_train():
    with pytest.raises(ValueError, match="`text_steps` is 0"):
        tiny().compile(text_optimizer="adam")


@pytest.mark.slow
def test_pictures_are_as_their_texts_say():
    """Colour, place and size, of seen and of unseen combinations, after 648 steps of the players.

    Digits take longer; configs/texttoimage_digits.yaml is the run for them.
    """
    source = data.source("captioned-digits")
    model = TextToImageGAN(
        image_shape=(16, 16, 3),
        latent_dim=16,
        text_encoder="bag_of_words",
        vocabulary=vocabulary(source.arrays["text"].ravel()),
        text_length=12,
        embedding_dim=64,
        text_steps=1215,
        text_dim=32,
        interpolation_weight=0.0,
        generator_filters=16,
        discriminator_filters=16,
    )
    model.compile(keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(5e-4, 0.5))
    model.fit(data.load("captioned-digits", batch_size=64), epochs=15 + 8, verbose=0)
    known = classifiers()
    for split in ("test", "held-out"):
        found = agreement(model, split, known)
        assert min(found.values()) > 0.8, found
        assert matching_gap(model, split) > 0.3
