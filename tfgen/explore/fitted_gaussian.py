"""One Gaussian fitted to a mixture under three divergences: covering against seeking."""

import numpy as np

from tfgen.explore import canvas
from tfgen.explore.explored import Explored, Film, Progress, silent

NAMES = {
    "kl": ("KL(p || q)", "exact"),
    "reverse_kl": ("KL(q || p)", "D"),
    "jsd": ("JSD(p, q)", "model"),
}
CELLS = 2001
STEPS, RATE, FRAMES = 250, 0.1, 40
# Where descents begin: (mean, standard deviation) of q in units of the distance of the modes.
STARTS = ((0.05, 0.3), (0.5, 0.15), (-0.5, 0.15), (0.1, 0.6))


def divergences(
    distance: float = 5.0,
    stddev: float = 0.7,
    weight: float = 0.6,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """One Gaussian fitted to two modes under KL, reverse KL and JSD: covering against seeking.

    Maximum likelihood is KL(p || q): where the data are, q may not be 0, so q covers both modes
    and the valley between them. KL(q || p) is the other way round: where q is, the data may not be
    0, so q seeks one mode. JSD lies between them, and is what the first GAN's G descends when D is
    optimal. Each is minimised over mean and logarithm of the spread by gradient descent on the
    exact integral, from four starts; the lowest end is shown.

    Args:
        distance: Of the two modes.
        stddev: Of each of them.
        weight: Of the right one, between 0 and 1.
        seed: Moves the starts by a hundredth of the distance.
        progress: Called with (done, total).

    Returns:
        Numbers: for each divergence the mean, the spread, all three divergences in nats and the
        share of q in the valley, where p is below a hundredth of its peak; the moments of p, which
        the optimum under KL(p || q) has exactly. Figures: "fitted" and the film "descent".

    Raises:
        ValueError: A number out of its range.
    """
    if not (0 < distance <= 100 and 0 < stddev <= 10 and 0 < weight < 1):
        raise ValueError(
            "explore divergences: `distance` must lie in (0, 100], `stddev` in (0, 10] and "
            f"`weight` in (0, 1). Received: {distance}, {stddev}, {weight}."
        )
    reach = distance / 2 + 8 * max(stddev, distance / 4)
    x = np.linspace(-reach, reach, CELLS)
    log_p = np.logaddexp(
        np.log(1 - weight) + _log_normal(x, -distance / 2, stddev),
        np.log(weight) + _log_normal(x, distance / 2, stddev),
    )
    moved = 0.01 * distance * np.random.default_rng(seed).normal(size=len(STARTS))
    starts = [
        np.array([m * distance + shift, np.log(s * distance)])
        for (m, s), shift in zip(STARTS, moved, strict=True)
    ]
    paths, done = {}, 0
    for name in NAMES:
        found = []
        for start in starts:
            found.append(_descent(name, x, log_p, start))
            done += 1
            progress(done, len(NAMES) * len(starts))
        paths[name] = min(found, key=lambda path: between(name, x, log_p, path[-1]))
    mean = (2 * weight - 1) * distance / 2
    spread = float(np.sqrt(stddev**2 + distance**2 / 4 - mean**2))
    numbers = {name: _numbers(x, log_p, path[-1]) for name, path in paths.items()}
    covering, seeking = numbers["kl"], numbers["reverse_kl"]
    return Explored(
        "divergences",
        f"KL(p || q) covers: its Gaussian has the moments of both modes together (mean "
        f"{covering['mean']:.2f}, spread {covering['stddev']:.2f}) and {covering['valley']:.0%} of "
        f"itself where hardly any data are. KL(q || p) seeks: mean {seeking['mean']:.2f}, spread "
        f"{seeking['stddev']:.2f}, {seeking['valley']:.0%} there. JSD: mean "
        f"{numbers['jsd']['mean']:.2f}, spread {numbers['jsd']['stddev']:.2f}, "
        f"{numbers['jsd']['valley']:.0%} there.",
        {"p": {"mean": mean, "stddev": spread}, **numbers},
        {"fitted": _fitted(x, log_p, paths), "descent": _film(x, log_p, paths)},
    )


def between(name: str, x: np.ndarray, log_p: np.ndarray, theta: np.ndarray) -> float:
    """A divergence of p and N(theta[0], exp(theta[1])^2) in nats, as an integral over `x`."""
    log_q = _log_normal(x, theta[0], np.exp(theta[1]))
    p, q, dx = np.exp(log_p), np.exp(log_q), x[1] - x[0]
    if name == "kl":
        return float(np.sum(p * (log_p - log_q)) * dx)
    if name == "reverse_kl":
        return float(np.sum(q * (log_q - log_p)) * dx)
    middle = np.logaddexp(log_p, log_q) - np.log(2.0)
    return float(0.5 * np.sum(p * (log_p - middle) + q * (log_q - middle)) * dx)


def _log_normal(x, mean, stddev):
    return -0.5 * ((x - mean) / stddev) ** 2 - np.log(stddev) - 0.5 * np.log(2 * np.pi)


def _descent(name, x, log_p, start):
    """(STEPS + 1, 2) path of gradient descent, its steps bounded and halved where they go up."""
    theta, path, rate = start, [start], RATE
    value = between(name, x, log_p, theta)
    for _ in range(STEPS):
        # The Fisher information of a Gaussian, 1 / s^2 and 2: steps of one size for any scale.
        scale = np.array([np.exp(2 * theta[1]), 0.5])
        gradient = scale * _gradient(name, x, log_p, theta)
        bound = np.array([np.exp(theta[1]), 0.5])
        new = theta - np.clip(rate * gradient, -bound, bound)
        at = between(name, x, log_p, new)
        if at <= value:
            theta, value, rate = new, at, min(1.1 * rate, 2.0)
        else:
            rate *= 0.5
        path.append(theta)
    return np.array(path)


def _gradient(name, x, log_p, theta, small=1e-5):
    ends = [theta + small * e for e in (*np.eye(2), *-np.eye(2))]
    right, up, left, down = (between(name, x, log_p, end) for end in ends)
    return np.array([right - left, up - down]) / (2 * small)


def _numbers(x, log_p, theta):
    q = np.exp(_log_normal(x, theta[0], np.exp(theta[1])))
    valley = log_p < log_p.max() - np.log(100.0)
    return {
        "mean": float(theta[0]),
        "stddev": float(np.exp(theta[1])),
        "valley": float(np.sum(q[valley]) * (x[1] - x[0])),
        **{name: between(name, x, log_p, theta) for name in NAMES},
    }


def _draw(axes, x, log_p, theta, name):
    title, shade = NAMES[name]
    q = np.exp(_log_normal(x, theta[0], np.exp(theta[1])))
    axes.fill_between(x, np.exp(log_p), color=canvas.colour("data"), alpha=0.18, lw=0)
    axes.plot(x, np.exp(log_p), color=canvas.colour("data"), lw=1, label="p, data")
    axes.plot(x, q, color=canvas.colour(shade), lw=2, label="q, one Gaussian")
    shown = np.abs(x) < x[-1] * 0.5
    top = max(1.35 * np.exp(log_p).max(), 1.1 * min(q.max(), 2.0 * np.exp(log_p).max()))
    text = f"{title} = {between(name, x, log_p, theta):.3f}"
    canvas.tidy(axes, text, xlim=(x[shown][0], x[shown][-1]), ylim=(0, top))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _fitted(x, log_p, paths):
    figure = canvas.new(11, 3.2)
    for axes, (name, path) in zip(figure.subplots(1, 3), paths.items(), strict=True):
        _draw(axes, x, log_p, path[-1], name)
        axes.legend(fontsize=8, frameon=False, loc="upper left")
    return canvas.pixels(figure)


def _film(x, log_p, paths):
    # Most happens at the start of a descent.
    steps = np.unique((np.linspace(0, 1, FRAMES) ** 2 * STEPS).astype(int))
    frames, figure = [], canvas.new(11, 2.8)
    places = figure.subplots(1, 3)
    for step in steps:
        for axes, (name, path) in zip(places, paths.items(), strict=True):
            axes.clear()
            _draw(axes, x, log_p, path[step], name)
            axes.set_xlabel(f"step {step}", fontsize=8)
        frames.append(canvas.pixels(figure))
    return Film(frames, 0.12)
