"""One page's game: what it asks, and what it is answered. Knows nothing of the network."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.construct import no_such
from tfgen.explore import densities
from tfgen.explore.lab import recipes, settings
from tfgen.explore.lab.drawn import DRAWN, drawn
from tfgen.explore.lab.look import Look, generated
from tfgen.explore.lab.players import OPTIMIZERS, Player
from tfgen.explore.lab.settings import Event, State

MOST_AT_ONCE = 200


class Session:
    """Games side by side on one density, from one seed.

    Attributes:
        state: The log and the step so far; from it alone the weights follow.
        players: One a game.
    """

    def __init__(self):
        self.state = State()
        self.players: list[Player] = []
        self._look: Look | None = None
        self._script: list[Event] = []
        self._until = 0

    def answer(self, message: Any) -> dict[str, Any]:
        """What is said to a message of the page; to one that is wrong {"kind": "error", ...}.

            {"do": "open", "link": "data=ring&a=loss:minimax"}   begins, and goes to the link's step
            {"do": "open", "state": {"data": "ring", "games": [{"loss": "minimax"}]}}
            {"do": "run", "steps": 5, "stages": false}           steps, and a frame
            {"do": "alone", "player": "generator"}               one step of one player, and a frame
            {"do": "set", "games": [0], "name": "discriminator_steps", "value": 5}
            {"do": "code", "game": 0}                            Python and YAML

        Args:
            message: As it came from JSON.
        """
        try:
            if not isinstance(message, dict):
                raise ValueError("A message is a JSON object.")
            do = message.get("do")
            if do not in _ANSWERS:
                raise ValueError(no_such("thing to do", do, _ANSWERS))
            if do != "open" and not self.players:
                raise ValueError("Nothing is open yet: a page opens a link first.")
            return _ANSWERS[do](self, message)
        except ValueError as error:
            return {"kind": "error", "message": str(error)}

    def open(self, message: dict) -> dict[str, Any]:
        """Begins a link; `run` then leads to its step, over the changes of its log."""
        given = message.get("state")
        if isinstance(given, dict):
            state = settings.of_values(given)
        else:
            state = settings.of_link(_text(message, "link"))
        density = named(state)
        self.players = [Player(game, density.dim, state.seed) for game in state.games]
        self._look = Look(density, state.seed)
        self._script, self._until = list(state.log), state.step
        self.state = dataclasses.replace(state, log=(), step=0)
        self._arrive()
        return {
            "kind": "opened",
            "density": self._look.still(),
            "options": [dataclasses.asdict(option) for option in settings.OPTIONS.values()],
            "until": self._until,
            **self._told(self._frame({})),
        }

    def run(self, message: dict) -> dict[str, Any]:
        """So many steps of all, at most to where a link leads."""
        steps = message.get("steps")
        if type(steps) is not int or not 1 <= steps <= MOST_AT_ONCE:
            raise ValueError(
                f"steps: expected a whole number from 1 to {MOST_AT_ONCE}. Received: {steps!r}."
            )
        looked = self._looked
        stages = message.get("stages") is True and self.state.step >= self._until
        before = [
            generated(p.model, looked.noise[: len(looked.z)], looked.dim) if stages else None
            for p in self.players
        ]
        reported: list[dict] = [{} for _ in self.players]
        left = self._until - self.state.step
        for _ in range(min(steps, left) if left > 0 else steps):
            self._room()
            alone = self._due()
            points = self._points()
            for i, player in enumerate(self.players):
                if alone is None:
                    reported[i] = player.step(points[player.rows])
                elif i in alone.games:
                    own = player.alone(alone.value, points[player.rows])
                    reported[i] = own if own is not None else reported[i]
            self._stepped(alone)
        self._arrive()
        return {"kind": "frame", **self._told(self._frame(dict(enumerate(reported)), before))}

    def alone(self, message: dict) -> dict[str, Any]:
        """One step of one player, in all games that have it."""
        self._arrived()
        self._room()
        player = message.get("player")
        if player not in settings.PLAYERS:
            raise ValueError(no_such("player", player, settings.PLAYERS))
        have = tuple(i for i, p in enumerate(self.players) if player in OPTIMIZERS[p.game.model])
        if not have:
            raise ValueError(f"None of the models here has a player {player!r}.")
        points = self._points()
        reported = {i: self.players[i].alone(player, points[self.players[i].rows]) for i in have}
        self._stepped(Event(self.state.step, have, "alone", player))
        return {"kind": "frame", **self._told(self._frame(reported))}

    def set(self, message: dict) -> dict[str, Any]:
        """Another value of a setting, from the next step on."""
        self._arrived()
        games, name = message.get("games"), _text(message, "name")
        known = range(len(self.players))
        if (
            not isinstance(games, list)
            or not games
            or any(type(i) is not int or i not in known for i in games)
        ):
            raise ValueError(f"games: expected some of {[*known]}. Received: {games!r}.")
        value = settings.change(name, message.get("value"))
        self._log(Event(self.state.step, tuple(sorted({*games})), name, value))
        self._follow()
        return {"kind": "set", **self._state()}

    def code(self, message: dict) -> dict[str, Any]:
        """What is running, as a program and as a config."""
        game = message.get("game", 0)
        if type(game) is not int or game not in range(len(self.players)):
            raise ValueError(f"game: expected 0 to {len(self.players) - 1}. Received: {game!r}.")
        return {
            "kind": "code",
            "python": recipes.python(self.state, game),
            "yaml": recipes.yaml(self.state, game),
        }

    @property
    def _looked(self) -> Look:
        if self._look is None:
            raise ValueError("Nothing is open yet: a page opens a link first.")
        return self._look

    def _arrive(self):
        """What a link changes at its last step."""
        if self.state.step >= self._until:
            self._due()

    def _arrived(self):
        if self.state.step < self._until:
            raise ValueError(f"The link leads to step {self._until}; it is on its way there.")

    def _room(self):
        if self.state.step >= settings.MOST_STEPS:
            raise ValueError(f"After {settings.MOST_STEPS} steps it ends here: begin anew (Reset).")

    def _due(self):
        """Does what the script of a link has for this step; the event of a player alone, if any."""
        step = self.state.step
        while self._script and self._script[0].step <= step:
            event = self._script[0]
            if event.name == "alone":
                if event.step + event.times > step:
                    return dataclasses.replace(event, step=step, times=1)
            else:
                self._log(event)
                self._follow()
            self._script.pop(0)
        return None

    def _stepped(self, alone=None):
        self.state = dataclasses.replace(self.state, step=self.state.step + 1)
        if alone is not None:
            self._log(alone)

    def _log(self, event):
        """The log with an event: as one with the last, where the two say the same of a step."""
        if event.step == 0 and event.name != "alone":
            games = [*self.state.games]
            for i in event.games:
                settings.allow_change(games[i], event.name)
                games[i] = games[i].changed({event.name: event.value})
            self.state = dataclasses.replace(self.state, games=tuple(games))
            return
        log = self.state.log
        last = log[-1] if log else None
        alike = last is not None and (last.name, last.games) == (event.name, event.games)
        if alike and event.name != "alone" and last.step == event.step:
            log = log[:-1]
        elif (
            alike
            and event.name == "alone"
            and (last.value == event.value and last.step + last.times == event.step)
        ):
            event, log = dataclasses.replace(last, times=last.times + 1), log[:-1]
        self.state = dataclasses.replace(self.state, log=(*log, event))

    def _follow(self):
        for player, game in zip(self.players, self.state.playing(), strict=True):
            if game != player.game:
                player.change(game)

    def _points(self):
        """The data of this step by the number of rows: a pure function of seed and step."""
        density, seed, step = self._looked.density, self.state.seed, self.state.step
        return {
            rows: tf.constant(density.draw(np.random.default_rng([seed, step]), rows))
            for rows in {player.rows for player in self.players}
        }

    def _frame(self, reported, before=None):
        games = []
        for i, player in enumerate(self.players):
            one = self._looked.at(player, before[i] if before else None)
            told = {name: float(v) for name, v in (reported.get(i) or {}).items()}
            if "negative_elbo" in told:
                # The library's nats are of points on the scale [0, 1], half as wide.
                for name in ("negative_elbo", "reconstruction"):
                    told[name] += self._looked.dim * float(np.log(2.0))
            one["numbers"] = {**told, **one["numbers"]}
            for mean in player.model.means.values():
                mean.reset_state()
            games.append(one)
        return games

    def _told(self, frame):
        return {"step": self.state.step, "frame": frame, **self._state()}

    def _state(self):
        return {
            "link": self.state.link(),
            "state": {
                "data": self.state.data,
                "drawing": self.state.drawing,
                "seed": self.state.seed,
                "games": [dataclasses.asdict(player.game) for player in self.players],
                "changes": len(self.state.log),
            },
        }


_ANSWERS = {
    "open": Session.open,
    "run": Session.run,
    "alone": Session.alone,
    "set": Session.set,
    "code": Session.code,
}


def named(state: State) -> densities.Density:
    """The density of a state."""
    if state.data in DRAWN:
        return drawn(state.data, state.drawing)
    return densities.density(state.data)


def _text(message, name):
    found = message.get(name)
    if not isinstance(found, str):
        raise ValueError(f"{name}: expected text. Received: {found!r}.")
    return found
