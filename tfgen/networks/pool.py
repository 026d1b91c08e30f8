"""The pool of generated images that a discriminator is shown in place of the newest ones.

Shrivastava et al. 2016, section 2.3, https://arxiv.org/abs/1612.07828.
"""

import keras
import tensorflow as tf

from tfgen.networks.rows import gathered, own
from tfgen.step import draws


@keras.saving.register_keras_serializable("tfgen")
class Pool(keras.layers.Layer):
    """The last generated images, mixed into what a discriminator sees (Shrivastava et al. 2016).

    While the pool is not full, images are stored and returned as they are. Then each is returned as
    it is with probability one half; otherwise a random image of the pool is returned and the new
    one takes its place. Rows are served one after the other, as if they came in batches of one.

    The stored images are weights that are not trained: checkpoints hold them and a resumed run
    goes on with them. Under a distribution strategy there is one pool for the rows of all
    replicas, in the order of the global batch, with a copy on each; it does what one device's
    would.

    Args:
        size: Number of images; 0 returns every image as it is.
        image_shape: (H, W, C).
        purpose: Of its draws in a step.
    """

    def __init__(self, size, image_shape, purpose, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if size < 0:
            raise ValueError(f"`pool_size` must be 0 or more. Received: {size}.")
        self.size, self.image_shape, self.purpose = size, tuple(image_shape), purpose
        state = {"trainable": False, "initializer": "zeros"}
        state["aggregation"] = "only_first_replica"  # Equal on all of them.
        self.images = self.add_weight(name="images", shape=(size, *self.image_shape), **state)
        self.stored = self.add_weight(name="stored", shape=(), dtype="int32", **state)
        self.built = True

    def call(self, images):
        """(B, H, W, C) generated images -> (B, H, W, C) for the discriminator."""
        if not self.size:
            return images
        rows = tf.shape(images)[0]
        u = gathered(draws().uniform(self.purpose, (rows, 2)))  # (G, 2)
        new = gathered(tf.cast(tf.stop_gradient(images), tf.float32))
        everything = tf.concat([self.images.value, new], axis=0)  # (size + G, H, W, C)
        answers, places, stored = self.served(u, self.stored.value)
        self.images.assign(tf.gather(everything, places))
        self.stored.assign(stored)
        return tf.cast(own(tf.gather(everything, answers), rows), images.dtype)

    def served(self, u, stored):
        """Which image each row is answered with, which lie in the pool afterwards, and how many.

        Images are numbered: those of the pool from 0, the new ones from `size`.

        Args:
            u: (G, 2) uniform numbers: whether to answer from the pool, and which place.
            stored: Images in the pool, a scalar.

        Returns:
            (G,), (size,) and () int32.
        """
        count = tf.shape(u)[0] if u.shape[0] is None else u.shape[0]

        def one(row, answers, places, stored):
            full = stored >= self.size
            swapped = full & (u[row, 0] > 0.5)
            drawn = tf.minimum(tf.cast(u[row, 1] * self.size, tf.int32), self.size - 1)
            place = tf.where(full, drawn, stored)
            new = self.size + row
            answer = tf.where(swapped, places[place], new)
            answers = tf.where(tf.range(count) == row, answer, answers)
            kept = swapped | ~full
            places = tf.where((tf.range(self.size) == place) & kept, new, places)
            return row + 1, answers, places, stored + tf.cast(~full, tf.int32)

        start = (0, tf.zeros((count,), tf.int32), tf.range(self.size), stored)
        shapes = tuple(tf.TensorShape(s) for s in ((), (u.shape[0],), (self.size,), ()))
        _, answers, places, stored = tf.while_loop(
            lambda row, *_: row < count, one, start, shapes, parallel_iterations=1
        )
        return answers, places, stored

    def get_config(self):
        own = {"size": self.size, "image_shape": self.image_shape, "purpose": self.purpose}
        return {**super().get_config(), **own}
