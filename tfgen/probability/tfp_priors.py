"""Distributions of TensorFlow Probability as priors, their samples pure functions of base noise."""

import functools

import tensorflow as tf
import tensorflow_probability as tfp

from tfgen.probability.prior import Prior, Sampler
from tfgen.signature import Input

tfd = tfp.distributions


def distribution_prior(distribution) -> Prior:
    """A tfp distribution of event shape (Z,) as a `Prior`.

    Normals and what bijectors make of them, products and mixtures of such, and everything with a
    quantile are sampled by arithmetic from base noise. Any other distribution is sampled by its
    own `sample`, seeded for each row by base noise: the same in Keras and in a SavedModel, but
    ONNX has no such op and XLA draws other numbers.

    Raises:
        ValueError: A batch of distributions, or an event that is no vector.
    """
    event, batch = distribution.event_shape, distribution.batch_shape
    if batch.rank != 0 or event.rank != 1:
        raise ValueError(
            "A prior is one distribution of vectors: batch_shape () and event_shape (latent_dim,). "
            f"Received {distribution.name!r} with batch_shape {batch} and event_shape {event}; "
            "tfp.distributions.Independent makes a batch one event."
        )
    noise = {}
    try:
        _plan(distribution, (), noise)
        function = functools.partial(_planned, distribution)
    except NotImplementedError:
        seed = Input((2,), "int32", distribution="categorical", num_classes=2**31 - 1)
        noise = {"z_seed": seed}
        function = tf.function(functools.partial(_seeded, distribution), autograph=False)
    return Sampler(
        lambda **values: function(values),
        int(event[0]),
        noise,
        lambda z: _constant(distribution).log_prob(z),
    )


def _planned(distribution, values):
    return _plan(_constant(distribution), (), {})(values)


def _seeded(distribution, values):
    return tf.map_fn(
        lambda seed: tf.cast(distribution.sample(seed=seed), tf.float32),
        values["z_seed"],
        fn_output_signature=tf.float32,
    )


def _constant(value):
    """In a graph, a distribution built anew from constants: ONNX takes no captured tensors."""
    if tf.executing_eagerly():
        return value
    if isinstance(value, tfd.Distribution | tfp.bijectors.Bijector):
        arguments = {k: _constant(v) for k, v in value.parameters.items()}
        return type(value)(**arguments)
    if isinstance(value, list | tuple) and any(hasattr(v, "parameters") for v in value):
        return type(value)([_constant(v) for v in value])
    return value.numpy() if hasattr(value, "numpy") and not tf.is_symbolic_tensor(value) else value


def _plan(d, extra, noise):
    """Adds the inputs of `d` to `noise`; a function from their values to samples.

    Samples have shape (B, *extra, *batch, *event).

    Raises:
        NotImplementedError: There is no such function for this distribution.
    """
    shape = (*extra, *d.batch_shape)
    if isinstance(d, tfd.MixtureSameFamily):
        return _mixture(d, extra, noise)
    if isinstance(d, tfd.Independent):
        return _plan(d.distribution, extra, noise)
    if isinstance(d, tfd.Sample) and d.distribution.event_shape.rank == 0:
        return _repeated(d, extra, noise)
    if isinstance(d, tfd.Normal):
        key = _added(noise, Input.noise(*shape))
        return lambda values: d.loc + d.scale * values[key]
    if isinstance(d, tfd.TransformedDistribution):
        base = _plan(d.distribution, extra, noise)
        return lambda values: d.bijector.forward(base(values))
    if d.event_shape.rank == 0:
        d.quantile(tf.fill(d.batch_shape, tf.constant(0.5, d.dtype)))
        key = _added(noise, Input.uniform(*shape))
        # The middle of each of the 2^23 steps of a uniform number: never 0, never 1.
        return lambda values: d.quantile(values[key] + 2.0**-24)
    raise NotImplementedError


def _repeated(d, extra, noise):
    """Independent samples of a batch of scalars; the batch comes before the samples."""
    sides = tuple(int(side) for side in tf.get_static_value(d.sample_shape))
    base = _plan(d.distribution, (*extra, *sides), noise)
    before, batch = 1 + len(extra), d.batch_shape.rank
    last = before + len(sides)
    order = [*range(before), *range(last, last + batch), *range(before, last)]
    return lambda values: tf.transpose(base(values), order)


def _mixture(d, extra, noise):
    if d.batch_shape.rank or extra:
        raise NotImplementedError
    parts = _plan(d.components_distribution, (), noise)
    key = _added(noise, Input.uniform())
    cumulative = tf.cumsum(d.mixture_distribution.probs_parameter(), axis=-1)[:-1]

    def function(values):
        chosen = tf.reduce_sum(tf.cast(values[key][:, None] >= cumulative, tf.int32), -1)  # (B,)
        return tf.gather(parts(values), chosen, axis=1, batch_dims=1)  # (B, C, Z) -> (B, Z)

    return function


def _added(noise, spec):
    name = f"z_{spec.distribution}_{len(noise)}"
    noise[name] = spec
    return name
