"""Variational autoencoder, Kingma and Welling 2013, https://arxiv.org/abs/1312.6114.

Minimises the negative evidence lower bound, in nats,

    E_q(z|x)[ -log p(x|z) ] + beta KL( q(z|x) || p(z) )

with q a diagonal Gaussian whose sample is mean + exp(log_var / 2) * eps (section 2.4), one sample
of z for each image, and p(x|z) a product over the pixels, summed and not averaged. The KL is in
closed form for a Gaussian prior (appendix B) and log q(z|x) - log p(z) at the sample for any other.

With `importance_samples` = k > 1 the bound is that of Burda et al. 2015,
https://arxiv.org/abs/1509.00519, equation 8: -log (1/k) sum_i p(x, z_i) / q(z_i|x).

The default is the MNIST network of section 5: one hidden layer of 500 tanh units each way, weights
from N(0, 0.01), Adagrad.

Differs from the paper: no prior on the weights (its small weight decay); 20 latent dimensions by
default, one of the sizes that it shows; 0.01 is the standard deviation of the initial weights and
biases begin at 0; pixels come in [-1, 1], and the Gaussian likelihood counts them on the scale
[0, 1]. Choices that are not in it: the discretised logistic likelihood, other priors, beta (Higgins
et al. 2017), free bits (Kingma et al. 2016, equation 15) and the convolutional network, which is
trained by Adam at 1e-3 by default.
"""

import keras
import tensorflow as tf

from tfgen import losses
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks import coders
from tfgen.networks.arguments import at_least
from tfgen.networks.basic import normal_init
from tfgen.optimizers import descend
from tfgen.pictures import latent as latent_pictures
from tfgen.probability.observation import as_likelihood
from tfgen.probability.priors import as_prior
from tfgen.signature import Input, Signature
from tfgen.step import step


