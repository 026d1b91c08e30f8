"""PixelRNN, van den Oord, Kalchbrenner, Kavukcuoglu 2016, https://arxiv.org/abs/1601.06759.

Minimises -log p(x) in nats, with

    p(x) = product over sub-pixels i of p(x_i | x_1 .. x_(i-1))

in raster order and R, G, B within a pixel (equation 2). A 7x7 convolution with mask A to 2h maps;
layers of LSTMs of width h, each followed by a 1x1 convolution back to 2h maps and added to its
input (figure 5); two 1x1 layers, and a softmax over the levels or, for two of them, a Bernoulli
(table 1). Row LSTM (section 3.1): the state comes from the row above, and a pixel sees a triangle.
Diagonal BiLSTM (section 3.2): the picture is skewed, so that one step moves along all diagonals at
once, from both upper corners, and a pixel sees everything before it. RMSProp (section 5.1).

Differs from the paper: for the Diagonal BiLSTM the picture gets an empty column on the right. The
paper wants every pixel to see all earlier ones, but as it is described none sees the last pixel of
the row above from more than three columns before the end: the first mask hides a pixel from its own
features, and the mirrored LSTM, moved down, brings nothing else of that row. The features of the
empty column see it. Further: residual connections only, no skip connections from each layer to the
output (the paper's table 2 has both); the multi-scale variant is not here; the learning rate, which
the paper chose for each data set by hand, is 1e-3 by default; labels are a choice, through a bias
in the gates as in Gated PixelCNN; samples are drawn from the recurrent state, each computation done
once, pixel for pixel the ones of the plain procedure.
"""

from functools import partial

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.autoregressive import pixels, raster
from tfgen.autoregressive.checkpointing import block
from tfgen.autoregressive.masked_convolution import MaskedConv2D
from tfgen.autoregressive.pixels import one_hot_label
from tfgen.autoregressive.recurrent import DiagonalBiLSTM, RowLSTM
from tfgen.autoregressive.recurrent_sampling import sample
from tfgen.construct import no_such
from tfgen.model import GenerativeModel, initial_weights
from tfgen.networks.arguments import at_least
from tfgen.networks.basic import under_its_name
from tfgen.optimizers import descend
from tfgen.probability.levels import bits_per_dim, head_outputs, level_nll, level_value
from tfgen.step import step

LAYERS = {"row_lstm": RowLSTM, "diagonal_bilstm": DiagonalBiLSTM}


@keras.saving.register_keras_serializable("tfgen")
class PixelRNN(GenerativeModel):
    """Residual LSTM layers that give the distribution of every sub-pixel.

    Args:
        image_shape: (H, W, C) of the images.
        levels: Equally spaced values of a sub-pixel in [-1, 1]: 2 for binary images (see
            `binarize` of `tfgen.data.load`), 256 for 8 bits, 17 for "digits".
        layer: "diagonal_bilstm" or "row_lstm".
        units: Width h of the state.
        depth: Number of recurrent layers.
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
        layer="diagonal_bilstm",
        units=16,
        depth=7,
        head_filters=32,
        num_classes: int | None = None,
        seed=0,
    ):
        super().__init__(seed)
        if layer not in LAYERS:
            raise ValueError(no_such("`layer`", layer, LAYERS))
        at_least(1, depth=depth)
        self.image_shape = tuple(image_shape)
        self.levels = levels
        self.layer = layer
        self.units = units
        self.depth = depth
        self.head_filters = head_filters
        self.num_classes = num_classes
        with initial_weights(seed):
            self.network = RecurrentStack(
                self.image_shape[-1],
                levels,
                layer,
                units,
                depth,
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


class RecurrentStack(keras.layers.Layer):
    """(B, H, W, C) and a condition (B, Y) or None -> logits (B, H, W, C, K)."""

    @under_its_name
    def __init__(
        self, channels, levels, layer, units, depth, head_filters, num_classes=None, name=None
    ):
        super().__init__(name=name)
        self.channels, self.levels = channels, levels
        # The empty columns to the right of the picture.
        self.extra = 1 if layer == "diagonal_bilstm" else 0
        outputs = head_outputs(levels) * channels
        width = 2 * units

        def conv(maps, size, kind, inputs, **kwargs):
            convolution = MaskedConv2D(maps, size, kind, channels, **kwargs)
            convolution.build((None, None, None, inputs))
            return convolution

        self.first = conv(width, 7, "A", channels)
        self.recurrent = [LAYERS[layer](units, channels, num_classes) for _ in range(depth)]
        for lstm in self.recurrent:
            lstm.build((None, None, None, width))
        self.widen = [conv(width, 1, "B", units) for _ in range(depth)]
        self.head = [
            conv(head_filters, 1, "B", width),
            conv(head_filters, 1, "B", head_filters),
            conv(outputs, 1, "B", head_filters, dtype=networks.HEAD),
        ]
        self.built = True

    def call(self, image, condition=None):
        width = image.shape[2]
        # Not tf.pad: the conversion to ONNX takes it for the convolution's own padding.
        empty = tf.zeros_like(image[:, :, : self.extra])
        x = self.first(tf.concat([image, empty], 2))  # (B, H, W + extra, 2h)
        for n in range(len(self.widen)):
            x = block(partial(self.residual, n, condition), x)
        for layer in self.head:
            x = layer(tf.nn.relu(x))
        x = x[:, :, :width]
        return tf.reshape(x, (-1, *image.shape[1:], x.shape[-1] // self.channels))

    def residual(self, n, condition, x):
        """Layer n. (B, H, W + extra, 2h) -> the same"""
        return x + self.widen[n](self.recurrent[n](x, condition))
