"""A small generator with a label and a discriminator, for the tests of the export."""

import keras
import numpy as np
import tensorflow as tf

from tfgen.model import GenerativeModel
from tfgen.optimizers import descend
from tfgen.signature import Input, Signature
from tfgen.step import step

NAMES = ("bags", "hats", "shoes", "socks")


class Network(GenerativeModel):
    """Dense and transposed convolution: (z, label) -> image 8x8x3, and image -> logit."""

    reports = ("loss",)

    def __init__(self, z_dim=6, seed=0):
        super().__init__(seed=seed)
        self.z_dim = z_dim
        # Weights of a trained network's size, so that outputs fill [-1, 1] and errors show.
        weights = keras.initializers.RandomNormal(stddev=0.3, seed=seed)
        self.generator = keras.Sequential(
            [
                keras.Input((z_dim + 4,)),
                keras.layers.Dense(4 * 4 * 8, kernel_initializer=weights),
                keras.layers.Reshape((4, 4, 8)),
                keras.layers.BatchNormalization(),
                keras.layers.ReLU(),
                keras.layers.Conv2DTranspose(3, 4, 2, "same", kernel_initializer=weights),
                keras.layers.Activation("tanh"),
            ]
        )
        self.discriminator = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Conv2D(8, 3, 2, activation="leaky_relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(1),
            ]
        )

    def compile(self, optimizer="adam", **keras_arguments):
        player = {"generator_optimizer": (optimizer, self.generator)}
        self.compile_players(keras_arguments, **player)

    @step
    def train_step(self, batch):
        size = tf.shape(batch["image"])[0]
        z = self.normal("z", size, self.z_dim + 4)
        with tf.GradientTape() as tape:
            fake = tf.cast(self.generator(z, training=True), tf.float32)
            loss = tf.reduce_mean(tf.square(fake - batch["image"]))
        descend(self.generator_optimizer, tape, loss, self.generator)
        return self.report(loss=loss)

    def generate(self, z, label):
        inputs = tf.concat([z, tf.one_hot(label, 4)], 1)
        image = self.generator(inputs, training=False)
        return {"image": image, "brightness": tf.reduce_mean(image, (1, 2, 3))}

    def discriminate(self, image):
        return {"logit": self.discriminator(image, training=False)}

    def signatures(self):
        drawn = {"z": Input.noise(self.z_dim), "label": Input.label(4, NAMES)}
        return {
            "generate": Signature(self.generate, drawn),
            "discriminate": Signature(self.discriminate, {"image": Input.image((8, 8, 3))}),
        }


class Serves(Network):
    """The same network with other signatures."""

    def __init__(self, table):
        super().__init__()
        self.table = lambda: table

    def get_config(self):
        return {}

    def signatures(self):
        return self.table()


def pictures(rows):
    """Random pictures in [-1, 1]."""
    return np.random.default_rng(0).uniform(-1, 1, (rows, 8, 8, 3)).astype("float32")
