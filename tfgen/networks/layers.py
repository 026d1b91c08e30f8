"""Keras layers that tfgen adds, and the pass through a network that another player owns."""

import contextlib
import threading

import keras
import tensorflow as tf

from tfgen import random
from tfgen.step import draws

_scope = threading.local()


@contextlib.contextmanager
def _keeping_statistics():
    outer = getattr(_scope, "keep", False)
    _scope.keep = True
    try:
        yield
    finally:
        _scope.keep = outer


def borrow(network, *inputs):
    """A training pass through a network that is not being trained by it.

    Batch statistics and dropout as in training, but no moving average moves: a player's step
    changes nothing of the other player, bit for bit. Whatever layers of Keras or of a user's own
    would assign in such a pass (moving statistics, the states of dropout and noise) stays too.
    """
    with _keeping_statistics(), keras.StatelessScope():
        return network(*inputs, training=True)


@keras.saving.register_keras_serializable("tfgen")
class BatchNorm(keras.layers.Layer):
    """Batch normalisation over the global batch (Ioffe and Szegedy 2015).

    Under a distribution strategy the statistics are those of all replicas' rows together, so that
    replicas train as one device does. Moving averages stay as they are in a `borrow`ed pass. The
    statistics are taken in float32 under any precision policy.

    Rows (B * P, ...) that are the P parts of B examples, given with the parts (B, P, ...) that they
    were made of, are normalised one part at a time, each by the B rows of its own, as in P passes
    one after the other; the moving averages move once a part, in the same order.

    Args:
        momentum: Of the moving averages.
        epsilon: Added to the variance.
        gain_stddev: Spread of the initial gain around 1.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, gain_stddev=0.0, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon
        self.gain_stddev = gain_stddev

    def build(self, input_shape):
        shape = (input_shape[-1],)
        gain = keras.initializers.RandomNormal(1.0, self.gain_stddev)
        self.gain = self.add_weight(name="gain", shape=shape, initializer=gain, autocast=False)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros", autocast=False)
        moving = {"shape": shape, "trainable": False, "autocast": False, "aggregation": "mean"}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **moving)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **moving)

    def call(self, x, parts=None, training=False):
        y = tf.cast(x, tf.float32)
        training = training and self.trainable  # As Keras's: a layer at rest keeps its statistics.
        if training and parts is None and _alone():
            return tf.cast(self._fused(y), self.compute_dtype)
        if not training:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        elif parts is None:
            mean, variance = _global_moments(y, list(range(len(y.shape) - 1)))  # (C,)
            self._follow(mean, variance)
        else:
            batch, count = tf.shape(parts)[0], tf.shape(parts)[1]
            y = tf.reshape(y, (batch, count, *x.shape[1:]))
            mean, variance = _global_moments(y, [0, *range(2, len(y.shape) - 1)])  # (P, C)
            of_all = [_in_turn(m, self.momentum) for m in (mean, variance)]
            self._follow(of_all[0], of_all[1], count)
            wide = (count, *[1] * (len(x.shape) - 2), x.shape[-1])
            mean, variance = tf.reshape(mean, wide), tf.reshape(variance, wide)
        y = tf.nn.batch_normalization(
            y, mean, variance, self.bias.value, self.gain.value, self.epsilon
        )
        if training and parts is not None:
            y = tf.reshape(y, (-1, *x.shape[1:]))
        return tf.cast(y, self.compute_dtype)

    def _fused(self, x):
        """The same as the separate operations below, where no other replica has rows, in one."""
        wide = x if len(x.shape) == 4 else tf.reshape(x, (-1, 1, 1, x.shape[-1]))
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=wide,
            scale=self.gain.value,
            offset=self.bias.value,
            mean=tf.zeros((0,)),
            variance=tf.zeros((0,)),
            epsilon=self.epsilon,
            is_training=True,
        )
        # It divides the variance that it reports, not the one that it uses, by n - 1.
        n = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
        self._follow(mean, variance * (tf.maximum(n - 1.0, 1.0) / n))
        return y if wide is x else tf.reshape(y, tf.shape(x))

    def _follow(self, mean, variance, times=1):
        """Moves the averages by means of as many updates; not in a `borrow`ed pass."""
        if getattr(_scope, "keep", False):
            return
        kept = tf.pow(self.momentum, tf.cast(times, tf.float32))
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(kept * moving + (1.0 - kept) * value)

    def get_config(self):
        own = {"momentum": self.momentum, "epsilon": self.epsilon, "gain_stddev": self.gain_stddev}
        return {**super().get_config(), **own}


def _in_turn(values, momentum):
    """What P updates of a moving average, one after the other, move it towards. (P, C) -> (C,)"""
    parts = tf.shape(values)[0]
    weights = tf.pow(momentum, tf.cast(tf.range(parts - 1, -1, -1), tf.float32))  # The last: 1.
    return tf.einsum("p,pc->c", weights / tf.reduce_sum(weights), values)


def _alone():
    return tf.distribute.get_replica_context().num_replicas_in_sync == 1


def _global_moments(x, axes):
    """Mean and variance over these axes, the first among them, and over all replicas."""
    if _alone():
        return tf.nn.moments(x, axes)
    context = tf.distribute.get_replica_context()
    # Two rounds, because E[x^2] - E[x]^2 cancels where the mean is large.
    mean = context.all_reduce("mean", tf.reduce_mean(x, axes, keepdims=True))
    variance = context.all_reduce("mean", tf.reduce_mean(tf.square(x - mean), axes))
    return tf.squeeze(mean, axes), variance


@keras.saving.register_keras_serializable("tfgen")
class SpectralNormalization(keras.layers.SpectralNormalization):
    """Runs a layer with its kernel divided by the kernel's largest singular value.

    Miyato et al. 2018, algorithm 1, with Keras's power iteration. Keras's own layer writes the
    divided kernel over the weight at every training pass, so that one player's pass would change
    the other player's weights and no gradient would see the division. Here the weight stays, the
    gradient passes through the division (equation 12), and the vector of the power iteration
    moves in the owner's passes only, not in `borrow`ed ones.

    Args:
        layer: One with a `kernel`.
        power_iterations: Before each pass.
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        # In float32 under any policy: the wrapped layer has a policy of its own.
        super().__init__(layer, power_iterations, **{"dtype": "float32", **kwargs})

    def add_weight(self, **kwargs):
        return super().add_weight(**kwargs, aggregation="mean")  # Equal on all replicas.

    def call(self, x, training=False):
        vector, kernel = self.normalized_weights()
        if training and not getattr(_scope, "keep", False):
            self.vector_u.assign(vector)
        with keras.StatelessScope([(self.kernel, kernel)]):
            return self.layer(x)


