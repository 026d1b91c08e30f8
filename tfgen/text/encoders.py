"""Networks from token numbers to one vector a text, and how they learn to match pictures."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
from keras.layers import (
    GRU,
    Conv1D,
    Dense,
    Embedding,
    GlobalAveragePooling1D,
    MaxPooling1D,
    Rescaling,
    SimpleRNN,
    UnitNormalization,
)

from tfgen.construct import no_such
from tfgen.networks.basic import HEAD
from tfgen.text.tokens import PADDING

if TYPE_CHECKING:
    from tfgen.text.tokens import Characters, Words


@keras.saving.register_keras_serializable("tfgen")
class OneHotTokens(keras.layers.Layer):
    """Token numbers as indicators; padding is all zeros. (B, T) -> (B, T, num_tokens - 1)

    Args:
        num_tokens: Numbers that a token can have.
    """

    def __init__(self, num_tokens: int, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        # Not one_hot(tokens - 1): to ONNX a negative number counts from the end.
        return tf.one_hot(tokens, self.num_tokens, dtype=self.compute_dtype)[..., 1:]

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*input_shape, self.num_tokens - 1)

    def get_config(self):
        return {**super().get_config(), "num_tokens": self.num_tokens}


@keras.saving.register_keras_serializable("tfgen")
class WordFrequencies(OneHotTokens):
    """How often each token occurs, over the text's length. (B, T) -> (B, num_tokens - 1)"""

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        counts = tf.reduce_sum(super().call(tokens), axis=1)
        written = tf.reduce_sum(tf.cast(tokens != PADDING, counts.dtype), axis=1, keepdims=True)
        return counts / tf.maximum(written, 1.0)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (input_shape[0], self.num_tokens - 1)


def char_cnn_rnn(num_tokens: int, filters: Sequence[int]) -> list:
    """Three convolutions with pooling, then a recurrence averaged over time (Reed et al. 2016b)."""
    layers = [OneHotTokens(num_tokens)]
    for maps, stride in zip(filters, (3, 3, 2), strict=True):
        layers += [Conv1D(maps, 4, activation="relu", padding="same")]
        layers += [MaxPooling1D(3, stride, padding="same")]
    layers += [
        SimpleRNN(filters[-1], activation="relu", return_sequences=True, unroll=True),
        GlobalAveragePooling1D(),
    ]
    return layers


def gru(num_tokens: int, filters: Sequence[int]) -> list:
    """Word vectors, a gated recurrence, and its mean over the words that there are."""
    return [
        Embedding(num_tokens, filters[0], mask_zero=True),
        GRU(filters[-1], return_sequences=True, unroll=True),
        GlobalAveragePooling1D(),
    ]


def bag_of_words(num_tokens: int, filters: Sequence[int]) -> list:
    """Frequencies of words, whatever their order."""
    return [WordFrequencies(num_tokens)]


# Name -> (what a token is, layers).
ENCODERS = {
    "char_cnn_rnn": ("characters", char_cnn_rnn),
    "gru": ("words", gru),
    "bag_of_words": ("words", bag_of_words),
}


def known(name: str):
    """The entry of `ENCODERS`.

    Raises:
        ValueError: There is no such encoder.
    """
    if name not in ENCODERS:
        raise ValueError(no_such("text encoder", name, ENCODERS))
    return ENCODERS[name]


def encoder(
    name: str, tokenizer: "Characters | Words", embedding_dim: int, filters: Sequence[int]
) -> keras.Model:
    """A text encoder; its embeddings have a root mean square of 1. (B, T) int32 -> (B, E)

    The joint embedding loss fixes only the product of the texts' and the pictures' lengths: texts
    can separate well and still be too short to be heard beside noise of unit variance.

    Args:
        name: A key of `ENCODERS`.
        tokenizer: Whose tokens it reads.
        embedding_dim: Length of an embedding.
        filters: Maps of the three convolutions of "char_cnn_rnn", the last also of its
            recurrence; for "gru" the first is the length of a word vector, the last its units.
    """
    layers = known(name)[1](tokenizer.num_tokens, filters)
    return keras.Sequential(
        [
            keras.Input((tokenizer.length,), dtype="int32"),
            *layers,
            Dense(embedding_dim, dtype=HEAD),
            UnitNormalization(dtype=HEAD),
            Rescaling(math.sqrt(embedding_dim), dtype=HEAD),
        ],
        name="text_encoder",
    )


def joint_embedding(
    own: tf.Tensor, matching: tf.Tensor, others: tf.Tensor, distinct: tf.Tensor, margin: float = 1.0
) -> tf.Tensor:
    """Structured joint embedding loss in one direction, one number a row. (b, E) -> (b,)

    mean over j of max(0, margin + <own, others_j> - <own, matching>), over the texts (or pictures)
    that do not match the row's picture (or text); others count 0. Reed et al. 2016b, equations 3
    to 5, with the inner product as compatibility.

    Args:
        own: Embeddings of the pictures, or of the texts, (b, E).
        matching: Of each row's text, or picture, (b, E).
        others: Of all texts, or pictures, of the global batch, (B, E).
        distinct: (b, B), which of these do not match the row.
        margin: By which what matches should lead.
    """
    scores = tf.matmul(own, others, transpose_b=True)  # (b, B)
    lead = tf.reduce_sum(own * matching, axis=-1, keepdims=True)
    excess = tf.nn.relu(margin + scores - lead)
    return tf.reduce_mean(tf.where(distinct, excess, 0.0), axis=1)
