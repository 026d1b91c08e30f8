"""Pure functions of tensors: adversarial losses, penalties, reconstruction and divergence terms.

Adversarial losses take logits (raw scores of the discriminator) of any shape and give a scalar.
Likelihood and divergence terms are in nats, summed over everything but the batch axis.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import tensorflow as tf

from tfgen.construct import no_such


@dataclass(frozen=True)
class Adversarial:
    """One adversarial game.

    Args:
        real: (logits of real images, smoothing) -> what D minimises of each, of the same shape.
            `smoothing` s puts their target at 1 - s (one-sided, Salimans et al. 2016); losses
            without a target ignore it only at 0 and raise otherwise.
        fake: (logits of generated images) -> what D minimises of each.
        generator: (logits of generated images) -> scalar that G minimises.
        smoothing: s.
        logistic: Whether the sigmoid of a logit is D's probability that an image is real.

    Attributes:
        reports: The names that `parts` gives.
    """

    real: Callable
    fake: Callable
    generator: Callable
    smoothing: float = 0.0
    logistic: bool = False

    @property
    def reports(self):
        what = "probability" if self.logistic else "score"
        return ("real_loss", "fake_loss", f"real_{what}", f"fake_{what}")

    def parts(self, *pairs, weight=1.0):
        """What D's loss is made of and what D says of both kinds of images, scalars by name.

        "real_loss" + "fake_loss" is what D minimises. "real_probability" and "fake_probability"
        are D(x) and D(G(z)), means over the batch; for a game without probabilities "real_score"
        and "fake_score", the mean logits.

        Args:
            *pairs: (real, fake) logits of each discriminator, as `discriminator` takes them. Their
                losses are summed, what they say is averaged; of a list of fakes the first is
                generated and alone speaks.
            weight: Of the losses.
        """
        say = tf.sigmoid if self.logistic else tf.identity
        found = []
        for real, fake in pairs:
            generated = fake[0] if isinstance(fake, list | tuple) else fake
            losses = weight * self._of_kind(real), weight * self._of_fakes(fake)
            said = [tf.reduce_mean(say(x)) / len(pairs) for x in (real, generated)]
            found.append((*losses, *said))
        sums = [tf.add_n(values) for values in zip(*found, strict=True)]
        return dict(zip(self.reports, sums, strict=True))

    def _of_kind(self, real, smoothing=None):
        return tf.reduce_mean(self.real(real, self.smoothing if smoothing is None else smoothing))

    def _of_fakes(self, fake):
        kinds = fake if isinstance(fake, list | tuple) else [fake]
        return tf.add_n([tf.reduce_mean(self.fake(x)) for x in kinds])

    def of_real(self, logits):
        """What D minimises of each real image."""
        return self.real(logits, self.smoothing)

    def discriminator(self, real, fake, smoothing=None):
        """What D minimises, a scalar: the mean over `real` and the mean over `fake`.

        Args:
            real: Logits.
            fake: Logits, or a list of them, one of each kind: their means are summed.
            smoothing: In place of the game's own.
        """
        return self._of_kind(real, smoothing) + self._of_fakes(fake)


def _logistic_real(logits, smoothing=0.0):
    # softplus(-x) = -log sigmoid(x); the logarithm of the sigmoid underflows for x << 0.
    return (1.0 - smoothing) * tf.nn.softplus(-logits) + smoothing * tf.nn.softplus(logits)


def _least_squares_real(logits, smoothing=0.0):
    return 0.5 * tf.square(logits - (1.0 - smoothing))


def _hinge_real(logits, smoothing=0.0):
    _no_smoothing("hinge", smoothing)
    return tf.nn.relu(1.0 - logits)


def _wasserstein_real(logits, smoothing=0.0):
    _no_smoothing("wasserstein", smoothing)
    return -logits


def _no_smoothing(name, smoothing):
    if smoothing:
        raise ValueError(f"The {name} loss has no label to smooth. Received: {smoothing}.")


ADVERSARIAL = {
    # Goodfellow et al. 2014, equation 1: both players on V(D, G).
    "minimax": Adversarial(
        _logistic_real,
        tf.nn.softplus,
        lambda fake: -tf.reduce_mean(tf.nn.softplus(fake)),
        logistic=True,
    ),
    # Goodfellow et al. 2014, section 3: the generator maximises log D(G(z)).
    "non_saturating": Adversarial(
        _logistic_real,
        tf.nn.softplus,
        lambda fake: tf.reduce_mean(tf.nn.softplus(-fake)),
        logistic=True,
    ),
    # Mao et al. 2017, equation 9 (a = 0, b = c = 1).
    "least_squares": Adversarial(
        _least_squares_real,
        lambda fake: 0.5 * tf.square(fake),
        lambda fake: 0.5 * tf.reduce_mean(tf.square(fake - 1.0)),
    ),
    # Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17.
    "hinge": Adversarial(
        _hinge_real, lambda fake: tf.nn.relu(1.0 + fake), lambda fake: -tf.reduce_mean(fake)
    ),
    # Arjovsky et al. 2017, equation 2.
    "wasserstein": Adversarial(
        _wasserstein_real, lambda fake: fake, lambda fake: -tf.reduce_mean(fake)
    ),
}


def adversarial(name, smoothing=0.0):
    """The entry of `ADVERSARIAL`, its real targets lowered by `smoothing`.

    Raises:
        ValueError: There is no such loss, it has no target to smooth, or `smoothing` lies outside
            [0, 1).
    """
    if name not in ADVERSARIAL:
        raise ValueError(no_such("adversarial loss", name, ADVERSARIAL))
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"`label_smoothing` must lie in [0, 1). Received: {smoothing}.")
    if name in ("hinge", "wasserstein"):
        _no_smoothing(name, smoothing)
    return replace(ADVERSARIAL[name], smoothing=smoothing)


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


def total(x):
    """Sum over everything but the batch axis. (B, ...) -> (B,)"""
    return tf.reduce_sum(x, axis=range(1, len(x.shape)))


def squared_error(x, y):
    """Squared error, summed per example. (B, ...), (B, ...) -> (B,)"""
    return total(tf.square(x - y))


def absolute_error(x, y):
    """Absolute error, summed per example. (B, ...), (B, ...) -> (B,)"""
    return total(tf.abs(x - y))


def bernoulli_nll(x, logits, weight=1.0):
    """-log p(x) under independent Bernoullis, nats, summed per example. (B, ...) -> (B,)

    Args:
        x: Values in [0, 1]; a likelihood where they are 0 or 1, a cross-entropy otherwise.
        logits: Log odds, same shape.
        weight: Broadcastable factor of each value; 0 leaves a value out of the likelihood.
    """
    return total(weight * tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits))


def gaussian_sample(eps, mean, log_var):
    """A sample of N(mean, exp(log_var)) by its standard normal noise eps. (..., Z) each

    Kingma and Welling 2013, section 2.4.
    """
    return mean + tf.exp(0.5 * log_var) * eps


def gaussian_log_density(x, mean, log_var):
    """log N(x; mean, exp(log_var)) in nats, elementwise, log 2 pi included."""
    squared = tf.square(x - mean) * tf.exp(-log_var)
    return -0.5 * (squared + log_var + math.log(2.0 * math.pi))


def gaussian_nll(x, mean, log_var):
    """-log p(x) under independent Gaussians, nats, summed per example. (B, ...) -> (B,)

    Kingma and Welling 2013, appendix C.2.
    """
    return -total(gaussian_log_density(x, mean, log_var))


def kl_to_standard_normal(mean, log_var):
    """KL(N(mean, exp(log_var)) || N(0, I)) in nats, summed per example. (B, Z), (B, Z) -> (B,)

    Kingma and Welling 2013, appendix B.
    """
    return 0.5 * total(tf.exp(log_var) + tf.square(mean) - 1.0 - log_var)


def kl_between_normals(mean, log_var, prior_mean, prior_log_var):
    """KL(N(mean, exp(log_var)) || N(prior_mean, exp(prior_log_var))), nats. (B, Z) each -> (B,)"""
    ratio = log_var - prior_log_var
    shift = tf.square(mean - prior_mean) * tf.exp(-prior_log_var)
    return 0.5 * total(tf.exp(ratio) + shift - 1.0 - ratio)


def free_bits(kl, nats):
    """KL by dimension, averaged over the batch and at least `nats` each. (B, Z) -> (Z,)

    Kingma et al. 2016 (https://arxiv.org/abs/1606.04934), equation 15. The average that is compared
    is that of the global batch, so that replicas train as one device does.
    """
    kl = tf.reduce_mean(kl, 0)
    average = tf.distribute.get_replica_context().all_reduce("mean", tf.stop_gradient(kl))
    return tf.where(average > nats, kl, nats)


def importance_weighted(log_weights):
    """log (1/k) sum_i w_i in nats. (B, k) -> (B,); Burda et al. 2015, equation 8."""
    return tf.reduce_logsumexp(log_weights, 1) - math.log(log_weights.shape[1])