@keras.saving.register_keras_serializable("tfgen")
class Dropout(keras.layers.Layer):
    """Dropout whose mask is a draw of the running step (see `tfgen.step`).

    Keras's own keeps a seed state that no checkpoint holds and that is the same on every replica.

    Args:
        rate: Fraction that is dropped; what is kept is scaled by 1 / (1 - rate).
    """

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"`rate` must lie in [0, 1). Received: {rate}.")
        self.rate = rate

    def call(self, x, training=False):
        if not training or not self.rate:
            return x
        static, dynamic = x.shape, tf.shape(x)
        shape = [dynamic[i] if side is None else side for i, side in enumerate(static)]
        kept = draws().kept("dropout", shape, float(self.rate))
        scaled = x * tf.cast(1.0 / random.kept_share(float(self.rate)), x.dtype)
        return tf.where(kept, scaled, tf.zeros_like(x))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable("tfgen")
class Maxout(keras.layers.Layer):
    """The largest of several affine maps (Goodfellow et al. 2013). (B, X) -> (B, units)

    Args:
        units: Number of outputs.
        pieces: Affine maps to each output.
        kernel_initializer: Of the affine maps.
    """

    def __init__(self, units, pieces, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.pieces = pieces
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.affine = keras.layers.Dense(
            units * pieces, kernel_initializer=self.kernel_initializer, dtype=self.dtype_policy
        )

    def build(self, input_shape):
        self.affine.build(input_shape)

    @property
    def kernel(self):
        """Of all pieces together; what spectral normalisation divides."""
        return self.affine.kernel

    def call(self, x):
        pieces = tf.reshape(self.affine(x), (-1, self.units, self.pieces))  # (B, units, pieces)
        return tf.reduce_max(pieces, axis=-1)  # (B, units)

    def get_config(self):
        own = {
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
        return {**super().get_config(), **own}
