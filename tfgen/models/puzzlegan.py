"""Images from key local patches, Lee et al. 2017 (ECCV 2018), https://arxiv.org/abs/1703.10730.

"Unsupervised Holistic Image Generation from Key Local Patches", also known as Puzzle-GAN. A few
parts of a picture come without their places, each resized to the size of the whole. The network
puts them where they belong and draws what is missing: a mask of their places, and the image.

    part encoder E   one for all parts; its activations are summed over the parts at every scale, so
                     that neither their order nor their number matters
    mask decoder M   from the summed code, with the summed activations at each scale
    image decoder G  from the summed code and noise z, with M's features at each scale

    D minimises        -log D(x) - sum over negatives n of log(1 - D(n))
    E, M, G minimise   -log D(x') + w_1 |m' - m|_1 + w_2 |x' m' - x m|_1

x, m are the real image and mask, x', m' the generated ones. The negatives are x'; another image's
content inside the mask on the real background, x_o m + x (1 - m); and the real parts on another
image's background, x m + x_o (1 - m): images that are wrong only in what belongs together. L1 terms
are summed over the pixels and over the batch, logarithms are averaged over it. w_1 and w_2 fall
log-linearly over training from 1e-2 to 1e-4, so that it moves from placing to realism. D steps
every time, the others every second time. Adam with rate 2e-4 and beta_1 0.5, batch 64.

Where the paper is silent this follows the code of one of its authors (KeyPatchGan, "unet" variant).

Differs from the paper: two steps of D for one of the others are the two halves of one batch here
(`discriminator_steps`), so a batch of 128 stands for two of 64; the weights fall at every step, not
at every epoch; x_o is the previous image of the batch; weights start from N(0, 0.02); no biases
before normalisation; other sizes than 64x64 have more or fewer of the same stages.
How the parts are chosen is a matter of the data: see `tfgen.data.key_patches`.
"""

import math

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.game import Noise
from tfgen.networks.layers import borrow
from tfgen.networks.patches import parts_to_picture
from tfgen.networks.rows import global_rows, rolled
from tfgen.optimizers import descend
from tfgen.signature import Input, Signature
from tfgen.step import minibatches, required, step


