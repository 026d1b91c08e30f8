"""What a page asks, and what it is answered. Knows nothing of the network."""

import dataclasses
import math
from typing import Any

from tfgen.construct import no_such
from tfgen.explore.lab import links, recipes, settings
from tfgen.explore.lab.look import Look, generated
from tfgen.explore.lab.play import Play

MOST_AT_ONCE = 200


class Session:
    """The game of one page.

    Attributes:
        play: What is open; None before the first.
    """

    def __init__(self):
        self.play: Play | None = None
        self._look: Look | None = None

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
            if not isinstance(do, str) or do not in _ANSWERS:
                raise ValueError(no_such("thing to do", do, _ANSWERS))
            if do == "open":
                return self._open(message)
            if self.play is None or self._look is None:
                raise ValueError("Nothing is open yet: a page opens a link first.")
            return _ANSWERS[do](self, message, self.play, self._look)
        except ValueError as error:
            return {"kind": "error", "message": str(error)}

    def _open(self, message):
        """Begins a link; "run" then leads to its step, over the changes of its log."""
        given = message.get("state")
        if isinstance(given, dict):
            state = links.of_values(given)
        else:
            state = links.of_link(_text(message, "link"))
        play = Play(state)
        look = Look(play.density, state.seed)
        self.play, self._look = play, look
        return {
            "kind": "opened",
            "density": look.still(),
            "options": [dataclasses.asdict(option) for option in settings.OPTIONS.values()],
            "until": play.until,
            **_shown(play, look, [{} for _ in play.players]),
        }

    def _run(self, message, play, look):
        """So many steps of all, at most to where a link leads."""
        steps = message.get("steps")
        if type(steps) is not int or not 1 <= steps <= MOST_AT_ONCE:
            raise ValueError(
                f"steps: expected a whole number from 1 to {MOST_AT_ONCE}. Received: {steps!r}."
            )
        before: list = [None for _ in play.players]
        if message.get("stages") is True:
            noise = look.noise[: len(look.z)]
            before = [generated(player.model, noise, look.dim) for player in play.players]
        return {"kind": "frame", **_shown(play, look, play.advance(steps), before)}

    def _alone(self, message, play, look):
        """One step of one player, in all games that have it."""
        player = message.get("player")
        if player not in settings.PLAYERS:
            raise ValueError(no_such("player", player, settings.PLAYERS))
        return {"kind": "frame", **_shown(play, look, play.alone(player))}

    def _set(self, message, play, look):
        """Another value of a setting, from the next step on."""
        games = message.get("games")
        known = range(len(play.players))
        fit = isinstance(games, list) and all(type(i) is int and i in known for i in games)
        if not fit or not games:
            raise ValueError(f"games: expected some of {[*known]}. Received: {games!r}.")
        play.set(sorted({*games}), _text(message, "name"), message.get("value"))
        return {"kind": "set", **_told(play)}

    def _code(self, message, play, look):
        """What is running, as a program and as a config."""
        game = message.get("game", 0)
        if type(game) is not int or game not in range(len(play.players)):
            raise ValueError(f"game: expected 0 to {len(play.players) - 1}. Received: {game!r}.")
        found = {"python": recipes.python(play.state, game), "yaml": recipes.yaml(play.state, game)}
        return {"kind": "code", **found}


_ANSWERS: dict[str, Any] = {
    "open": Session._open,
    "run": Session._run,
    "alone": Session._alone,
    "set": Session._set,
    "code": Session._code,
}


def _shown(play, look, reported, before=None):
    """A frame: every game as it stands, and what its models reported since the last one."""
    frame = []
    for i, player in enumerate(play.players):
        one = look.at(player, before[i] if before else None)
        told = {name: float(value) for name, value in reported[i].items()}
        if "negative_elbo" in told:
            # The library's nats are of points on the scale [0, 1], half as wide.
            for name in ("negative_elbo", "reconstruction"):
                told[name] += look.dim * math.log(2.0)
        one["numbers"] = {**told, **one["numbers"]}
        for mean in player.model.means.values():
            mean.reset_state()
        frame.append(one)
    return {"step": play.state.step, "frame": frame, **_told(play)}


def _told(play):
    state = play.state
    return {
        "link": state.link(),
        "state": {
            "data": state.data,
            "drawing": state.drawing,
            "seed": state.seed,
            "games": [dataclasses.asdict(player.game) for player in play.players],
        },
    }


def _text(message, name):
    found = message.get(name)
    if not isinstance(found, str):
        raise ValueError(f"{name}: expected text. Received: {found!r}.")
    return found
