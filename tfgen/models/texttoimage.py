"""Generative adversarial text to image synthesis, Reed et al. 2016, https://arxiv.org/abs/1605.05396.

Both players see a text by its embedding t, from an encoder that learns apart, by matching texts to
pictures (Reed et al. 2016b, https://arxiv.org/abs/1605.05395), and then is frozen. D is also shown
real pictures with texts that do not match (algorithm 1, GAN-CLS), and G is also trained on points
between two texts' embeddings (equation 5, GAN-INT), which D never sees in a step of its own. With
s_r = D(x, t), s_w = D(x, t'), s_f = D(G(z, t), t):

    D minimises  -log s_r - w log(1 - s_w) - (1 - w) log(1 - s_f)                          (w 0.5)
    G minimises  -log D(G(z, t), t) - v/2 log D(G(z, m), m),   m = b t + (1 - b) t'        (b 0.5)

G's pictures of both kinds are one batch of 3/2 B rows, an m for every second t, and its loss is the
mean over them (hence v/2). GAN-CLS is v = 0, GAN-INT w = 0, GAN-INT-CLS both. G: transposed
convolutions of size 4 with batch normalisation and a residual bottleneck at the two smallest sides;
D: convolutions of size 4, the projected text laid over its last map. Each player projects the text
itself, D with batch normalisation; weights of convolutions from N(0, 0.02); Adam with beta_1 0.5
and rate 2e-4, halved every 13,800 steps, which are 100 epochs of the paper's birds.

Differs from the paper: the text that does not match changes and not the picture (as in algorithm 1;
the authors' code takes another picture); texts that do not match and the other ends of
interpolations come from the batch and always differ in words (or class); one embedded caption a
picture, drawn anew each step, not the mean of four; the picture side of the joint embedding is a
small network trained with it, not a classifier's features, and Adam trains both; embeddings are
scaled to a root mean square of 1, so that both players hear the text as loudly as the noise; D's
last activation is in its loss. The stabilisers are additions.
"""

import keras
import tensorflow as tf

from tfgen import networks, stages
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.game import Game
from tfgen.networks.layers import borrow
from tfgen.networks.text_networks import text_discriminator, text_generator
from tfgen.optimizers import descend
from tfgen.signature import Input
from tfgen.step import step
from tfgen.text.matching import matching_aware
from tfgen.text.reader import Reader, matching_loss


