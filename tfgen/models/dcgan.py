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
script alternates between batches; D's moving averages, used by `discriminate` only, are those of
real images.
"""

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.layers import borrow
from tfgen.model import GenerativeModel, descend, initial_weights
from tfgen.signature import Input, Signature
from tfgen.step import minibatches, step


@keras.saving.register_keras_serializable("tfgen")
class DCGAN(GenerativeModel):
    """Two convolutional networks playing the adversarial game.

    Args:
        image_shape: (H, W, C); sides that can be halved, 1 or 3 channels.
        latent_dim: Length of z.
        filters: Maps of the widest layers in space; doubled at each halving. The paper's is 128.
        stages: Halvings of the picture; by default down to a shorter side of 4 to 7.
        loss: A name in `tfgen.losses.ADVERSARIAL`.
        penalty: None, "gradient_penalty" or "r1", on D.
        penalty_weight: Of the penalty.
        discriminator_normalization: "batch" (the paper), "layer" or None. A gradient penalty is a
            function of one sample, so it needs another than "batch".
        discriminator_steps: Steps of D in one training step. The batch is cut into as many
            minibatches, so it must be divisible by it.
        generator_steps: Steps of G in one training step, each on fresh noise.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: Sides that cannot be halved, an unknown loss, penalty or normalisation, or a
            penalty together with batch normalisation.
    """

    reports = ("discriminator_loss", "generator_loss", "penalty")

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=100,
        filters=128,
        stages=None,
        loss="non_saturating",
        penalty=None,
        penalty_weight=10.0,
        discriminator_normalization="batch",
        discriminator_steps=1,
        generator_steps=1,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.filters = filters
        self.stages = stages
        self.loss = loss
        self.penalty = losses.known_penalty(penalty)
        self.penalty_weight = penalty_weight
        self.discriminator_normalization = discriminator_normalization
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.game = losses.adversarial(loss)
        if penalty == "gradient_penalty" and discriminator_normalization == "batch":
            raise ValueError(
                "A gradient penalty is a function of one sample, and batch normalisation mixes "
                "samples: set `discriminator_normalization` to 'layer' or None."
            )
        halvings = networks.halvings(self.image_shape, stages)
        with initial_weights(seed):
            self.generator = networks.upsampling(latent_dim, self.image_shape, filters, halvings)
            self.discriminator = networks.downsampling(
                self.image_shape, (1,), filters, halvings, discriminator_normalization
            )

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            generator_optimizer=(generator_optimizer or paper_optimizer(), self.generator),
            discriminator_optimizer=(
                discriminator_optimizer or paper_optimizer(),
                self.discriminator,
            ),
        )

    @step
    def train_step(self, batch):
        for real in minibatches(batch["image"], self.discriminator_steps):
            fake = borrow(self.generator, self.latent("z of D", tf.shape(real)[0]))
            mix = self.uniform("mix", tf.shape(real)[0], 1, 1, 1)
            with tf.GradientTape() as tape:
                d_loss = self.game.discriminator(
                    self.discriminator(real, training=True),
                    borrow(self.discriminator, fake),
                )
                penalty = losses.penalty(self.penalty, self.critic, real, fake, mix)
                loss = d_loss + self.penalty_weight * penalty
            descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        for _ in range(self.generator_steps):
            z = self.latent("z of G", tf.shape(real)[0])
            with tf.GradientTape() as tape:
                fake = self.generator(z, training=True)
                g_loss = self.game.generator(borrow(self.discriminator, fake))
            descend(self.generator_optimizer, tape, g_loss, self.generator)

        return self.report(discriminator_loss=d_loss, generator_loss=g_loss, penalty=penalty)

    def latent(self, purpose, size):
        """z ~ U(-1, 1), (B, Z)"""
        return 2.0 * self.uniform(purpose, size, self.latent_dim) - 1.0

    def critic(self, image):
        return borrow(self.discriminator, image)

    def generate(self, z):
        return {"image": self.generator(z, training=False)}

    def discriminate(self, image):
        return {"logit": self.discriminator(image, training=False)}

    def signatures(self):
        z = Input.uniform(self.latent_dim, low=-1.0, high=1.0)
        return {
            "generate": Signature(self.generate, {"z": z}),
            "discriminate": Signature(self.discriminate, {"image": Input.image(self.image_shape)}),
        }


def paper_optimizer():
    return keras.optimizers.Adam(2e-4, beta_1=0.5)
