"""InfoGAN, Chen et al. 2016, https://arxiv.org/abs/1606.03657.

G's input is noise z and a structured code c; Q tells the code from the picture. The game
(equation 6) keeps the mutual information between c and G(z, c) high by its lower bound L_I
(equation 5, `tfgen.probability.codes`):

    min_{G,Q} max_D  E log D(x) + E log(1 - D(G(z, c))) - lambda L_I(G, Q)

with L_I = E[log Q(c|G(z, c))] + H(c), and a lambda for each kind of code. G maximises
log D(G(z, c)) instead ("non_saturating"). Q shares all of D but the last layer, here `trunk`; as in
the authors' code (https://github.com/openai/InfoGAN) lambda L_I enters the losses of both steps:
D's step trains the trunk and Q on it, G's step trains G. Codes of real images are unknown, so Q
sees generated ones only.

"conv" is the MNIST network of that code (`tfgen.networks.recognition`): 4x4 convolutions of stride
2, batch normalisation, leaky ReLU 0.01 (the paper's table says 0.1), noise and continuous codes
uniform in [-1, 1]; Adam with beta_1 0.5 and rate 1e-3 for G, 2e-4 for D and Q.

Differs from the paper: Q's head has no outputs for spreads that are fixed at 1 (the code computes
and ignores them); H of a continuous code is that of the uniform distribution, log 2, where the code
has a standard normal's density (a constant: no gradient differs); D's moving averages are those of
real images; images lie in [-1, 1] outside and are moved to [0, 1] inside; other picture sizes have
more or fewer of the same stages. "mlp" is an addition for small pictures.
"""

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks import recognition
from tfgen.networks.arguments import one_of
from tfgen.networks.game import Game, Noise
from tfgen.networks.layers import borrow
from tfgen.optimizers import descend
from tfgen.probability.codes import Codes
from tfgen.signature import Input, Signature
from tfgen.step import minibatches, step


