"""Conditional generative adversarial nets, Mirza and Osindero 2014, arXiv 1411.1784.

https://arxiv.org/abs/1411.1784. The game of Goodfellow et al. 2014 with both players told the class
y (equation 2):

    min_G max_D  E log D(x|y) + E log(1 - D(G(z|y)|y))

where G maximises log D(G(z|y)|y) instead ("non_saturating").

"mlp" is the MNIST experiment of section 4.1. G: z to 200 and one-hot y to 1,000 rectifiers, both to
1,200, a sigmoid; D: x to 240 maxout units of 5 pieces and y to 50 of 5, both to 240 of 4; dropout
0.5 in both; SGD with decay at every update and rising momentum; z uniform in the unit hypercube.
"conv" is the class-conditional network in the code of Radford et al. 2015, which shows the label to
every layer: z uniform in [-1, 1], Adam with rate 2e-4 and beta_1 0.5. Both pairs of networks are in
`tfgen.networks.labelled`.

Differs from the paper: where it is silent, the weights of maxout layers start uniform in +-0.005 as
in Goodfellow et al., all others as Glorot and Bengio's; dropout follows the hidden layers only;
training does not stop by itself at the best Parzen likelihood; images lie in [-1, 1] outside and
are moved to [0, 1] inside. Of "conv": tanh for the sigmoid on [0, 1], no L2 weight decay, and both
players step on each batch.
"""

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks import labelled
from tfgen.networks.arguments import at_least, one_of
from tfgen.networks.game import Game, Noise
from tfgen.networks.layers import borrow
from tfgen.optimizers import GeometricDecay, RampedSGD, descend
from tfgen.signature import Input, Signature
from tfgen.step import draws, labels_in_range, minibatches, required, step


