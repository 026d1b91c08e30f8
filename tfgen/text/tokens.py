"""From texts to token numbers, in TensorFlow operations without tables.

A SavedModel that holds a tokenizer takes texts and needs no files beside it. 0 is padding and 1 any
character or word that is not known; a text of which nothing remains is one unknown token. Texts are
lower-cased; bytes that are no UTF-8 count as unknown characters. What is too long is cut off.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import tensorflow as tf

from tfgen.construct import no_such
from tfgen.probability.levels import require
from tfgen.signature import Input, Numbers, Signature

PADDING, UNKNOWN = 0, 1
# Of Reed et al. 2016, "Learning deep representations of fine-grained visual descriptions".
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{} "
# Everything but letters and numbers separates words.
_SEPARATOR = r"[^\p{L}\p{N}]+"


class Characters:
    """Each character of the alphabet is a token; others are unknown.

    Args:
        length: Characters of a text that are read.

    Attributes:
        num_tokens: Numbers that a token can have, padding and unknown among them.
    """

    unit, example = "character", "a"

    def __init__(self, length: int):
        self.length = length
        self.num_tokens = len(ALPHABET) + 2
        self.numbers = [UNKNOWN] * 129  # By code point; the last one for all above.
        for number, character in enumerate(ALPHABET):
            self.numbers[ord(character)] = number + 2

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """(...) strings -> (..., length) int32"""
        return _padded(texts, self.length, self._split)

    def _split(self, texts):
        texts = tf.strings.strip(tf.strings.lower(texts, encoding="utf-8"))
        points = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        numbers = tf.gather(tf.constant(self.numbers), tf.minimum(points.flat_values, 128))
        return points.with_flat_values(numbers)

    def table(self) -> str:
        """JSON by which a client makes the same tokens."""
        tokens = {character: n + 2 for n, character in enumerate(ALPHABET)}
        rule = "lower-case, strip white space, one token a character"
        return _table(rule, self.length, tokens)


class Words:
    """Each word of a vocabulary is a token; others are unknown.

    A word is a run of letters and numbers.

    Args:
        vocabulary: The words, in lower case; the first is token 2.
        length: Words of a text that are read.

    Raises:
        ValueError: No words, one twice, or one that no text can have.
    """

    unit = "word"

    def __init__(self, vocabulary: Sequence[str], length: int):
        vocabulary = list(vocabulary)
        if not vocabulary:
            raise ValueError(
                "`vocabulary` is empty. List the words: `tfgen.text.vocabulary(texts)` finds them."
            )
        for word, count in Counter(vocabulary).items():
            if count > 1 or words(word) != [word]:
                why = "stands there twice" if count > 1 else "is not one word in lower case"
                raise ValueError(f"`vocabulary`: {word!r} {why}.")
        self.length = length
        self.vocabulary = vocabulary
        self.example = vocabulary[0]
        self.num_tokens = len(vocabulary) + 2
        hashes = tf.strings.to_hash_bucket_fast(vocabulary, 1 << 62).numpy().tolist()
        self.order = sorted(range(len(vocabulary)), key=hashes.__getitem__)
        self.hashes = [hashes[n] for n in self.order]

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """(...) strings -> (..., length) int32"""
        return _padded(texts, self.length, self._split)

    def _split(self, texts):
        texts = tf.strings.lower(texts, encoding="utf-8")
        texts = tf.strings.strip(tf.strings.regex_replace(texts, _SEPARATOR, " "))
        found = tf.strings.split(texts)
        # A sorted list of hashes finds the one word that it can be; comparing makes it exact.
        hashes = tf.strings.to_hash_bucket_fast(found.flat_values, 1 << 62)
        place = tf.searchsorted(tf.constant(self.hashes, tf.int64), hashes)
        place = tf.minimum(place, len(self.order) - 1)
        candidate = tf.gather(tf.constant([self.vocabulary[n] for n in self.order]), place)
        numbers = tf.gather(tf.constant(self.order, tf.int32), place) + 2
        return found.with_flat_values(tf.where(candidate == found.flat_values, numbers, UNKNOWN))

    def table(self) -> str:
        """JSON by which a client makes the same tokens."""
        tokens = {word: n + 2 for n, word in enumerate(self.vocabulary)}
        rule = "lower-case, one token a run of letters and numbers"
        return _table(rule, self.length, tokens)


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


def vocabulary(texts: Iterable[str | bytes], size: int | None = None) -> list[str]:
    """The words of some texts, the most frequent first.

    Args:
        texts: Of the training split.
        size: How many words to keep; None for all.
    """
    counts = Counter()
    for text in texts:
        counts.update(words(text.decode() if isinstance(text, bytes) else text))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return ordered[:size]


TOKENIZERS = ("characters", "words")


def tokenizer(kind: str, words: Sequence[str], length: int):
    """The tokenizer of this kind: "characters" or "words".

    Raises:
        ValueError: Unknown kind, a vocabulary that does not fit it, or no positive length.
    """
    if kind not in TOKENIZERS:
        raise ValueError(no_such("tokenizer", kind, TOKENIZERS))
    if length < 1:
        raise ValueError(f"The length of a text must be positive. Received: {length}.")
    if kind == "words":
        return Words(words, length)
    if words:
        raise ValueError("`vocabulary` is of words, and this text encoder reads characters.")
    return Characters(length)


def served(
    fn: Callable,
    tokenizer: Characters | Words,
    inputs: dict[str, Input],
    choices: Sequence[str] = (),
) -> Signature:
    """A signature that takes `text` beside other inputs, and the same one with `tokens`.

    A text without one known word (or character) is refused: ValueError, in a graph
    InvalidArgument. The output `unknown_tokens`, int32 (N,), says how many of those that are read
    were not known.

    Args:
        fn: Takes the inputs by name, and `tokens` (N, length).
        tokenizer: Part of the graph where a text comes in.
        inputs: Name -> Input, of the others.
        choices: Texts to draw from where none is given.
    """
    tokens = Input.tokens(tokenizer.length, tokenizer.num_tokens)

    def of_tokens(tokens, **others):
        unknown = tf.reduce_sum(tf.cast(tf.equal(tokens, UNKNOWN), tf.int32), 1)
        return {**fn(tokens=tokens, **others), "unknown_tokens": unknown}

    def of_strings(text, **others):
        tokens = tokenizer(text)
        is_known = tf.reduce_any(tokens > UNKNOWN, 1)
        # The rows and not the texts: an error of TensorFlow's must be UTF-8.
        unread = tf.where(~is_known)[:, 0]
        message = f"Input 'text': no {tokenizer.unit} of it is known, in rows:"
        require(tf.reduce_all(is_known), message, unread)
        return of_tokens(tokens, **others)

    def convert(feeds):
        others = {name: value for name, value in feeds.items() if name != "text"}
        return {**others, "tokens": tokenizer(feeds["text"]).numpy()}

    numbers = Numbers(
        Signature(of_tokens, {**inputs, "tokens": tokens}),
        convert,
        {"tokenizer.json": tokenizer.table()},
    )
    return Signature(
        of_strings, {**inputs, "text": Input.text(choices, tokenizer.example)}, numbers
    )


def _padded(texts, length, split):
    texts = tf.convert_to_tensor(texts)
    tokens = split(tf.reshape(texts, (-1,))).to_tensor(PADDING, shape=(None, length))
    first = tf.where(tokens[:, :1] == PADDING, UNKNOWN, tokens[:, :1])
    tokens = tf.concat([first, tokens[:, 1:]], axis=1)  # (N, T)
    tokens = tf.reshape(tokens, tf.concat([tf.shape(texts), [length]], axis=0))
    return tf.ensure_shape(tokens, texts.shape.concatenate(length))


def _table(rule, length, tokens):
    content = {
        "rule": rule,
        "length": length,
        "padding": PADDING,
        "unknown": UNKNOWN,
        "tokens": tokens,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
