"""PixelCNN, van den Oord, Kalchbrenner, Kavukcuoglu 2016, https://arxiv.org/abs/1601.06759.

Minimises -log p(x) in nats, with

    p(x) = product over sub-pixels i of p(x_i | x_1 .. x_(i-1))

in raster order and R, G, B within a pixel (equation 2), all factors from one pass through masked
convolutions: a 7x7 one with mask A, residual blocks around 3x3 ones with mask B (section 3.5,
figure 5), two 1x1 layers, and a softmax over the levels or, for two of them, a Bernoulli (table 1).
RMSProp (section 5.1).

What a pixel sees has a blind spot to the upper right; `GatedPixelCNN` has none.

Differs from the paper: the rows of a kernel that the mask would empty are not stored; a learning
rate of 1e-3, where the paper chose one for each data set by hand; labels are a choice, through a
bias in every masked layer as in Gated PixelCNN; samples are drawn with cached activations, pixel
for pixel the ones of the plain procedure.
"""

from functools import partial

import keras
import tensorflow as tf
from keras.layers import Dense

from tfgen import networks
from tfgen.autoregressive import pixels, raster
from tfgen.autoregressive.checkpointing import block
from tfgen.autoregressive.masked_convolution import MaskedConv2D
from tfgen.autoregressive.pixels import one_hot_label
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.arguments import at_least
from tfgen.networks.basic import under_its_name
from tfgen.optimizers import descend
from tfgen.probability.levels import bits_per_dim, head_outputs, level_nll, level_value
from tfgen.step import step


@keras.saving.register_keras_serializable("tfgen")
class PixelCNN(GenerativeModel):
    """Masked convolutions that give the distribution of every sub-pixel, and a cached sampler.

    Args:
        image_shape: (H, W, C) of the images.
        levels: Equally spaced values of a sub-pixel in [-1, 1]: 2 for binary images (see
            `binarize` of `tfgen.data.load`), 256 for 8 bits, 17 for "digits".
        filters: Maps of the residual stream, 2h in the paper; blocks are half as wide inside.
        blocks: Number of residual blocks.
        head_filters: Maps of the two 1x1 layers before the output.
        num_classes: Classes of p(x|y); None for p(x).
        seed: Of the initial weights.
    """

    reports = ("nll", "bits_per_dim")
    recomputes = True

    def __init__(
        self,
        image_shape=(28, 28, 1),
        levels=2,
        filters=128,
        blocks=5,
        head_filters=128,
        num_classes: int | None = None,
        seed=0,
    ):
        super().__init__(seed)
        at_least(1, blocks=blocks)
        self.image_shape = tuple(image_shape)
        self.levels = levels
        self.filters = filters
        self.blocks = blocks
        self.head_filters = head_filters
        self.num_classes = num_classes
        with initial_weights(seed):
            self.network = ResidualStack(
                image_shape[-1], levels, filters, blocks, head_filters, num_classes, name="network"
            )

    def compile(self, optimizer=None, **keras_arguments):
        optimizer = optimizer or keras.optimizers.RMSprop(1e-3)
        self.compile_players(keras_arguments, optimizer=(optimizer, self.network))

    @step
    def train_step(self, batch):
        with tf.GradientTape() as tape:
            nll = self.nll(*self.inputs(batch), training=True)  # (B,)
            loss = tf.reduce_mean(nll)
        descend(self.single_optimizer, tape, loss, self.network)
        return self.report(nll=nll, bits_per_dim=bits_per_dim(nll, self.image_shape))

    def nll(self, index, label=None, training=False):
        """-log p(x|y) in nats. (B, H, W, C), (B,) -> (B,)"""
        return level_nll(index, self.logits(level_value(index, self.levels), label, training))

    def logits(self, image, label=None, training=False):
        """Of every sub-pixel, given the earlier ones. (B, H, W, C) -> (B, H, W, C, K)"""
        return self.network(image, one_hot_label(label, self.num_classes), training=training)

    def draw(self, u, label, given=None):
        condition = one_hot_label(label, self.num_classes)
        return raster.in_groups(self.network.sample, u, condition, given)

    # What follows from the likelihood and the sampler is the same in every such model.
    inputs, check_values = pixels.inputs, pixels.check_values
    test_step, signatures = pixels.test_step, pixels.signatures
    generate, log_prob = pixels.generate, pixels.log_prob
    complete, class_log_prob = pixels.complete, pixels.class_log_prob


