"""Autoencoder, Hinton and Salakhutdinov 2006, Science 313:504-507,
https://doi.org/10.1126/science.1127647; denoising: Vincent et al. 2008,
https://doi.org/10.1145/1390156.1390294.

Minimises the distance between an image x and what it is decoded to from a short code,

    E[ L(x, decode(encode(c(x)))) ]

summed over the pixels, on the scale [0, 1]: squared error with linear outputs, or the Bernoulli
cross-entropy with sigmoid ones (nats; its floor is the entropy of grey pixels, not 0). The
corruption c is the identity, or in training only one of Vincent et al.: a fraction of the pixels
put to 0 (masking), a fraction put to 0 or 1 by a fair coin (salt and pepper), or Gaussian noise.
The loss is always taken against the clean image.

Without hidden layers and with the squared error, its optimum spans the subspace of the first
principal components (Baldi and Hornik 1989).

Differs from the papers: all layers are trained at once from random weights, without a stack of
Boltzmann machines or of shallow autoencoders; ReLU where the first has logistic units; Adam at
1e-3 where the first has conjugate gradients; weights of encoder and decoder are not tied; each
pixel is corrupted independently with the given probability, where the second corrupts a fixed
number of them; a convolutional network as a choice.
"""

import keras
import tensorflow as tf

from tfgen import losses
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks import coders
from tfgen.networks.arguments import at_least, one_of
from tfgen.optimizers import descend
from tfgen.pictures import latent as latent_pictures
from tfgen.signature import Input, Signature
from tfgen.step import step

CORRUPTIONS = ("masking", "salt_and_pepper", "gaussian")
LOSSES = ("squared_error", "bernoulli")


@keras.saving.register_keras_serializable("tfgen")
class Autoencoder(GenerativeModel):
    """A deterministic encoder and decoder, trained by one optimizer.

    Args:
        image_shape: (H, W, C) of the images.
        latent_dim: Length of a code.
        loss: "squared_error" or "bernoulli".
        corruption: None, "masking", "salt_and_pepper" or "gaussian".
        corruption_level: Probability that a pixel is corrupted; for "gaussian" the standard
            deviation on the scale [0, 1].
        network: "mlp" or "conv" (strided convolutions; sides that can be halved).
        hidden: Widths of the encoder's hidden layers of "mlp"; the decoder mirrors them. Empty for
            a linear autoencoder.
        activation: Of the hidden layers.
        filters: Maps of the first layer of "conv"; doubled at each halving.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: An unknown name or a number out of range.
    """

    reports = ("loss", "squared_error_per_pixel")
    network_names = ("encoder", "decoder")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=30,
        loss="squared_error",
        corruption: str | None = None,
        corruption_level=0.25,
        network="mlp",
        hidden=(1000, 500, 250),
        activation="relu",
        filters=32,
        seed=0,
    ):
        super().__init__(seed)
        at_least(1, latent_dim=latent_dim)
        one_of(LOSSES, loss=loss)
        if corruption is not None:
            one_of(CORRUPTIONS, corruption=corruption)
        if corruption_level < 0 or (corruption_level > 1 and corruption != "gaussian"):
            raise ValueError(f"`corruption_level` is out of range. Received: {corruption_level}.")
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.loss = loss
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.network = network
        self.hidden = tuple(hidden)
        self.activation = activation
        self.filters = filters
        common = (network, self.hidden, filters, activation)
        with initial_weights(seed):
            self.encoder = coders.encoder(self.image_shape, (latent_dim,), *common, name="encoder")
            self.decoder = coders.decoder(latent_dim, self.image_shape, *common, name="decoder")

    def compile(self, optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments, optimizer=(optimizer or "adam", self.encoder, self.decoder)
        )

    @step
    def train_step(self, batch):
        x = batch["image"]
        corrupted = self.corrupt(x)
        with tf.GradientTape() as tape:
            code = self.encoder(corrupted, training=True)  # (B, Z)
            outputs = self.decoder(code, training=True)  # (B, H, W, C)
            distance = self.distance(x, outputs)  # (B,)
            loss = tf.reduce_mean(distance)
        descend(self.single_optimizer, tape, loss, self.encoder, self.decoder)
        return self.report(loss=loss, squared_error_per_pixel=self.pixel_error(x, outputs))

    @step
    def test_step(self, batch):
        x = batch["image"]
        outputs = self.decoder(self.encoder(x, training=False), training=False)
        return self.report(
            loss=self.distance(x, outputs), squared_error_per_pixel=self.pixel_error(x, outputs)
        )

    def corrupt(self, x):
        """c(x) by the step's random numbers, (B, H, W, C) in [-1, 1] but for Gaussian noise."""
        shape = (tf.shape(x)[0], *self.image_shape)
        if self.corruption is None:
            return x
        if self.corruption == "gaussian":  # [-1, 1] is twice as wide as [0, 1].
            return x + 2.0 * self.corruption_level * self.normal("corruption", *shape)
        u = self.uniform("corruption", *shape)
        if self.corruption == "masking":
            return tf.where(u < self.corruption_level, -1.0, x)
        pepper, salt = u < 0.5 * self.corruption_level, u < self.corruption_level
        return tf.where(pepper, -1.0, tf.where(salt, 1.0, x))

    def distance(self, x, outputs):
        """The loss of each image against the decoder's outputs, (B,)."""
        target = 0.5 * (x + 1.0)
        if self.loss == "bernoulli":
            return losses.bernoulli_nll(target, outputs)
        return losses.squared_error(target, outputs)

    def pixel_error(self, x, outputs):
        """Squared error on the scale [0, 1], averaged over the pixels. (B,)"""
        mean = tf.sigmoid(outputs) if self.loss == "bernoulli" else outputs
        pixels = tf.cast(tf.reduce_prod(self.image_shape), tf.float32)
        return losses.squared_error(0.5 * (x + 1.0), mean) / pixels

    def encode(self, image):
        return {"code": self.encoder(image, training=False)}

    def decode(self, z):
        # From [0, 1] to [-1, 1]; linear outputs may leave the range.
        outputs = self.decoder(z, training=False)
        mean = tf.sigmoid(outputs) if self.loss == "bernoulli" else outputs
        return {"image": 2.0 * mean - 1.0}

    def reconstruct(self, image):
        return self.decode(self.encode(image)["code"])

    def signatures(self):
        image = {"image": Input.image(self.image_shape)}
        return {
            "reconstruct": Signature(self.reconstruct, image),
            "encode": Signature(self.encode, image),
            "decode": Signature(self.decode, {"z": Input((self.latent_dim,))}),
        }

    def pictures(self, batch):
        """Name -> uint8 picture of what the model makes of a batch: see `latent_pictures`."""
        return latent_pictures.of_autoencoder(
            batch, self.reconstruct, self.decode, lambda x: self.encode(x)["code"]
        )
