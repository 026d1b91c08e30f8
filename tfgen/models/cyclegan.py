"""Cycle-consistent adversarial networks, Zhu et al. 2017, https://arxiv.org/abs/1703.10593.

Two generators, G: A -> B and F: B -> A, translate between two sets of pictures of which no two
belong together (section 3):

    L(G, F, D_A, D_B) = L_GAN(G, D_B) + L_GAN(F, D_A) + lambda L_cyc(G, F)
    L_cyc(G, F)       = E |F(G(a)) - a|_1 + E |G(F(b)) - b|_1                     (equation 2)
    L_identity(G, F)  = E |G(b) - b|_1 + E |F(a) - a|_1                           (section 5.2)

L_GAN is least squares (section 4): G minimises E (D_B(G(a)) - 1)^2, and D_B half of
E (D_B(b) - 1)^2 + E D_B(G(a))^2. L1 terms are means over the pixels, lambda is 10, and the
identity term has weight 0.5 lambda: a generator that is shown its own target domain leaves it
alone. Generators: residual networks with reflection padding and instance normalisation.
Discriminators: 70x70 PatchGANs, which see a pool of the last 50 generated images in place of the
newest ones. Generators step first, then the discriminators, on the same generated images. Adam with
rate 2e-4 and beta_1 0.5, constant for 100 epochs and falling linearly to 0 over 100 more:
`tfgen.optimizers.LinearDecay`.

Differs from the paper: the rate is constant unless `compile` is given a schedule, because its
length in steps depends on the data; the identity term is on, as in the authors' later code, where
the paper uses it for paintings only (0 turns it off); instance normalisation learns no gain and
bias, as in that code; convolutions of stride 2 are padded on the other edge (TensorFlow's "same");
of batches larger than 1 the pool serves the rows in order; replicas share one pool.
"""

import keras
import tensorflow as tf

from tfgen import losses
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.layers import borrow
from tfgen.networks.pool import Pool
from tfgen.networks.translation import check_sides, patch_discriminator, residual_translator
from tfgen.optimizers import descend
from tfgen.signature import Input, Signature
from tfgen.step import step


