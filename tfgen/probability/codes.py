"""Structured latent codes: independent categorical and continuous parts, and what Q says of them.

Chen et al. 2016, sections 3 to 6 (https://arxiv.org/abs/1606.03657). The variational lower bound of
the mutual information between a code c and a picture x (equation 5) is

    L_I = E[ log Q(c|x) ] + H(c)        nats, summed over the parts

A categorical part is uniform over its classes, Q gives their probabilities: L_I <= log K. A
continuous part is uniform in [-1, 1], with H = log 2, and Q is Gaussian.
"""

import math
from dataclasses import dataclass

import tensorflow as tf

from tfgen.losses import gaussian_log_density
from tfgen.step import draws

# Without bounds -log Q of a picture that Q recognises perfectly falls without end.
LOG_STDDEV = (-4.0, 2.0)


@dataclass(frozen=True)
class Codes:
    """The layout of a code.

    As numbers, (B, size): the categorical parts one-hot, in order, then the continuous ones. By
    name: "category_1", "category_2", ... int32 (B,) and "continuous" float32 (B, n).

    Args:
        categorical: Classes of each categorical part.
        continuous: Number of continuous parts.
        learned_stddev: Whether Q gives the spread of the continuous parts, as the logarithm of its
            square (the authors' sqrt(exp(output))), or has it at 1.

    Raises:
        ValueError: A part of fewer than two classes, a negative number, or no part at all.
    """

    categorical: tuple
    continuous: int
    learned_stddev: bool = False

    def __post_init__(self):
        if any(k < 2 for k in self.categorical):
            raise ValueError(
                "`categorical` must hold numbers of classes, each at least 2. "
                f"Received: {self.categorical}."
            )
        if self.continuous < 0:
            raise ValueError(f"`continuous` must not be negative. Received: {self.continuous}.")
        if not self.size:
            raise ValueError(
                "A code needs at least one part: give `categorical` or `continuous`. "
                f"Received: {self.categorical} and {self.continuous}."
            )

    @property
    def size(self):
        """Numbers in a code."""
        return sum(self.categorical) + self.continuous

    @property
    def outputs(self):
        """Numbers that Q gives."""
        return self.size + (self.continuous if self.learned_stddev else 0)

    @property
    def names(self):
        """Of the categorical parts."""
        return tuple(f"category_{n + 1}" for n in range(len(self.categorical)))

    def draw(self, purpose: str, rows: int) -> tf.Tensor:
        """Codes of the running step, (rows, size)."""
        named = {
            name: draws().categorical(f"{purpose}/{name}", (rows,), classes)
            for name, classes in zip(self.names, self.categorical, strict=True)
        }
        if self.continuous:
            u = draws().uniform(f"{purpose}/continuous", (rows, self.continuous))
            named["continuous"] = 2.0 * u - 1.0
        return self.joined(named)

    def joined(self, named: dict[str, tf.Tensor]) -> tf.Tensor:
        """Parts by name as numbers, (B, size)."""
        parts = [
            tf.one_hot(named[name], classes)
            for name, classes in zip(self.names, self.categorical, strict=True)
        ]
        if self.continuous:
            parts.append(tf.cast(named["continuous"], tf.float32))
        return tf.concat(parts, axis=1)

    def read(self, outputs: tf.Tensor):
        """Q's outputs (B, outputs) as logits [(B, K), ...], means and log spreads (B, n)."""
        sizes = [*self.categorical, self.continuous, self.outputs - self.size]
        *logits, mean, log_variance = tf.split(outputs, sizes, axis=1)
        log_stddev = 0.5 * log_variance if self.learned_stddev else tf.zeros_like(mean)
        return logits, mean, tf.clip_by_value(log_stddev, *LOG_STDDEV)

    def information(self, codes: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """L_I of the categorical and of the continuous parts, nats, (B,) each."""
        logits, mean, log_stddev = self.read(outputs)
        *classes, numbers = tf.split(codes, [*self.categorical, self.continuous], axis=1)
        categorical = tf.zeros(tf.shape(codes)[:1])
        for one_hot, scores, k in zip(classes, logits, self.categorical, strict=True):
            entropy = tf.nn.softmax_cross_entropy_with_logits(one_hot, scores)  # (B,)
            categorical += math.log(k) - entropy
        log_q = gaussian_log_density(numbers, mean, 2.0 * log_stddev)  # (B, n)
        return categorical, tf.reduce_sum(log_q + math.log(2.0), axis=1)

    def inferred(self, outputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Q's outputs by name: probabilities (B, K), "continuous" its means and "stddev"."""
        logits, mean, log_stddev = self.read(outputs)
        found = {n: tf.nn.softmax(x) for n, x in zip(self.names, logits, strict=True)}
        if self.continuous:
            found |= {"continuous": mean, "stddev": tf.exp(log_stddev)}
        return found
