"""A transposed convolution worked out step by step."""

import numpy as np

from tfgen.explore import canvas
from tfgen.explore.explored import Explored, Film, Progress, silent


def transposed(
    side: int = 2,
    kernel: int = 3,
    stride: int = 2,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """A transposed convolution step by step: every input number stamps the kernel.

    Input number (i, j) times the kernel is added to the output at (stride * i, stride * j); where
    stamps overlap they are summed. The same numbers come from zeros between the inputs and an
    ordinary convolution, and from the transposed matrix of the convolution that goes the other
    way, which gives the operation its name. Without a border cut off, as 2x2 -> 5x5.

    Args:
        side: Of the input picture, 1 to 4.
        kernel: Side of the kernel, 1 to 5.
        stride: Distance of neighbouring stamps, 1 to 4.
        seed: Of the kernel's numbers.
        progress: Called with (done, total).

    Returns:
        Numbers: input, kernel, output and the largest difference between the three ways; figures:
        "steps" and the film "stamps".

    Raises:
        ValueError: A size out of its range.
    """
    for name, value, most in (("side", side, 4), ("kernel", kernel, 5), ("stride", stride, 4)):
        if not 1 <= value <= most:
            raise ValueError(
                f"explore transposed: `{name}` must be 1 to {most}. Received: {value}."
            )
    x = np.arange(1, side * side + 1).reshape(side, side)
    w = np.random.default_rng(seed).integers(-2, 4, (kernel, kernel))
    stamps = list(_stamps(x, w, stride))
    sums = np.cumsum(stamps, axis=0)  # (N, S, S)
    out = sums[-1]
    other = max(np.abs(out - way(x, w, stride)).max() for way in (by_zeros, by_matrix))
    frames = []
    for number, (stamp, total) in enumerate(zip(stamps, sums, strict=True)):
        frames.append(_frame(x, w, stamp, total, number))
        progress(number + 1, len(stamps))
    size = out.shape[0]
    return Explored(
        "transposed",
        f"Each of the {x.size} input numbers stamps the {kernel}x{kernel} kernel onto the "
        f"{size}x{size} output, {stride} apart, and overlapping stamps are summed: "
        f"{side}x{side} becomes {size}x{size}, since ({side} - 1) * {stride} + {kernel} = {size}. "
        "Zeros between the inputs and an ordinary convolution, and the transposed matrix of the "
        f"convolution back, give the same numbers (largest difference {other:g}).",
        {
            "input": x,
            "kernel": w,
            "stride": stride,
            "output": out,
            "overlaps": np.sum([s != 0 for s in _stamps(np.ones_like(x), np.ones_like(w), stride)],
                               axis=0),
            "largest_difference_between_ways": other,
        },
        {"steps": _steps(x, w, stamps, out), "stamps": Film(frames, 1.0, 3.0)},
    )  # fmt: skip


def by_zeros(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """The same by zeros between and around the inputs and an ordinary convolution. -> (S, S)"""
    side, kernel = len(x), len(w)
    spread = np.zeros(((side - 1) * stride + 1,) * 2, x.dtype)
    spread[::stride, ::stride] = x
    padded = np.pad(spread, kernel - 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape)
    return np.einsum("ijkl,kl->ij", windows, w[::-1, ::-1])


def by_matrix(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """The same by the transposed matrix of the convolution from output to input. -> (S, S)"""
    side = len(x)
    size = (side - 1) * stride + len(w)
    rows = np.zeros((side, side, size, size), w.dtype)
    for i, j in np.ndindex(side, side):
        rows[i, j, i * stride : i * stride + len(w), j * stride : j * stride + len(w)] = w
    return (rows.reshape(side * side, -1).T @ x.reshape(-1)).reshape(size, size)


def _stamps(x, w, stride):
    size = (len(x) - 1) * stride + len(w)
    for i, j in np.ndindex(*x.shape):
        one = np.zeros((size, size), np.int64)
        one[i * stride : i * stride + len(w), j * stride : j * stride + len(w)] = x[i, j] * w
        yield one


def _steps(x, w, stamps, out):
    """All stamps beside each other, then their sum."""
    columns = min(len(stamps), 4)
    rows = -(-len(stamps) // columns)
    figure = canvas.new(2.4 * columns, 2.5 * (rows + 1))
    places = figure.subplots(rows + 1, columns, squeeze=False)
    for place in places.flat:
        place.axis("off")
    for number, stamp in enumerate(stamps):
        at = tuple(np.argwhere(np.ones_like(x))[number])
        axes = places[number // columns, number % columns]
        _table(axes, stamp, f"{x[at]} x kernel", covered=_covered(x, w, number, len(out)))
    last = [("input", x), ("kernel", w), ("sum of all stamps", out)][-columns:]
    for axes, (title, values) in zip(places[-1], last, strict=False):
        _table(axes, values, title)
    return canvas.pixels(figure)


def _frame(x, w, stamp, total, number):
    figure = canvas.new(9.6, 2.7)
    axes = figure.subplots(1, 4)
    chosen = np.zeros(x.size, bool)
    chosen[number] = True
    _table(axes[0], x, "input", chosen.reshape(x.shape))
    _table(axes[1], w, "kernel")
    covered = _covered(x, w, number, len(total))
    _table(axes[2], stamp, f"stamp {number + 1}: {x.flat[number]} x kernel", covered)
    _table(axes[3], total, "sum so far", covered)
    return canvas.pixels(figure)


def _covered(x, w, number, size):
    stride = (size - len(w)) // max(len(x) - 1, 1)
    i, j = divmod(number, len(x))
    covered = np.zeros((size, size), bool)
    covered[i * stride : i * stride + len(w), j * stride : j * stride + len(w)] = True
    return covered


def _table(axes, values, title, covered=None):
    """Numbers in squares, the covered ones tinted."""
    covered = np.zeros(values.shape, bool) if covered is None else covered
    axes.imshow(covered, cmap="Blues", vmin=0, vmax=3)
    for (i, j), value in np.ndenumerate(values):
        faint = value == 0 and not covered[i, j]
        shade = canvas.colour("quiet" if faint else "data")
        axes.text(j, i, str(value), ha="center", va="center", fontsize=9, color=shade)
    axes.set_xticks(np.arange(-0.5, values.shape[1]), [])
    axes.set_yticks(np.arange(-0.5, values.shape[0]), [])
    axes.tick_params(length=0)
    axes.grid(color="0.8", lw=0.6)
    axes.set_axis_on()
    axes.set_title(title, fontsize=9)