@keras.saving.register_keras_serializable("tfgen")
class CycleGAN(GenerativeModel):
    """Two translators between picture sets A (`image`) and B (`image_b`), each undoing the other.

    Args:
        image_shape: (H, W, C) in training, both sides multiples of 2**downsamplings. A trained
            model translates pictures of any such size.
        filters: Maps of the generators' first layer; doubled at each halving.
        blocks: Residual blocks of a generator; by default 9 from a side of 256 on, else 6.
        downsamplings: Halvings in a generator.
        kernel_size: Of a generator's first and last convolution; odd.
        discriminator_filters: Maps of the discriminators' first layer.
        discriminator_layers: Convolutions of stride 2 in a discriminator: 3 see patches of 70x70,
            2 of 34x34, 1 of 16x16, 0 of 7x7.
        normalization: "instance" (the paper), "batch" or None, of all four networks.
        loss: A name in `tfgen.losses.ADVERSARIAL`; the discriminators' is halved.
        cycle_weight: lambda.
        identity_weight: Of the identity term, as a share of lambda; 0 leaves it out.
        pool_size: Generated images kept for each discriminator; 0 for none.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: Sides that cannot be halved so often or are too small for the networks, or an
            unknown name; in a step, a batch without `image_b`.
    """

    reports = ("discriminator_loss", "generator_loss", "cycle_error", "identity_error")
    network_names = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")

    def __init__(
        self,
        image_shape=(256, 256, 3),
        filters=64,
        blocks: int | None = None,
        downsamplings=2,
        kernel_size=7,
        discriminator_filters=64,
        discriminator_layers=3,
        normalization: str | None = "instance",
        loss="least_squares",
        cycle_weight=10.0,
        identity_weight=0.5,
        pool_size=50,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.filters = filters
        self.blocks = blocks
        self.downsamplings = downsamplings
        self.kernel_size = kernel_size
        self.discriminator_filters = discriminator_filters
        self.discriminator_layers = discriminator_layers
        self.normalization = normalization
        self.loss = loss
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_size = pool_size
        self.game = losses.adversarial(loss)
        self.reporting(*self.reports, *self.game.reports)
        # Mao et al. halve their squares, Zhu et al. only the discriminators'.
        self.scale = 2.0 if loss == "least_squares" else 1.0
        check_sides(self.image_shape, downsamplings, kernel_size, discriminator_layers)
        with initial_weights(seed):
            self.generator_ab = self.new_generator("generator_ab")
            self.generator_ba = self.new_generator("generator_ba")
            self.discriminator_a = self.new_discriminator("discriminator_a")
            self.discriminator_b = self.new_discriminator("discriminator_b")
        # In a list: what is no network is not counted among the parameters of a run.
        self.pools = [
            Pool(pool_size, self.image_shape, f"pool of {d}", name=f"pool_{d.lower()}")
            for d in ("A", "B")
        ]

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            lambda: keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8),
            generator_optimizer=(generator_optimizer, *self.generators),
            discriminator_optimizer=(discriminator_optimizer, *self.discriminators),
        )

    @property
    def generators(self):
        """G and F."""
        return self.generator_ab, self.generator_ba

    @property
    def discriminators(self):
        """D_A and D_B."""
        return self.discriminator_a, self.discriminator_b

    @step
    def train_step(self, batch):
        a, b = self.domains(batch)  # (B, H, W, C) each
        with tf.GradientTape() as tape:
            fake_b = self.generator_ab(a, training=True)
            fake_a = self.generator_ba(b, training=True)
            fooling = self.fooling(self.discriminator_a, fake_a)
            fooling += self.fooling(self.discriminator_b, fake_b)
            cycle = distance(self.generator_ba(fake_b, training=True), a)
            cycle += distance(self.generator_ab(fake_a, training=True), b)
            identity = self.identity_error(a, b)
            g_loss = fooling + self.cycle_weight * (cycle + self.identity_weight * identity)
        descend(self.generator_optimizer, tape, g_loss, *self.generators)

        pool_a, pool_b = self.pools
        shown_a, shown_b = pool_a(fake_a), pool_b(fake_b)
        with tf.GradientTape() as tape:
            of_a, logits_a = self.telling_apart(self.discriminator_a, a, shown_a)
            of_b, logits_b = self.telling_apart(self.discriminator_b, b, shown_b)
            d_loss = of_a + of_b
        descend(self.discriminator_optimizer, tape, d_loss, *self.discriminators)

        return self.report(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            cycle_error=cycle / 2.0,
            identity_error=identity / 2.0,
            **self.game.parts(logits_a, logits_b, weight=0.5 * self.scale),
        )

    def domains(self, batch):
        """The pictures of A and of B."""
        if "image_b" not in batch:
            raise ValueError(
                "CycleGAN needs batches with 'image' (domain A) and 'image_b' (domain B). Received "
                f"keys: {', '.join(batch)}. Use a data set of pairs, such as "
                "'pairs:A=folder:horses,B=folder:zebras', or tfgen.data.pairs(a, b)."
            )
        return batch["image"], batch["image_b"]

    def fooling(self, discriminator, fake):
        """A generator's adversarial term, a scalar."""
        return self.scale * self.game.generator(borrow(discriminator, fake))

    def telling_apart(self, discriminator, real, fake):
        """A discriminator's halved loss, a scalar, and its logits of both kinds."""
        logits = discriminator(real, training=True), borrow(discriminator, fake)
        return 0.5 * self.scale * self.game.discriminator(*logits), logits

    def identity_error(self, a, b):
        """What the generators change of their own target domains, a scalar."""
        if not self.identity_weight:
            return tf.zeros(())
        unchanged_b = distance(self.generator_ab(b, training=True), b)
        return unchanged_b + distance(self.generator_ba(a, training=True), a)

    def a_to_b(self, image):
        return {"image": self.generator_ab(self.whole(image), training=False)}

    def b_to_a(self, image):
        return {"image": self.generator_ba(self.whole(image), training=False)}

    def whole(self, image):
        """The image, if its sides can be halved and doubled again."""
        unit = 2**self.downsamplings
        message = f"Sides must be multiples of {unit}. Received: "
        advice = " Crop or resize the pictures; `tfgen translate` does so by itself."
        if any(side is not None and side % unit for side in image.shape[1:3]):
            raise ValueError(f"{message}{image.shape}.{advice}")
        if None in image.shape[1:3]:  # A served graph's; an ONNX file leaves the check out.
            fits = tf.reduce_all(tf.equal(tf.shape(image)[1:3] % unit, 0))
            with tf.control_dependencies([tf.Assert(fits, [message, tf.shape(image), advice])]):
                image = tf.identity(image)
        return image

    def signatures(self):
        image = Input.image((None, None, self.image_shape[-1]))
        return {
            "a_to_b": Signature(self.a_to_b, {"image": image}),
            "b_to_a": Signature(self.b_to_a, {"image": image}),
        }

    def new_generator(self, name):
        blocks = self.blocks
        if blocks is None:
            blocks = 9 if max(self.image_shape[:2]) >= 256 else 6
        return residual_translator(
            self.image_shape[-1],
            self.filters,
            blocks,
            self.downsamplings,
            self.kernel_size,
            self.normalization,
            name=name,
        )

    def new_discriminator(self, name):
        return patch_discriminator(
            (None, None, self.image_shape[-1]),
            self.discriminator_filters,
            self.discriminator_layers,
            self.normalization,
            name=name,
        )


def distance(x, y):
    """Mean absolute difference over all pixels, a scalar."""
    return tf.reduce_mean(tf.abs(x - y))