@keras.saving.register_keras_serializable("tfgen")
class VAE(GenerativeModel):
    """An encoder q(z|x) and a decoder p(x|z), trained by one optimizer.

    Args:
        image_shape: (H, W, C) of the images, or (D,) of points.
        latent_dim: Length of z.
        likelihood: "bernoulli" (binary images: `binarize` of `tfgen.data.load`), "gaussian" or
            "discretized_logistic", or a mapping with `name` and the arguments of
            `tfgen.probability.observation`, such as {name: discretized_logistic, levels: 17} or
            {name: gaussian, levels: 256}, which dequantizes 8-bit pixels.
        prior: A name of `tfgen.probability.PRIORS` with a density, a mapping with `name`, a
            `tfgen.probability.Prior` or a tfp distribution; it is not trained. Only names and
            mappings can be saved in a `.keras` file.
        beta: Weight of the KL term; 1 for the bound.
        free_bits: Nats of each latent dimension's KL, averaged over the batch, that cost nothing.
        importance_samples: Samples of z for each image; above 1 for the importance-weighted bound.
        network: "mlp" or "conv" (strided convolutions; sides that can be halved).
        hidden: Widths of the encoder's hidden layers of "mlp"; the decoder mirrors them.
        activation: Of the hidden layers; by default "tanh" for "mlp" and "relu" for "conv".
        filters: Maps of the first layer of "conv"; doubled at each halving.
        initial_stddev: Spread of the initial weights of "mlp"; None for a variance of 1 / inputs
            (LeCun et al. 1998), which learns faster.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: A number out of range, a prior of another dimension or without a density, or
            `beta` or `free_bits` with an objective that has no KL by dimension.
    """

    reports = ("loss", "negative_elbo", "reconstruction", "kl")
    network_names = ("encoder", "decoder")
    takes_points = True

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=20,
        likelihood="bernoulli",
        prior="standard_normal",
        beta=1.0,
        free_bits=0.0,
        importance_samples=1,
        network="mlp",
        hidden=(500,),
        activation: str | None = None,
        filters=32,
        initial_stddev: float | None = 0.01,
        seed=0,
    ):
        super().__init__(seed)
        at_least(1, latent_dim=latent_dim, importance_samples=importance_samples)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.likelihood, self.pixels = likelihood, as_likelihood(likelihood)
        self.prior, self.latent_prior = prior, as_prior(prior, latent_dim)
        self.beta = beta
        self.free_bits = free_bits
        self.importance_samples = importance_samples
        self.network = network
        self.hidden = tuple(hidden)
        self.activation = activation
        self.filters = filters
        self.initial_stddev = initial_stddev
        self.check_objective()
        activation = activation or ("tanh" if network == "mlp" else "relu")
        init = normal_init(initial_stddev, "lecun_normal")
        common = (network, self.hidden, filters, activation, init)
        shape, outputs = self.image_shape, self.pixels.outputs
        with initial_weights(seed):
            self.encoder = coders.encoder(shape, (2, latent_dim), *common, name="encoder")
            self.decoder = coders.decoder(latent_dim, shape, *common, outputs, name="decoder")

    def compile(self, optimizer=None, **keras_arguments):
        # Keras begins Adagrad's sums of squares at 0.1, the method itself at 0.
        adagrad = keras.optimizers.Adagrad(0.02, initial_accumulator_value=0.0)
        paper = adagrad if self.network == "mlp" else "adam"
        optimizer = optimizer or paper
        self.compile_players(keras_arguments, optimizer=(optimizer, self.encoder, self.decoder))

    @step
    def train_step(self, batch):
        x, eps = batch["image"], self.posterior_noise(batch["image"])
        with tf.GradientTape() as tape:
            terms = self.terms(x, eps, self.dequantization(x), training=True)
            loss = self.objective(*terms)
        descend(self.single_optimizer, tape, loss, self.encoder, self.decoder)
        return self.report(loss=loss, **self.bound(*terms))

    @step
    def test_step(self, batch):
        x = batch["image"]
        terms = self.terms(x, self.posterior_noise(x), self.dequantization(x))
        return self.report(loss=self.objective(*terms), **self.bound(*terms))

    def posterior_noise(self, x):
        """The step's noise of the posterior samples, (B, k, Z)."""
        return self.normal("posterior", tf.shape(x)[0], self.importance_samples, self.latent_dim)

    def dequantization(self, x):
        """The step's uniform numbers for a likelihood that dequantizes, as `x`; else None."""
        if not self.pixels.dequantizes:
            return None
        return self.uniform("dequantization", tf.shape(x)[0], *x.shape[1:])

    def terms(self, x, eps, u=None, training=False):
        """What the bounds are made of, in nats, for k samples of z by their noise (B, k, Z).

        `u` is the noise of a likelihood that dequantizes, as `x`; the encoder sees `x` itself.

        Returns:
            -log p(x|z), (B, k); the KL by dimension, (B, Z), or its estimate (B, 1); and
            log q(z|x) - log p(z), (B, k).
        """
        mean, log_var = self.posterior(x, training)
        z = losses.gaussian_sample(eps, mean[:, None], log_var[:, None])  # (B, k, Z)
        log_q = losses.gaussian_log_density(eps, 0.0, 0.0) - 0.5 * log_var[:, None]
        log_ratio = tf.reduce_sum(log_q, -1) - self.latent_prior.log_prob(z)  # (B, k)
        kl = self.latent_prior.kl(mean, log_var)  # (B, Z)
        if kl is None:
            kl = tf.reduce_mean(log_ratio, 1, keepdims=True)  # (B, 1)
        return self.nll(self.observed(x, u), z, training), kl, log_ratio

    def observed(self, x, u):
        """What p(x|z) is a density of; ValueError where its noise is missing."""
        if not self.pixels.dequantizes:
            return x
        if u is None:
            raise ValueError("A likelihood with `levels` needs `u`, uniform numbers as the images.")
        return self.pixels.dequantized(x, u)

    def nll(self, x, z, training=False):
        """-log p(x|z) in nats. (B, H, W, C), (B, k, Z) -> (B, k)"""
        k = z.shape[1]
        parameters = self.decoder(tf.reshape(z, (-1, self.latent_dim)), training=training)
        copies = x if k == 1 else tf.repeat(x, k, axis=0)  # (B * k, H, W, C)
        return tf.reshape(self.pixels.nll(copies, parameters), (-1, k))

    def objective(self, nll, kl, log_ratio):
        """What is minimised, a scalar: nats averaged over the batch."""
        if self.importance_samples > 1:
            return -tf.reduce_mean(losses.importance_weighted(-nll - log_ratio))
        kl = losses.free_bits(kl, self.free_bits) if self.free_bits else tf.reduce_mean(kl, 0)
        return tf.reduce_mean(nll) + self.beta * tf.reduce_sum(kl)

    def bound(self, nll, kl, log_ratio):
        """The two terms of the evidence lower bound and their sum, nats, (B,) each."""
        reconstruction, kl = tf.reduce_mean(nll, 1), tf.reduce_sum(kl, 1)
        return dict(negative_elbo=reconstruction + kl, reconstruction=reconstruction, kl=kl)

    def posterior(self, image, training=False):
        """Mean and logarithm of the variance of q(z|x), (B, Z) each."""
        return tf.unstack(self.encoder(image, training=training), axis=1)

    def log_weights(self, image, eps, u=None):
        """log p(x, z) / q(z|x) in nats for k samples of z. (B, H, W, C), (B, k, Z) -> (B, k)"""
        nll, _, log_ratio = self.terms(image, eps, u)
        return -nll - log_ratio

    def decode(self, z):
        return {"image": self.pixels.mean(self.decoder(z, training=False))}

    def generate(self, **noise):
        return self.decode(self.latent_prior.sample_from_noise(**noise))

    def draw(self, pixel_noise, **noise):
        parameters = self.decoder(self.latent_prior.sample_from_noise(**noise), training=False)
        return {"image": self.pixels.draw(parameters, pixel_noise)}

    def encode(self, image):
        mean, log_var = self.posterior(image)
        return {"mean": mean, "log_var": log_var}

    def reconstruct(self, image):
        return self.decode(self.posterior(image)[0])

    def elbo(self, image, eps, u=None):
        return {"elbo": -self.bound(*self.terms(image, eps[:, None], u))["negative_elbo"]}

    def signatures(self):
        """`generate` shows the mean of p(x|z), `draw` a sample of it; z comes from the prior.

        Where z is not itself standard normal, both take the prior's base noise, and `decode` a
        given z.
        """
        noise, image = self.latent_prior.noise, Input.image(self.image_shape)
        pixel_noise = self.pixels.noise(self.image_shape)
        bound = {"image": image, "eps": Input.noise(self.latent_dim)}
        if self.pixels.dequantizes:
            bound["u"] = Input.uniform(*self.image_shape)
        table = {
            "generate": Signature(self.generate, dict(noise)),
            "draw": Signature(self.draw, {**noise, "pixel_noise": pixel_noise}),
            "encode": Signature(self.encode, {"image": image}),
            "reconstruct": Signature(self.reconstruct, {"image": image}),
            "elbo": Signature(self.elbo, bound),
        }
        if list(noise) != ["z"]:
            table["decode"] = Signature(self.decode, {"z": Input((self.latent_dim,))})
        return table

    def pictures(self, batch):
        """Name -> uint8 picture of what the model makes of a batch: see `latent_pictures`."""
        return latent_pictures.of_autoencoder(
            batch, self.reconstruct, self.decode, lambda x: self.posterior(x)[0], self.latent_prior
        )

    def check_objective(self):
        """Raises ValueError for an objective that does not exist."""
        if self.beta < 0 or self.free_bits < 0:
            raise ValueError(
                "`beta` and `free_bits` must not be negative. "
                f"Received: {self.beta} and {self.free_bits}."
            )
        if not self.latent_prior.has_density:
            raise ValueError(
                f"A VAE needs a prior with a density. Received {self.prior!r}, which has samples "
                "only (an adversarial autoencoder takes it)."
            )
        if self.importance_samples > 1 and (self.beta != 1 or self.free_bits):
            raise ValueError(
                "The importance-weighted bound has no KL term: with `importance_samples` above 1, "
                f"`beta` must be 1 and `free_bits` 0. Received: {self.beta}, {self.free_bits}."
            )
        one = tf.zeros((1, self.latent_dim))
        if self.free_bits and self.latent_prior.kl(one, one) is None:
            raise ValueError(
                "`free_bits` needs the KL of each latent dimension, in closed form for a Gaussian "
                f"prior only. Received the prior {self.prior!r}."
            )
