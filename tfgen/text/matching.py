"""Which texts of a batch do not match a picture, and what a discriminator is told about them."""

import tensorflow as tf

from tfgen.losses import ADVERSARIAL, Adversarial


def gathered(x: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, in their order. (b, ...) -> (B, ...)"""
    context = tf.distribute.get_replica_context()
    return x if context.num_replicas_in_sync == 1 else context.all_gather(x, axis=0)


def distinct(key: tf.Tensor, pool: tf.Tensor) -> tf.Tensor:
    """Which of the batch's keys differ from each row's. (b,) or (b, T), (B, ...) -> (b, B)"""
    differs = key[:, tf.newaxis] != pool
    return differs if len(differs.shape) == 2 else tf.reduce_any(differs, axis=-1)


def drawn(differs: tf.Tensor, chances: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A row of the batch among those that differ, and whether there is one: (b,), (b,).

    Args:
        differs: (b, B), see `distinct`.
        chances: Uniform numbers, (b, B).
    """
    rows = tf.argmax(tf.where(differs, chances, -1.0), axis=1)
    return rows, tf.cast(tf.reduce_any(differs, axis=1), tf.float32)


def matching_aware(
    right: tf.Tensor,
    wrong: tf.Tensor,
    fake: tf.Tensor,
    weight: tf.Tensor,
    game: Adversarial = ADVERSARIAL["non_saturating"],
) -> tf.Tensor:
    """D's loss of GAN-CLS, a scalar to be minimised. Reed et al. 2016, algorithm 1, line 9.

    Args:
        right: Logits of real pictures with their texts, (B,).
        wrong: Of real pictures with texts that do not match.
        fake: Of generated pictures with their texts.
        weight: Of `wrong`, (B,) in [0, 1]; `fake` has what is left of 1.
        game: What D minimises of one logit.
    """
    against = weight * game.fake(wrong) + (1.0 - weight) * game.fake(fake)
    return tf.reduce_mean(game.of_real(right) + against)
