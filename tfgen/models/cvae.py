"""Conditional variational autoencoder, Sohn, Lee, Yan 2015.

"Learning structured output representation using deep conditional generative models", NeurIPS 2015,
https://papers.nips.cc/paper/5775. Three nets model an output y given an input x: recognition
q(z|x,y), prior p(z|x) and generation p(y|x,z). Minimised, in nats, is

    alpha * { E_q[ -log p(y|x,z) ] + KL( q(z|x,y) || p(z|x) ) }     the conditional bound (CVAE)
    + (1 - alpha) * E_p(z|x)[ -log p(y|x,z) ]                       as at test time (GSNN)

x is the observed part of a picture and y the hidden rest (section 5.1), or x is a class and y the
whole picture. The likelihood is Bernoulli and counts hidden pixels only. Both q and p are diagonal
Gaussians, one sample of z each. Nets of two rectifier layers of 1,000 units, 50 latent dimensions,
Adam.

A deterministic net, the baseline of the paper's table, predicts y from x. Its guess is fed to the
prior net together with x (the recurrent connection of section 4.2), and the generation net builds
on it: the logits of p(y|x,z) are the guess's plus a correction that depends on (x, z).

Differs from the paper: how the generation net builds on the baseline is our reading (a sum of
logits); the baseline learns in the same step from the same batches, and not before, and the other
nets' gradients stop at it; the rate of Adam (1e-3) and the initial weights (Glorot) are Keras's;
hidden pixels enter the nets as 0, between black (-1) and white (1). Masks of any form and classes
as x are additions. The convolutional nets for segmentation, with multi-scale prediction and
noise on the input, are left out.
"""

import math
from collections import namedtuple

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.arguments import at_least, one_of
from tfgen.networks.layers import borrow
from tfgen.optimizers import descend
from tfgen.probability.masks import quadrant_mask
from tfgen.probability.observation import Bernoulli
from tfgen.signature import Input, Signature
from tfgen.step import labels_in_range, required, step

Given = namedtuple("Given", "x hidden guess prior")
CONDITIONS = ("quadrants", "mask", "label")
BERNOULLI = Bernoulli()