@keras.saving.register_keras_serializable("tfgen")
class PuzzleGAN(GenerativeModel):
    """An encoder of parts, decoders of mask and image, and a discriminator of whole images.

    Batches hold `image` (B, H, W, C) and `patches` (B, P, H, W, C) in [-1, 1], and `mask`
    (B, H, W, 1), 1 where a patch was cut out and 0 elsewhere.

    Args:
        image_shape: (H, W, C); sides that can be halved, 1 or 3 channels.
        latent_dim: Length of z.
        embedding_dim: Length of the encoder's code.
        filters: Maps of the first layer of encoder and discriminator; doubled at each halving.
        stages: Halvings; by default down to a shorter side of 4 to 7.
        loss: A name in `tfgen.losses.ADVERSARIAL`.
        mask_weights: w_1 at the first and the last step.
        appearance_weights: w_2 at the first and the last step.
        decay_steps: Steps over which the weights fall; they stay at their last value.
        composites: Whether D sees the two composite negatives.
        discriminator_steps: Steps of D for one of the generator. The batch is cut into as many
            minibatches, so it must be divisible by it.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: Sides that cannot be halved, an unknown loss, or weights that are not positive
            (0 twice turns a term off); in a step, a batch without patches or mask, or with ones of
            another size.
    """

    reports = (
        "discriminator_loss",
        "generator_loss",
        "mask_error",
        "appearance_error",
        "mask_iou",
    )
    network_names = ("generator", "discriminator")

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=128,
        embedding_dim=128,
        filters=64,
        stages: int | None = None,
        loss="non_saturating",
        mask_weights=(1e-2, 1e-4),
        appearance_weights=(1e-2, 1e-4),
        decay_steps=80_000,
        composites=True,
        discriminator_steps=2,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.embedding_dim = embedding_dim
        self.filters = filters
        self.stages = stages
        self.loss = loss
        self.mask_weights = known_weights("mask_weights", mask_weights)
        self.appearance_weights = known_weights("appearance_weights", appearance_weights)
        self.decay_steps = decay_steps
        self.composites = composites
        self.discriminator_steps = discriminator_steps
        self.game = losses.adversarial(loss)
        self.reporting(*self.reports, *self.game.reports)
        self.noise = Noise("uniform", latent_dim)
        shape, halvings = self.image_shape, networks.halvings(image_shape, stages)
        with initial_weights(seed):
            self.generator = parts_to_picture(
                shape, filters, halvings, embedding_dim, latent_dim, name="generator"
            )
            self.discriminator = networks.downsampling(
                shape, (1,), filters, halvings, name="discriminator"
            )

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            lambda: keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8),
            generator_optimizer=(generator_optimizer, self.generator),
            discriminator_optimizer=(discriminator_optimizer, self.discriminator),
        )

    @step
    def train_step(self, batch):
        parts = [minibatches(x, self.discriminator_steps) for x in self.parts(batch)]
        for image, patches, mask in zip(*parts, strict=True):
            z = self.noise("z of D", tf.shape(image)[0])  # (B, Z)
            fake, _ = borrow(self.generator, [patches, z])  # (B, H, W, C)
            negatives = self.negatives(image, mask, fake)
            with tf.GradientTape() as tape:
                real = self.discriminator(image, training=True)
                wrong = [borrow(self.discriminator, x) for x in negatives]
                d_loss = self.game.discriminator(real, wrong)
            descend(self.discriminator_optimizer, tape, d_loss, self.discriminator)

        z = self.noise("z of G", tf.shape(image)[0])
        with tf.GradientTape() as tape:
            fake, placed = self.generator([patches, z], training=True)
            g_loss = self.game.generator(borrow(self.discriminator, fake))
            mask_error = tf.reduce_mean(losses.absolute_error(placed, mask))
            appearance = tf.reduce_mean(losses.absolute_error(fake * placed, image * mask))
            placing = self.now(self.mask_weights) * mask_error
            placing += self.now(self.appearance_weights) * appearance
            loss = g_loss + global_rows(image) * placing  # A mean times the rows is their sum.
        descend(self.generator_optimizer, tape, loss, self.generator)

        return self.report(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            mask_error=mask_error,
            appearance_error=appearance,
            mask_iou=tf.reduce_mean(overlap(placed, mask)),
            **self.game.parts((real, wrong)),
        )

    def parts(self, batch):
        """Images (B, H, W, C), patches (B, P, H, W, C) and masks (B, H, W, 1)."""
        patches, mask = (
            tf.convert_to_tensor(required(batch, key, "PuzzleGAN")) for key in ("patches", "mask")
        )
        height, width, _ = self.image_shape
        for name, value, shape in (
            ("patches", patches, (None, None, *self.image_shape)),
            ("mask", mask, (None, height, width, 1)),
        ):
            if not value.shape.is_compatible_with(shape):
                raise ValueError(
                    f"{name!r} must have shape {shape}: each patch is resized to the size of the "
                    f"whole image. Received: {value.shape}."
                )
        return batch["image"], patches, tf.cast(mask, tf.float32)

    def negatives(self, image, mask, fake):
        """What D shall tell from a real image, each (B, H, W, C)."""
        if not self.composites:
            return [fake]
        other = rolled(image)
        return [fake, other * mask + image * (1.0 - mask), image * mask + other * (1.0 - mask)]

    def now(self, ends):
        """A loss weight at this step, on the log-linear line between its ends."""
        if not ends[0]:
            return 0.0
        done = tf.minimum(tf.cast(self.step.value, tf.float32) / self.decay_steps, 1.0)
        return ends[0] * tf.exp(done * math.log(ends[1] / ends[0]))

    def assemble(self, patches, z):
        image, mask = self.generator([patches, z], training=False)
        return {"image": image, "mask": mask}

    def discriminate(self, image):
        return {"logit": self.discriminator(image, training=False)}

    def signatures(self):
        patches = Input.image((None, *self.image_shape))
        return {
            "assemble": Signature(self.assemble, {"patches": patches, "z": self.noise.input}),
            "discriminate": Signature(self.discriminate, {"image": Input.image(self.image_shape)}),
        }


def overlap(mask, truth):
    """Intersection over union of two masks at threshold 0.5. (B, H, W, 1) each -> (B,)"""
    a, b = mask > 0.5, truth > 0.5
    both = losses.total(tf.cast(a & b, tf.float32))
    return both / tf.maximum(losses.total(tf.cast(a | b, tf.float32)), 1.0)


def known_weights(name, ends):
    """(first, last) as a tuple; ValueError for other than two positive numbers or two zeros."""
    ends = tuple(ends)
    if len(ends) != 2 or not (min(ends) > 0 or ends[0] == ends[1] == 0):
        raise ValueError(f"`{name}` must be two positive numbers, or 0 twice. Received: {ends}.")
    return ends
