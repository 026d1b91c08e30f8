"""Generative adversarial nets, Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661.

G turns noise z into pictures; D tells them from real ones. The game (equation 1) is

    min_G max_D  E log D(x) + E log(1 - D(G(z)))

and in practice (section 3) G maximises E log D(G(z)) instead ("non_saturating"). Algorithm 1: k
steps of D, then one of G, each on fresh noise.

Architectures and recipe are those of the MNIST experiment in the authors' configuration files: G
of two rectifier layers with a sigmoid, D of two maxout layers with dropout; SGD with decay at every
update and rising momentum, each number of z uniform with mean 0 and variance 1.

Differs from the paper: D's loss is not halved; the output bias of G starts at 0 and not at the
logit of the training mean, which is not known when a network is built; images lie in [-1, 1]
outside and are moved to [0, 1] inside; both players alternate as in algorithm 1, where the authors'
code updates both from one gradient. Later losses and penalties are a matter of arguments.
"""

import math
from functools import partial

import keras
import tensorflow as tf
from keras.layers import Dense, Flatten, LeakyReLU, Rescaling

from tfgen import networks
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.arguments import one_of
from tfgen.networks.game import Game, Noise
from tfgen.networks.layers import Dropout, Maxout, borrow
from tfgen.optimizers import GeometricDecay, RampedSGD, descend
from tfgen.signature import Input, Signature
from tfgen.step import minibatches, step


@keras.saving.register_keras_serializable("tfgen")
class GAN(GenerativeModel):
    """Two multilayer perceptrons playing the minimax game.

    Args:
        image_shape: (H, W, C) of the images, or (D,) of points.
        latent_dim: Length of z.
        latent: Distribution of z: "uniform" in +-sqrt(3) (the paper's MNIST experiment) or standard
            "normal", both of variance 1.
        generator_hidden: Widths of G's rectifier layers.
        discriminator_hidden: Widths of D's layers.
        discriminator_activation: "maxout" (the paper, 5 pieces) or "leaky_relu" (slope 0.2).
        initializer: "paper" (uniform in +-0.05 for G, in +-0.005 for D's maxout, which suit the
            paper's widths) or "glorot".
        dropout: Dropout rates of D's input and of its hidden layers.
        loss: A name in `tfgen.losses.ADVERSARIAL`; the paper's are "minimax" and "non_saturating".
        penalty: None, "gradient_penalty" or "r1", on D, at the images that D sees.
        penalty_weight: Of the penalty.
        discriminator_steps: Steps of D in one training step (k). The batch is cut into k
            minibatches, so it must be divisible by k.
        generator_steps: Steps of G in one training step, each on fresh noise.
        seed: Of the initial weights and of every draw.
    """

    reports = ("discriminator_loss", "generator_loss")
    network_names = ("generator", "discriminator")
    takes_points = True

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=100,
        latent="uniform",
        generator_hidden=(1200, 1200),
        discriminator_hidden=(240, 240),
        discriminator_activation="maxout",
        initializer="paper",
        dropout=(0.2, 0.5),
        loss="non_saturating",
        penalty=None,
        penalty_weight=10.0,
        discriminator_steps=1,
        generator_steps=1,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.latent = latent
        self.noise = Noise(latent, latent_dim, -math.sqrt(3.0), math.sqrt(3.0))
        self.generator_hidden = tuple(generator_hidden)
        self.discriminator_hidden = tuple(discriminator_hidden)
        self.discriminator_activation = discriminator_activation
        self.initializer = initializer
        self.dropout = tuple(dropout)
        self.loss = loss
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.game = Game(loss, penalty=penalty)
        self.reporting(*self.reports, *self.game.reports)
        one_of(("paper", "glorot"), initializer=initializer)
        ranges = (0.05, 0.005) if initializer == "paper" else (None, None)
        with initial_weights(seed):
            self.generator = rectifier_generator(
                latent_dim, generator_hidden, self.image_shape, ranges[0], name="generator"
            )
            self.discriminator = discriminator(
                self.image_shape,
                discriminator_hidden,
                discriminator_activation,
                dropout,
                ranges[1],
                name="discriminator",
            )

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            paper_optimizer,
            generator_optimizer=(generator_optimizer, self.generator),
            discriminator_optimizer=(discriminator_optimizer, self.discriminator),
        )

    @step
    def train_step(self, batch):
        for real in minibatches(batch["image"], self.discriminator_steps):
            z = self.noise("z of D", tf.shape(real)[0])  # (B, Z)
            fake = borrow(self.generator, z)  # (B, H, W, C)
            with tf.GradientTape() as tape:
                logits = [self.discriminator(x, training=True) for x in (real, fake)]
                d_loss = self.game.discriminator(*logits)
                penalty = self.game.penalty(partial(borrow, self.discriminator), real, fake)
                loss = d_loss + self.penalty_weight * penalty
            descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        for _ in range(self.generator_steps):
            z = self.noise("z of G", tf.shape(real)[0])
            with tf.GradientTape() as tape:
                fake = self.generator(z, training=True)
                g_loss = self.game.generator(borrow(self.discriminator, fake))
            descend(self.generator_optimizer, tape, g_loss, self.generator)

        parts = self.game.parts(logits, penalty)
        return self.report(discriminator_loss=d_loss, generator_loss=g_loss, **parts)

    def generate(self, z):
        return {"image": self.generator(z, training=False)}

    def discriminate(self, image):
        return {"logit": self.discriminator(image, training=False)}

    def signatures(self):
        return {
            "generate": Signature(self.generate, {"z": self.noise.input}),
            "discriminate": Signature(self.discriminate, {"image": Input.image(self.image_shape)}),
        }


def paper_optimizer():
    return RampedSGD(GeometricDecay(0.1, 1.000004, 1e-6), 0.5, 0.7, 125_000)


def uniform(limit):
    """Uniform in +-`limit`; Glorot's for None."""
    return "glorot_uniform" if limit is None else keras.initializers.RandomUniform(-limit, limit)


def rectifier_generator(latent_dim, hidden, image_shape, limit, name=None):
    """Rectifier layers and a sigmoid moved to [-1, 1]; all kernels uniform in +-`limit`."""
    network = networks.mlp(
        (latent_dim,),
        hidden,
        image_shape,
        "relu",
        "sigmoid",
        lambda: uniform(limit),
        name,
    )
    network.add(Rescaling(2.0, -1.0, dtype=networks.HEAD))
    return network


def discriminator(image_shape, hidden, activation, dropout, limit, name=None):
    """Maxout layers of 5 pieces, kernels uniform in +-`limit`; or leaky ReLU, Glorot's; dropout."""
    one_of(("maxout", "leaky_relu"), discriminator_activation=activation)
    layers = [keras.Input(image_shape), Rescaling(0.5, 0.5), Flatten(), Dropout(dropout[0])]
    for width in hidden:
        if activation == "maxout":
            layers.append(Maxout(width, 5, uniform(limit)))
        else:
            layers += [Dense(width), LeakyReLU(0.2)]
        layers.append(Dropout(dropout[1]))
    last = uniform(limit if activation == "maxout" else None)
    layers.append(Dense(1, kernel_initializer=last, dtype=networks.HEAD))
    return keras.Sequential(layers, name=name)
