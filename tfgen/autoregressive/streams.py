"""The network of PixelCNN++: two streams at several resolutions (Salimans et al. 2017, figure 2).

Stream "u" holds at each pixel what lies in the rows above, stream "ul" also what lies to the left
in the pixel's own row; u feeds ul. `stream_sampling` draws from it pixel by pixel.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen.autoregressive.checkpointing import block
from tfgen.autoregressive.shifted import ShiftedConv2D, ShiftedUpsampling2D
from tfgen.networks.basic import HEAD
from tfgen.networks.layers import Dropout


def concat_elu(x: tf.Tensor) -> tf.Tensor:
    """ELU of x and of -x. (..., C) -> (..., 2 C)"""
    return tf.nn.elu(tf.concat([x, -x], -1))


@keras.saving.register_keras_serializable("tfgen")
class GatedResidual(keras.layers.Layer):
    """x + a * sigmoid(b), with a and b from two convolutions and concatenated ELUs.

    Args:
        filters: Maps of x.
        kernel_size: Of both convolutions: (2, 3) in stream u, (2, 2) in stream ul.
        skips: Number of tensors that come in through 1x1 convolutions.
        dropout: Rate between the convolutions.
        num_classes: Classes that move a and b; None for none.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, int],
        skips: int,
        dropout: float = 0.5,
        num_classes: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = tuple(kernel_size)
        self.skips = skips
        self.num_classes = num_classes
        policy = {"dtype": self.dtype_policy}
        self.first = ShiftedConv2D(filters, kernel_size, **policy)
        self.skip: Any = ShiftedConv2D(filters, **policy) if skips else None
        self.dropout = Dropout(dropout, **policy)
        self.second = ShiftedConv2D(2 * filters, kernel_size, init_scale=0.1, **policy)

    def build(self, input_shape: tuple):
        shape = (*input_shape[:-1], 2 * self.filters)
        self.first.build(shape)
        self.second.build(shape)
        if self.skip:
            self.skip.build((*shape[:-1], 2 * self.filters * self.skips))
        self.label_weights = None
        if self.num_classes:
            self.label_weights = self.add_weight(
                name="label_weights",
                shape=(self.num_classes, 2 * self.filters),
                initializer=keras.initializers.RandomNormal(0.0, 0.05),
            )
        self.built = True

    def call(
        self,
        x: tf.Tensor,
        skips: Sequence[tf.Tensor] = (),
        label: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        y = self.first(concat_elu(x))
        if skips:
            y += self.skip(tf.concat([concat_elu(s) for s in skips], -1))
        y = self.dropout(concat_elu(y), training=training)
        y = self.second(y)
        if label is not None:
            y += tf.matmul(tf.cast(label, y.dtype), self.label_weights)[:, None, None]
        a, b = tf.split(y, 2, -1)
        return x + a * tf.sigmoid(b)

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "skips": self.skips}
        own |= {"dropout": self.dropout.rate, "num_classes": self.num_classes}
        return {**super().get_config(), **own}


class Stream(keras.layers.Layer):
    """The layers of one stream: for each resolution those on the way down and those back up."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        sizes: Sequence[tuple[int, int]],
        layers: int,
        filters: int,
        skips: tuple[int, int],
        dropout: float,
        num_classes: int | None,
    ):
        super().__init__()
        last = len(sizes) - 1

        def residuals(count, skips):
            return [
                GatedResidual(filters, kernel_size, skips, dropout, num_classes)
                for _ in range(count)
            ]

        self.down = [residuals(layers, skips[0]) for _ in sizes]
        self.halve = [ShiftedConv2D(filters, kernel_size, 2) for _ in range(last)]
        self.double = [ShiftedUpsampling2D(filters, kernel_size, size) for size in sizes[:-1]]
        self.up = [residuals(layers + (level < last), skips[1]) for level in range(len(sizes))]
        self.sizes, self.filters = sizes, filters

    def build(self, input_shape: tuple | None = None):
        for level, size in enumerate(self.sizes):
            shape = (None, *size, self.filters)
            for layer in (*self.down[level], *self.up[level]):
                layer.build(shape)
            for down in self.halve[level : level + 1]:
                down.build(shape)
            for up in self.double[level : level + 1]:
                up.build(shape)
        self.built = True


@keras.saving.register_keras_serializable("tfgen")
class TwoStreams(keras.layers.Layer):
    """Pixels to the parameters of their distributions. (B, H, W, C) -> (B, H, W, outputs) float32

    Args:
        image_shape: (H, W, C).
        outputs: Parameters of one pixel.
        layers: Gated residual layers in a block; on the way up one more in all but the first.
        filters: Maps of each stream.
        halvings: How often the resolution is halved; blocks are twice this number plus two.
        dropout: Rate in every gated residual layer.
        num_classes: Number of classes; None without labels.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        outputs: int,
        layers: int,
        filters: int,
        halvings: int,
        dropout: float,
        num_classes: int | None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        height, width, channels = image_shape
        self.channels = channels
        self.sizes = [(-(-height // 2**n), -(-width // 2**n)) for n in range(halvings + 1)]
        common = (self.sizes, layers, filters)
        self.first_u = ShiftedConv2D(filters, (2, 3), use_bias=False)
        self.first_above = ShiftedConv2D(filters, (1, 3), use_bias=False)
        self.first_left = ShiftedConv2D(filters, (2, 1), use_bias=False)
        self.u = Stream((2, 3), *common, (0, 1), dropout, num_classes)
        self.ul = Stream((2, 2), *common, (1, 2), dropout, num_classes)
        self.head = ShiftedConv2D(outputs, dtype=HEAD)
        self.filters = filters

    def build(self, input_shape: tuple):
        for layer in (self.first_u, self.first_above, self.first_left):
            layer.build((*input_shape[:-1], self.channels + 1))
        self.u.build()
        self.ul.build()
        self.head.build((*input_shape[:-1], self.filters))
        self.built = True

    def call(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        x = tf.pad(x, [[0, 0], [0, 0], [0, 0], [0, 1]], constant_values=1.0)
        above = tf.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])[:, :-1]
        left = tf.pad(x, [[0, 0], [0, 0], [1, 0], [0, 0]])[:, :, :-1]
        u = self.first_u(above)
        ul = self.first_above(above) + self.first_left(left)
        _, ul = self.level(0, u, ul, label, training)
        return self.head(tf.nn.elu(ul))

    def level(
        self, n: int, u: tf.Tensor, ul: tf.Tensor, label: tf.Tensor | None, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Everything from resolution n on down and back up to it."""

        def passed(layer, x, *skips):
            return block(lambda x, *skips: layer(x, skips, label, training=training), x, *skips)

        kept = [(u, ul)]
        for down_u, down_ul in zip(self.u.down[n], self.ul.down[n], strict=True):
            u = passed(down_u, u)
            ul = passed(down_ul, ul, u)
            kept.append((u, ul))
        if n + 1 < len(self.sizes):
            lower = self.level(n + 1, self.u.halve[n](u), self.ul.halve[n](ul), label, training)
            u, ul = self.u.double[n](lower[0]), self.ul.double[n](lower[1])
        else:
            u, ul = kept.pop()
        for up_u, up_ul in zip(self.u.up[n], self.ul.up[n], strict=True):
            skip_u, skip_ul = kept.pop()
            u = passed(up_u, u, skip_u)
            ul = passed(up_ul, ul, u, skip_ul)
        return u, ul