@keras.saving.register_keras_serializable("tfgen")
class ConditionalGAN(GenerativeModel):
    """A generator of pictures of a given class, and a discriminator that is told the class.

    Args:
        image_shape: (H, W, C) of the images; of "conv", sides that can be halved.
        num_classes: Number of classes.
        latent_dim: Length of z.
        latent: Distribution of z: "uniform", in [0, 1] for "mlp" and in [-1, 1] for "conv", or
            standard "normal".
        network: "mlp" or "conv".
        generator_hidden: Of "mlp": widths of G's layers for z, for y and for both.
        discriminator_hidden: Of "mlp": widths of D's layers for x, for y and for both.
        discriminator_activation: Of "mlp": "maxout" (5, 5 and 4 pieces) or "leaky_relu" (0.2).
        dropout: Of "mlp": rate after the hidden layers of both.
        filters: Of "conv": maps of D's first layer; doubled at each halving.
        dense_units: Of "conv": width of the dense layers.
        fake_labels: Classes asked of G in training: those of the real "batch", so that D meets
            classes as often among generated images as among real ones, or "uniform" draws.
        loss: A name in `tfgen.losses.ADVERSARIAL`.
        label_smoothing: s puts D's target for real images at 1 - s (Salimans et al. 2016).
        penalty: None, "gradient_penalty" or "r1", on D, at the images that D sees.
        penalty_weight: Of the penalty.
        penalty_interval: Steps from one penalty to the next, which is then as many times heavier.
        discriminator_normalization: "paper" ("batch" for "conv", None for "mlp"), "batch", "layer",
            "spectral" or None.
        augmentation: Names in `tfgen.networks.augment.AUGMENTATIONS`, applied to all that D sees.
        instance_noise: Standard deviation of Gaussian noise on all that D sees, or (first, last).
        instance_noise_steps: Steps in which a pair goes from its first to its last value.
        discriminator_steps: Steps of D in one training step. The batch is cut into as many
            minibatches, so it must be divisible by it.
        generator_steps: Steps of G in one training step, each on fresh noise.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: An unknown name, sides that cannot be halved, fewer than two classes, a gradient
            penalty or lazy penalty together with batch normalisation, smoothing of a loss without
            labels, or negative noise; in a step, a batch without labels or with one out of range.
    """

    reports = ("discriminator_loss", "generator_loss")
    network_names = ("generator", "discriminator")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        num_classes=10,
        latent_dim=100,
        latent="uniform",
        network="mlp",
        generator_hidden=(200, 1000, 1200),
        discriminator_hidden=(240, 50, 240),
        discriminator_activation="maxout",
        dropout=0.5,
        filters=64,
        dense_units=1024,
        fake_labels="batch",
        loss="non_saturating",
        label_smoothing=0.0,
        penalty=None,
        penalty_weight=10.0,
        penalty_interval=1,
        discriminator_normalization: str | None = "paper",
        augmentation=(),
        instance_noise: float | tuple = 0.0,
        instance_noise_steps=None,
        discriminator_steps=1,
        generator_steps=1,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes
        self.latent_dim = latent_dim
        self.latent = latent
        self.network = network
        self.generator_hidden = tuple(generator_hidden)
        self.discriminator_hidden = tuple(discriminator_hidden)
        self.discriminator_activation = discriminator_activation
        self.dropout = dropout
        self.filters = filters
        self.dense_units = dense_units
        self.fake_labels = fake_labels
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
        at_least(2, num_classes=num_classes)
        one_of(("batch", "uniform"), fake_labels=fake_labels)
        one_of(("mlp", "conv"), network=network)
        self.noise = Noise(latent, latent_dim, low=0.0 if network == "mlp" else -1.0)
        normalization = discriminator_normalization
        if normalization == "paper":
            normalization = "batch" if network == "conv" else None
        noise = {"instance_noise": instance_noise, "instance_noise_steps": instance_noise_steps}
        self.game = Game(
            loss, label_smoothing, penalty, penalty_interval, normalization, augmentation, **noise
        )
        self.reporting(*self.reports, *self.game.reports)
        with initial_weights(seed):
            self.generator, self.discriminator = self.networks(normalization)

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            self.paper_optimizer,
            generator_optimizer=(generator_optimizer, self.generator),
            discriminator_optimizer=(discriminator_optimizer, self.discriminator),
        )

    @step
    def train_step(self, batch):
        images, labels = batch["image"], self.one_hot(batch)
        k = self.discriminator_steps
        for real, y in zip(minibatches(images, k), minibatches(labels, k), strict=True):
            asked = self.asked("label of D", y)  # (B, K)
            z = self.noise("z of D", tf.shape(y)[0])  # (B, Z)
            fake = borrow(self.generator, [z, asked])  # (B, H, W, C)
            real, fake = self.game.augmented(real), self.game.augmented(fake)
            with tf.GradientTape() as tape:
                of_real = self.discriminator([real, y], training=True)
                logits = of_real, borrow(self.discriminator, [fake, asked])
                d_loss = self.game.discriminator(*logits)
                penalty = self.game.penalty(self.critic(y), real, fake)
                loss = d_loss + self.penalty_weight * penalty
            descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        for _ in range(self.generator_steps):
            asked = self.asked("label of G", y)
            z = self.noise("z of G", tf.shape(y)[0])
            with tf.GradientTape() as tape:
                fake = self.game.augmented(self.generator([z, asked], training=True))
                g_loss = self.game.generator(borrow(self.discriminator, [fake, asked]))
            descend(self.generator_optimizer, tape, g_loss, self.generator)

        parts = self.game.parts(logits, penalty)
        return self.report(discriminator_loss=d_loss, generator_loss=g_loss, **parts)

    def one_hot(self, batch):
        """The labels of a batch, (B, K)."""
        label = required(batch, "label", "ConditionalGAN")
        return tf.one_hot(label, self.num_classes)

    def check_values(self, batch):
        labels_in_range(required(batch, "label", "ConditionalGAN"), self.num_classes)

    def asked(self, purpose, y):
        """The classes that G is asked for beside real ones y, (B, K) each."""
        if self.fake_labels == "batch":
            return y
        label = draws().categorical(purpose, (tf.shape(y)[0],), self.num_classes)
        return tf.one_hot(label, self.num_classes)

    def critic(self, y):
        """D as a function of images alone, for the penalty at the real images' classes (B, K)."""
        return lambda image: borrow(self.discriminator, [image, y])

    def generate(self, z, label):
        y = tf.one_hot(label, self.num_classes)
        return {"image": self.generator([z, y], training=False)}

    def discriminate(self, image, label):
        y = tf.one_hot(label, self.num_classes)
        return {"logit": self.discriminator([image, y], training=False)}

    def signatures(self):
        label = Input.label(self.num_classes, self.class_names)
        image = Input.image(self.image_shape)
        return {
            "generate": Signature(self.generate, {"z": self.noise.input, "label": label}),
            "discriminate": Signature(self.discriminate, {"image": image, "label": label}),
        }

    def paper_optimizer(self):
        if self.network == "conv":
            return keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8)
        return RampedSGD(GeometricDecay(0.1, 1.00004, 1e-6), 0.5, 0.7, 125_000)

    def networks(self, normalization):
        """G, (z, y) -> image, and D, (image, y) -> logit."""
        shape, z, y = self.image_shape, self.latent_dim, self.num_classes
        if self.network == "conv":
            sizes = self.filters, self.dense_units, networks.halvings(shape)
            return (
                labelled.conv_generator(z, y, shape, *sizes, name="generator"),
                labelled.conv_discriminator(y, shape, *sizes, normalization, name="discriminator"),
            )
        of_d = self.discriminator_hidden, self.discriminator_activation, self.dropout, normalization
        return (
            labelled.mlp_generator(
                z, y, shape, self.generator_hidden, self.dropout, name="generator"
            ),
            labelled.mlp_discriminator(y, shape, *of_d, name="discriminator"),
        )
