"""Sampling from `tfgen.autoregressive.streams.TwoStreams` with every computation done once.

Ramachandran et al. 2017, https://arxiv.org/abs/1704.06001: activations are kept, and the layers of
a lower resolution run at every second row and column only. Stream u advances a row at a time,
stream ul a pixel at a time. What a pixel gives to the row below it is computed with the pixel and
kept; what u and the finished rows give to a row is there before its first pixel.

Loop bodies must not capture eager tensors, which an ONNX file loses.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen.autoregressive.shifted import effective_kernel
from tfgen.autoregressive.stream_steps import GatePixel, GateRow, RowConv, bias_of
from tfgen.probability.likelihoods import sample_mixture

if TYPE_CHECKING:
    from tfgen.autoregressive.streams import TwoStreams


def sample(
    network: "TwoStreams",
    levels: int,
    u: tf.Tensor,
    label: tf.Tensor | None = None,
    given: tuple[tf.Tensor, tf.Tensor] | None = None,
) -> tf.Tensor:
    """Pictures from uniform numbers, (B, H, W, C) in [-1, 1].

    Args:
        network: A `TwoStreams` whose outputs are the parameters of a logistic mixture.
        levels: Number of levels of a sub-pixel.
        u: Uniform numbers in [0, 1), (B, H, W, C), one a sub-pixel.
        label: One-hot (B, Y), or None.
        given: (known bool (B, H, W, C), image (B, H, W, C)): where known, the image is kept.
    """
    plan = u if given is None else tf.concat([u, tf.cast(given[0], u.dtype), given[1]], -1)
    plan = tf.transpose(plan, (1, 2, 0, 3))  # (H, W, B, C or 3C)
    return tf.ensure_shape(_Sampler(network, tf.shape(u)[0], levels, label).run(plan), u.shape)


class _Sampler:
    """One traced sampling. Rows of u are (B, W, n); what ul keeps of a row is (W, B, n).

    State between rows, for each resolution: `caches` of u, and `kept` of ul. State between pixels,
    for each resolution: `left`. Row r and column j are counted in the resolution's own pixels.
    """

    def __init__(self, network, size, levels, label):
        self.size, self.levels, self.dtype = size, levels, network.compute_dtype
        self.filters, self.sizes, self.channels = network.filters, network.sizes, network.channels
        self.last = len(network.sizes) - 1
        u, ul = network.u, network.ul
        self.u_down = [[GateRow(layer, label) for layer in block] for block in u.down]
        self.u_up = [[GateRow(layer, label) for layer in block] for block in u.up]
        self.down = [[GatePixel(layer, label) for layer in block] for block in ul.down]
        self.up = [[GatePixel(layer, label) for layer in block] for block in ul.up]
        self.count = [len(a) + len(b) for a, b in zip(self.down, self.up, strict=True)]
        self.u_halve = [RowConv(layer) for layer in u.halve]
        self.halve = [RowConv(layer) for layer in ul.halve]
        self.u_double = [(layer, effective_kernel(layer), bias_of(layer)) for layer in u.double]
        self.double = [(effective_kernel(layer), bias_of(layer)) for layer in ul.double]
        self.first_u, self.first_above = RowConv(network.first_u), RowConv(network.first_above)
        self.first_left = effective_kernel(network.first_left)[:, 0]  # (2, C + 1, F)
        self.head = effective_kernel(network.head)[0, 0], bias_of(network.head)

    def run(self, plan):
        """(H, W, B, C or 3C) -> (B, H, W, C)"""
        height, width = self.sizes[0]
        shape = (width, None, self.channels)

        def row(r, picture, pixels, caches, kept):
            u = self.first_u.rows(tf.stack(pixels, 1))
            start = self.above(pixels[1])
            _, caches, contexts = self.u_level(0, r, u, caches, kept, start)
            values, kept = self.pixels(r, plan[r], contexts, kept)
            new = self.with_ones(tf.transpose(values, (1, 0, 2)))  # (B, W, C + 1)
            return r + 1, picture.write(r, values), [pixels[1], new], caches, kept

        levels = range(self.last + 1)
        start = (
            tf.constant(0),
            tf.TensorArray(tf.float32, height, element_shape=shape),
            [self.zeros(width, self.channels + 1)] * 2,
            [self.no_cache(n) for n in levels],
            [self.no_columns(n, self.kept_width(n)) for n in levels],
        )
        picture = tf.while_loop(lambda r, *_: r < height, row, start)[1].stack()
        return tf.transpose(picture, (2, 0, 1, 3))

    def zeros(self, *shape):
        return tf.zeros((self.size, *shape), self.dtype)

    def no_columns(self, n, width):
        return tf.transpose(self.zeros(self.sizes[n][1], width), (1, 0, 2))

    def with_ones(self, values):
        padding = [[0, 0]] * (len(values.shape) - 1) + [[0, 1]]
        return tf.pad(tf.cast(values, self.dtype), padding, constant_values=1.0)

    def kept_width(self, n):
        """Numbers that a pixel of ul leaves behind at resolution n.

        3 F a layer for the row below; F for the lower resolution; F for the higher one.
        """
        return self.filters * (3 * self.count[n] + (n < self.last) + (n > 0))

    def context_width(self, n):
        """3 F a layer; F to begin with; F from the lower resolution at odd rows."""
        return self.filters * (3 * self.count[n] + 1 + (n < self.last))

    def no_cache(self, n):
        """What u keeps of a row: inputs of its convolutions, and one row to and from below."""
        width, f = self.sizes[n][1], self.filters
        layers = [[self.zeros(width, 2 * f) for _ in range(2)] for _ in range(self.count[n])]
        return {"layers": layers, "halve": self.zeros(width, f), "double": self.zeros(width, f)}

    def u_level(self, n, r, u, caches, kept, start):
        """Advances u by row r at resolution n and below.

        Returns:
            u (B, W, F); the caches, and the contexts (W, B, n) of the row's pixels, as lists from
            resolution n on.
        """
        cache, feeds, above = caches[0], [], [u]
        down, up, new = self.u_down[n], self.u_up[n], {"layers": []}
        for layer, old, pixel in zip(down, cache["layers"], self.down[n], strict=False):
            u, state = layer(u, old)
            new["layers"].append(state)
            feeds.append(pixel.fed(u))
            above.append(u)
        new["halve"], new["double"] = u, cache["double"]
        lower_caches, contexts, spread = [], [], []
        if n < self.last:
            u, new["double"], lower_caches, contexts, *spread = self.u_lower(n, r, u, caches, kept)
        else:
            above.pop()
        for layer, old, pixel in zip(up, cache["layers"][len(down) :], self.up[n], strict=True):
            u, state = layer(u, old, above.pop())
            new["layers"].append(state)
            feeds.append(pixel.fed(u))
        given = kept[n][..., : 3 * self.filters * self.count[n]]
        given += tf.transpose(tf.concat(feeds, -1), (1, 0, 2))
        return u, [new, *lower_caches], [tf.concat([given, start, *spread], -1), *contexts]

    def u_lower(self, n, r, u, caches, kept):
        """What the lower resolution gives to row r of u and keeps for row r + 1.

        It runs at even rows. At odd ones the finished row of ul below gives its second half, which
        the pixels will add: the last result.
        """
        layer, kernel, bias = self.u_double[n]

        def run():
            lower = self.u_halve[n].rows(tf.stack([caches[0]["halve"], u], 1))
            start = self.halved(n, kept)
            out, *lower = self.u_level(n + 1, r // 2, lower, caches[1:], kept, start)
            now, following = tf.unstack(layer.spread(out[:, None], kernel) + bias, axis=1)
            return now, following, *lower

        double = caches[0]["double"]
        contexts = [self.no_columns(m, self.context_width(m)) for m in range(n + 1, self.last + 1)]
        even = tf.equal(r % 2, 0)
        result = when(even, run, (double, double, caches[1:], contexts))
        none = self.no_columns(n, self.filters)
        return *result, when(~even, lambda: self.doubled(n, kept), none)

    def above(self, pixels):
        """What the row above gives to the first layer, (W, B, F)."""
        diagonal = tf.pad(pixels, [[0, 0], [1, 0], [0, 0]])[:, :-1]
        row = self.first_above.rows(pixels[:, None])
        row += tf.tensordot(diagonal, self.first_left[0], 1)
        return tf.transpose(row, (1, 0, 2))

    def halved(self, n, kept):
        """What row r - 1 of ul gives to row r / 2 of the lower resolution, (W / 2, B, F)."""
        first, width = 3 * self.filters * self.count[n], self.sizes[n][1]
        above = kept[n][..., first : first + self.filters]
        above = tf.pad(above, [[1, width % 2], [0, 0], [0, 0]])  # Column j is at j + 1.
        kernel = self.halve[n].kernel[0]
        left, own = above[:-1:2], above[1::2]
        return (
            tf.tensordot(left, kernel[0], 1) + tf.tensordot(own, kernel[1], 1) + self.halve[n].bias
        )

    def doubled(self, n, kept):
        """What the row of the lower resolution gives to its second row, (W, B, F)."""
        kernel, bias = self.double[n]
        out = kept[n + 1][..., -self.filters :]  # (W / 2, B, F)
        halves = tf.stack([tf.tensordot(out, kernel[1, b], 1) for b in range(2)], 1) + bias
        shape = (2 * self.sizes[n + 1][1], self.size, self.filters)
        return tf.reshape(halves, shape)[: self.sizes[n][1]]

    def pixels(self, r, plan, contexts, kept):
        """Values (W, B, C) of a row, and what it leaves, (W, B, n) a resolution."""
        width, f = self.sizes[0][1], self.filters
        left = [
            {
                "layers": [[self.zeros(2 * f) for _ in range(2)] for _ in range(self.count[n])],
                "halve": self.zeros(f),
                "right": self.zeros(f),
                "kept": self.zeros(self.kept_width(n)),
            }
            for n in range(self.last + 1)
        ]

        def pixel(j, values, written, previous, left):
            x = tf.matmul(previous, self.first_left[1])
            x, left = self.level(0, r, j, x, contexts, left)
            value = self.draw(x, plan[j])
            written = [a.write(j, state["kept"]) for a, state in zip(written, left, strict=True)]
            return j + 1, values.write(j, value), written, self.with_ones(value), left

        start = (
            tf.constant(0),
            tf.TensorArray(tf.float32, width, element_shape=(None, self.channels)),
            [
                tf.TensorArray(self.dtype, width, element_shape=state["kept"].shape)
                for state in left
            ],
            self.zeros(self.channels + 1),
            left,
        )
        _, values, written, _, _ = tf.while_loop(lambda j, *_: j < width, pixel, start)
        # A resolution that did not run at this row keeps the row it has.
        kept = [
            array.stack()[:: 1 << n]
            if n == 0
            else tf.where(tf.equal(r % (1 << n), 0), array.stack()[:: 1 << n], kept[n])
            for n, array in enumerate(written)
        ]
        return values.stack(), kept

    def draw(self, x, plan):
        """Values (B, C) of the pixel whose last features are x (B, F)."""
        kernel, bias = self.head
        parameters = tf.matmul(tf.cast(tf.nn.elu(x), tf.float32), kernel) + bias
        c, given, hidden = self.channels, None, None
        if plan.shape[-1] > c:
            given, hidden = plan[:, 2 * c :], plan[:, c : 2 * c] < 0.5
        return sample_mixture(parameters, plan[:, :c], self.levels, given, hidden)

    def level(self, n, r, j, x, contexts, left):
        """Stream ul at pixel (r, j) of resolution n and below.

        Returns:
            ul (B, F); and what it leaves to the right, as a list from resolution n on.
        """
        count, f = self.count[n], self.filters
        context = contexts[0][j]
        sizes = [f, 2 * f] * count + [f] * (context.shape[-1] // f - 3 * count)
        parts = tf.split(context, sizes, -1)
        x += parts[2 * count]
        skips, new, below, lower_left = [x], {"layers": []}, [], list(left[1:])

        def apply(layer, x, skip=None):
            i = len(new["layers"])
            x, state, given = layer(x, left[0]["layers"][i], *parts[2 * i : 2 * i + 2], skip)
            new["layers"].append(state)
            below.extend(given)
            return x

        for layer in self.down[n]:
            x = apply(layer, x)
            skips.append(x)
        new["halve"], new["right"], bottom = x, left[0]["right"], x
        if n < self.last:
            x, new["right"], lower_left = self.lower(n, r, j, x, contexts, left, parts[-1])
        else:
            skips.pop()
        for layer in self.up[n]:
            x = apply(layer, x, skips.pop())
        below += [bottom] * (n < self.last) + [x] * (n > 0)
        new["kept"] = tf.concat(below, -1)
        return x, [new, *lower_left]

    def lower(self, n, r, j, x, contexts, left, second):
        """What the lower resolution gives to pixel (r, j) and to the one right of it.

        It runs where both are even. At odd rows its part is there already: `second`.
        """

        def run():
            kernel = tf.reshape(self.halve[n].kernel[1], (2 * self.filters, self.filters))
            start = tf.matmul(tf.concat([left[0]["halve"], x], -1), kernel)
            out, state = self.level(n + 1, r // 2, j // 2, start, contexts[1:], left[1:])
            kernel, bias = self.double[n]
            return *(tf.matmul(out, kernel[0, b]) + bias for b in range(2)), state

        right = left[0]["right"]
        otherwise = (tf.where(tf.equal(r % 2, 0), right, second), right, left[1:])
        return when(tf.equal(r % 2 + j % 2, 0), run, otherwise)


def when(condition: tf.Tensor, function: Callable, otherwise: Any):
    """The results of `function()` where the condition holds; other values of the same structure.

    A loop of one turn or none, because the conversion to ONNX loses shapes inside of `tf.cond`.
    """

    def once(_, values):
        result = tf.nest.map_structure(
            lambda new, old: tf.ensure_shape(new, old.shape), function(), values
        )
        return tf.constant(False), result

    return tf.while_loop(lambda go, _: go, once, (condition, otherwise))[1]
