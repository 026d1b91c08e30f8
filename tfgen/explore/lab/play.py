"""Games side by side on one density, from one seed: stepped, changed, and led along a link."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.explore import densities
from tfgen.explore.lab import links, settings
from tfgen.explore.lab.drawn import DRAWN, drawn
from tfgen.explore.lab.links import Event, State
from tfgen.explore.lab.players import OPTIMIZERS, Player


class Play:
    """The games of a state from their first step; `advance` leads to the state's own.

        play = Play(of_link("data=ring&a=loss:wasserstein&log=50:a:discriminator_steps:5&step=80"))
        play.advance(80)

    Args:
        state: Where to.

    Attributes:
        state: Where it is: the log and the step so far. From it alone the weights follow.
        density: Of the data.
        players: One a game.
        until: The step that the link leads to.
    """

    def __init__(self, state: State):
        self.density = named(state)
        self.players = [Player(game, self.density.dim, state.seed) for game in state.games]
        self.until = state.step
        self._script = list(state.log)
        self.state = dataclasses.replace(state, log=(), step=0)
        self._arrive()

    @property
    def arrived(self) -> bool:
        """Whether the link has been followed to its end."""
        return self.state.step >= self.until

    def advance(self, steps: int) -> list[dict[str, Any]]:
        """So many steps of all games, at most to where the link leads.

        Returns:
            What each model reported last.

        Raises:
            ValueError: There is no further step.
        """
        reported: list[dict] = [{} for _ in self.players]
        left = self.until - self.state.step
        for _ in range(min(steps, left) if left > 0 else steps):
            self._room()
            alone = self._due()
            points = self._points()
            for i, player in enumerate(self.players):
                own: dict | None = None
                if alone is None:
                    own = player.step(points[player.rows])
                elif i in alone.games:
                    own = player.alone(alone.value, points[player.rows])
                reported[i] = reported[i] if own is None else own
            self._stepped(alone)
        self._arrive()
        return reported

    def alone(self, name: str) -> list[dict[str, Any]]:
        """One step of one player, in all games that have it.

        Args:
            name: "discriminator", "generator" or "autoencoder".

        Raises:
            ValueError: No model here has that player, or as `advance` and `set`.
        """
        self._free()
        self._room()
        have = [i for i, p in enumerate(self.players) if name in OPTIMIZERS[p.game.model]]
        if not have:
            raise ValueError(f"None of the models here has a player {name!r}.")
        points = self._points()
        reported: list[dict] = [{} for _ in self.players]
        for i in have:
            reported[i] = self.players[i].alone(name, points[self.players[i].rows]) or {}
        self._stepped(Event(self.state.step, tuple(have), "alone", name))
        return reported

    def set(self, games: Sequence[int], name: str, value: Any) -> None:
        """Another value of a setting from the next step on; weights go on.

        Args:
            games: Whose, as positions.
            name: A setting.
            value: The new value.

        Raises:
            ValueError: A setting or value that is not there, one that is settled before the first
                step, or the link is still being followed.
        """
        self._free()
        self._log(Event(self.state.step, tuple(games), name, settings.change(name, value)))
        self._follow()

    def _free(self):
        if not self.arrived:
            raise ValueError(f"The link leads to step {self.until}; it is on its way there.")

    def _room(self):
        if self.state.step >= links.MOST_STEPS:
            raise ValueError(f"After {links.MOST_STEPS} steps it ends here: begin anew (Reset).")

    def _arrive(self):
        """What a link changes at its last step."""
        if self.arrived:
            self._due()

    def _due(self):
        """Does what the script has for this step; the event of a player alone, if any."""
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
        """The state with an event: as one with the last, where the two say the same of a step."""
        if event.step == 0 and event.name != "alone":
            games = [*self.state.games]
            for i in event.games:
                settings.allow_change(games[i], event.name)
                games[i] = games[i].changed({event.name: event.value})
            self.state = dataclasses.replace(self.state, games=tuple(games))
            return
        log = self.state.log
        last = log[-1] if log else None
        if last is not None and (last.name, last.games) == (event.name, event.games):
            if event.name != "alone" and last.step == event.step:
                log = log[:-1]
            if event.name == "alone" and (last.value, last.step + last.times) == (
                event.value,
                event.step,
            ):
                event, log = dataclasses.replace(last, times=last.times + 1), log[:-1]
        self.state = dataclasses.replace(self.state, log=(*log, event))

    def _follow(self):
        for player, game in zip(self.players, self.state.playing(), strict=True):
            if game != player.game:
                player.change(game)

    def _points(self):
        """The data of this step by the number of rows: a pure function of seed and step."""
        seed, step = self.state.seed, self.state.step
        return {
            rows: tf.constant(self.density.draw(np.random.default_rng([seed, step]), rows))
            for rows in {player.rows for player in self.players}
        }


def named(state: State) -> densities.Density:
    """The density of a state."""
    if state.data in DRAWN:
        return drawn(state.data, state.drawing)
    return densities.density(state.data)
