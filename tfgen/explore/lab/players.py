"""The models of the laboratory: built from settings, changed while they learn, stepped."""

from typing import Any

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.explore.lab.settings import Game
from tfgen.model import initial_weights
from tfgen.models import AAE, GAN, VAE

# What a player is called -> the argument of `compile` that is its optimizer.
OPTIMIZERS = {
    "gan": {"discriminator": "discriminator_optimizer", "generator": "generator_optimizer"},
    "vae": {},
    "aae": {
        "autoencoder": "reconstruction_optimizer",
        "discriminator": "discriminator_optimizer",
        "generator": "encoder_optimizer",
    },
}


class Player:
    """One model and its training step.

    Args:
        game: Its settings.
        dim: D, of the points (B, D).
        seed: Of weights and noise.

    Attributes:
        game: The settings now.
        model: The compiled `tfgen.models` one.
    """

    def __init__(self, game: Game, dim: int, seed: int):
        self.game, self.dim, self.seed = game, dim, seed
        self.model = built(game, dim, seed)
        self._trace()

    @property
    def rows(self) -> int:
        """Points that a training step takes."""
        return self.game.batch * (self.game.discriminator_steps if self.game.model == "gan" else 1)

    def change(self, game: Game) -> None:
        """Other settings from the next step on; weights and what optimizers keep go on."""
        former, self.game = self.game, game
        if game.model == "gan" and _shape(game) != _shape(former):
            self.model = built(game, self.dim, self.seed, self.model)
            self._trace()
        for name, optimizer in self.model.optimizers.items():
            optimizer.learning_rate = rates(game)[name]

    def step(self, points: tf.Tensor) -> dict[str, tf.Tensor]:
        """One training step on points (rows, D); what the model reports."""
        return self._step({"image": points})

    def alone(self, player: str, points: tf.Tensor) -> dict[str, tf.Tensor] | None:
        """A training step that moves one player only; None for a model without that player.

        The rates of the others are 0 in it, and their optimizers are put back afterwards.
        """
        own = OPTIMIZERS[self.game.model].get(player)
        if own is None:
            return None
        others = [o for name, o in self.model.optimizers.items() if name != own]
        kept = [(v, v.numpy()) for o in others for v in o.variables]
        for optimizer in others:
            optimizer.learning_rate = 0.0
        reported = self.step(points)
        for variable, value in kept:
            variable.assign(value)
        return reported

    def _trace(self):
        self._step = tf.function(self.model.train_step, autograph=False)


def built(game: Game, dim: int, seed: int, former: Any = None) -> Any:
    """The compiled model: perceptrons of two hidden layers, Adam.

    Args:
        game: Its settings.
        dim: D, of points and codes.
        seed: Of weights and noise.
        former: A GAN whose networks, optimizers and step the new one takes over.
    """
    optimizers = {name: keras.optimizers.Adam(rate, 0.5) for name, rate in rates(game).items()}
    hidden = (game.width, game.width)
    common: dict[str, Any] = {"image_shape": (dim,), "latent_dim": dim, "seed": seed}
    if game.model == "vae":
        model: Any = VAE(
            likelihood={"name": "gaussian", "squashed": False},
            hidden=hidden,
            initial_stddev=None,
            **common,
        )
    elif game.model == "aae":
        with initial_weights(seed):
            common["decoder"] = networks.mlp((dim,), hidden, (dim,), "tanh")
        model = AAE(hidden=hidden, initial_stddev=None, loss=game.loss, **common)
    else:
        with initial_weights(seed):
            players = {
                "generator": networks.mlp((dim,), hidden, (dim,), "tanh"),
                "discriminator": networks.mlp((dim,), hidden, (1,), "tanh"),
            }
        if former is not None:
            players = {"generator": former.generator, "discriminator": former.discriminator}
            optimizers = former.optimizers
        model = GAN(
            latent="normal",
            loss=game.loss,
            **penalised(game),
            discriminator_steps=game.discriminator_steps,
            generator_steps=game.generator_steps,
            **common,
            **players,
        )
    model.compile(**optimizers)
    if former is not None:
        model.step.assign(former.step)
    return model


def penalised(game: Game) -> dict[str, Any]:
    """The arguments of a GAN for its penalty; none without one."""
    if game.penalty == "none":
        return {}
    return {"penalty": game.penalty, "penalty_weight": game.penalty_weight}


def rates(game: Game) -> dict[str, float]:
    """Argument of `compile` -> the rate of its Adam."""
    if game.model == "vae":
        return {"optimizer": game.generator_rate}
    own = OPTIMIZERS[game.model].items()
    return {
        name: game.discriminator_rate if player == "discriminator" else game.generator_rate
        for player, name in own
    }


def _shape(game):
    """What the traced step holds."""
    penalty = (game.penalty, game.penalty_weight)
    return game.loss, penalty, game.discriminator_steps, game.generator_steps
