"""Two networks that grow from 4x4 pictures on, and when they grow. Karras et al. 2017.

Level n draws and judges pictures of side 4 * 2^n. All levels exist from the start, so that weights,
optimizer slots and checkpoints have one form; a level that has not begun is not used.
"""

import math
from dataclasses import dataclass

import keras

from tfgen.networks.basic import HEAD, under_its_name
from tfgen.networks.equalized import (
    GAIN,
    EqualizedConv2D,
    EqualizedDense,
    EqualizedProjection,
    blend,
    doubled,
    leaky,
    pixel_norm,
    shrunk,
    with_deviation,
)


@dataclass(frozen=True)
class Stage:
    """What is trained.

    Args:
        level: Of the pictures: their side is 4 * 2^level.
        fading: Whether the level is being blended in.
    """

    level: int
    fading: bool

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return 4 << self.level

    @property
    def number(self) -> int:
        """0 for 4x4, 1 and 2 for 8x8 fading and stable, and so on."""
        return 2 * self.level - self.fading


@dataclass(frozen=True)
class Schedule:
    """The stages in order, in images shown.

    Args:
        stable: Images of each level on its own.
        fade: Images over which each level is blended in; that of level 0 is not used.
        batch: Images in one update at each level, over all replicas; None for the whole batch.
    """

    stable: tuple[int, ...]
    fade: tuple[int, ...]
    batch: tuple[int, ...] | None = None

    def begin(self, level) -> int:
        """Images shown when the level begins."""
        return sum(self.stable[:level]) + sum(self.fade[1:level])

    def stage(self, shown) -> Stage:
        """The stage of the next step after so many images."""
        level = max(n for n in range(len(self.stable)) if n == 0 or shown >= self.begin(n))
        fading = level > 0 and shown < self.begin(level) + self.fade[level]
        return Stage(level, fading)

    def numbered(self, number) -> Stage:
        """The stage of this `Stage.number`."""
        return Stage((number + 1) // 2, number % 2 == 1)

    def updates(self, stage, rows, replicas) -> int:
        """How many updates a batch is cut into.

        Args:
            stage: That is trained.
            rows: Of the batch on each replica; None where it is not known.
            replicas: Their number.

        Raises:
            ValueError: The rows are not known, or cannot be cut so.
        """
        if self.batch is None:
            return 1
        if rows is None:
            raise ValueError("`batch_sizes` needs batches of one size: set drop_remainder=True.")
        wanted = self.batch[stage.level]
        count = max(1, rows * replicas // wanted)
        if count > 1 and (wanted * count != rows * replicas or rows % count):
            raise ValueError(
                f"`batch_sizes`: updates of {wanted} images at {stage.side}x{stage.side} "
                f"do not divide a batch of {rows * replicas} on {replicas} replicas."
            )
        return count


def levels(image_shape) -> int:
    """How many levels there are up to pictures of this shape.

    Raises:
        ValueError: The picture is not square, or its side is no power of two from 4 on.
    """
    height, width, channels = image_shape
    if height != width or height < 4 or height & (height - 1):
        raise ValueError(
            "`image_shape` must be square with a side that is a power of two: 4, 8, 16, 32, .... "
            f"Received: {tuple(image_shape)}; bring pictures to such a size (image_size of "
            "tfgen.data)."
        )
    if channels not in (1, 3):
        raise ValueError(f"`image_shape` must have 1 or 3 channels. Received: {channels}.")
    return int(math.log2(height)) - 1


def each_level(name, numbers, count, least):
    """One number a level: the given ones, and the last of them for the rest.

    Raises:
        ValueError: No numbers, too many, or one that is too small.
    """
    whole = all(type(n) is int and n >= least for n in numbers)
    if not numbers or len(numbers) > count or not whole:
        raise ValueError(
            f"`{name}` must hold one to {count} whole numbers of at least {least}, for the sides "
            f"{', '.join(str(4 << n) for n in range(count))}. Received: {numbers}."
        )
    return tuple(numbers) + (numbers[-1],) * (count - len(numbers))


class ProgressiveGenerator(keras.layers.Layer):
    """From a code to a picture of any level. Section 2 and table 2.

    Args:
        latent_dim: Length of the code.
        maps: Feature maps of each level.
        channels: Of the pictures.
        name: Of the network.
    """

    @under_its_name
    def __init__(self, latent_dim, maps, channels, name=None):
        super().__init__(name=name)
        widths = [maps[0], *maps]
        # The paper's gain: a fan-in of 16 times the code, as for a 4x4 convolution.
        self.first = EqualizedProjection(maps[0], 4, gain=GAIN / 4.0, name="g_4_first")
        self.first.build((None, latent_dim))
        self.convolutions, self.to_rgb = [], []
        for level, width in enumerate(maps):
            side = 4 << level
            pair = [_conv(width, width, f"g_{side}_conv_1")]
            if level:
                pair.insert(0, _conv(widths[level], width, f"g_{side}_conv_0"))
            self.convolutions.append(pair)
            self.to_rgb.append(_conv(width, channels, f"g_{side}_rgb", 1, gain=1.0, dtype=HEAD))
        self.built = True

    def active(self, stage):
        """The layers that this stage uses."""
        used = [self.first, *sum(self.convolutions[: stage.level + 1], [])]
        return used + self.to_rgb[stage.level - stage.fading : stage.level + 1]

    def pictures(self, z, stage, alpha):
        """(B, Z) -> (B, S, S, C); `alpha` blends from the level below, 0 to 1, where it fades."""
        x = pixel_norm(leaky(self.first(pixel_norm(z))))  # (B, 4, 4, F)
        x = self._level(x, 0)
        for level in range(1, stage.level + 1):
            before, x = x, self._level(doubled(x), level)
        new = self.to_rgb[stage.level](x)
        if not stage.fading:
            return new
        return blend(doubled(self.to_rgb[stage.level - 1](before)), new, alpha)

    def _level(self, x, level):
        for convolution in self.convolutions[level]:
            x = pixel_norm(leaky(convolution(x)))
        return x


class ProgressiveDiscriminator(keras.layers.Layer):
    """From a picture of any level to one number: the generator's mirror image.

    Args:
        maps: Feature maps of each level.
        channels: Of the pictures.
        group: Rows over which the minibatch standard deviation is taken.
        name: Of the network.
    """

    @under_its_name
    def __init__(self, maps, channels, group, name=None):
        super().__init__(name=name)
        self.group = group
        self.convolutions, self.from_rgb = [], []
        for level, width in enumerate(maps):
            side = 4 << level
            self.from_rgb.append(_conv(channels, width, f"d_{side}_rgb", 1))
            if level:
                first = _conv(width, width, f"d_{side}_conv_0")
                pair = [first, _conv(width, maps[level - 1], f"d_{side}_conv_1")]
            else:
                pair = [_conv(width + 1, width, "d_4_conv_0")]
            self.convolutions.append(pair)
        self.dense = EqualizedDense(maps[0], name="d_4_dense")
        self.dense.build((None, 16 * maps[0]))
        self.head = EqualizedDense(1, gain=1.0, name="d_4_head", dtype=HEAD)
        self.head.build((None, maps[0]))
        self.built = True

    def active(self, stage):
        """The layers that this stage uses."""
        used = [self.dense, self.head, *sum(self.convolutions[: stage.level + 1], [])]
        return used + self.from_rgb[stage.level - stage.fading : stage.level + 1]

    def scores(self, x, stage, alpha):
        """(B, S, S, C) -> (B, 1)"""
        top = stage.level
        y = leaky(self.from_rgb[top](x))
        for level in range(top, 0, -1):
            for convolution in self.convolutions[level]:
                y = leaky(convolution(y))
            y = shrunk(y)
            if level == top and stage.fading:
                y = blend(leaky(self.from_rgb[top - 1](shrunk(x))), y, alpha)
        y = leaky(self.convolutions[0][0](with_deviation(y, self.group)))
        y = keras.ops.reshape(y, (-1, 16 * y.shape[-1]))  # (B, 16 F)
        return self.head(leaky(self.dense(y)))


def _conv(inputs, maps, name, size=3, **arguments):
    layer = EqualizedConv2D(maps, size, name=name, **arguments)
    layer.build((None, None, None, inputs))
    return layer
