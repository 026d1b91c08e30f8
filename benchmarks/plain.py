"""The same architectures written plainly in Keras: what a user would write without this library.

Each function takes a `tfgen` model and returns a compiled `keras.Model` that trains the same
networks (Keras's own layers, as many weights) by the same losses with Keras's own random numbers.
`benchmarks.train --plain` sets the two side by side. `PEERS` names what there is, by config.
"""

import math

import keras
import tensorflow as tf
from keras import layers, ops


class Plain(keras.Model):
    """What the peers share: means of what a step reports, by name."""

    def __init__(self, *names):
        super().__init__()
        self.means = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def metrics(self):
        return list(self.means.values())

    def told(self, **values):
        for name, value in values.items():
            self.means[name].update_state(value)
        return {name: mean.result() for name, mean in self.means.items()}


def cross_entropy(target, logits):
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return loss(tf.fill(tf.shape(logits), target), logits)


def adam(rate, beta_1, beta_2=0.999):
    return keras.optimizers.Adam(rate, beta_1, beta_2)


def generator(like):
    """Of a DCGAN: dense, then 5x5 transposed convolutions with batch normalisation."""
    stages = int(math.log2(like.image_shape[0] // _base(like)))
    base, widths = _base(like), [like.filters * 2**n for n in reversed(range(stages))]
    model = keras.Sequential([keras.Input((like.latent_dim,))])
    model.add(layers.Dense(base * base * widths[0], use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.ReLU())
    model.add(layers.Reshape((base, base, widths[0])))
    for width in widths[1:]:
        model.add(layers.Conv2DTranspose(width, 5, 2, "same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    channels = like.image_shape[-1]
    model.add(layers.Conv2DTranspose(channels, 5, 2, "same", use_bias=False, activation="tanh"))
    return model


def discriminator(like, normalization):
    """Of a DCGAN: 5x5 convolutions of stride 2, with what normalises all but the first."""
    model = keras.Sequential([keras.Input(like.image_shape)])
    for n in range(int(math.log2(like.image_shape[0] // _base(like)))):
        model.add(layers.Conv2D(like.filters * 2**n, 5, 2, "same", use_bias=False))
        if n:
            model.add(normalization())
        model.add(layers.LeakyReLU(0.2))
    model.add(layers.Flatten())
    model.add(layers.Dense(1, use_bias=False))
    return model


def _base(like):
    return like.generator.layers[3].target_shape[0]


class DCGAN(Plain):
    """The tutorials' step: both players' gradients from one pass through each network."""

    def __init__(self, like):
        super().__init__("discriminator_loss", "generator_loss")
        self.size = like.latent_dim
        self.generator = generator(like)
        self.discriminator = discriminator(like, layers.BatchNormalization)
        self.compile(jit_compile=False)
        self.for_g, self.for_d = adam(2e-4, 0.5), adam(2e-4, 0.5)

    def train_step(self, data):
        real = data["image"]
        count = tf.shape(real)[0]
        # Two draws and two passes, as in the library's step, so that the work is the same.
        fake = self.generator(keras.random.normal((count, self.size)), training=True)
        with tf.GradientTape() as tape:
            of_real = self.discriminator(real, training=True)
            of_fake = self.discriminator(fake, training=True)
            d_loss = cross_entropy(1.0, of_real) + cross_entropy(0.0, of_fake)
        _apply(self.for_d, tape, d_loss, self.discriminator)
        with tf.GradientTape() as tape:
            fake = self.generator(keras.random.normal((count, self.size)), training=True)
            g_loss = cross_entropy(1.0, self.discriminator(fake, training=True))
        _apply(self.for_g, tape, g_loss, self.generator)
        return self.told(discriminator_loss=d_loss, generator_loss=g_loss)


class WGANGP(Plain):
    """keras.io's WGAN-GP, with the library's networks: several steps of D for one of G."""

    def __init__(self, like):
        super().__init__("discriminator_loss", "generator_loss")
        self.size, self.steps = like.latent_dim, like.discriminator_steps
        self.generator = generator(like)
        self.discriminator = discriminator(like, lambda: layers.LayerNormalization(axis=(1, 2, 3)))
        self.compile(jit_compile=False)
        self.for_g, self.for_d = adam(1e-4, 0.0, 0.9), adam(1e-4, 0.0, 0.9)

    def train_step(self, data):
        for real in tf.split(data["image"], self.steps):
            count = tf.shape(real)[0]
            fake = self.generator(keras.random.normal((count, self.size)), training=True)
            with tf.GradientTape() as tape:
                score = self.discriminator(fake, training=True)
                d_loss = tf.reduce_mean(score)
                d_loss -= tf.reduce_mean(self.discriminator(real, training=True))
                mix = keras.random.uniform((count, 1, 1, 1))
                between = real + mix * (fake - real)
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    of_between = self.discriminator(between, training=True)
                slope = inner.gradient(of_between, between)
                norm = tf.sqrt(tf.reduce_sum(tf.square(slope), [1, 2, 3]))
                d_loss += 10.0 * tf.reduce_mean(tf.square(norm - 1.0))
            _apply(self.for_d, tape, d_loss, self.discriminator)
        with tf.GradientTape() as tape:
            fake = self.generator(keras.random.normal((count, self.size)), training=True)
            g_loss = -tf.reduce_mean(self.discriminator(fake, training=True))
        _apply(self.for_g, tape, g_loss, self.generator)
        return self.told(discriminator_loss=d_loss, generator_loss=g_loss)


class VAE(Plain):
    """Perceptrons with a Bernoulli likelihood."""

    def __init__(self, like):
        super().__init__("loss", "reconstruction", "kl")
        outputs = math.prod(like.image_shape)
        hidden, self.size = like.hidden, like.latent_dim
        self.encoder = _perceptron(outputs, hidden, 2 * self.size, "tanh")
        self.decoder = _perceptron(self.size, hidden[::-1], outputs, "tanh")
        self.compile(optimizer=adam(1e-3, 0.9), jit_compile=False)

    def train_step(self, data):
        x = tf.reshape(data["image"], (-1, math.prod(data["image"].shape[1:])))
        with tf.GradientTape() as tape:
            mean, log_var = tf.split(self.encoder(x, training=True), 2, axis=-1)
            z = mean + tf.exp(0.5 * log_var) * keras.random.normal((tf.shape(x)[0], self.size))
            logits = self.decoder(z, training=True)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(0.5 * x + 0.5, logits)
            nll = tf.reduce_mean(tf.reduce_sum(entropy, -1))
            kl = -0.5 * (1.0 + log_var - tf.square(mean) - tf.exp(log_var))
            kl = tf.reduce_mean(tf.reduce_sum(kl, -1))
            loss = nll + kl
        _apply(self.optimizer, tape, loss, self.encoder, self.decoder)
        return self.told(loss=loss, reconstruction=nll, kl=kl)


class AAE(Plain):
    """Perceptrons; three updates a step, the encoder passed once for each."""

    def __init__(self, like):
        super().__init__("reconstruction", "discriminator_loss", "encoder_loss")
        outputs = math.prod(like.image_shape)
        self.size = like.latent_dim
        self.encoder = _perceptron(outputs, like.hidden, self.size, "relu")
        self.decoder = _perceptron(self.size, like.hidden[::-1], outputs, "relu", "sigmoid")
        self.discriminator = _perceptron(self.size, like.hidden, 1, "relu")
        self.compile(jit_compile=False)
        self.for_image = keras.optimizers.SGD(0.01, 0.9)
        self.for_d, self.for_e = keras.optimizers.SGD(0.1, 0.1), keras.optimizers.SGD(0.1, 0.1)

    def train_step(self, data):
        x = tf.reshape(data["image"], (-1, math.prod(data["image"].shape[1:])))
        x = 0.5 * x + 0.5
        with tf.GradientTape() as tape:
            again = self.decoder(self.encoder(x, training=True), training=True)
            error = 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(x - again), -1))
        _apply(self.for_image, tape, error, self.encoder, self.decoder)
        prior = 5.0 * keras.random.normal((tf.shape(x)[0], self.size))
        with tf.GradientTape(persistent=True) as tape:
            code = self.encoder(x, training=True)
            of_code = self.discriminator(code, training=True)
            of_prior = self.discriminator(prior, training=True)
            d_loss = cross_entropy(1.0, of_prior) + cross_entropy(0.0, of_code)
        _apply(self.for_d, tape, d_loss, self.discriminator)
        with tf.GradientTape() as tape:
            code = self.encoder(x, training=True)
            e_loss = cross_entropy(1.0, self.discriminator(code, training=True))
        _apply(self.for_e, tape, e_loss, self.encoder)
        return self.told(reconstruction=error, discriminator_loss=d_loss, encoder_loss=e_loss)


class Masked(layers.Layer):
    """keras.io's masked convolution: a whole kernel, half of it zero."""

    def __init__(self, filters, size, kind):
        super().__init__()
        self.conv, self.kind = layers.Conv2D(filters, size, padding="same"), kind

    def build(self, shape):
        self.conv.build(shape)
        rows, columns = self.conv.kernel.shape[:2]
        mask = [
            [float((r, c) < (rows // 2, columns // 2 + (self.kind == "B"))) for c in range(columns)]
            for r in range(rows)
        ]
        self.mask = tf.constant(mask)[:, :, None, None]
        self.built = True

    def call(self, x):
        y = tf.nn.conv2d(x, self.conv.kernel * self.mask, 1, "SAME")
        return y + self.conv.bias


class PixelCNN(Plain):
    """keras.io's PixelCNN of these widths, for two levels."""

    def __init__(self, like):
        super().__init__("nll")
        inputs = keras.Input(like.image_shape)
        x = Masked(like.filters, 7, "A")(inputs)
        for _ in range(like.blocks):
            h = layers.Conv2D(like.filters // 2, 1)(ops.relu(x))
            h = Masked(like.filters // 2, 3, "B")(ops.relu(h))
            x = x + layers.Conv2D(like.filters, 1)(ops.relu(h))
        for _ in range(2):
            x = layers.Conv2D(like.head_filters, 1)(ops.relu(x))
        outputs = layers.Conv2D(1, 1)(ops.relu(x))
        self.network = keras.Model(inputs, outputs)
        self.compile(optimizer=keras.optimizers.RMSprop(1e-3), jit_compile=False)

    def train_step(self, data):
        x = data["image"]
        with tf.GradientTape() as tape:
            logits = self.network(x, training=True)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(0.5 * x + 0.5, logits)
            nll = tf.reduce_mean(tf.reduce_sum(entropy, [1, 2, 3]))
        _apply(self.optimizer, tape, nll, self.network)
        return self.told(nll=nll)


def _perceptron(inputs, hidden, outputs, activation, last=None):
    stack = [layers.Dense(width, activation) for width in hidden]
    return keras.Sequential([keras.Input((inputs,)), *stack, layers.Dense(outputs, last)])


def _apply(optimizer, tape, loss, *networks):
    weights = [v for network in networks for v in network.trainable_variables]
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


# Config -> the peer of its model.
PEERS = {
    "dcgan_mnist": DCGAN,
    "wgangp_mnist5k": WGANGP,
    "vae_mnist": VAE,
    "aae_mnist": AAE,
    "pixelcnn_mnist": PixelCNN,
}
