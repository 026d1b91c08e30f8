from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfgen.autoregressive import pixels


def test_labels_are_checked():
    assert pixels.one_hot_label(None, None) is None
    for label, classes, said in (
        ([3, 10], 10, "0 .. 9"),
        (None, 10, "conditional"),
        ([1], None, "no labels"),
    ):
        with pytest.raises(ValueError, match=said):
            pixels.one_hot_label(label, classes)
    with pytest.raises(tf.errors.InvalidArgumentError, match="below 2.31"):
        pixels.one_hot_label(np.array([2**32]), 10)
    assert pixels.one_hot_label(np.array([9], "uint8"), 300).shape == (1, 300)


def test_masks_of_completion_are_checked():
    image = np.zeros((2, 4, 5, 3), "float32")
    with pytest.raises(ValueError, match=r"\(2, 4, 5, 1\).*Received: \(2, 4, 5, 3\)"):
        pixels.given_part(image, np.zeros((2, 4, 5, 3), "int32"), 256)
    for value in (np.int32(2), np.int64(2**32), np.float32(0.5), np.float32(np.nan)):
        with pytest.raises(ValueError, match="1 .given. or 0"):
            pixels.given_part(image, np.full((2, 4, 5, 1), value), 256)
    # What is hidden may be anything, and grey is no level of two.
    known, shown = pixels.given_part(image, np.zeros((2, 4, 5, 1), "int32"), 2)
    assert not known.numpy().any() and (shown.numpy() == -1).all()


def test_bayes_rule():
    table = np.log(np.array([[0.1, 0.3], [0.2, 0.2]], "float32"))

    def log_prob(x, y):
        return {"log_prob": tf.gather_nd(table, tf.stack([tf.cast(x[:, 0], tf.int32), y], 1))}

    model = SimpleNamespace(num_classes=2, log_prob=log_prob)
    outputs = pixels.class_log_prob(model, tf.constant([[0.0], [1.0]]))
    np.testing.assert_allclose(np.exp(outputs["class_log_prob"]), [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(np.exp(outputs["log_prob"]), [0.2, 0.2], rtol=1e-6)
