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
from tfgen.step import draws, required, step
from tfgen.text import encoders as text_encoders
from tfgen.text import matching
from tfgen.text.tokens import served, tokenizer

MATCHES = ("text", "label")


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
        if match not in MATCHES:
            raise ValueError(f"`match` must be one of {MATCHES}. Received: {match!r}.")
        if not 0.0 <= mismatch_weight <= 1.0:
            raise ValueError(f"`mismatch_weight` must lie in [0, 1]. Received: {mismatch_weight}.")
        kind, _ = text_encoders.known(text_encoder)
        self.tokenizer = tokenizer(kind, self.vocabulary, text_length)
        halvings = networks.halvings(self.image_shape, stages)
        with initial_weights(seed):
            self.encoder = text_encoders.encoder(
                text_encoder, self.tokenizer, embedding_dim, self.text_filters
            )
            self.encoder.trainable = bool(text_steps)
            if text_steps:
                self.picture_encoder = networks.downsampling(
                    self.image_shape, (embedding_dim,), discriminator_filters, halvings
                )
            shapes = (self.image_shape, embedding_dim, text_dim, halvings)
            self.generator = text_generator(*shapes, latent_dim, generator_filters)
            self.discriminator = text_discriminator(*shapes, discriminator_filters)
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
            "generator_optimizer": (generator_optimizer or paper_optimizer(), self.generator),
            "discriminator_optimizer": (
                discriminator_optimizer or paper_optimizer(),
                self.discriminator,
            ),
        }
        if self.text_steps:
            optimizer = text_optimizer or keras.optimizers.Adam(1e-3)
            players["text_optimizer"] = (optimizer, self.encoder, self.picture_encoder)
        elif text_optimizer is not None:
            raise ValueError("`text_optimizer` has nothing to train: `text_steps` is 0.")
        self.compile_players(keras_arguments, **players)

    @step
    def train_step(self, batch):
        real, tokens = batch["image"], self.caption(batch)  # (B, H, W, C), (B, T)
        pool, differs = matching.gathered(tokens), self.differs(batch, tokens)  # (B, T), (B, B)
        if self.is_reading:
            return self.read(real, tokens, differs)
        size = tf.shape(real)[0]
        right = self.encoder(tokens, training=False)  # (B, E)
        wrong, exists = self.other("mismatch", pool, differs)

        fake = borrow(self.generator, [self.normal("z of D", size, self.latent_dim), right])
        with tf.GradientTape() as tape:
            right_score = self.discriminator([real, right], training=True)  # (B,)
            wrong_score = borrow(self.discriminator, [real, wrong])
            fake_score = borrow(self.discriminator, [fake, right])
            d_loss = matching.matching_aware(
                right_score, wrong_score, fake_score, self.mismatch_weight * exists
            )
        descend(self.discriminator_optimizer, tape, d_loss, self.discriminator)

        z = self.normal("z of G", size, self.latent_dim)
        between_z = self.normal("z of interpolation", size, self.latent_dim)
        end, _ = self.other("interpolation", pool, differs)
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
            forth = text_encoders.joint_embedding(
                pictures, texts, matching.gathered(texts), differs
            )
            back = text_encoders.joint_embedding(
                texts, pictures, matching.gathered(pictures), differs
            )
            loss = tf.reduce_mean(forth + back)
        descend(self.text_optimizer, tape, loss, self.encoder, self.picture_encoder)
        return self.report_all(text_loss=loss)

    def report_all(self, **values):
        """`report`, and the other means as they stand: an epoch may hold steps of both kinds."""
        self.report(**values)
        return {name: mean.result() for name, mean in self.means.items()}

    def caption(self, batch):
        """One of each picture's captions. (B, T)"""
        tokens = required(batch, "tokens", "TextToImageGAN")
        if len(tokens.shape) == 2:
            return tokens
        chosen = draws().categorical("caption", (tf.shape(tokens)[0],), tokens.shape[1])
        return tf.gather(tokens, chosen, axis=1, batch_dims=1)

    def differs(self, batch, tokens):
        """Which texts of the global batch do not match each picture. (B, B)"""
        key = required(batch, "label", "match='label'") if self.match == "label" else tokens
        return matching.distinct(key, matching.gathered(key))

    def other(self, purpose, pool, differs):
        """A text that does not match, drawn for each row, and whether there is one: (B, E), (B,)"""
        chances = self.uniform(purpose, tf.shape(differs)[0], tf.shape(differs)[1])
        rows, exists = matching.drawn(differs, chances)
        return self.encoder(tf.gather(pool, rows), training=False), exists

    def fit(self, x=None, y=None, **arguments):
        """Keras's `fit` on batches with `text`, which become `tokens` before a step sees them."""
        if isinstance(x, tf.data.Dataset):
            x = x.map(self.tokenized, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        elif isinstance(x, dict):
            x = self.tokenized(x)
        return super().fit(x, y, **arguments)

    def tokenized(self, batch):
        """A batch with numbers only: no accelerator has strings."""
        batch = {name: tf.convert_to_tensor(value) for name, value in dict(batch).items()}
        if "tokens" not in batch:
            batch["tokens"] = self.tokenizer(required(batch, "text", "TextToImageGAN"))
        return {name: value for name, value in batch.items() if value.dtype != tf.string}

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
            "generate": self.of_text(self.generate, z=z),
            "discriminate": self.of_text(self.discriminate, image=image),
            "embed": self.of_text(self.embed),
        }

    def of_text(self, fn, **inputs):
        return served(fn, self.tokenizer, inputs, self.sample_texts)


def paper_optimizer():
    return keras.optimizers.Adam(2e-4, beta_1=0.5)
