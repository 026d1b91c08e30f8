"""Deep convolutional GAN, Radford, Metz, Chintala 2015, https://arxiv.org/abs/1511.06434.

The game of Goodfellow et al. 2014 with the non-saturating loss, between strided convolutions:

    D minimises  -log D(x) - log(1 - D(G(z)))
    G minimises  -log D(G(z))

G: dense, then 5x5 transposed convolutions of stride 2 with batch normalisation and ReLU, tanh at
the output. D: 5x5 convolutions of stride 2 with leaky ReLU 0.2, batch normalisation in all but the
first. No biases before normalisation; weights from N(0, 0.02), gains from N(1, 0.02); z uniform in
[-1, 1]; Adam with rate 2e-4 and beta_1 0.5. Real and generated images pass D in batches of their
own, so that the batch statistics do not tell them apart.

Differs from the paper: other picture sizes than 64x64 have more or fewer of the same stages; no L2
weight decay (1e-5 in the authors' script); each real batch serves a step of both players, where the
script alternates between batches; D's moving averages, used by `discriminate` and `features` only,
are those of real images. What came later is a matter of arguments: other losses and penalties,
augmentation, label smoothing, spectral normalisation, residual networks.
"""

from functools import partial

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks import residual
from tfgen.networks.arguments import one_of
from tfgen.networks.features import convolutional_activations, pooled_activations
from tfgen.networks.game import Game, Noise
from tfgen.networks.layers import borrow
from tfgen.optimizers import descend
from tfgen.signature import Input, Signature
from tfgen.step import minibatches, step


@keras.saving.register_keras_serializable("tfgen")
class DCGAN(GenerativeModel):
    """Two convolutional networks playing the adversarial game.

    Args:
        image_shape: (H, W, C); sides that can be halved, 1 or 3 channels.
        latent_dim: Length of z.
        latent: Distribution of z: "uniform" in [-1, 1] (the paper) or standard "normal".
        network: "dcgan" or "resnet", the residual pair of `tfgen.networks.residual` (SNGAN).
        filters: Maps of the widest layers in space; doubled at each halving. The paper's is 128.
            Of "resnet": all maps of D; G has twice as many.
        stages: Halvings of the picture; by default down to a shorter side of 4 to 7.
        loss: A name in `tfgen.losses.ADVERSARIAL`.
        label_smoothing: s puts D's target for real images at 1 - s (Salimans et al. 2016).
        penalty: None, "gradient_penalty" or "r1", on D, at the images that D sees.
        penalty_weight: Of the penalty.
        penalty_interval: Steps from one penalty to the next, which is then as many times heavier
            (Karras et al. 2020).
        discriminator_normalization: "batch" (the paper), "layer", "spectral" or None. A gradient
            penalty is a function of one sample, so it needs another than "batch".
        augmentation: Names in `tfgen.networks.augment.AUGMENTATIONS`, applied to all that D sees.
        instance_noise: Standard deviation of Gaussian noise on all that D sees, or (first, last).
        instance_noise_steps: Steps in which a pair goes from its first to its last value.
        discriminator_steps: Steps of D in one training step. The batch is cut into as many
            minibatches, so it must be divisible by it.
        generator_steps: Steps of G in one training step, each on fresh noise.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: Sides that cannot be halved, an unknown name, a gradient penalty or lazy penalty
            together with batch normalisation, smoothing of a loss without labels, or negative
            noise.
    """

    reports = ("discriminator_loss", "generator_loss")
    network_names = ("generator", "discriminator")

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=100,
        latent="uniform",
        network="dcgan",
        filters=128,
        stages=None,
        loss="non_saturating",
        label_smoothing=0.0,
        penalty=None,
        penalty_weight=10.0,
        penalty_interval=1,
        discriminator_normalization: str | None = "batch",
        augmentation=(),
        instance_noise: float | tuple = 0.0,
        instance_noise_steps=None,
        discriminator_steps=1,
        generator_steps=1,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.latent = latent
        self.network = network
        self.filters = filters
        self.stages = stages
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.penalty_interval = penalty_interval
        self.discriminator_normalization = discriminator_normalization
        self.augmentation = tuple(augmentation)
        self.instance_noise = instance_noise
        self.instance_noise_steps = instance_noise_steps
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        one_of(("dcgan", "resnet"), network=network)
        self.noise = Noise(latent, latent_dim)
        self.game = Game(
            loss,
            label_smoothing,
            penalty,
            penalty_interval,
            discriminator_normalization,
            augmentation,
            instance_noise=instance_noise,
            instance_noise_steps=instance_noise_steps,
        )
        self.reporting(*self.reports, *self.game.reports)
        with initial_weights(seed):
            self.generator, self.discriminator = self.networks()

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            lambda: keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8),
            generator_optimizer=(generator_optimizer, self.generator),
            discriminator_optimizer=(discriminator_optimizer, self.discriminator),
        )

    @step
    def train_step(self, batch):
        for real in minibatches(batch["image"], self.discriminator_steps):
            fake = borrow(self.generator, self.noise("z of D", tf.shape(real)[0]))  # (B, H, W, C)
            real, fake = self.game.augmented(real), self.game.augmented(fake)
            with tf.GradientTape() as tape:
                logits = self.discriminator(real, training=True), borrow(self.discriminator, fake)
                d_loss = self.game.discriminator(*logits)
                penalty = self.game.penalty(partial(borrow, self.discriminator), real, fake)
                loss = d_loss + self.penalty_weight * penalty
            descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        for _ in range(self.generator_steps):
            z = self.noise("z of G", tf.shape(real)[0])  # (B, Z)
            with tf.GradientTape() as tape:
                fake = self.game.augmented(self.generator(z, training=True))
                g_loss = self.game.generator(borrow(self.discriminator, fake))
            descend(self.generator_optimizer, tape, g_loss, self.generator)

        parts = self.game.parts(logits, penalty)
        return self.report(discriminator_loss=d_loss, generator_loss=g_loss, **parts)

    def generate(self, z):
        return {"image": self.generator(z, training=False)}

    def discriminate(self, image):
        return {"logit": self.discriminator(image, training=False)}

    def features(self, image):
        # Section 5.1: what a linear classifier is trained on.
        return {"features": pooled_activations(self.discriminator, image)}

    def signatures(self):
        image = {"image": Input.image(self.image_shape)}
        table = {
            "generate": Signature(self.generate, {"z": self.noise.input}),
            "discriminate": Signature(self.discriminate, image),
        }
        if convolutional_activations(self.discriminator):  # A network of a user may have none.
            table["features"] = Signature(self.features, image)
        return table

    def networks(self):
        """G and D."""
        shape, normalization = self.image_shape, self.discriminator_normalization
        stages = networks.halvings(shape, self.stages)
        if self.network == "dcgan":
            return (
                networks.upsampling(self.latent_dim, shape, self.filters, stages, name="generator"),
                networks.downsampling(
                    shape, (1,), self.filters, stages, normalization, name="discriminator"
                ),
            )
        return (
            residual.generator(self.latent_dim, shape, 2 * self.filters, stages, name="generator"),
            residual.discriminator(shape, (1,), self.filters, normalization, name="discriminator"),
        )
