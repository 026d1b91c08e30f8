"""Unified image-to-image translation among k domains, Choi et al. 2018, arXiv 1711.09020.

https://arxiv.org/abs/1711.09020. One generator G(x, c) for all domains, and a discriminator with
two heads: D_src tells real images from generated ones, D_cls says which domain an image is of
(section 3.1):

    L_D = E D_src(G(x, c)) - E D_src(x) + lambda_gp E (|grad D_src(x^)| - 1)^2 + lambda_cls L_cls^r
    L_G = - E D_src(G(x, c)) + lambda_cls L_cls^f + lambda_rec E |x - G(G(x, c), c')|_1

c' is the domain of x and c a target, the labels of the batch shuffled. L_cls^r is the cross-entropy
of D_cls on real images for c', L_cls^f that on translated ones for c: over one of k classes, or
binary and summed over k attributes. The critic's loss is that of Gulrajani et al. 2017. Five steps
of D for one of G; lambda_cls 1, lambda_rec 10, lambda_gp 10; Adam with rate 1e-4, beta_1 0.5,
beta_2 0.999; all of section 4 and the appendix.

Two label sets are learnt together (section 3.2) with the vector [c_1, c_2, m]: m says which of both
is known of an image, the other one is zero, and only the known part enters the losses.

Differs from the paper: the batch is cut into as many minibatches as D takes steps, and G steps on
the last of them, so that a batch of 80 here is five of 16 there; of two label sets one batch may
hold images of both, where the authors alternate between them, and targets are shuffled within each
set; weights start from N(0, 0.02), where the authors' code has PyTorch's default; the rate is
constant unless `compile` is given a schedule (`tfgen.optimizers.LinearDecay`: the authors' falls to
0 over the second half).
"""

import keras
import tensorflow as tf
from keras.layers import Activation, Concatenate, Conv2D, Conv2DTranspose, LeakyReLU, Reshape

from tfgen import losses, networks
from tfgen.model import GenerativeModel, descend, initial_weights
from tfgen.networks.layers import borrow
from tfgen.networks.translation import InstanceNorm, residual_block
from tfgen.rows import shuffled
from tfgen.signature import Input, Signature
from tfgen.step import minibatches, required, step

KINDS = {"class": "label", "attributes": "attributes"}


