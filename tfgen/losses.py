"""Pure functions of tensors: adversarial losses, penalties, reconstruction and divergence terms.

Adversarial losses take logits (raw scores of the discriminator) of any shape and give a scalar.
Likelihood and divergence terms are in nats, summed over everything but the batch axis.
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Adversarial:
    """One adversarial game.

    Args:
        discriminator: (real logits, fake logits, smoothing) -> scalar to be minimised. `smoothing`
            s puts the target of real images at 1 - s (one-sided, Salimans et al. 2016); losses
            without a target ignore it only at 0 and raise otherwise.
        generator: (fake logits) -> scalar to be minimised.
    """

    discriminator: Callable
    generator: Callable


def _logistic_discriminator(real, fake, smoothing=0.0):
    # softplus(-x) = -log sigmoid(x); the logarithm of the sigmoid underflows for x << 0.
    real_term = (1.0 - smoothing) * tf.nn.softplus(-real) + smoothing * tf.nn.softplus(real)
    return tf.reduce_mean(real_term) + tf.reduce_mean(tf.nn.softplus(fake))


def _least_squares_discriminator(real, fake, smoothing=0.0):
    target = 1.0 - smoothing
    return 0.5 * (tf.reduce_mean(tf.square(real - target)) + tf.reduce_mean(tf.square(fake)))


def _hinge_discriminator(real, fake, smoothing=0.0):
    _no_smoothing("hinge", smoothing)
    return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))


def _wasserstein_discriminator(real, fake, smoothing=0.0):
    _no_smoothing("wasserstein", smoothing)
    return tf.reduce_mean(fake) - tf.reduce_mean(real)


def _no_smoothing(name, smoothing):
    if smoothing:
        raise ValueError(f"The {name} loss has no label to smooth. Received: {smoothing}.")


ADVERSARIAL = {
    # Goodfellow et al. 2014, equation 1: both players on V(D, G).
    "minimax": Adversarial(
        _logistic_discriminator, lambda fake: -tf.reduce_mean(tf.nn.softplus(fake))
    ),
    # Goodfellow et al. 2014, section 3: the generator maximises log D(G(z)).
    "non_saturating": Adversarial(
        _logistic_discriminator, lambda fake: tf.reduce_mean(tf.nn.softplus(-fake))
    ),
    # Mao et al. 2017, equation 9 (a = 0, b = c = 1).
    "least_squares": Adversarial(
        _least_squares_discriminator, lambda fake: 0.5 * tf.reduce_mean(tf.square(fake - 1.0))
    ),
    # Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17.
    "hinge": Adversarial(_hinge_discriminator, lambda fake: -tf.reduce_mean(fake)),
    # Arjovsky et al. 2017, equation 2.
    "wasserstein": Adversarial(_wasserstein_discriminator, lambda fake: -tf.reduce_mean(fake)),
}


def adversarial(name):
    """The entry of `ADVERSARIAL`.

    Raises:
        ValueError: There is no such loss.
    """
    return _entry(ADVERSARIAL, name, "adversarial loss")


def gradient_penalty(critic, real, fake, mix, target=1.0):
    """E[(|grad D(x)| / target - 1)^2] on x = mix * real + (1 - mix) * fake, a scalar.

    Gulrajani et al. 2017, algorithm 1; `target` as in Karras et al. 2017. The norm is taken over
    all of an image, one number a sample.

    Args:
        critic: Function of images (B, H, W, C).
        real, fake: (B, H, W, C).
        mix: Uniform numbers, (B, 1, 1, 1): one a sample.
    """
    x = mix * real + (1.0 - mix) * tf.stop_gradient(fake)
    squared = _squared_gradient(critic, x)
    # The square root has no derivative at 0: without the floor one flat sample makes NaN of all.
    norm = tf.sqrt(tf.maximum(squared, 1e-12))
    return tf.reduce_mean(tf.square(norm / target - 1.0))


def r1(critic, real):
    """Half of E[|grad D(x)|^2] on real images, a scalar. Mescheder et al. 2018, equation 9."""
    return 0.5 * tf.reduce_mean(_squared_gradient(critic, real))


def _squared_gradient(critic, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(critic(x))
    gradient = tf.cast(tape.gradient(score, x), tf.float32)
    return tf.reduce_sum(tf.square(gradient), axis=range(1, len(gradient.shape)))  # (B,)


PENALTIES = ("gradient_penalty", "r1")


def penalty(name, critic, real, fake, mix):
    """The penalty of this name: "gradient_penalty" or "r1"; 0 for None."""
    if name is None:
        return tf.zeros(())
    if name == "gradient_penalty":
        return gradient_penalty(critic, real, fake, mix)
    return r1(critic, real)


def known_penalty(name):
    """The name, if it is None or one of `PENALTIES`.

    Raises:
        ValueError: There is no such penalty.
    """
    return None if name is None else _entry(dict.fromkeys(PENALTIES, name), name, "penalty")


def _entry(table, name, kind):
    if name not in table:
        raise ValueError(f"Unknown {kind} {name!r}. Known: {', '.join(table)}.")
    return table[name]


def total(x):
    """Sum over everything but the batch axis. (B, ...) -> (B,)"""
    return tf.reduce_sum(x, axis=range(1, len(x.shape)))


def squared_error(x, y):
    """Squared error, summed per example. (B, ...), (B, ...) -> (B,)"""
    return total(tf.square(x - y))


def absolute_error(x, y):
    """Absolute error, summed per example. (B, ...), (B, ...) -> (B,)"""
    return total(tf.abs(x - y))


def bernoulli_nll(x, logits):
    """-log p(x) under independent Bernoullis, nats, summed per example. (B, ...) -> (B,)

    Args:
        x: Values in [0, 1]; a likelihood where they are 0 or 1, a cross-entropy otherwise.
        logits: Log odds, same shape.
    """
    return total(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits))


def kl_to_standard_normal(mean, log_var):
    """KL(N(mean, exp(log_var)) || N(0, I)) in nats, summed per example. (B, Z), (B, Z) -> (B,)

    Kingma and Welling 2013, appendix B.
    """
    return 0.5 * total(tf.exp(log_var) + tf.square(mean) - 1.0 - log_var)
