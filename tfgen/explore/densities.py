"""Densities on a line and on a plane, with their exact masses on cells."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfgen.construct import no_such


@dataclass(frozen=True)
class Density:
    """A distribution of points (D,), D = 1 or 2.

    Args:
        name: What it is called.
        draw: Function (generator, rows) -> points (rows, D) float32.
        cumulative: For D = 1: points (N,) -> P(x <= point), (N,). For D = 2 one function of the
            same for each axis and each of the equally likely parts: points (N,) -> (parts, N).
        low, high: Ends of what is shown, of each axis.
        modes: (M, D) places that a model must find; none where there is one only.
        radius: How near a point must be to a mode to be of it.
    """

    name: str
    draw: Callable
    cumulative: tuple[Callable, ...]
    low: float
    high: float
    modes: np.ndarray | None = None
    radius: float = 0.0

    @property
    def dim(self) -> int:
        """D."""
        return len(self.cumulative)

    def edges(self, cells: int) -> np.ndarray:
        """Ends of so many equal cells of an axis, (cells + 1,)."""
        return np.linspace(self.low, self.high, cells + 1)

    def masses(self, cells: int) -> np.ndarray:
        """The exact mass of each cell, (cells,) or (cells, cells); what lies outside of what is
        shown counts in the outermost cells."""
        ends = self.edges(cells).astype(float)
        ends[0], ends[-1] = -np.inf, np.inf
        axes = [np.diff(np.atleast_2d(c(ends)), axis=1) for c in self.cumulative]  # (parts, cells)
        if self.dim == 1:
            return axes[0].mean(axis=0)
        return np.einsum("kx,ky->xy", *axes) / len(axes[0])

    def counted(self, points: np.ndarray, cells: int) -> np.ndarray:
        """The share of points (N, D) in each cell, as `masses`."""
        inside = np.clip(points, self.low, np.nextafter(self.high, self.low))
        found, _ = np.histogramdd(inside, [self.edges(cells)] * self.dim)
        return found / len(points)

    def covered(self, points: np.ndarray, least: float = 0.2) -> int | None:
        """Modes near which there lie at least `least` of the points that are due there."""
        if self.modes is None:
            return None
        apart = np.linalg.norm(points[:, None] - self.modes[None], axis=-1)  # (N, M)
        share = (apart < self.radius).mean(axis=0)
        return int((share >= least / len(self.modes)).sum())


def mixture(name: str, means: np.ndarray, stddev: float, room: float, modes=True) -> Density:
    """Equally likely Gaussians of one spread at `means` (K, D), shown up to `room` around them."""
    means = np.asarray(means, np.float64)

    def draw(generator, rows):
        chosen = means[generator.integers(0, len(means), rows)]
        return (chosen + stddev * generator.normal(size=chosen.shape)).astype(np.float32)

    def cumulative(axis, points):
        from scipy.special import ndtr

        return ndtr((points[None] - means[:, axis, None]) / stddev)

    axes = tuple(functools.partial(cumulative, axis) for axis in range(means.shape[1]))
    low, high = means.min() - room, means.max() + room
    several = means if modes and len(means) > 1 else None
    return Density(name, draw, axes, low, high, several, 3.0 * stddev)


def normal(mean: float, stddev: float, room: float | None = None) -> Density:
    """N(mean, stddev^2) on a line."""
    name = f"N({mean:g}, {stddev:g})"
    return mixture(name, np.array([[mean]]), stddev, room or 6.0 * stddev)


def student_t(degrees: float) -> Density:
    """Student's t: the fewer degrees of freedom, the heavier the tails."""

    def draw(generator, rows):
        return generator.standard_t(degrees, (rows, 1)).astype(np.float32)

    def cumulative(points):
        from scipy import stats

        return stats.t(degrees).cdf(points)

    name = f"t with {degrees:g} degree{'' if degrees == 1 else 's'}"
    return Density(name, draw, (cumulative,), -8.0, 8.0)


def uniform(low: float = -1.0, high: float = 1.0) -> Density:
    """Uniform between two numbers."""

    def draw(generator, rows):
        return generator.uniform(low, high, (rows, 1)).astype(np.float32)

    def cumulative(points):
        return np.clip((points - low) / (high - low), 0.0, 1.0)

    room = 0.75 * (high - low)
    return Density(f"U({low:g}, {high:g})", draw, (cumulative,), low - room, high + room)


def ring(parts: int = 8) -> Density:
    """Gaussians on a circle of radius 2."""
    angles = 2.0 * math.pi * np.arange(parts) / parts
    means = 2.0 * np.stack([np.cos(angles), np.sin(angles)], 1)
    return mixture(f"ring of {parts}", means, 0.12, 1.2)


def grid(side: int = 5) -> Density:
    """Gaussians on a square grid."""
    at = np.linspace(-2.0, 2.0, side)
    means = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
    return mixture(f"grid of {side * side}", means, 0.08, 0.9)


def spiral(parts: int = 100) -> Density:
    """A spiral of one and a half turns, as many narrow Gaussians."""
    turn = np.sqrt(np.linspace(0.02, 1.0, parts))
    angles = 3.0 * math.pi * turn
    means = 2.3 * turn[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return mixture("spiral", means, 0.08, 0.9, modes=False)


def moons(parts: int = 60) -> Density:
    """Two half circles that reach into each other, as many narrow Gaussians."""
    angles = np.linspace(0.0, math.pi, parts)
    upper = np.stack([np.cos(angles) - 0.5, np.sin(angles) - 0.25], 1)
    means = 1.5 * np.concatenate([upper, -upper])
    return mixture("two moons", means, 0.12, 0.9, modes=False)


DENSITIES = {
    "normal": lambda: normal(4.0, 0.5, 5.0),
    "mixture": lambda: mixture("mixture of 3", np.array([[-3.0], [0.0], [3.0]]), 0.4, 2.0),
    "student_t": lambda: student_t(3.0),
    "uniform": uniform,
    "ring": ring,
    "grid": grid,
    "spiral": spiral,
    "moons": moons,
}


def density(name: str) -> Density:
    """The entry of `DENSITIES`.

    Raises:
        ValueError: There is none.
    """
    if name not in DENSITIES:
        raise ValueError(no_such("density", name, DENSITIES))
    return DENSITIES[name]()


def divergences(p: np.ndarray, q: np.ndarray, floor: float = 1e-6) -> dict[str, float]:
    """JSD and both KL of masses on the same cells, in nats.

    Args:
        p, q: Masses of cells, any shape, each with the sum 1.
        floor: What each cell is raised to in a KL, which is infinite where one has mass and the
            other none.

    Returns:
        "jsd", "kl" (of data p to the model q) and "reverse_kl".
    """
    middle = 0.5 * (p + q)
    low_p, low_q = (np.maximum(x, floor) / np.maximum(x, floor).sum() for x in (p, q))
    return {
        "jsd": 0.5 * (_kl(p, middle) + _kl(q, middle)),
        "kl": _kl(low_p, low_q),
        "reverse_kl": _kl(low_q, low_p),
    }


def _kl(p, q):
    there = p > 0
    return float(np.sum(p[there] * np.log(p[there] / q[there])))


def value(p: np.ndarray, q: np.ndarray, log_d: np.ndarray, log_not_d: np.ndarray) -> float:
    """V(D, G) = E_p log D + E_q log(1 - D) on cells; Goodfellow et al. 2014, equation 1.

    Args:
        p, q: Masses of cells.
        log_d, log_not_d: log D and log(1 - D) in each cell.
    """
    return float(np.sum(p * log_d) + np.sum(q * log_not_d))
