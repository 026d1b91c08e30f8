"""What adversarial models have in common beside their networks: noise, losses, stabilisers.

A model makes these in `__init__` and asks them in `train_step`:

    self.noise = Noise("uniform", latent_dim, low=-1.0)
    self.game = Game(loss, penalty="r1", augmentation=("color",))

The formulas are in `tfgen.losses`, the augmentations in `augment`. Random numbers are draws of the
running step.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfgen import losses
from tfgen.construct import no_such
from tfgen.networks import augment
from tfgen.networks.arguments import at_least, one_of
from tfgen.signature import Input
from tfgen.step import draws

PENALTIES = ("gradient_penalty", "r1")


class Noise:
    """The noise z that a generator makes pictures of: independent numbers.

    Args:
        latent: "uniform" in [`low`, `high`) or standard "normal".
        dim: Length of z.
        low, high: Ends of "uniform".

    Attributes:
        input: The `tfgen.signature.Input` by which z is drawn for a trained model.

    Raises:
        ValueError: Another distribution.
    """

    def __init__(self, latent: str, dim: int, low: float = -1.0, high: float = 1.0):
        one_of(("uniform", "normal"), latent=latent)
        uniform = latent == "uniform"
        self.input = Input.uniform(dim, low=low, high=high) if uniform else Input.noise(dim)

    def __call__(self, purpose: str, rows: tf.Tensor | int) -> tf.Tensor:
        """z of the running step, (rows, dim)."""
        shape = (rows, *self.input.shape)
        if self.input.distribution == "normal":
            return draws().normal(purpose, shape)
        low, high = self.input.low, self.input.high
        return (high - low) * draws().uniform(purpose, shape) + low


class Game:
    """The terms of both players' losses.

    Args:
        loss: A name in `tfgen.losses.ADVERSARIAL`.
        label_smoothing: s puts D's target for real images at 1 - s (Salimans et al. 2016).
        penalty: None, "gradient_penalty" or "r1", on D, at the images that D sees.
        penalty_interval: Steps from one penalty to the next. With n it is taken at every n-th step
            only, n times as heavy, and is 0 at the others: lazy regularisation, Karras et al. 2020
            (StyleGAN2), section 3.1.
        normalization: Of D; see `tfgen.networks.normalizing`.
        augmentation: Names in `tfgen.networks.augment.AUGMENTATIONS`, applied to all that D sees.
        penalty_target: Norm that "gradient_penalty" draws D's gradient to.
        instance_noise: Standard deviation of the Gaussian noise that is added to all that D sees,
            after the augmentation (Sønderby et al. 2016, https://arxiv.org/abs/1610.04490); a
            pair falls (or rises) linearly from the first to the last.
        instance_noise_steps: Steps over which a pair moves; it stays at its last value.

    Attributes:
        terms: The `tfgen.losses.Adversarial` of the loss.
        discriminator: (real logits, fake logits) -> scalar that D minimises.
        generator: (fake logits) -> scalar that G minimises.
        logistic: Whether the sigmoid of D's logit is a probability.
        reports: The names that `parts` gives.

    Raises:
        ValueError: An unknown name, smoothing of a loss without labels, an interval below 1, noise
            that is negative or a pair of it without steps, or a
            discriminator that normalises over the batch where the penalty needs a function of one
            sample (always) or replicas could not agree on the statistics (a lazy one).
    """

    def __init__(
        self,
        loss: str,
        label_smoothing: float = 0.0,
        penalty: str | None = None,
        penalty_interval: int = 1,
        normalization: str | None = None,
        augmentation: Sequence[str] = (),
        penalty_target: float = 1.0,
        instance_noise: float | Sequence[float] = 0.0,
        instance_noise_steps: int | None = None,
    ):
        self.terms = losses.adversarial(loss, label_smoothing)
        self.discriminator, self.generator = self.terms.discriminator, self.terms.generator
        self.logistic = self.terms.logistic
        self.reports = (*self.terms.reports, *(("penalty",) if penalty else ()))
        _check_penalty(penalty, penalty_interval, normalization)
        self.kind, self.interval, self.target = penalty, penalty_interval, penalty_target
        self.augmentation = augment.known(augmentation)
        self.instance_noise = _known_noise(instance_noise, instance_noise_steps)
        self.instance_noise_steps = instance_noise_steps

    def parts(self, logits: Sequence, penalty: tf.Tensor) -> dict[str, tf.Tensor]:
        """What a step reports of D: `tfgen.losses.Adversarial.parts`, and the penalty if any.

        Args:
            logits: D's of real and of generated images.
            penalty: What `penalty` gave.
        """
        return self.terms.parts(logits) | ({"penalty": penalty} if self.kind else {})

    def augmented(self, image: tf.Tensor) -> tf.Tensor:
        """What D sees of images (B, H, W, C), by the random numbers of the running step."""
        image = augment.augmented(self.augmentation, image)
        if not any(self.instance_noise):
            return image
        noise = draws().normal("instance noise", (tf.shape(image)[0], *image.shape[1:]))
        return image + tf.cast(self.noise_stddev() * noise, image.dtype)

    def noise_stddev(self) -> tf.Tensor | float:
        """Standard deviation of the instance noise of the running step."""
        first, last = self.instance_noise
        if self.instance_noise_steps is None:
            return first
        done = tf.cast(draws().step, tf.float32) / self.instance_noise_steps
        return first + (last - first) * tf.minimum(done, 1.0)

    def penalty(self, critic: Callable, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """The penalty of the running step, a scalar without a weight; 0 where there is none.

        Args:
            critic: D as a function of images (B, H, W, C) alone, in a pass that moves none of its
                statistics (`tfgen.networks.layers.borrow`).
            real, fake: What D sees, (B, H, W, C), or points (B, D).
        """
        if self.kind is None:
            return tf.zeros(())
        mix = draws().uniform("mix", (tf.shape(real)[0], *[1] * (len(real.shape) - 1)))

        def taken():
            if self.kind == "gradient_penalty":
                return losses.gradient_penalty(critic, real, fake, mix, self.target)
            return losses.r1(critic, real)

        if self.interval == 1:
            return taken()
        due = draws().step % self.interval == 0
        return tf.cond(due, lambda: self.interval * taken(), lambda: tf.zeros(()))


def _known_noise(noise, steps):
    """(first, last) standard deviation."""
    ends = tuple(noise) if isinstance(noise, Sequence) else (noise, noise)
    if len(ends) != 2 or min(ends) < 0:
        raise ValueError(
            "`instance_noise` must be a standard deviation of 0 or more, or two of them: the "
            f"first and the last. Received: {noise}."
        )
    if isinstance(noise, Sequence) != (steps is not None):
        raise ValueError(
            "`instance_noise_steps` belongs to a pair in `instance_noise`: give both, or one "
            f"number alone. Received: {noise} and {steps}."
        )
    if steps is not None:
        at_least(1, instance_noise_steps=steps)
    return ends


def _check_penalty(penalty, interval, normalization):
    at_least(1, penalty_interval=interval)
    if penalty is None:
        return
    if penalty not in PENALTIES:
        raise ValueError(no_such("penalty", penalty, PENALTIES))
    if normalization == "batch" and (penalty == "gradient_penalty" or interval > 1):
        what = "A gradient penalty" if penalty == "gradient_penalty" else "A lazy penalty"
        raise ValueError(
            f"{what} is a function of one sample, and batch normalisation mixes "
            "samples: set `discriminator_normalization` to 'layer', 'spectral' or None."
        )
