"""What is played on a line or a plane, and what was seen of it while it was."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfgen.explore.densities import Density

CELLS = {1: 200, 2: 48}
# From here on a JSD, at most log 2, means that data and samples hardly meet.
APART = 0.6


@dataclass(frozen=True)
class Settings:
    """What is played, and how.

    Args:
        model: "gan" or "vae".
        loss: A name in `tfgen.losses.ADVERSARIAL`; of the GAN.
        discriminator_steps, generator_steps: In one training step; of the GAN.
        discriminator_rate, generator_rate: Of Adam, the VAE's is the second; they fall linearly to
            0 over the second half of the steps.
        batch: Points that each step of D sees, or a step of the VAE.
        stddev: Spread of the VAE's p(x|z); 0 for one that is learned.
        activation: Of the hidden layers of all networks.
        average: Share of the steps over which G's weights are averaged; 0 for the last ones.
    """

    model: str = "gan"
    loss: str = "non_saturating"
    discriminator_steps: int = 1
    generator_steps: int = 1
    discriminator_rate: float = 2e-3
    generator_rate: float = 1e-3
    batch: int = 256
    stddev: float = 0.0
    activation: str = "tanh"
    average: float = 0.0

    def changed(self, name: str, text: str) -> "Settings":
        """With one setting from its text.

        Raises:
            ValueError: No such setting, or another type of value.
        """
        known = {f.name: f.type for f in dataclasses.fields(self)}
        if name not in known:
            raise ValueError(f"compare: unknown {name!r}. Known: {', '.join(known)}.")
        kind = type(getattr(self, name))
        try:
            return dataclasses.replace(self, **{name: kind(text)})
        except ValueError as error:
            raise ValueError(f"compare: {name}={text!r} is no {kind.__name__}.") from error


@dataclass(frozen=True)
class Record:
    """The game at one moment.

    Args:
        step: Training steps taken.
        q: Mass of the model in each cell.
        d: D in each cell: a probability, for a game without one its score; None for a VAE.
        arrows: z (N, D) and G(z) (N, D), those of the VAE the means of p(x|z).
        numbers: What was measured.
    """

    step: int
    q: np.ndarray
    d: np.ndarray | None
    arrows: tuple[np.ndarray, np.ndarray]
    numbers: dict[str, Any]


@dataclass
class Play:
    """A training from its first to its last record.

    Args:
        density: Of the data.
        settings: How it was played.
        records: In the order of the steps.
    """

    density: Density
    settings: Settings
    records: list[Record] = field(default_factory=list)

    @property
    def p(self) -> np.ndarray:
        """The data's mass in each cell."""
        return self.density.masses(CELLS[self.density.dim])

    @property
    def last(self) -> dict[str, Any]:
        return self.records[-1].numbers

    @property
    def diverged(self) -> str:
        """In words why this is no result; "" where it is one."""
        if not math.isfinite(self.last["mean_norm"]):
            return f"diverged: not finite at step {self.records[-1].step}"
        if self.last["jsd"] > APART:
            return f"diverged: JSD {self.last['jsd']:.2f} of at most 0.69"
        return ""

    def over_time(self, name: str) -> np.ndarray:
        """One number of all records."""
        return np.array([r.numbers.get(name, np.nan) for r in self.records], float)