@keras.saving.register_keras_serializable("tfgen")
class TextToImageGAN(GenerativeModel):
    """Two convolutional networks and a text encoder.

    Batches have `image` and `text`: strings (B,), or (B, N) for N captions a picture.

    Args:
        image_shape: (H, W, C); sides that can be halved, 1 or 3 channels.
        latent_dim: Length of z.
        text_encoder: "char_cnn_rnn" (the paper), "gru" or "bag_of_words".
        vocabulary: Words of "gru" and "bag_of_words", in lower case.
        text_length: Characters or words of a text that are read.
        embedding_dim: Length of a text's embedding.
        text_filters: Sizes of the text encoder, see `tfgen.text.encoders.encoder`.
        text_steps: Training steps at the beginning in which only the text encoder learns; frozen
            afterwards. 0 leaves it as it is initialised.
        match: What makes a text match another picture: "text", the same words, or "label", the
            same class.
        text_dim: Length of each player's projection of the embedding.
        generator_filters: Maps of G's last hidden layer; doubled at each earlier one.
        discriminator_filters: Maps of D's first layer; doubled at each later one.
        stages: Halvings of the picture; by default down to a shorter side of 4 to 7.
        mismatch_weight: w above, 0 to 1; 0 for no texts that do not match.
        interpolation_weight: v above; 0 for none.
        interpolation: b above.
        loss, label_smoothing, penalty, penalty_interval, augmentation, instance_noise,
            instance_noise_steps: Of D's game, see `tfgen.networks.game.Game`; the penalty is taken
            at pictures with their own texts.
        penalty_weight: Of the penalty.
        discriminator_normalization: "batch" (the paper), "layer", "spectral" or None.
        sample_texts: Texts from which `sample` draws where none is given.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: An unknown name, a vocabulary that does not fit the encoder, sides that cannot
            be halved, a weight out of range, a penalty that does not go with batch normalisation,
            smoothing of a loss without labels, or negative noise.
    """

    reports = (
        *("discriminator_loss", "generator_loss", "interpolation_loss"),
        *("matching_gap", "text_loss"),
    )
    network_names = ("generator", "discriminator", "picture_encoder")

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=100,
        text_encoder="char_cnn_rnn",
        vocabulary=(),
        text_length=201,
        embedding_dim=1024,
        text_filters=(384, 512, 256),
        text_steps=10_000,
        match="text",
        text_dim=128,
        generator_filters=128,
        discriminator_filters=64,
        stages=None,
        mismatch_weight=0.5,
        interpolation_weight=1.0,
        interpolation=0.5,
        loss="non_saturating",
        label_smoothing=0.0,
        penalty=None,
        penalty_weight=10.0,
        penalty_interval=1,
        discriminator_normalization: str | None = "batch",
        augmentation=(),
        instance_noise: float | tuple = 0.0,
        instance_noise_steps=None,
        sample_texts=(),
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.text_encoder = text_encoder
        self.vocabulary = tuple(vocabulary)
        self.text_length = text_length
        self.embedding_dim = embedding_dim
        self.text_filters = tuple(text_filters)
        self.text_steps = text_steps
        self.match = match
        self.text_dim = text_dim
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.stages = stages
        self.mismatch_weight = mismatch_weight
        self.interpolation_weight = interpolation_weight
        self.interpolation = interpolation
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.penalty_interval = penalty_interval
        self.discriminator_normalization = discriminator_normalization
        self.augmentation = tuple(augmentation)
        self.instance_noise = instance_noise
        self.instance_noise_steps = instance_noise_steps
        self.sample_texts = tuple(sample_texts)
        if not 0.0 <= mismatch_weight <= 1.0:
            raise ValueError(f"`mismatch_weight` must lie in [0, 1]. Received: {mismatch_weight}.")
        rest = penalty, penalty_interval, discriminator_normalization, augmentation
        noise = {"instance_noise": instance_noise, "instance_noise_steps": instance_noise_steps}
        self.game = Game(loss, label_smoothing, *rest, **noise)
        self.reporting(*self.reports, *self.game.reports)
        shape, depth = self.image_shape, networks.halvings(image_shape, stages)
        reading = text_encoder, vocabulary, text_length, embedding_dim, text_filters
        with initial_weights(seed):
            self.texts = Reader("TextToImageGAN", *reading, match, sample_texts)
            self.encoder = self.texts.encoder
            self.encoder.trainable = bool(text_steps)
            if text_steps:
                self.picture_encoder = networks.downsampling(
                    shape, (embedding_dim,), discriminator_filters, depth, name="picture_encoder"
                )
            sizes = shape, embedding_dim, text_dim, depth
            self.generator = text_generator(*sizes, latent_dim, generator_filters, name="generator")
            self.discriminator = text_discriminator(
                *sizes, discriminator_filters, discriminator_normalization, name="discriminator"
            )
        self.is_reading = bool(text_steps)

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        text_optimizer=None,
        **keras_arguments,
    ):
        stages.one_step_an_execution("TextToImageGAN", keras_arguments)
        players = {
            "generator_optimizer": (generator_optimizer, self.generator),
            "discriminator_optimizer": (discriminator_optimizer, self.discriminator),
        }
        if self.text_steps:
            optimizer = text_optimizer or keras.optimizers.Adam(1e-3)
            players["text_optimizer"] = (optimizer, self.encoder, self.picture_encoder)
        elif text_optimizer is not None:
            raise ValueError("`text_optimizer` has nothing to train: `text_steps` is 0.")
        self.compile_players(keras_arguments, paper_optimizer, **players)

    @step
    def train_step(self, batch):
        real, tokens = batch["image"], self.texts.caption(batch)  # (B, H, W, C), (B, T)
        differs = self.texts.differs(batch, tokens)  # (B, B)
        if self.is_reading:
            return self.read(real, tokens, differs)
        size = tf.shape(real)[0]
        right = self.encoder(tokens, training=False)  # (B, E)
        wrong, exists = self.texts.other("mismatch", tokens, differs)

        fake = borrow(self.generator, [self.normal("z of D", size, self.latent_dim), right])
        shown, fake = self.game.augmented(real), self.game.augmented(fake)
        with tf.GradientTape() as tape:
            right_score = self.discriminator([shown, right], training=True)  # (B,)
            wrong_score = borrow(self.discriminator, [shown, wrong])
            fake_score = borrow(self.discriminator, [fake, right])
            weight = self.mismatch_weight * exists
            d_loss = matching_aware(right_score, wrong_score, fake_score, weight, self.game.terms)
            penalty = self.game.penalty(self.critic(right), shown, fake)
            loss = d_loss + self.penalty_weight * penalty
        descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        end, _ = self.texts.other("interpolation", tokens, differs)
        with tf.GradientTape() as tape:
            g_loss, between_loss, loss = self.deceit(right, end)
        descend(self.generator_optimizer, tape, loss, self.generator)

        parts = self.game.parts((right_score, fake_score), penalty)
        parts["fake_loss"] = d_loss - parts["real_loss"]  # Of wrong texts too.
        gap = exists * (tf.sigmoid(right_score) - tf.sigmoid(wrong_score))
        return self.report_all(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            interpolation_loss=between_loss,
            matching_gap=tf.reduce_sum(gap) / tf.maximum(tf.reduce_sum(exists), 1.0),
            **parts,
        )

    def deceit(self, text, end):
        """G's loss for these embeddings, for points from every second to its end, and in all."""
        size, v = tf.shape(text)[0], self.interpolation_weight
        z = self.normal("z of G", size, self.latent_dim)
        if v:
            between = self.interpolation * text[::2] + (1.0 - self.interpolation) * end[::2]
            more = self.normal("z of interpolation", tf.shape(between)[0], self.latent_dim)
            z, text = tf.concat([z, more], axis=0), tf.concat([text, between], axis=0)
        fake = self.generator([z, text], training=True)
        parts = [self.game.augmented(x) for x in ((fake[:size], fake[size:]) if v else (fake,))]
        score = borrow(self.discriminator, [tf.concat(parts, axis=0), text])
        loss = self.game.generator(score[:size])
        if not v:
            return loss, tf.zeros(()), loss
        between_loss, share = self.game.generator(score[size:]), size / tf.shape(text)[0]
        share = tf.cast(share, tf.float32)  # 2/3
        return loss, between_loss, share * loss + (1.0 - share) * v * between_loss

    def critic(self, text):
        """D as a function of images alone, for the penalty."""
        return lambda image: borrow(self.discriminator, [image, text])

    def read(self, real, tokens, differs):
        """A step of the text encoder, with the pictures' encoder beside it."""
        with tf.GradientTape() as tape:
            texts = self.encoder(tokens, training=True)  # (B, E)
            pictures = self.picture_encoder(real, training=True)
            loss = matching_loss(pictures, texts, differs)
        descend(self.text_optimizer, tape, loss, self.encoder, self.picture_encoder)
        return self.report_all(text_loss=loss)

    def report_all(self, **values):
        """`report`, and the other means as they stand: an epoch may hold steps of both kinds."""
        self.report(**values)
        return {name: mean.result() for name, mean in self.means.items()}

    def fit(self, x=None, y=None, **arguments):
        """Keras's `fit` on batches with `text`, which become `tokens` before a step sees them."""
        return super().fit(self.texts.stream(x), y, **arguments)

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            make = super().make_train_function
            self.train_function = stages.train_function(self, make, self.enter_stage)

    def enter_stage(self):
        """Whether the next step is one of the text encoder."""
        self.is_reading = int(keras.ops.convert_to_numpy(self.step)) < self.text_steps
        return self.is_reading

    def generate(self, z, tokens):
        text = self.encoder(tokens, training=False)
        return {"image": self.generator([z, text], training=False)}

    def discriminate(self, image, tokens):
        text = self.encoder(tokens, training=False)
        return {"logit": self.discriminator([image, text], training=False)}

    def embed(self, tokens):
        return {"embedding": self.encoder(tokens, training=False)}

    def signatures(self):
        z, image = Input.noise(self.latent_dim), Input.image(self.image_shape)
        return {
            "generate": self.texts.served(self.generate, z=z),
            "discriminate": self.texts.served(self.discriminate, image=image),
            "embed": self.texts.served(self.embed),
        }


def paper_optimizer():
    """Adam with a rate that is halved every 100 epochs of the paper's birds."""
    rate = keras.optimizers.schedules.ExponentialDecay(2e-4, 13_800, 0.5, staircase=True)
    return keras.optimizers.Adam(rate, beta_1=0.5, epsilon=1e-8)