class ResidualStack(keras.layers.Layer):
    """(B, H, W, C) and a condition (B, Y) or None -> logits (B, H, W, C, K)."""

    @under_its_name
    def __init__(
        self, channels, levels, filters, blocks, head_filters, num_classes=None, name=None
    ):
        super().__init__(name=name)
        self.channels, self.levels = channels, levels
        outputs = head_outputs(levels) * channels
        inner = filters // 2

        def conv(maps, size, kind, width, **kwargs):
            layer = MaskedConv2D(maps, size, kind, channels, **kwargs)
            layer.build((None, None, None, width))
            return layer

        self.first = conv(filters, 7, "A", channels)
        self.narrow = [conv(inner, 1, "B", filters) for _ in range(blocks)]
        self.masked = [conv(inner, 3, "B", inner) for _ in range(blocks)]
        self.widen = [conv(filters, 1, "B", inner) for _ in range(blocks)]
        self.head = [
            conv(head_filters, 1, "B", filters),
            conv(head_filters, 1, "B", head_filters),
            conv(outputs, 1, "B", head_filters, dtype=networks.HEAD),
        ]
        self.conditions = []
        if num_classes:
            self.conditions = [Dense(n, use_bias=False) for n in (filters, *[inner] * blocks)]
            for layer in self.conditions:
                layer.build((None, num_classes))
        self.built = True

    def call(self, image, condition=None):
        first, *biases = [bias[:, None, None] for bias in self.biases(condition)]
        x = self.first(image) + first  # (B, H, W, filters)
        for n, bias in enumerate(biases):
            x = block(partial(self.residual, n), x, bias)
        for layer in self.head:
            x = layer(tf.nn.relu(x))
        return tf.reshape(x, (-1, *image.shape[1:], x.shape[-1] // self.channels))

    def residual(self, n, x, bias):
        """Block n. (B, H, W, filters), (B or 1, 1, 1, filters / 2 or 1) -> (B, H, W, filters)"""
        h = tf.nn.relu(self.narrow[n](tf.nn.relu(x)))  # (B, H, W, filters / 2)
        return x + self.widen[n](tf.nn.relu(self.masked[n](h) + bias))

    def biases(self, condition):
        """What the label adds to each masked layer, (B, maps) or (1, 1) of zeros."""
        if condition is None:
            return [tf.zeros((1, 1), self.compute_dtype)] * (len(self.masked) + 1)
        return [layer(condition) for layer in self.conditions]

    def sample(self, u, condition=None, given=None):
        """Pictures from uniform numbers, each activation computed once; see `raster.sample`."""
        size, width, channels = tf.shape(u)[0], *u.shape[2:]
        convolutions = [self.first, *self.masked]
        above = [raster.row_weights(layer.masked_kernel()[:-1]) for layer in convolutions]
        biases = [
            layer.bias + bias
            for layer, bias in zip(convolutions, self.biases(condition), strict=True)
        ]
        # A pixel leaves the last three pixels' values and the input of each 3x3 layer.
        parts = [2 * channels, channels] + [layer.filters for layer in self.masked]

        def row(y, memory, above_row):
            _, values, *maps = tf.split(above_row, parts, -1)
            memory = raster.shifted(values, memory[0])  # (W, B, 3 C)
            windows = [raster.neighbours(memory, 7)]
            windows += [raster.neighbours(h, 3) for h in maps]
            terms = zip(windows, above, biases, strict=True)
            context = [tf.tensordot(x, kernel, 1) + bias for x, kernel, bias in terms]
            return [memory], tf.concat(context, -1)  # (W, B, all maps of masked layers)

        return raster.sample(
            u,
            self.levels,
            row,
            self.pixel_update(),
            memory=[tf.zeros((width, size, 3 * channels))],
            left=[tf.zeros((size, sum(parts)))],
            written=(sum(parts), slice(2 * channels, 3 * channels)),
            sizes=[len(m) for layer in convolutions for m in raster.maps_of(layer)],
            given=given,
        )

    def pixel_update(self):
        """The `pixel` of `raster.sample`: every layer at one pixel, colour by colour."""
        first = raster.PixelLayer(self.first, use_bias=False)
        head = [raster.PixelLayer(layer) for layer in self.head]
        blocks = [
            (raster.PixelLayer(narrow), raster.PixelLayer(masked, False), raster.PixelLayer(widen))
            for narrow, masked, widen in zip(self.narrow, self.masked, self.widen, strict=True)
        ]
        parts = [3 * self.channels] + [layer.filters for layer in self.masked]

        def pixel(context, left, draw):
            window, *beside = tf.split(left[0], parts, -1)
            context = [context[i :: self.channels] for i in range(self.channels)]
            values, tops, seen = [], [[] for _ in head], [([], [], []) for _ in blocks]
            for c in range(self.channels):
                x = context[c][0] + first(c, values, window)
                terms = zip(blocks, seen, beside, context[c][1:], strict=True)
                for (narrow, masked, widen), (a, h, b), side, term in terms:
                    a.append(tf.nn.relu(x))
                    h.append(tf.nn.relu(narrow(c, a)))
                    b.append(tf.nn.relu(masked(c, h, side) + term))
                    x += widen(c, b)
                for layer, maps in zip(head, tops, strict=True):
                    maps.append(tf.nn.relu(x))
                    x = layer(c, maps)
                values.append(draw(c, x))
            kept = [window[:, self.channels :], *values, *(maps for _, h, _ in seen for maps in h)]
            left = tf.concat(kept, -1)
            return [left], left

        return pixel
