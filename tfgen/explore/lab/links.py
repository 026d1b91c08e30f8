"""What the laboratory plays, as a link: games, seed, what changed on the way, and the step.

    #data=ring&seed=0&a=loss:wasserstein,penalty:gradient_penalty&b=model:vae&step=1200

What is not in a link has its default. `log` holds what was changed while it ran, so that a link
leads to the same weights: "300:a:discriminator_steps:5" before step 300, "310:ab:alone:generator*4"
for four steps of one player.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tfgen.construct import no_such
from tfgen.explore.densities import DENSITIES
from tfgen.explore.lab.drawn import DRAWN
from tfgen.explore.lab.settings import PLAYERS, Game, allow_change, change, plain

NAMES = "abc"
MOST_EVENTS = 400
MOST_STEPS = 100_000
MOST_SEED = 2**31 - 1


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
        return f"{self.step}:{who}:{self.name}:{plain(self.value)}{more}"


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
    games: tuple[Game, ...] = (Game(),)
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
        own = {"data": self.data, "drawing": self.drawing, "seed": self.seed}
        games = {
            NAMES[i]: game.text() or f"model:{game.model}" for i, game in enumerate(self.games)
        }
        log = ",".join(event.text() for event in self.log)
        found = {**own, **games, "log": log, "step": self.step}
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
    own: dict[str, Any] = {k: found[k] for k in ("data", "drawing") if k in found}
    played = tuple(games) or State.games
    log = tuple(_event(one, len(played)) for one in found.get("log", "").split(",") if one)
    if any(b.step < a.step for a, b in zip(log, log[1:], strict=False)):
        raise ValueError("The log of a link must be in the order of its steps.")
    return State(**own, **numbers, games=played, log=log)


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
    own = {name: values[name] for name in known[:-1] if name in values}
    return State(**own, games=tuple(Game().changed(game) for game in games))


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


def _number(name, text):
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"{name}: expected a whole number. Received: {text!r}.") from error


def _whole(name, value, most):
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name}: expected a whole number from 0 to {most}. Received: {value!r}.")
