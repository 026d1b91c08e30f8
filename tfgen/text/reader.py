"""What a model of texts and pictures does with the texts of a batch.

Tokens before a step, one caption of each picture in it, texts that do not match; and the loss by
which a text encoder learns beside one of pictures.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfgen.signature import Input, Signature
from tfgen.step import draws, required
from tfgen.text import encoders, matching
from tfgen.text.tokens import served, tokenizer

MATCHES = ("text", "label")


class Reader:
    """A text encoder with the tokens that it reads.

    Args:
        who: What messages call the model.
        encoder: A key of `tfgen.text.encoders.ENCODERS`.
        vocabulary: Words of an encoder that reads words, in lower case.
        length: Characters or words of a text that are read.
        embedding_dim: Length E of a text's embedding.
        filters: Sizes of the encoder, see `tfgen.text.encoders.encoder`.
        match: What makes a text match another picture: "text", the same words, or "label", the
            same class.
        samples: Texts to draw from where none is given.

    Attributes:
        tokenizer: Texts to tokens (B, T).
        encoder: The network, tokens (B, T) -> (B, E).

    Raises:
        ValueError: An unknown encoder or match, or a vocabulary that does not fit the encoder.
    """

    def __init__(
        self,
        who: str,
        encoder: str,
        vocabulary: Sequence[str],
        length: int,
        embedding_dim: int,
        filters: Sequence[int],
        match: str = "text",
        samples: Sequence[str] = (),
    ):
        if match not in MATCHES:
            raise ValueError(f"`match` must be one of {MATCHES}. Received: {match!r}.")
        kind, _ = encoders.known(encoder)
        self.tokenizer = tokenizer(kind, vocabulary, length)
        self.encoder = encoders.encoder(encoder, self.tokenizer, embedding_dim, filters)
        self.who, self.match, self.samples = who, match, tuple(samples)

    def tokenized(self, batch: dict) -> dict[str, tf.Tensor]:
        """A batch with numbers only, `tokens` for `text`: no accelerator has strings."""
        batch = {name: tf.convert_to_tensor(value) for name, value in dict(batch).items()}
        if "tokens" not in batch:
            batch["tokens"] = self.tokenizer(required(batch, "text", self.who))
        return {name: value for name, value in batch.items() if value.dtype != tf.string}

    def stream(self, x):
        """What `fit` is given, a data set or a dict, with its batches `tokenized`."""
        if isinstance(x, tf.data.Dataset):
            return x.map(self.tokenized, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        return self.tokenized(x) if isinstance(x, dict) else x

    def caption(self, batch: dict) -> tf.Tensor:
        """One of each picture's captions, drawn by the running step. (B, T)"""
        tokens = required(batch, "tokens", self.who)
        if len(tokens.shape) == 2:
            return tokens
        chosen = draws().categorical("caption", (tf.shape(tokens)[0],), tokens.shape[1])
        return tf.gather(tokens, chosen, axis=1, batch_dims=1)

    def differs(self, batch: dict, tokens: tf.Tensor) -> tf.Tensor:
        """Which texts of the global batch do not match each picture. (b, B)"""
        key = required(batch, "label", "match='label'") if self.match == "label" else tokens
        return matching.distinct(key, matching.gathered(key))

    def other(self, purpose: str, tokens: tf.Tensor, differs: tf.Tensor):
        """A text that does not match, drawn for each row, and whether there is one: (B, E), (B,)"""
        chances = draws().uniform(purpose, (tf.shape(differs)[0], tf.shape(differs)[1]))
        rows, exists = matching.drawn(differs, chances)
        drawn = tf.gather(matching.gathered(tokens), rows)
        return self.encoder(drawn, training=False), exists

    def served(self, fn: Callable, **inputs: Input) -> Signature:
        """A signature of `fn` and of these inputs that takes a text too, see `tokens.served`."""
        return served(fn, self.tokenizer, inputs, self.samples)


def matching_loss(pictures: tf.Tensor, texts: tf.Tensor, differs: tf.Tensor) -> tf.Tensor:
    """The joint embedding loss in both directions, a scalar. (B, E), (B, E), (b, B)"""
    forth = encoders.joint_embedding(pictures, texts, matching.gathered(texts), differs)
    back = encoders.joint_embedding(texts, pictures, matching.gathered(pictures), differs)
    return tf.reduce_mean(forth + back)
