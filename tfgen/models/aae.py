"""Adversarial autoencoder, Makhzani, Shlens, Jaitly, Goodfellow, Frey 2015.

https://arxiv.org/abs/1511.05644. An autoencoder whose codes are made to follow a prior p(z) by a
discriminator D on codes. The phases of a step, in the paper's order (sections 2, 2.1 and 5):

    reconstruction   encoder and decoder minimise  |x - x'|^2 / 2
    regularisation   D minimises                   -log D(z) - log(1 - D(q(x))),  z ~ p(z)
                     the encoder minimises         -log D(q(x))
    labels           the encoder minimises         the cross-entropy of q(y|x) on labelled points

Four uses: "unsupervised"; "supervised" (section 4: the decoder is told the class, so z keeps the
style); "semi_supervised" (section 5: the encoder also gives a class y, matched to a uniform
categorical by a discriminator of its own); "clustering" (section 6: the same without labels). With
`label_informed` (section 2.3) D sees which part of the prior a class belongs to, and an extra class
for points without a label.

Nets of two rectifier layers of 1,000 units, weights from N(0, 0.01), linear codes, pixels through a
sigmoid. Momentum SGD, 0.9 for reconstruction and labels and 0.1 for both players, with rates in
three steps, as a MNIST run of 600 batches an epoch has them (after 50 and 1,000 epochs).

The squared error is summed over pixels, and both players begin at a rate of 0.01. The label phase
has a minibatch of its own, of labelled points only and perhaps of another size:
`labelled_batch_size` of `tfgen.data.load`.

Differs from the paper: both players' rate, which is 0.1 there, with which the codes run away when
the error is summed over pixels and learnt at 0.01 (docs/models/aae.md); images lie in [-1, 1]
outside and are moved to [0, 1] inside; one optimizer state for each phase. The convolutional nets
for SVHN, the likelihood nets' dropout and the cluster heads for dimensionality reduction (section
7) are left out.
"""

import keras
import tensorflow as tf
from keras.optimizers.schedules import PiecewiseConstantDecay

from tfgen import losses
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.arguments import at_least
from tfgen.networks.encoders import Classes, Code, adversarial_autoencoder
from tfgen.networks.layers import borrow
from tfgen.optimizers import descend
from tfgen.probability.priors import as_prior
from tfgen.probability.semi_supervised import label_terms, labelled_share, one_hot_or_unknown
from tfgen.signature import Input, Signature
from tfgen.step import labels_in_range, required, step


