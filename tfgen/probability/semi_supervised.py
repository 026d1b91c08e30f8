"""Terms for batches in which only some points have a label; the others' label is -1."""

import tensorflow as tf


def cross_entropy(label: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """-log softmax(logits)[label] in nats, 0 where the label is negative. (B,), (B, K) -> (B,)"""
    known = tf.maximum(label, 0)
    value = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=known, logits=logits)
    return tf.where(label >= 0, value, tf.zeros_like(value))


def labelled_share(value: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Values whose mean over the batch is that over its labelled points, 0 without any. (B,)

    A labelled point's value is scaled by batch size over labelled points, both over all replicas:
    the mean of the replicas' means, which `tfgen.descend` and Keras's reports take, is right
    however the labels are spread. A batch with labels only keeps its values.
    """
    known = tf.cast(label >= 0, value.dtype)
    fraction = tf.reduce_mean(known)
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        fraction = context.all_reduce("mean", fraction)
    return tf.math.divide_no_nan(known * value, fraction)


def label_terms(logits: tf.Tensor, label: tf.Tensor) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Cross-entropy in nats and error of the class, each with weights that are 1 where it is known.

    What `GenerativeModel.report` takes: (B,) and (B,) by the names "label_loss" and "error".
    """
    known = tf.cast(label >= 0, logits.dtype)
    wrong = tf.cast(tf.argmax(logits, axis=-1, output_type=label.dtype) != label, logits.dtype)
    return {"label_loss": (cross_entropy(label, logits), known), "error": (wrong, known)}


def one_hot_or_unknown(label: tf.Tensor, num_classes: int) -> tf.Tensor:
    """One-hot classes with an extra class, the last, for negative labels. (B,) -> (B, K + 1)"""
    return tf.one_hot(tf.where(label < 0, num_classes, label), num_classes + 1)
