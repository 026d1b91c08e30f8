"""Variational autoencoder, Kingma and Welling 2013, https://arxiv.org/abs/1312.6114.

Minimises the negative evidence lower bound, in nats,

    E_q(z|x)[ -log p(x|z) ] + KL( q(z|x) || N(0, I) )

with q a diagonal Gaussian whose sample is mean + exp(log_var / 2) * eps (section 2.4), p(x|z) a
product of Bernoullis summed over the pixels, and the KL in closed form (appendix B). One sample of
z for each image.

The default is the MNIST network of section 5: one hidden layer of 500 tanh units each way, weights
from N(0, 0.01), Adagrad.

Differs from the paper: no prior on the weights (its small weight decay); 20 latent dimensions by
default, one of the sizes that it shows; a convolutional network as a choice.
"""

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.model import GenerativeModel, descend, initial_weights
from tfgen.signature import Input, Signature
from tfgen.step import step


@keras.saving.register_keras_serializable("tfgen")
class VAE(GenerativeModel):
    """An encoder q(z|x) and a decoder p(x|z), trained by one optimizer.

    Args:
        image_shape: (H, W, C) of the images. A Bernoulli likelihood wants them binary (-1 or 1,
            see `binarize` of `tfgen.data.load`); for grey ones the bound is a cross-entropy.
        latent_dim: Length of z.
        network: "mlp" or "conv" (strided convolutions; sides that can be halved).
        hidden: Widths of the encoder's hidden layers of "mlp"; the decoder mirrors them.
        filters: Maps of the first layer of "conv"; doubled at each halving.
        initial_stddev: Spread of the initial weights of "mlp"; the paper's is 0.01.
        seed: Of the initial weights and of every draw.
    """

    reports = ("negative_elbo", "reconstruction", "kl")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=20,
        network="mlp",
        hidden=(500,),
        filters=32,
        initial_stddev=0.01,
        seed=0,
    ):
        super().__init__(seed)
        if latent_dim < 1:
            raise ValueError(f"`latent_dim` must be at least 1. Received: {latent_dim}.")
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.network = network
        self.hidden = tuple(hidden)
        self.filters = filters
        self.initial_stddev = initial_stddev
        with initial_weights(seed):
            self.encoder, self.decoder = self.networks()

    def compile(self, optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            optimizer=(optimizer or keras.optimizers.Adagrad(0.02), self.encoder, self.decoder),
        )

    @step
    def train_step(self, batch):
        with tf.GradientTape() as tape:
            reconstruction, kl = self.elbo_terms(batch["image"], training=True)
            loss = tf.reduce_mean(reconstruction + kl)
        descend(self.single_optimizer, tape, loss, self.encoder, self.decoder)
        return self.report(negative_elbo=loss, reconstruction=reconstruction, kl=kl)

    @step
    def test_step(self, batch):
        reconstruction, kl = self.elbo_terms(batch["image"], training=False)
        return self.report(negative_elbo=reconstruction + kl, reconstruction=reconstruction, kl=kl)

    def elbo_terms(self, x, training):
        """The two terms of the bound in nats, (B,) each, with the step's noise."""
        eps = self.normal("posterior", tf.shape(x)[0], self.latent_dim)  # (B, Z)
        return self.bound(x, eps, training)

    def bound(self, x, eps, training=False):
        """E[-log p(x|z)] by one sample and KL(q(z|x) || p(z)), nats, (B,) each."""
        mean, log_var = tf.unstack(self.encoder(x, training=training), axis=1)  # (B, Z) each
        z = mean + tf.exp(0.5 * log_var) * eps
        logits = self.decoder(z, training=training)  # (B, H, W, C)
        reconstruction = losses.bernoulli_nll(0.5 * (x + 1.0), logits)  # (B,)
        return reconstruction, losses.kl_to_standard_normal(mean, log_var)

    def generate(self, z):
        # The mean of p(x|z), moved from [0, 1] to [-1, 1].
        return {"image": 2.0 * tf.sigmoid(self.decoder(z, training=False)) - 1.0}

    def encode(self, image):
        mean, log_var = tf.unstack(self.encoder(image, training=False), axis=1)
        return {"mean": mean, "log_var": log_var}

    def reconstruct(self, image):
        return self.generate(self.encode(image)["mean"])

    def elbo(self, image, eps):
        reconstruction, kl = self.bound(image, eps)
        return {"elbo": -(reconstruction + kl)}

    def signatures(self):
        z, image = Input.noise(self.latent_dim), Input.image(self.image_shape)
        return {
            "generate": Signature(self.generate, {"z": z}),
            "encode": Signature(self.encode, {"image": image}),
            "reconstruct": Signature(self.reconstruct, {"image": image}),
            "elbo": Signature(self.elbo, {"image": image, "eps": z}),
        }

    def networks(self):
        """The encoder, (B, H, W, C) -> (B, 2, Z), and the decoder, (B, Z) -> logits (B, H, W, C)."""
        code, z = (2, self.latent_dim), (self.latent_dim,)
        if self.network == "mlp":

            def init():
                return keras.initializers.RandomNormal(0.0, self.initial_stddev)

            return (
                networks.mlp(self.image_shape, self.hidden, code, "tanh", init=init),
                networks.mlp(z, self.hidden[::-1], self.image_shape, "tanh", init=init),
            )
        if self.network != "conv":
            raise ValueError(f"`network` must be 'mlp' or 'conv'. Received: {self.network!r}.")
        stages = networks.halvings(self.image_shape)
        return (
            networks.downsampling(self.image_shape, code, self.filters, stages),
            networks.upsampling(self.latent_dim, self.image_shape, self.filters, stages, None),
        )