@keras.saving.register_keras_serializable("tfgen")
class CVAE(GenerativeModel):
    """Recognition, conditional prior and generation nets, and the deterministic baseline.

    Args:
        image_shape: (H, W, C) of the images. The likelihood wants them binary (-1 or 1, see
            `binarize` of `tfgen.data.load`); for grey ones it is a cross-entropy.
        condition: What x is: "quadrants" (the picture's `observed` quadrants), "mask" (the pixels
            that are 1 in the batch's `mask`, float32 (B, H, W, 1)) or "label" (the class; all
            pixels are predicted).
        observed: Of "quadrants": names among "upper_left", "upper_right", "lower_left",
            "lower_right". The paper's tasks are lower left; the left half; all but upper right.
        num_classes: Of "label".
        latent_dim: Length of z.
        hidden: Widths of every net's hidden layers.
        alpha: Weight of the conditional bound in [0, 1]; 1 is the CVAE, 0 the GSNN, whose
            recognition net is the prior net, and between them lies the hybrid (section 4.3).
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: Unknown condition or quadrant, no quadrant or all of them, sides below 2,
            `latent_dim` below 1, `alpha` outside [0, 1]; in a step, a batch without its labels or
            masks.
    """

    reports = ("loss", "negative_elbo", "reconstruction", "kl", "gsnn", "baseline")
    network_names = ("baseline", "prior", "recognition", "generation")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        condition="quadrants",
        observed=("lower_left",),
        num_classes=10,
        latent_dim=50,
        hidden=(1000, 1000),
        alpha=1.0,
        seed=0,
    ):
        super().__init__(seed)
        one_of(CONDITIONS, condition=condition)
        at_least(1, latent_dim=latent_dim)
        if not 0.0 <= alpha <= 1.0:
            raise ValueError(f"`alpha` must lie in [0, 1]. Received: {alpha}.")
        self.image_shape = tuple(image_shape)
        self.condition = condition
        self.observed = tuple(observed)
        self.num_classes = num_classes
        self.latent_dim = latent_dim
        self.hidden = tuple(hidden)
        self.alpha = alpha
        self.visible = quadrant_mask(self.image_shape, self.observed)
        image, z = math.prod(self.image_shape), latent_dim
        x = {"quadrants": image, "mask": image + self.visible.size, "label": num_classes}[condition]

        def net(name, inputs, *outputs):
            return networks.mlp((inputs,), hidden, outputs, name=name)

        with initial_weights(seed):
            self.baseline = net("baseline", x, *self.image_shape)
            self.prior = net("prior", x + image, 2, z)
            self.recognition = net("recognition", x + image, 2, z) if alpha else self.prior
            self.generation = net("generation", x + z, *self.image_shape)

    def compile(self, optimizer=None, baseline_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            lambda: keras.optimizers.Adam(1e-3),
            optimizer=(optimizer, *self.nets),
            baseline_optimizer=(baseline_optimizer, self.baseline),
        )

    @property
    def nets(self):
        """The nets of the conditional model."""
        return self.prior, self.recognition, self.generation

    @step
    def train_step(self, batch):
        x, hidden = self.condition_of(batch)
        with tf.GradientTape() as tape:
            guess = self.baseline(x, training=True)  # (B, H, W, C)
            baseline = tf.reduce_mean(bernoulli_nll(batch["image"], guess, hidden))
        descend(self.baseline_optimizer, tape, baseline, self.baseline)

        with tf.GradientTape() as tape:
            terms = self.terms(batch, training=True)
            loss = tf.reduce_mean(terms["loss"])
        descend(self.single_optimizer, tape, loss, *self.nets)
        return self.report(**terms)

    @step
    def test_step(self, batch):
        return self.report(**self.terms(batch, training=False))

    def terms(self, batch, training):
        """All terms of the objective with the step's noise, nats, (B,) each."""
        y, given = batch["image"], self.given(batch, training)
        shape = tf.shape(y)[0], self.latent_dim
        reconstruction, kl = self.bound(y, given, self.normal("recognition", *shape), training)
        z = losses.gaussian_sample(self.normal("prior", *shape), *given.prior)
        gsnn = bernoulli_nll(y, self.logits(given, z, training), given.hidden)
        return {
            "loss": self.alpha * (reconstruction + kl) + (1.0 - self.alpha) * gsnn,
            "negative_elbo": reconstruction + kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "gsnn": gsnn,
            "baseline": bernoulli_nll(y, given.guess, given.hidden),
        }

    def bound(self, y, given, eps, training=False):
        """-log p(y|x,z) at a z from q, and KL(q(z|x,y) || p(z|x)), nats, (B,) each."""
        posterior = self.posterior(y, given, training)
        logits = self.logits(given, losses.gaussian_sample(eps, *posterior), training)
        kl = losses.kl_between_normals(*posterior, *given.prior)
        return bernoulli_nll(y, logits, given.hidden), kl

    def given(self, batch, training=False):
        """What depends on x alone, as a `Given`; no gradient passes through the guess."""
        x, hidden = self.condition_of(batch)
        guess = tf.stop_gradient(borrow(self.baseline, x))
        image = self.filled(batch, guess, hidden)
        prior = tf.unstack(self.prior(flat(x, image), training=training), axis=1)
        return Given(x, hidden, guess, prior)

    def condition_of(self, batch):
        """x as (B, X), and 1 where a pixel is to be predicted, (B or 1, H, W, 1)."""
        who = f"CVAE with condition {self.condition!r}"
        if self.condition == "label":
            return tf.one_hot(required(batch, "label", who), self.num_classes), tf.ones((1,) * 4)
        if self.condition == "quadrants":
            return flat(batch["image"] * self.visible), tf.constant(1.0 - self.visible)
        mask = tf.cast(required(batch, "mask", who), batch["image"].dtype)
        expected = tf.TensorShape((None, *self.image_shape[:2], 1))
        if not mask.shape.is_compatible_with(expected):
            raise ValueError(f"`mask` must have shape {expected}. Received: {mask.shape}.")
        return flat(batch["image"] * mask, mask), 1.0 - mask

    def check_values(self, batch):
        if self.condition == "label":
            labels_in_range(required(batch, "label", "CVAE"), self.num_classes)
        if self.condition == "mask":
            mask = tf.cast(required(batch, "mask", "CVAE"), tf.float32)
            right = tf.reduce_all((mask == 0.0) | (mask == 1.0))
            tf.debugging.Assert(right, ["`mask` must be 0 or 1, and 1 where a pixel is given."])

    def posterior(self, y, given, training=False):
        """Mean and log variance of q(z|x,y), (B, Z) each; those of p(z|x) for a GSNN."""
        if not self.alpha:
            return given.prior
        return tf.unstack(self.recognition(flat(given.x, y), training=training), axis=1)

    def logits(self, given, z, training=False):
        """Of p(y|x,z), (B, H, W, C)."""
        return given.guess + self.generation(flat(given.x, z), training=training)

    def filled(self, batch, logits, hidden):
        """The picture, its hidden pixels replaced by the Bernoulli means of `logits`."""
        return self.beside(batch, BERNOULLI.mean(logits), hidden)

    def beside(self, batch, pixels, hidden):
        """The picture, its hidden pixels replaced by others, (B, H, W, C)."""
        if self.condition == "label":
            return pixels
        return (1.0 - hidden) * batch["image"] + hidden * pixels

    def complete(self, z, **batch):
        """z is standard normal and moved to p(z|x); pixels are means of p(y|x,z)."""
        given = self.given(batch)
        logits = self.logits(given, losses.gaussian_sample(z, *given.prior))
        return {"image": self.filled(batch, logits, given.hidden)}

    def draw(self, z, pixel_noise, **batch):
        """As `complete`; pixels are a sample of p(y|x,z)."""
        given = self.given(batch)
        logits = self.logits(given, losses.gaussian_sample(z, *given.prior))
        return {"image": self.beside(batch, BERNOULLI.draw(logits, pixel_noise), given.hidden)}

    def guess(self, **batch):
        given = self.given(batch)
        return {"image": self.filled(batch, given.guess, given.hidden)}

    def encode(self, **batch):
        mean, log_var = self.posterior(batch["image"], self.given(batch))
        return {"mean": mean, "log_var": log_var}

    def reconstruct(self, **batch):
        given = self.given(batch)
        logits = self.logits(given, self.posterior(batch["image"], given)[0])
        return {"image": self.filled(batch, logits, given.hidden)}

    def elbo(self, eps, **batch):
        reconstruction, kl = self.bound(batch["image"], self.given(batch), eps)
        return {"elbo": -(reconstruction + kl)}

    def signatures(self):
        z, image = Input.noise(self.latent_dim), {"image": Input.image(self.image_shape)}
        given = {
            "quadrants": image,
            "mask": {**image, "mask": Input((*self.image_shape[:2], 1))},
            "label": {"label": Input.label(self.num_classes, self.class_names)},
        }[self.condition]
        both, pixel_noise = {**image, **given}, BERNOULLI.noise(self.image_shape)
        name = "generate" if self.condition == "label" else "complete"
        return {
            name: Signature(self.complete, {"z": z, **given}),
            "draw": Signature(self.draw, {"z": z, "pixel_noise": pixel_noise, **given}),
            "guess": Signature(self.guess, given),
            "encode": Signature(self.encode, both),
            "reconstruct": Signature(self.reconstruct, both),
            "elbo": Signature(self.elbo, {"eps": z, **both}),
        }


def bernoulli_nll(image, logits, hidden):
    """-log p of the hidden pixels in nats, (B,); images in [-1, 1]."""
    return losses.bernoulli_nll(0.5 * (image + 1.0), logits, weight=hidden)


def flat(*tensors):
    """Side by side, (B, ...) each -> (B, N)."""
    return tf.concat([tf.reshape(t, (-1, math.prod(t.shape[1:]))) for t in tensors], axis=1)
