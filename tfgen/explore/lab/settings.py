"""What one game of the laboratory may be set to: names, ranges, and what changes while it runs."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfgen.construct import no_such

MODELS = ("gan", "vae", "aae")
LOSSES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")
PLAYERS = ("discriminator", "generator", "autoencoder")


@dataclass(frozen=True)
class Option:
    """One setting of a game, as the page shows it and as a message may set it.

    Args:
        name: Field of `Game`.
        said: What it is called on the page.
        choices: The values, for one that is chosen.
        low, high: Ends of a number, both included.
        models: Those that have it.
        fixed: Models for which it cannot change while they learn.
    """

    name: str
    said: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    models: tuple[str, ...] = MODELS
    fixed: tuple[str, ...] = ()

    def checked(self, value: Any) -> Any:
        """The value in the field's type.

        Raises:
            ValueError: Another one.
        """
        default = getattr(_FIRST, self.name)
        if self.choices:
            found = next((c for c in self.choices if str(c) == str(value)), None)
            if found is None:
                raise ValueError(no_such(self.said.lower(), value, self.choices))
            return found
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        whole = isinstance(default, int)
        if not self.low <= number <= self.high or (whole and number != int(number)):
            kind = "a whole number" if whole else "a number"
            raise ValueError(
                f"{self.said}: expected {kind} from {self.low:g} to {self.high:g}. "
                f"Received: {value!r}."
            )
        return int(number) if whole else number


@dataclass(frozen=True)
class Game:
    """How one model learns.

    Args:
        model: A name in `MODELS`.
        loss: A name in `LOSSES`; of GAN and AAE.
        penalty: "none", "gradient_penalty" or "r1"; of the GAN.
        penalty_weight: Of the penalty.
        discriminator_steps, generator_steps: In one training step; of the GAN.
        discriminator_rate, generator_rate: Of Adam. The second is that of G, or of encoder and
            decoder.
        batch: Points that each step of D sees, or a step of the others.
        width: Units of each of two hidden layers.
    """

    model: str = "gan"
    loss: str = "non_saturating"
    penalty: str = "none"
    penalty_weight: float = 1.0
    discriminator_steps: int = 1
    generator_steps: int = 1
    discriminator_rate: float = 2e-3
    generator_rate: float = 1e-3
    batch: int = 256
    width: int = 64

    def changed(self, values: Mapping[str, Any]) -> "Game":
        """With other settings.

        Raises:
            ValueError: No such setting, or no such value.
        """
        for name in values:
            if name not in OPTIONS:
                raise ValueError(no_such("setting", name, OPTIONS))
        found = {name: OPTIONS[name].checked(value) for name, value in values.items()}
        return dataclasses.replace(self, **found)

    def text(self) -> str:
        """What is no default, as "loss:minimax,width:32"."""
        mine = dataclasses.asdict(self).items()
        return ",".join(f"{k}:{plain(v)}" for k, v in mine if v != getattr(_FIRST, k))


_FIRST = Game()
OPTIONS = {
    option.name: option
    for option in (
        Option("model", "Model", MODELS, fixed=MODELS),
        Option("loss", "Loss", LOSSES, models=("gan", "aae"), fixed=("aae",)),
        Option("penalty", "Penalty", ("none", "gradient_penalty", "r1"), models=("gan",)),
        Option("penalty_weight", "Weight of the penalty", (), 0.0, 100.0, ("gan",)),
        Option("discriminator_steps", "Steps of D (k)", (), 1, 10, ("gan",)),
        Option("generator_steps", "Steps of G", (), 1, 10, ("gan",)),
        Option("discriminator_rate", "Rate of D", (), 0.0, 0.1, ("gan", "aae")),
        Option("generator_rate", "Rate of G", (), 0.0, 0.1),
        Option("batch", "Batch", (16, 64, 256, 1024)),
        Option("width", "Width", (16, 32, 64, 128), fixed=MODELS),
    )
}


def allow_change(game: Game, name: str) -> None:
    """ValueError for a setting that a game lacks, or that is settled before the first step."""
    if name not in OPTIONS:
        raise ValueError(no_such("setting", name, OPTIONS))
    option = OPTIONS[name]
    if game.model not in option.models:
        raise ValueError(f"{option.said}: a game of {game.model.upper()} has no such setting.")
    if game.model in option.fixed:
        raise ValueError(
            f"{option.said} is settled before the first step: begin anew to change it."
        )


def change(name: str, value: Any) -> Any:
    """The value of a setting, checked."""
    return getattr(Game().changed({name: value}), name)


def plain(value: Any) -> str:
    """A value as text that is read back as it was."""
    return repr(value) if isinstance(value, float) else str(value)
