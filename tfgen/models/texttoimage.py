"""Generative adversarial text to image synthesis, Reed et al. 2016, https://arxiv.org/abs/1605.05396.

Both players see a text by its embedding t, from an encoder that learns apart, by matching texts to
pictures (Reed et al. 2016b, https://arxiv.org/abs/1605.05395), and then is frozen. D is also shown
real pictures with texts that do not match (algorithm 1, GAN-CLS), and G is also trained on points
between two texts' embeddings (equation 5, GAN-INT), which D never sees in a step of its own. With
s_r = D(x, t), s_w = D(x, t'), s_f = D(G(z, t), t):

    D minimises  -log s_r - w log(1 - s_w) - (1 - w) log(1 - s_f)                          (w 0.5)
    G minimises  -log D(G(z, t), t) - v log D(G(z, m), m),   m = b t + (1 - b) t'          (b 0.5)

GAN-CLS is v = 0, GAN-INT w = 0, GAN-INT-CLS both. G: transposed convolutions of size 4 with batch
normalisation and a residual bottleneck at the two smallest sides; D: convolutions of size 4, the
projected text laid over its last map. Each player projects the text itself; weights of convolutions
from N(0, 0.02); Adam with rate 2e-4 and beta_1 0.5.

Differs from the paper: the text that does not match changes and not the picture (as in algorithm 1;
the authors' code takes another picture); texts that do not match and the other ends of
interpolations come from the batch and always differ in words (or class); one embedded caption a
picture, drawn anew each step, not the mean of four; one interpolation for each row, not for every
second; the picture side of the joint embedding is a small network trained with it, not a
classifier's features, and Adam trains both; embeddings are scaled to a root mean square of 1, so
that both players hear the text as loudly as the noise; D's last activation is in its loss.
"""

import keras
import tensorflow as tf

from tfgen import losses, networks, stages
from tfgen.model import GenerativeModel, descend, initial_weights
from tfgen.networks.layers import borrow
from tfgen.networks.text_networks import text_discriminator, text_generator
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
        sample_texts: Texts from which `sample` draws where none is given.
        seed: Of the initial weights and of every draw.

    Raises:
        ValueError: An unknown encoder or match, a vocabulary that does not fit the encoder, sides
            that cannot be halved, or a weight out of range.
    """

    reports = (
        "discriminator_loss",
        "generator_loss",
        "interpolation_loss",
        "matching_gap",
        "text_loss",
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
        self.sample_texts = tuple(sample_texts)
        if not 0.0 <= mismatch_weight <= 1.0:
            raise ValueError(f"`mismatch_weight` must lie in [0, 1]. Received: {mismatch_weight}.")
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
                *sizes, discriminator_filters, name="discriminator"
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
        self.compile_players(
            keras_arguments, lambda: keras.optimizers.Adam(2e-4, beta_1=0.5), **players
        )

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
        with tf.GradientTape() as tape:
            right_score = self.discriminator([real, right], training=True)  # (B,)
            wrong_score = borrow(self.discriminator, [real, wrong])
            fake_score = borrow(self.discriminator, [fake, right])
            d_loss = matching_aware(
                right_score, wrong_score, fake_score, self.mismatch_weight * exists
            )
        descend(self.discriminator_optimizer, tape, d_loss, self.discriminator)

        z = self.normal("z of G", size, self.latent_dim)
        between_z = self.normal("z of interpolation", size, self.latent_dim)
        end, _ = self.texts.other("interpolation", tokens, differs)
        between = self.interpolation * right + (1.0 - self.interpolation) * end
        with tf.GradientTape() as tape:
            g_loss, between_loss = self.deceit(z, right), tf.zeros(())
            if self.interpolation_weight:
                between_loss = self.deceit(between_z, between)
            loss = g_loss + self.interpolation_weight * between_loss
        descend(self.generator_optimizer, tape, loss, self.generator)

        gap = exists * (tf.sigmoid(right_score) - tf.sigmoid(wrong_score))
        return self.report_all(
            discriminator_loss=d_loss,
            generator_loss=g_loss,
            interpolation_loss=between_loss,
            matching_gap=tf.reduce_sum(gap) / tf.maximum(tf.reduce_sum(exists), 1.0),
        )

    def deceit(self, z, text):
        """G's loss for pictures of these embeddings."""
        fake = self.generator([z, text], training=True)
        score = borrow(self.discriminator, [fake, text])
        return losses.ADVERSARIAL["non_saturating"].generator(score)

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