@keras.saving.register_keras_serializable("tfgen")
class InfoGAN(GenerativeModel):
    """G(z, c), the trunk that D and Q share, and their heads.

    Args:
        image_shape: (H, W, C); of "conv", sides that can be halved.
        noise_dim: Length of z.
        categorical: Classes of each categorical code.
        continuous: Number of continuous codes.
        categorical_weight: lambda of the categorical codes.
        continuous_weight: lambda of the continuous codes; smaller ones, such as 0.1, are advised
            where the spread is learned.
        generator_information: Whether G is trained on L_I; without it, D and Q still are: the plain
            GAN with a Q of figure 1, where L_I stays low.
        learned_stddev: Whether Q gives the spread of continuous codes; the paper's MNIST has 1.
        network: "conv" (the paper) or "mlp".
        filters: Of "conv": maps of the first layer; doubled at each halving.
        dense_units: Of "conv": width of the dense layers of G and of the trunk.
        hidden: Of "mlp": widths of G's layers and of the trunk's.
        recognition_units: Width of Q's own hidden layer.
        loss: A name in `tfgen.losses.ADVERSARIAL`.
        label_smoothing: s puts D's target for real images at 1 - s (Salimans et al. 2016).
        penalty: None, "gradient_penalty" or "r1", on D, at the images that D sees.
        penalty_weight: Of the penalty.
        penalty_interval: Steps from one penalty to the next, which is then as many times heavier.
        discriminator_normalization: Of the trunk: "paper" ("batch" for "conv", None for "mlp"),
            "batch", "layer", "spectral" or None.
        augmentation: Names in `tfgen.networks.augment.AUGMENTATIONS`, applied to all that D and
            Q see.
        instance_noise: Standard deviation of Gaussian noise on all that D and Q see, or
            (first, last).
        instance_noise_steps: Steps in which a pair goes from its first to its last value.
        discriminator_steps: Steps of D and Q in one training step. The batch is cut into as many
            minibatches, so it must be divisible by it.
        generator_steps: Steps of G in one training step, each on fresh noise and codes.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: Codes that do not fit (see `tfgen.probability.codes`), an unknown name, sides
            that cannot be halved, a gradient penalty or lazy penalty together with batch
            normalisation, smoothing of a loss without labels, or negative noise.
    """

    reports = (
        "discriminator_loss",
        "generator_loss",
        "categorical_information",
        "continuous_information",
    )
    network_names = ("generator", "trunk", "head", "recognition")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        noise_dim=62,
        categorical=(10,),
        continuous=2,
        categorical_weight=1.0,
        continuous_weight=1.0,
        generator_information=True,
        learned_stddev=False,
        network="conv",
        filters=64,
        dense_units=1024,
        hidden=(128, 128),
        recognition_units=128,
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
        self.noise_dim = noise_dim
        self.categorical = tuple(categorical)
        self.continuous = continuous
        self.categorical_weight = categorical_weight
        self.continuous_weight = continuous_weight
        self.generator_information = generator_information
        self.learned_stddev = learned_stddev
        self.network = network
        self.filters = filters
        self.dense_units = dense_units
        self.hidden = tuple(hidden)
        self.recognition_units = recognition_units
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
        one_of(("conv", "mlp"), network=network)
        self.codes = Codes(self.categorical, continuous, learned_stddev)
        self.noise = Noise("uniform", noise_dim)
        normalization = discriminator_normalization
        if normalization == "paper":
            normalization = "batch" if network == "conv" else None
        noise = {"instance_noise": instance_noise, "instance_noise_steps": instance_noise_steps}
        self.game = Game(
            loss, label_smoothing, penalty, penalty_interval, normalization, augmentation, **noise
        )
        self.reporting(*self.reports, *self.game.reports)
        with initial_weights(seed):
            self.build_networks(normalization)

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        of_g = generator_optimizer or keras.optimizers.Adam(1e-3, beta_1=0.5, epsilon=1e-8)
        of_d = discriminator_optimizer or keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8)
        self.compile_players(
            keras_arguments,
            generator_optimizer=(of_g, self.generator),
            discriminator_optimizer=(of_d, *self.discriminator),
        )

    @property
    def discriminator(self):
        """The networks of the player that D and Q are together."""
        return self.trunk, self.head, self.recognition

    @step
    def train_step(self, batch):
        for real in minibatches(batch["image"], self.discriminator_steps):
            z, c = self.latents("D", tf.shape(real)[0])
            fake = borrow(self.generator, tf.concat([z, c], 1))  # (B, H, W, C)
            fake, real = self.game.augmented(fake), self.game.augmented(real)
            with tf.GradientTape() as tape:
                features = borrow(self.trunk, fake)  # (B, F)
                of_real = self.head(self.trunk(real, training=True), training=True)
                logits = of_real, borrow(self.head, features)
                d_loss = self.game.discriminator(*logits)
                information = self.codes.information(c, self.recognition(features, training=True))
                penalty = self.game.penalty(self.critic, real, fake)
                loss = d_loss - self.weighted(*information) + self.penalty_weight * penalty
            descend(self.discriminator_optimizer, tape, loss, *self.discriminator)

        for _ in range(self.generator_steps):
            z, c = self.latents("G", tf.shape(real)[0])
            with tf.GradientTape() as tape:
                fake = self.generator(tf.concat([z, c], 1), training=True)
                features = borrow(self.trunk, self.game.augmented(fake))
                g_loss = self.game.generator(borrow(self.head, features))
                information = self.codes.information(c, borrow(self.recognition, features))
                loss = g_loss
                if self.generator_information:
                    loss -= self.weighted(*information)
            descend(self.generator_optimizer, tape, loss, self.generator)

        return self.report(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            categorical_information=information[0],
            continuous_information=information[1],
            **self.game.parts(logits, penalty),
        )

    def latents(self, player, size):
        """z ~ U(-1, 1), (B, Z), and a code, (B, C)."""
        return self.noise(f"z of {player}", size), self.codes.draw(f"code of {player}", size)

    def weighted(self, categorical, continuous):
        """lambda L_I, a scalar."""
        of_kinds = self.categorical_weight * categorical + self.continuous_weight * continuous
        return tf.reduce_mean(of_kinds)

    def critic(self, image):
        """D's logits, (B, 1), for the penalty."""
        return borrow(self.head, borrow(self.trunk, image))

    def generate(self, z, **codes):
        latent = tf.concat([z, self.codes.joined(codes)], axis=1)
        return {"image": self.generator(latent, training=False)}

    def discriminate(self, image):
        return {"logit": self.head(self.trunk(image, training=False), training=False)}

    def infer(self, image):
        features = self.trunk(image, training=False)
        return self.codes.inferred(self.recognition(features, training=False))

    def signatures(self):
        latent = {"z": self.noise.input}
        for name, classes in zip(self.codes.names, self.categorical, strict=True):
            latent[name] = Input.label(classes)
        if self.continuous:
            latent["continuous"] = Input.uniform(self.continuous, low=-1.0, high=1.0)
        image = {"image": Input.image(self.image_shape)}
        return {
            "generate": Signature(self.generate, latent),
            "discriminate": Signature(self.discriminate, image),
            "infer": Signature(self.infer, image),
        }

    def build_networks(self, normalization):
        shape, latent = self.image_shape, self.noise_dim + self.codes.size
        if self.network == "conv":
            sizes = self.filters, self.dense_units, networks.halvings(shape)
            self.generator = recognition.conv_generator(latent, shape, *sizes, name="generator")
            self.trunk = recognition.conv_trunk(shape, *sizes, normalization, name="trunk")
        else:
            self.generator = networks.mlp(
                (latent,), self.hidden, shape, "relu", "tanh", name="generator"
            )
            self.trunk = recognition.mlp_trunk(shape, self.hidden, normalization, name="trunk")
        units, outputs = self.recognition_units, self.codes.outputs
        self.head, self.recognition = recognition.heads(
            self.trunk.output_shape[-1], units, outputs, normalization, ("head", "recognition")
        )
