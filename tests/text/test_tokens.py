"""Tokenizers: exact tokens, what is unknown or empty, and clients that have the JSON only."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from tfgen import text
from tfgen.text import encoders as text_encoders

WORDS = ["red", "three", "grün", "2", "small"]
TEXTS = [
    "A red, THREE!",
    "",
    " \t",
    "GRÜN-grün_small 2x2 2",
    "三つの円 😀",
    "red " * 50,
    "three.red\nsmall",
]


def test_words():
    tokens = text.Words(WORDS, 4)(tf.constant(TEXTS)).numpy()
    assert tokens.tolist() == [
        [1, 2, 3, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [4, 4, 6, 1],
        [1, 0, 0, 0],
        [2, 2, 2, 2],
        [3, 2, 6, 0],
    ]


def test_characters():
    tokenizer = text.Characters(5)
    tokens = tokenizer(tf.constant(["aB 9", "", "é!", "abcdefg"])).numpy()
    z = len(text.ALPHABET) + 1
    assert tokens.tolist() == [
        [2, 3, z, 37, 0],
        [1, 0, 0, 0, 0],
        [1, text.ALPHABET.index("!") + 2, 0, 0, 0],
        [2, 3, 4, 5, 6],
    ]
    assert tokenizer.num_tokens == z + 1 and len(set(text.ALPHABET)) == len(text.ALPHABET)


def client(table, value):
    """A tokenizer from the JSON beside an ONNX file, in plain Python."""
    table = json.loads(table)
    if "letters and numbers" in table["rule"]:
        parts = re.findall(r"[^\W_]+", value.lower())
    else:
        parts = list(value.lower().strip())
    numbers = [table["tokens"].get(part, table["unknown"]) for part in parts] or [table["unknown"]]
    numbers = numbers[: table["length"]]
    return numbers + [table["padding"]] * (table["length"] - len(numbers))


@pytest.mark.parametrize("tokenizer", [text.Words(WORDS, 6), text.Characters(9)])
def test_the_json_file_is_enough_for_a_client(tokenizer):
    expected = tokenizer(tf.constant(TEXTS)).numpy().tolist()
    assert [client(tokenizer.table(), value) for value in TEXTS] == expected


@pytest.mark.parametrize("tokenizer", [text.Words(WORDS, 3), text.Characters(3)])
def test_any_bytes_and_any_shape(tokenizer):
    strange = np.array([[b"\xff\xfe red", b"\x00"], [b"red", "\ud7ff".encode()]], object)
    graph = tf.function(tokenizer, input_signature=[tf.TensorSpec((None, 2), tf.string)])
    tokens = graph(strange)
    assert tokens.shape == (2, 2, 3)
    assert tokens.numpy().min() >= 0 and tokens.numpy().max() < tokenizer.num_tokens
    assert tokenizer(tf.constant([], tf.string)).shape == (0, 3)


def test_vocabulary_of_texts_by_frequency():
    texts = ["a red three", b"Red three", "red"]
    assert text.vocabulary(texts) == ["red", "three", "a"]
    assert text.vocabulary(texts, 2) == ["red", "three"]


@pytest.mark.parametrize(
    "vocabulary, message",
    [
        ((), "is empty"),
        (("red", "red"), "'red' stands there twice"),
        (("Red",), "'Red' is not one word in lower case"),
        (("two words",), "is not one word"),
        (("",), "is not one word"),
    ],
)
def test_unusable_vocabulary(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        text.tokenizer("words", vocabulary, 4)


def test_unusable_tokenizers():
    with pytest.raises(ValueError, match="Unknown tokenizer"):
        text.tokenizer("syllables", (), 4)
    with pytest.raises(ValueError, match="must be positive"):
        text.tokenizer("characters", (), 0)
    with pytest.raises(ValueError, match="reads characters"):
        text.tokenizer("characters", ("red",), 4)


def test_bag_of_words_knows_no_order_and_no_padding():
    layer = text_encoders.WordFrequencies(6)
    frequencies = layer(tf.constant([[2, 3, 0, 0], [3, 2, 0, 0], [5, 5, 5, 1]]))
    np.testing.assert_allclose(
        frequencies, [[0, 0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0, 0], [0.25, 0, 0, 0, 0.75]]
    )


@pytest.mark.parametrize("name", text_encoders.ENCODERS)
def test_encoders_ignore_nothing_that_is_written(name):
    kind, _ = text_encoders.known(name)
    tokenizer = text.tokenizer(kind, () if kind == "characters" else WORDS, 12)
    encoder = text_encoders.encoder(name, tokenizer, 7, (8, 8, 8))
    out = encoder(tokenizer(tf.constant(["red three", "red small", "red three"])))
    assert out.shape == (3, 7)
    np.testing.assert_allclose(out[0], out[2], atol=1e-6)
    assert np.abs(out[0] - out[1]).max() > 1e-6
    # As long as noise of unit variance, however short the layer before made it.
    encoder.layers[-3].kernel.assign(encoder.layers[-3].kernel * 0.01)
    out = encoder(tokenizer(tf.constant(["red three", "unheard of"])))
    np.testing.assert_allclose(tf.reduce_mean(tf.square(out), axis=1), 1.0, atol=1e-4)


def test_joint_embedding_by_hand():
    pictures = tf.constant([[1.0, 0.0], [0.0, 1.0]])
    texts = tf.constant([[1.0, 0.0], [0.5, 0.25]])
    # Row 0 leads by 1 - 0.5, so 0.5 are missing; row 1 has 0.25 against 0, so 0.75 are.
    distinct = tf.constant([[False, True], [True, False]])
    loss = text_encoders.joint_embedding(pictures, texts, texts, distinct)
    np.testing.assert_allclose(loss, [0.25, 0.375], atol=1e-6)
    same = text_encoders.joint_embedding(pictures, texts, texts, tf.zeros((2, 2), tf.bool))
    np.testing.assert_allclose(same, 0.0)
