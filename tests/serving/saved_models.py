"""SavedModels for the tests of serving: every type, every odd shape, nothing to learn."""

import warnings

import numpy as np
import tensorflow as tf

CARRIED = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")
NOT_CARRIED = ("float16", "bfloat16", "uint16", "complex64")


def _function(function, **inputs):
    specs = [tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()]
    return tf.function(function, input_signature=specs)


class Affine(tf.Module):
    """y = x / 2 + bias; the bias tells versions apart."""

    def __init__(self, bias):
        super().__init__()
        self.bias = tf.Variable(np.float32(bias))

    def signatures(self):
        """Its one signature."""
        f = _function(lambda x: {"y": x / 2 + self.bias}, x=((None,), "float32"))
        return {"serving_default": f}


class Everything(tf.Module):
    """Identities of every type, and the cases that the contract tells apart."""

    def __init__(self):
        super().__init__()
        self.matrix = tf.Variable(tf.eye(2))

    def signatures(self):
        """All of them; the default one takes rows of two numbers."""
        made = {"serving_default": _function(self.linear, x=((None, 2), "float32"))}
        for dtype in (*CARRIED, *NOT_CARRIED, "bool", "string"):
            made[dtype] = _function(lambda x: {"y": tf.identity(x)}, x=(None, dtype))
        made["bytes"] = _function(
            lambda x_bytes: {"y_bytes": tf.identity(x_bytes)}, x_bytes=(None, "string")
        )
        made["two"] = _function(self.two, a=((None, 2), "float32"), b=((None,), "float32"))
        made["scalar"] = _function(lambda x: {"y": tf.reduce_sum(x)}, x=((None,), "float32"))
        made["uneven"] = _function(
            lambda x: {"y": tf.identity(x), "z": tf.concat([x, x], 0)}, x=((None,), "float32")
        )
        made["no_inputs"] = _function(lambda: {"y": tf.constant([1.0])})
        made["to_half"] = _function(lambda x: {"y": tf.cast(x, tf.float16)}, x=((None,), "float32"))
        made["slow"] = _function(self.slow, x=((None,), "int32"))
        made["classify"] = _function(self.classify, inputs=((None,), "string"))
        made["scores"] = _function(self.scores, inputs=((None,), "string"))
        made["regress"] = _function(self.regress, inputs=((None,), "string"))
        made["int_feature"] = _function(self.int_feature, inputs=((None,), "string"))
        return made

    def linear(self, x):
        return {"y": x @ self.matrix}

    def two(self, a, b):
        return {"sum": tf.reduce_sum(a, 1) + b, "product": a * b[:, None]}

    def slow(self, x):
        """Turns for as many rounds as the largest x says."""
        zero = tf.constant(0, tf.int64)
        rounds = tf.cast(tf.reduce_max(x), tf.int64)
        count = tf.while_loop(lambda i: i < rounds, lambda i: [i + 1], [zero])[0]
        return {"y": x + tf.cast(count * 0, tf.int32)}

    def _parsed(self, inputs, dtype=tf.float32):
        feature = {"x": tf.io.FixedLenFeature((), dtype)}
        return tf.io.parse_example(inputs, feature)["x"]

    def classify(self, inputs):
        x = self._parsed(inputs)
        classes = tf.tile(tf.constant([["cat", "dog"]]), [tf.shape(x)[0], 1])
        return {"classes": classes, "scores": tf.stack([x, 1 - x], 1)}

    def scores(self, inputs):
        x = self._parsed(inputs)
        return {"scores": tf.stack([x, 1 - x], 1)}

    def regress(self, inputs):
        return {"outputs": 2 * self._parsed(inputs)}

    def int_feature(self, inputs):
        return {"outputs": tf.cast(self._parsed(inputs, tf.int64), tf.float32)}


def save(module, folder):
    """Writes a module with its signatures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.saved_model.save(module, str(folder), signatures=module.signatures())


def warm_up(folder, *logs):
    """Gives a SavedModel warm-up records: PredictionLogs, or bytes as they are."""
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for log in logs:
            writer.write(log if isinstance(log, bytes) else log.SerializeToString())