@keras.saving.register_keras_serializable("tfgen")
class AAE(GenerativeModel):
    """An encoder, a decoder and a discriminator of codes (with classes, a second of these).

    Args:
        image_shape: (H, W, C) of the images, or (D,) of points.
        latent_dim: Length of z.
        use: "unsupervised", "supervised", "semi_supervised" or "clustering".
        num_classes: Classes, or clusters. A batch's `label` is -1 where it is not known. For
            "semi_supervised" the label phase takes `image_labelled` and `label_labelled` of a
            batch, or where it has none the labelled points among the others.
        prior: What `tfgen.probability.as_prior` takes: "standard_normal", "gaussian_mixture",
            "swiss_roll", {"name": "gaussian", "stddev": 5.0}, a tfp distribution, a function.
        label_informed: Class c is tied to part c of the prior; for "unsupervised".
        posterior: "deterministic"; "gaussian" (diagonal); or "universal" (section 2.2: the encoder
            takes noise with the image).
        noise_dim: Length of the noise of "universal".
        hidden: Widths of every net's hidden layers; the decoder mirrors them.
        input_noise: Spread of Gaussian noise on the encoder's input in training, on the scale of
            [0, 1]; the paper's semi-supervised one is 0.3.
        initial_stddev: Spread of the initial weights; None for Glorot's.
        loss: A name in `tfgen.losses.ADVERSARIAL`.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: An unknown name, `latent_dim` below 1, a prior of another dimension, or a
            label-informed prior with another use or another number of parts than classes; in a
            step, a batch without labels where they are needed.
    """

    reports = ("reconstruction", "discriminator_loss", "encoder_loss", "label_loss", "error")
    network_names = ("decoder", "discriminator_z", "discriminator_y")
    takes_points = True

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=8,
        use="unsupervised",
        num_classes=10,
        prior="standard_normal",
        label_informed=False,
        posterior="deterministic",
        noise_dim=10,
        hidden=(1000, 1000),
        input_noise=0.0,
        initial_stddev: float | None = 0.01,
        loss="non_saturating",
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.use = use
        self.num_classes = num_classes
        self.prior = prior
        self.label_informed = label_informed
        self.posterior = posterior
        self.noise_dim = noise_dim
        self.hidden = tuple(hidden)
        self.input_noise = input_noise
        self.initial_stddev = initial_stddev
        self.loss = loss
        self.game = losses.adversarial(loss)
        at_least(1, latent_dim=latent_dim)
        self.codes = as_prior(prior, latent_dim)
        self.classes = Classes(use, num_classes, label_informed, self.codes.components)
        if use != "semi_supervised":  # Only a model that learns labels reports about them.
            self.reports = self.reports[:3]
        self.reporting(*self.reports, *self.game.reports)
        sizes = self.image_shape, latent_dim, self.classes, self.hidden
        with initial_weights(seed):
            self.encoder, self.decoder, self.discriminators = adversarial_autoencoder(
                *sizes, posterior, noise_dim, initial_stddev
            )

    @property
    def needs_label(self):
        """Whether a step learns from the `label` of a batch, so that `num_classes` is theirs."""
        return self.classes.learned

    @property
    def learns_from_labelled(self):
        """Whether a step has a use for `image_labelled` and `label_labelled`."""
        return self.use == "semi_supervised"

    def compile(
        self,
        reconstruction_optimizer=None,
        discriminator_optimizer=None,
        encoder_optimizer=None,
        label_optimizer=None,
        **keras_arguments,
    ):
        coders = self.encoder, self.decoder
        players = {
            "reconstruction_optimizer": (reconstruction_optimizer or sgd(0.01, 0.9), *coders),
            "discriminator_optimizer": (discriminator_optimizer, *self.discriminators),
            "encoder_optimizer": (encoder_optimizer, self.encoder),
        }
        if self.use == "semi_supervised":
            optimizer = label_optimizer or sgd(0.1, 0.9)
            players["label_optimizer"] = (optimizer, self.encoder.trunk, self.encoder.class_head)
        elif label_optimizer is not None:
            raise ValueError(f"`label_optimizer` is for use='semi_supervised', not {self.use!r}.")
        self.compile_players(keras_arguments, lambda: sgd(0.01, 0.1), **players)

    @step
    def train_step(self, batch):
        x, label = self.corrupted(batch["image"]), self.classes.of(batch)
        with tf.GradientTape() as tape:
            code = self.encoder.draw(x, training=True)
            reconstruction = tf.reduce_mean(self.error(batch["image"], code, label, training=True))
        descend(self.reconstruction_optimizer, tape, reconstruction, self.encoder, self.decoder)

        rows, part = tf.shape(x)[0], label if self.label_informed else None
        prior = Code(self.codes.draw("prior", rows, part), self.classes.draw(rows))
        with tf.GradientTape() as of_encoder:
            code = self.encoder.draw(x, training=True)
        with tf.GradientTape() as tape:
            scores = [*zip(self.scores(prior, label), self.scores(code, label), strict=True)]
            d_loss = tf.add_n([self.game.discriminator(real, fake) for real, fake in scores])
        descend(self.discriminator_optimizer, tape, d_loss, *self.discriminators)

        with of_encoder:
            # D's step moved nothing of the encoder: a code without noise is what it was.
            if self.posterior != "deterministic":
                code = self.encoder.draw(x, training=True)
            e_loss = tf.add_n([self.game.generator(fake) for fake in self.scores(code, label)])
        descend(self.encoder_optimizer, of_encoder, e_loss, self.encoder)

        labels = self.label_phase(batch, x, label) if self.use == "semi_supervised" else {}
        return self.report(
            reconstruction=reconstruction,
            discriminator_loss=d_loss,
            encoder_loss=e_loss,
            **self.game.parts(*scores),
            **labels,
        )

    def check_values(self, batch):
        self.classes.of(batch)
        if "label_labelled" in batch:
            labels_in_range(batch["label_labelled"], self.num_classes)

    def label_phase(self, batch, x, label):
        if "image_labelled" in batch:
            x = self.corrupted(batch["image_labelled"])
            label = required(batch, "label_labelled", "A batch with 'image_labelled'")
            label = labels_in_range(label, self.num_classes)
        with tf.GradientTape() as tape:
            terms = label_terms(self.encoder.draw(x, training=True).logits, label)
            loss = tf.reduce_mean(labelled_share(terms["label_loss"][0], label))
        descend(self.label_optimizer, tape, loss, self.encoder.trunk, self.encoder.class_head)
        return terms

    @step
    def test_step(self, batch):
        x, label = batch["image"], self.classes.of(batch)
        code = self.encoder.draw(x, training=False)
        labels = label_terms(code.logits, label) if self.use == "semi_supervised" else {}
        return self.report(reconstruction=self.error(x, code, label), **labels)

    def corrupted(self, x):
        """Images with the training's input noise, in the range of images."""
        if not self.input_noise:
            return x
        return x + 2.0 * self.input_noise * self.normal("input", tf.shape(x)[0], *x.shape[1:])

    def error(self, image, code, label, training=False):
        """|x - x'|^2 / 2 on the scale of [0, 1], summed over pixels, (B,)."""
        difference = 0.5 * (image - self.decoded(code, label, training))
        return 0.5 * losses.total(tf.square(difference))

    def decoded(self, code, label, training=False):
        """Images in [-1, 1]; a class that the encoder does not infer is the label."""
        y = tf.one_hot(label, self.num_classes) if self.use == "supervised" else code.y
        both = code.z if y is None else tf.concat([y, code.z], axis=-1)
        return 2.0 * self.decoder(both, training=training) - 1.0

    def scores(self, code, label):
        """What each discriminator says of its part of the codes: logits, (B, 1) each."""
        z, y = code.z, code.y
        if self.label_informed:
            z = tf.concat([z, one_hot_or_unknown(label, self.num_classes)], axis=-1)
        parts = [z] if y is None else [z, y]
        return [borrow(d, part) for d, part in zip(self.discriminators, parts, strict=True)]

    def generate(self, label=None, **noise):
        informed = label if self.label_informed else None
        return self.decode(self.codes.sample_from_noise(component=informed, **noise), label)

    def decode(self, z, label=None):
        y = tf.one_hot(label, self.num_classes) if self.classes.inferred else None
        return {"image": self.decoded(Code(z, y), label)}

    def encode(self, image, eps=None):
        return self.encoder.parameters(image, eps)

    def reconstruct(self, image, label=None, eps=None):
        return {"image": self.decoded(self.encoder.sample(image, eps), label)}

    def classify(self, image, eps=None):
        return {"probability": self.encoder.sample(image, eps).y}

    def signatures(self):
        image = {"image": Input.image(self.image_shape)}
        if self.posterior == "universal":
            image["eps"] = Input.noise(self.noise_dim)
        # Without labels in a step, the classes found are not those of the data set.
        names = self.class_names if self.classes.learned else None
        z = {"z": Input.noise(self.latent_dim)}
        label = {"label": Input.label(self.num_classes, names)}
        decoded = label if self.classes.decoded else {}
        asked = label if self.label_informed else decoded
        told = label if self.use == "supervised" else {}
        found = {
            "generate": Signature(self.generate, {**self.codes.noise, **asked}),
            "decode": Signature(self.decode, {**z, **decoded}),
            "encode": Signature(self.encode, image),
            "reconstruct": Signature(self.reconstruct, {**image, **told}),
        }
        if self.classes.inferred:
            found["classify"] = Signature(self.classify, image)
        return found


def sgd(rate, momentum):
    """SGD with the rate divided by 10 twice, where a MNIST run has done 50 and 1,000 epochs."""
    rates = PiecewiseConstantDecay([50 * 600, 1000 * 600], [rate, rate / 10, rate / 100])
    return keras.optimizers.SGD(rates, momentum=momentum)