@keras.saving.register_keras_serializable("tfgen")
class StarGAN(GenerativeModel):
    """One translator among k domains, and a critic that also names the domain.

    Args:
        image_shape: (H, W, C); both sides multiples of 2**downsamplings (4) and of
            2**discriminator_layers.
        kind: "attributes" (several at once; batches have `attributes` (B, k) of 0 and 1) or "class"
            (one of k; batches have `label` (B,)).
        num_domains: k.
        second_kind: Of a second label set that is learnt together with the first, or None. Batches
            then have `attributes_b` or `label_b`, and `label_set` (B,): 0 where the first set is
            known of an image, 1 where the second is. What is not known may hold anything valid.
        second_num_domains: k of the second label set.
        filters: Maps of the generator's first layer; doubled at each halving.
        blocks: Residual blocks.
        downsamplings: Halvings in the generator.
        kernel_size: Of the generator's first and last convolution.
        discriminator_filters: Maps of the discriminator's first layer; doubled at each later one.
        discriminator_layers: Halvings in the discriminator.
        class_weight: lambda_cls.
        reconstruction_weight: lambda_rec.
        penalty_weight: lambda_gp.
        discriminator_steps: Steps of D for one of G. The batch is cut into as many minibatches, so
            it must be divisible by it.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: Sides that cannot be halved so often, an unknown kind or too few domains; in a
            step, a batch that lacks labels or has wrong ones.
    """

    reports = (
        "discriminator_loss",
        "generator_loss",
        "penalty",
        "real_class_loss",
        "fake_class_loss",
        "reconstruction_error",
    )

    def __init__(
        self,
        image_shape=(128, 128, 3),
        kind="attributes",
        num_domains=5,
        second_kind: str | None = None,
        second_num_domains=0,
        filters=64,
        blocks=6,
        downsamplings=2,
        kernel_size=7,
        discriminator_filters=64,
        discriminator_layers=6,
        class_weight=1.0,
        reconstruction_weight=10.0,
        penalty_weight=10.0,
        discriminator_steps=5,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.kind = kind
        self.num_domains = num_domains
        self.second_kind = second_kind
        self.second_num_domains = second_num_domains
        self.filters = filters
        self.blocks = blocks
        self.downsamplings = downsamplings
        self.kernel_size = kernel_size
        self.discriminator_filters = discriminator_filters
        self.discriminator_layers = discriminator_layers
        self.class_weight = class_weight
        self.reconstruction_weight = reconstruction_weight
        self.penalty_weight = penalty_weight
        self.discriminator_steps = discriminator_steps
        self.sets = label_sets(kind, num_domains, second_kind, second_num_domains)
        check_sides(self.image_shape, max(downsamplings, discriminator_layers))
        classes = sum(count for _, count, _ in self.sets)
        mask = len(self.sets) if len(self.sets) > 1 else 0
        with initial_weights(seed):
            self.generator = generator(
                self.image_shape, classes + mask, filters, blocks, downsamplings, kernel_size
            )
            self.discriminator = discriminator(
                self.image_shape, classes, discriminator_filters, discriminator_layers
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
        images, domains = batch["image"], self.domains(batch)  # (B, H, W, C), (B, K)
        n = self.discriminator_steps
        for x, own in zip(minibatches(images, n), minibatches(domains, n), strict=True):
            target = self.targets(own)  # (B / n, K)
            fake = borrow(self.generator, [x, target])
            mix = self.uniform("mix", tf.shape(x)[0], 1, 1, 1)
            with tf.GradientTape() as tape:
                real_score, real_class = self.discriminator(x, training=True)
                fake_score, _ = borrow(self.discriminator, fake)
                d_loss = tf.reduce_mean(fake_score) - tf.reduce_mean(real_score)
                penalty = losses.gradient_penalty(self.score, x, fake, mix)
                real_class_loss = self.class_loss(own, real_class)
                loss = d_loss + self.penalty_weight * penalty + self.class_weight * real_class_loss
            descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        with tf.GradientTape() as tape:
            fake = self.generator([x, target], training=True)
            score, fake_class = borrow(self.discriminator, fake)
            g_loss = -tf.reduce_mean(score)
            fake_class_loss = self.class_loss(target, fake_class)
            back = self.generator([fake, own], training=True)
            error = tf.reduce_mean(tf.abs(x - back))
            loss = g_loss + self.class_weight * fake_class_loss + self.reconstruction_weight * error
        descend(self.generator_optimizer, tape, loss, self.generator)

        return self.report(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            penalty=penalty,
            real_class_loss=real_class_loss,
            fake_class_loss=fake_class_loss,
            reconstruction_error=error,
        )

    def score(self, image):
        """D_src as a function of images alone, for the penalty. (B, h, w, 1)"""
        return borrow(self.discriminator, image)[0]

    def domains(self, batch):
        """The domain vectors of a batch, (B, K): one set's, or [c_1, c_2, m]."""
        vectors = []
        for kind, count, key in self.sets:
            label = required(batch, key, "StarGAN")
            vectors.append(one_hot(label, count) if kind == "class" else attributes(label, count))
        if len(vectors) == 1:
            return vectors[0]
        known = tf.one_hot(required(batch, "label_set", "StarGAN"), 2)  # (B, 2)
        parts = [vector * known[:, n : n + 1] for n, vector in enumerate(vectors)]
        return tf.concat([*parts, known], axis=1)

    def targets(self, own):
        """The batch's own domain vectors in another order, within each label set."""
        groups = tf.cast(own[:, -1], tf.int32) if len(self.sets) > 1 else None
        return shuffled("target", own, groups)

    def class_loss(self, domains, logits):
        """Cross-entropy of the known labels, mean over the batch, a scalar."""
        loss, first = 0.0, 0
        for number, (kind, count, _) in enumerate(self.sets):
            part = slice(first, first + count)
            asked, said = domains[:, part], logits[:, part]
            if kind == "class":
                entropy = tf.nn.softmax_cross_entropy_with_logits(asked, said)  # (B,)
            else:
                entropy = losses.bernoulli_nll(asked, said)
            if len(self.sets) > 1:
                entropy *= domains[:, number - len(self.sets)]
            loss += tf.reduce_mean(entropy)
            first += count
        return loss

    def translated(self, number, image, domain):
        """Images in a domain of one label set."""
        parts = []
        for n, (kind, count, _) in enumerate(self.sets):
            if n != number:
                parts.append(tf.zeros((tf.shape(image)[0], count)))
            else:
                parts.append(tf.one_hot(domain, count) if kind == "class" else domain)
        if len(self.sets) > 1:
            mask = tf.one_hot([number], 2)
            parts.append(tf.repeat(mask, tf.shape(image)[0], axis=0))
        return {"image": self.generator([image, tf.concat(parts, axis=1)], training=False)}

    def translate(self, image, domain):
        return self.translated(0, image, domain)

    def translate_second(self, image, domain):
        return self.translated(1, image, domain)

    def discriminate(self, image):
        score, classes = self.discriminator(image, training=False)
        return {"score": tf.reduce_mean(score, axis=(1, 2, 3)), "logits": classes}

    def signatures(self):
        image = Input.image(self.image_shape)
        table = {}
        functions = {"translate": self.translate, "translate_second": self.translate_second}
        for (name, function), (kind, count, _) in zip(functions.items(), self.sets, strict=False):
            domain = Input.label(count) if kind == "class" else Input.uniform(count)
            table[name] = Signature(function, {"image": image, "domain": domain})
        return {**table, "discriminate": Signature(self.discriminate, {"image": image})}


def label_sets(kind, num_domains, second_kind, second_num_domains):
    """(kind, number of domains, key in a batch) of each label set."""
    sets = [(kind, num_domains, "")]
    if second_kind is not None:
        sets.append((second_kind, second_num_domains, "_b"))
    for name, count, _ in sets:
        if name not in KINDS:
            raise ValueError(f"`kind` must be 'attributes' or 'class'. Received: {name!r}.")
        least = 2 if name == "class" else 1
        if count < least:
            raise ValueError(
                f"`num_domains` must be at least {least} of kind {name!r}. Received: {count}."
            )
    return tuple((name, count, KINDS[name] + suffix) for name, count, suffix in sets)


def one_hot(label, count):
    """(B,) class numbers -> (B, count)"""
    label = tf.cast(label, tf.int32)
    known = tf.reduce_all((label >= 0) & (label < count))
    tf.debugging.Assert(known, [f"Labels must lie in 0 .. {count - 1}:", label])
    return tf.one_hot(label, count)


def attributes(values, count):
    """(B, count) of 0 and 1 as float32."""
    values = tf.cast(values, tf.float32)
    if not values.shape.is_compatible_with((None, count)):
        raise ValueError(f"Attributes must have shape (None, {count}). Received: {values.shape}.")
    binary = tf.reduce_all((values == 0.0) | (values == 1.0))
    tf.debugging.Assert(binary, ["Attributes must be 0 or 1:", values])
    return values


def check_sides(image_shape, halvings):
    """Raises ValueError where the networks do not fit the pictures."""
    unit = 2**halvings
    if any(side % unit for side in image_shape[:2]):
        raise ValueError(
            f"`image_shape` sides must be multiples of {unit} ({halvings} halvings: "
            f"`discriminator_layers`, `downsamplings`). Received: {image_shape}; resize the "
            "pictures or use fewer."
        )


def paper_optimizer():
    return keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.999)


def generator(image_shape, domain_length, filters, blocks, downsamplings, kernel_size):
    """Residual translator with the domain as further maps. (image, domain) -> (B, H, W, C)"""

    def then(x, kind, *arguments):
        init = networks.dcgan_init()
        x = kind(*arguments, padding="same", use_bias=False, kernel_initializer=init)(x)
        return Activation("relu")(InstanceNorm(affine=True)(x))

    image, domain = keras.Input(image_shape), keras.Input((domain_length,))
    # As maps: one number a map, the same at every pixel.
    spread = keras.layers.RepeatVector(image_shape[0] * image_shape[1])(domain)
    spread = Reshape((*image_shape[:2], domain_length))(spread)
    x = then(Concatenate()([image, spread]), Conv2D, filters, kernel_size)
    for n in range(downsamplings):
        x = then(x, Conv2D, filters * 2 ** (n + 1), 4, 2)
    for _ in range(blocks):
        x = residual_block(x, lambda: [InstanceNorm(affine=True)], "zero", use_bias=False)
    for n in reversed(range(downsamplings)):
        x = then(x, Conv2DTranspose, filters * 2**n, 4, 2)
    last = {"use_bias": False, "kernel_initializer": networks.dcgan_init(), "dtype": networks.HEAD}
    x = Conv2D(image_shape[-1], kernel_size, padding="same", **last)(x)
    return keras.Model([image, domain], Activation("tanh", dtype=networks.HEAD)(x))


def discriminator(image_shape, num_logits, filters, layers):
    """Strided convolutions and two heads. image -> (B, h, w, 1) scores, (B, num_logits)"""
    x = image = keras.Input(image_shape)
    for n in range(layers):
        init = networks.dcgan_init()
        x = Conv2D(filters * 2**n, 4, 2, "same", kernel_initializer=init)(x)
        x = LeakyReLU(0.01)(x)
    head = {"use_bias": False, "dtype": networks.HEAD}
    score = Conv2D(1, 3, padding="same", kernel_initializer=networks.dcgan_init(), **head)(x)
    classes = Conv2D(num_logits, x.shape[1:3], kernel_initializer=networks.dcgan_init(), **head)(x)
    return keras.Model(image, [score, Reshape((num_logits,), dtype=networks.HEAD)(classes)])
