"""Text to image: its losses by hand, what each player is shown, and texts that do not match."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.captioned import agreement, classifiers, matching_gap
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
        assert min(found[name] for name in ("colour", "position", "size")) > 0.8, found
        assert matching_gap(model, split) > 0.3
