"""What the laboratory plays, as plain values: settings, changes on the way, the step; and as a link.

    #data=ring&seed=0&a=loss:wasserstein,penalty:gradient_penalty&b=model:vae&step=1200

What is not in a link has its default. `log` holds what was changed while it ran, so that a link
leads to the same weights: "300:a:discriminator_steps:5" before step 300, "310:ab:alone:generator*4"
for four steps of one player.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tfgen.construct import no_such
from tfgen.explore.densities import DENSITIES
from tfgen.explore.lab.drawn import DRAWN

MODELS = ("gan", "vae", "aae")
LOSSES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")
PLAYERS = ("discriminator", "generator", "autoencoder")
NAMES = "abc"
MOST_EVENTS = 400
MOST_STEPS = 100_000
MOST_SEED = 2**31 - 1


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
        return ",".join(f"{k}:{_short(v)}" for k, v in mine if v != getattr(_FIRST, k))


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
        Option("width", "Width of the networks", (16, 32, 64, 128), fixed=MODELS),
    )
}


@dataclass(frozen=True)
class Event:
    """What was done before a step.

    Args:
        step: Training steps taken until then.
        games: Whose, as positions.
        name: The setting that changed; "alone" where one player moved without the others.
        value: Its new value; for "alone" the player.
        times: Steps that the player moved alone.
    """

    step: int
    games: tuple[int, ...]
    name: str
    value: Any
    times: int = 1

    def text(self) -> str:
        who = "".join(NAMES[i] for i in self.games)
        more = f"*{self.times}" if self.times > 1 else ""
        return f"{self.step}:{who}:{self.name}:{_short(self.value)}{more}"


@dataclass(frozen=True)
class State:
    """All that makes the weights what they are.

    Args:
        data: A name in `tfgen.explore.densities.DENSITIES`, or "line" or "plane" for one drawn by
            hand.
        drawing: The drawn one, see `tfgen.explore.lab.drawn`.
        seed: Of weights, data and noise.
        games: What is played side by side, as it began.
        log: What was done on the way, in order.
        step: Training steps taken.
    """

    data: str = "ring"
    drawing: str = ""
    seed: int = 0
    games: tuple[Game, ...] = (_FIRST,)
    log: tuple[Event, ...] = ()
    step: int = 0

    def __post_init__(self):
        if self.data not in (*DENSITIES, *DRAWN):
            raise ValueError(no_such("density", self.data, (*DENSITIES, *DRAWN)))
        if not 1 <= len(self.games) <= len(NAMES):
            raise ValueError(
                f"From 1 to {len(NAMES)} games are played side by side. Received {len(self.games)}."
            )
        _whole("seed", self.seed, MOST_SEED)
        _whole("step", self.step, MOST_STEPS)
        if len(self.log) > MOST_EVENTS:
            raise ValueError(
                f"After {MOST_EVENTS} changes no link holds them any more: begin anew (Reset)."
            )
        for event in self.log:
            if event.step + (event.times if event.name == "alone" else 0) > self.step:
                raise ValueError(f"The log holds {event.text()!r}, past step {self.step}.")
        self.playing()

    def playing(self) -> tuple[Game, ...]:
        """The games with the changes of the log."""
        games = list(self.games)
        for event in self.log:
            if event.name != "alone":
                for i in event.games:
                    allow_change(games[i], event.name)
                    games[i] = games[i].changed({event.name: event.value})
        return tuple(games)

    def link(self) -> str:
        """What stands behind # in an address."""
        plain = {"data": self.data, "drawing": self.drawing, "seed": self.seed}
        games = {
            NAMES[i]: game.text() or f"model:{game.model}" for i, game in enumerate(self.games)
        }
        log = ",".join(event.text() for event in self.log)
        found = {**plain, **games, "log": log, "step": self.step}
        kept = {k: v for k, v in found.items() if v or k in ("seed", "step")}
        return urlencode(kept, safe=":,*")


def of_link(text: str) -> State:
    """The state of a link, with or without its #.

    Raises:
        ValueError: What no state has.
    """
    found = dict(parse_qsl(text.removeprefix("#"), keep_blank_values=True))
    known = ("data", "drawing", "seed", "log", "step", *NAMES)
    for key in found:
        if key not in known:
            raise ValueError(no_such("part of a link", key, known))
    games = [_game(found[name]) for name in NAMES if name in found]
    numbers = {k: _number(k, found[k]) for k in ("seed", "step") if k in found}
    plain = {k: found[k] for k in ("data", "drawing") if k in found}
    played = tuple(games) or State.games
    log = tuple(_event(one, len(played)) for one in found.get("log", "").split(",") if one)
    if any(b.step < a.step for a, b in zip(log, log[1:], strict=False)):
        raise ValueError("The log of a link must be in the order of its steps.")
    return State(**plain, **numbers, games=played, log=log)


def of_values(values: Mapping[str, Any]) -> State:
    """The beginning of what the settings of a page say.

    Args:
        values: `data`, `drawing`, `seed`, and `games`, a list of name -> value.

    Raises:
        ValueError: What no state has.
    """
    known = ("data", "drawing", "seed", "games")
    for name in values:
        if name not in known:
            raise ValueError(no_such("part of a state", name, known))
    games = values.get("games", [{}])
    if not isinstance(games, list) or not all(isinstance(game, Mapping) for game in games):
        raise ValueError(f"games: expected a list of mappings. Received: {games!r}.")
    for name in ("data", "drawing"):
        if not isinstance(values.get(name, ""), str):
            raise ValueError(f"{name}: expected text. Received: {values[name]!r}.")
    plain = {name: values[name] for name in known[:-1] if name in values}
    return State(**plain, games=tuple(Game().changed(game) for game in games))


def _game(text):
    pairs = [part.partition(":") for part in text.split(",") if part]
    return Game().changed({name: value for name, _, value in pairs})


def _event(text, games):
    parts = text.split(":")
    try:
        step, who, name, value = parts
        number = _number("step", step)
        positions = tuple(NAMES.index(letter) for letter in who)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is nothing that a log holds: expected STEP:GAMES:NAME:VALUE."
        ) from error
    if not positions or max(positions) >= games:
        raise ValueError(f"{text!r}: expected games among {NAMES[:games]!r}.")
    if name != "alone":
        return Event(number, positions, name, change(name, value))
    player, _, times = value.partition("*")
    if player not in PLAYERS:
        raise ValueError(no_such("player", player, PLAYERS))
    return Event(number, positions, name, player, _number("times", times or "1"))


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


def _number(name, text):
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"{name}: expected a whole number. Received: {text!r}.") from error


def _whole(name, value, most):
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name}: expected a whole number from 0 to {most}. Received: {value!r}.")


def _short(value):
    return repr(value) if isinstance(value, float) else str(value)
