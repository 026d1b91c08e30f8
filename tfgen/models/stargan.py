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

from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.game import Game
from tfgen.networks.layers import borrow
from tfgen.networks.multi_domain import check_sides, domain_critic, domain_translator, label_sets
from tfgen.networks.rows import shuffled
from tfgen.optimizers import descend
from tfgen.signature import Input, Signature
from tfgen.step import minibatches, required, step


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
        "real_class_loss",
        "fake_class_loss",
        "reconstruction_error",
    )
    network_names = ("generator", "discriminator")

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
        self.game = Game("wasserstein", penalty="gradient_penalty")
        self.reporting(*self.reports, *self.game.reports)
        self.sets = label_sets(kind, num_domains, second_kind, second_num_domains)
        check_sides(self.image_shape, max(downsamplings, discriminator_layers))
        classes = sum(labels.size for labels in self.sets)
        mask = len(self.sets) if len(self.sets) > 1 else 0
        with initial_weights(seed):
            self.generator = domain_translator(
                self.image_shape,
                classes + mask,
                filters,
                blocks,
                downsamplings,
                kernel_size,
                name="generator",
            )
            self.discriminator = domain_critic(
                self.image_shape,
                classes,
                discriminator_filters,
                discriminator_layers,
                name="discriminator",
            )

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **keras_arguments):
        self.compile_players(
            keras_arguments,
            lambda: keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-8),
            generator_optimizer=(generator_optimizer, self.generator),
            discriminator_optimizer=(discriminator_optimizer, self.discriminator),
        )

    @step
    def train_step(self, batch):
        images, domains = batch["image"], self.domains(batch)  # (B, H, W, C), (B, K)
        n = self.discriminator_steps
        for x, own in zip(minibatches(images, n), minibatches(domains, n), strict=True):
            target = self.targets(own)  # (B / n, K)
            fake = borrow(self.generator, [x, target])
            with tf.GradientTape() as tape:
                real_score, real_class = self.discriminator(x, training=True)
                fake_score, _ = borrow(self.discriminator, fake)
                d_loss = self.game.discriminator(real_score, fake_score)
                penalty = self.game.penalty(self.score, x, fake)
                real_class_loss = self.class_loss(own, real_class)
                loss = d_loss + self.penalty_weight * penalty + self.class_weight * real_class_loss
            descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        with tf.GradientTape() as tape:
            fake = self.generator([x, target], training=True)
            score, fake_class = borrow(self.discriminator, fake)
            g_loss = self.game.generator(score)
            fake_class_loss = self.class_loss(target, fake_class)
            back = self.generator([fake, own], training=True)
            error = tf.reduce_mean(tf.abs(x - back))
            loss = g_loss + self.class_weight * fake_class_loss + self.reconstruction_weight * error
        descend(self.generator_optimizer, tape, loss, self.generator)

        return self.report(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            **self.game.parts((real_score, fake_score), penalty),
            real_class_loss=real_class_loss,
            fake_class_loss=fake_class_loss,
            reconstruction_error=error,
        )

    def score(self, image):
        """D_src as a function of images alone, for the penalty. (B, h, w, 1)"""
        return borrow(self.discriminator, image)[0]

    def domains(self, batch):
        """The domain vectors of a batch, (B, K): one set's, or [c_1, c_2, m]."""
        vectors = [
            labels.vector(labels.checked(required(batch, labels.key, "StarGAN")))
            for labels in self.sets
        ]
        if len(vectors) == 1:
            return vectors[0]
        known = tf.one_hot(required(batch, "label_set", "StarGAN"), 2)  # (B, 2)
        parts = [vector * known[:, n : n + 1] for n, vector in enumerate(vectors)]
        return tf.concat([*parts, known], axis=1)

    def check_values(self, batch):
        self.domains(batch)

    def targets(self, own):
        """The batch's own domain vectors in another order, within each label set."""
        groups = tf.cast(own[:, -1], tf.int32) if len(self.sets) > 1 else None
        return shuffled("target", own, groups)

    def class_loss(self, domains, logits):
        """Cross-entropy of the known labels, mean over the batch, a scalar."""
        loss, first = 0.0, 0
        for number, labels in enumerate(self.sets):
            part = slice(first, first + labels.size)
            entropy = labels.cross_entropy(domains[:, part], logits[:, part])  # (B,)
            if len(self.sets) > 1:
                entropy *= domains[:, number - len(self.sets)]
            loss += tf.reduce_mean(entropy)
            first += labels.size
        return loss

    def translated(self, number, image, domain):
        """Images in a domain of one label set."""
        rows = tf.shape(image)[0]
        parts = [
            labels.vector(domain) if n == number else tf.zeros((rows, labels.size))
            for n, labels in enumerate(self.sets)
        ]
        if len(self.sets) > 1:
            parts.append(tf.repeat(tf.one_hot([number], 2), rows, axis=0))
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
        for (name, function), labels in zip(functions.items(), self.sets, strict=False):
            domain = labels.input(self.class_names)
            table[name] = Signature(function, {"image": image, "domain": domain})
        return {**table, "discriminate": Signature(self.discriminate, {"image": image})}
