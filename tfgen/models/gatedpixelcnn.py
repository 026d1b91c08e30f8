"""Gated PixelCNN, van den Oord et al. 2016, https://arxiv.org/abs/1606.05328.

Minimises -log p(x) in nats, p(x) a product over sub-pixels in raster order. Two stacks see the
whole past together, with no blind spot (section 2.2, figure 1): the vertical one all rows above,
the horizontal one the pixels to the left. Each layer is a gate (equation 2; with a label y,
equation 4)

    tanh(W_f * x + V_f y) . sigmoid(W_g * x + V_g y)

and the horizontal stack, which also gets the vertical one through a 1x1 convolution, is residual
(figure 2). The paper's ImageNet network has 20 layers of 384 maps and 5x5 filters.

Differs from the paper: the filters are stored without the part that a mask would empty; the first
layer is 7x7, as in PixelCNN, and the two 1x1 layers at the top are PixelCNN's; RMSProp with a
learning rate of 1e-3, which the paper does not give; the label is the same at every pixel, and the
location-dependent condition m(h) of equation 5 is left out; samples are drawn with cached
activations, pixel for pixel the ones of the plain procedure.
"""

from functools import partial

import keras
import tensorflow as tf
from keras.layers import Dense

from tfgen import networks
from tfgen.autoregressive import pixels, raster
from tfgen.autoregressive.checkpointing import block
from tfgen.autoregressive.gated import RowsAbove, gate
from tfgen.autoregressive.gated_sampling import sample
from tfgen.autoregressive.masked_convolution import MaskedConv2D
from tfgen.autoregressive.pixels import one_hot_label
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.arguments import at_least
from tfgen.networks.basic import under_its_name
from tfgen.optimizers import descend
from tfgen.probability.levels import bits_per_dim, head_outputs, level_nll, level_value
from tfgen.step import step

FIRST = 7


@keras.saving.register_keras_serializable("tfgen")
class GatedPixelCNN(GenerativeModel):
    """A vertical and a horizontal stack of gated convolutions, and a cached sampler.

    Args:
        image_shape: (H, W, C) of the images.
        levels: Equally spaced values of a sub-pixel in [-1, 1]: 2 for binary images (see
            `binarize` of `tfgen.data.load`), 256 for 8 bits, 17 for "digits".
        filters: Maps of each stack.
        blocks: Gated layers, the first one included.
        kernel_size: Side of the filters after the first layer, odd.
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
        filters=64,
        blocks=6,
        kernel_size=3,
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
        self.kernel_size = kernel_size
        self.head_filters = head_filters
        self.num_classes = num_classes
        with initial_weights(seed):
            self.network = TwoStacks(
                self.image_shape[-1],
                levels,
                filters,
                blocks,
                kernel_size,
                head_filters,
                num_classes,
                name="network",
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
        return raster.in_groups(partial(sample, self.network), u, condition, given)

    # What follows from the likelihood and the sampler is the same in every such model.
    inputs, check_values = pixels.inputs, pixels.check_values
    test_step, signatures = pixels.test_step, pixels.signatures
    generate, log_prob = pixels.generate, pixels.log_prob
    complete, class_log_prob = pixels.complete, pixels.class_log_prob


class TwoStacks(keras.layers.Layer):
    """(B, H, W, C) and a condition (B, Y) or None -> logits (B, H, W, C, K)."""

    @under_its_name
    def __init__(
        self,
        channels,
        levels,
        filters,
        blocks,
        kernel_size,
        head_filters,
        num_classes=None,
        name=None,
    ):
        super().__init__(name=name)
        self.channels, self.levels, self.filters = channels, levels, filters
        outputs = head_outputs(levels) * channels

        def conv(maps, size, kind, width, **kwargs):
            layer = MaskedConv2D(maps, size, kind, channels, **kwargs)
            layer.build((None, None, None, width))
            return layer

        self.vertical, self.horizontal, self.across, self.out = [], [], [], []
        for n in range(blocks):
            width, size = (filters, kernel_size) if n else (channels, FIRST)
            self.vertical.append(RowsAbove(2 * filters, size, width))
            kind = "B" if n else "A"
            self.horizontal.append(conv(2 * filters, (1, size), kind, width, pieces=2))
            self.across.append(RowsAbove(2 * filters, 1, 2 * filters, use_bias=False))
            self.out.append(conv(filters, 1, "B", filters))
        self.head = [
            conv(head_filters, 1, "B", filters),
            conv(head_filters, 1, "B", head_filters),
            conv(outputs, 1, "B", head_filters, dtype=networks.HEAD),
        ]
        self.conditions = []
        if num_classes:
            # V_f and V_g of both stacks.
            self.conditions = [Dense(4 * filters, use_bias=False) for _ in range(blocks)]
            for layer in self.conditions:
                layer.build((None, num_classes))
        self.built = True

    def call(self, image, condition=None):
        v = h = image
        for n in range(len(self.out)):
            biases = (bias[:, None, None] for bias in self.biases(condition, n))
            v, h = block(partial(self.gated, n), v, h, *biases)
        for layer in self.head:
            h = layer(tf.nn.relu(h))
        return tf.reshape(h, (-1, *image.shape[1:], h.shape[-1] // self.channels))

    def gated(self, n, v, h, to_v, to_h):
        """Layer n of both stacks. Two (B, H, W, maps) and their biases -> two (B, H, W, filters)"""
        v = self.vertical[n](v)  # (B, H, W, 2 filters)
        above = tf.pad(self.across[n](v), [[0, 0], [1, 0], [0, 0], [0, 0]])[:, :-1]
        gated = self.out[n](gate(self.horizontal[n](h) + above + to_h))
        return gate(v + to_v), h + gated if n else gated

    def biases(self, condition, n):
        """What the label adds to the gates of layer n's stacks, two (B, 2 filters), or zeros."""
        if condition is None:
            return [tf.zeros((1, 1), self.compute_dtype)] * 2
        return tf.split(self.conditions[n](condition), 2, -1)
