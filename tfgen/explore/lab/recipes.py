"""What the laboratory runs, written out: a program that gives the same weights, and a config."""

import yaml as yaml_text

from tfgen.explore.lab.drawn import DRAWN, drawn
from tfgen.explore.lab.links import State
from tfgen.explore.lab.players import OPTIMIZERS, penalised, rates
from tfgen.explore.lab.settings import Game

_WIDE = 100


def python(state: State, index: int) -> str:
    """A program that trains one of the games to the step, with this library's models alone.

    Args:
        state: What is running.
        index: Which of its games.
    """
    game, log = state.games[index], [e for e in state.log if index in e.games]
    alone = any(event.name == "alone" for event in log)
    parts = [_head(state, game), _model(game, state), _compiled(game), "", _loop(game, alone)]
    done = 0
    for event in log:
        parts += _until(done, event.step)
        done = event.step
        if event.name == "alone":
            parts += [f'train({event.step}, {event.step + event.times}, only="{event.value}")']
            done = event.step + event.times
        else:
            changed = game.changed({event.name: event.value})
            parts += ["", f"# At step {event.step}: {event.name} = {event.value!r}."]
            parts += _change(game, changed, state, event.name)
            game = changed
    parts += _until(done, state.step)
    return "\n".join([*parts, _shown(state, game), ""])


def yaml(state: State, index: int) -> str:
    """The sections of a config of `tfgen train` that hold what is running now.

    Args:
        state: What is running.
        index: Which of its games.
    """
    game = state.playing()[index]
    dim = _dim(state)
    adam = {n: {"name": "adam", "learning_rate": r, "beta_1": 0.5} for n, r in rates(game).items()}
    rows = game.batch * (game.discriminator_steps if game.model == "gan" else 1)
    sections = {
        "seed": state.seed,
        "model": {"name": game.model, "image_shape": [dim], "latent_dim": dim, **_plain(game, dim)},
        "data": {"name": state.data, "batch_size": rows},
        "compile": adam,
        "fit": {"epochs": 1, "steps_per_epoch": max(state.step, 1)},
    }
    said = (
        "# The settings now, as the sections of a config. Points of the plane are no data set of\n"
        "# `tfgen train`: for pictures put their `image_shape` and `data`, and leave the networks "
        "out.\n"
    )
    return said + yaml_text.safe_dump(sections, sort_keys=False, default_flow_style=None, width=90)


def _dim(state):
    from tfgen.explore.densities import density

    return DRAWN[state.data][0] if state.data in DRAWN else density(state.data).dim


def _plain(game: Game, dim: int) -> dict:
    """The constructor's arguments of a model beside its sizes, as plain values."""
    hidden = [game.width, game.width]

    def network(*ends):
        own = {"input_shape": [ends[0]], "hidden": [*hidden], "output_shape": [ends[1]]}
        return {"name": "tfgen.networks.mlp", **own, "activation": "tanh"}

    if game.model == "vae":
        likelihood = {"name": "gaussian", "squashed": False}
        return {"likelihood": likelihood, "hidden": hidden, "initial_stddev": None}
    if game.model == "aae":
        own = {"hidden": hidden, "initial_stddev": None, "loss": game.loss}
        return {**own, "decoder": network(dim, dim)}
    return {
        "latent": "normal",
        "loss": game.loss,
        **penalised(game),
        "discriminator_steps": game.discriminator_steps,
        "generator_steps": game.generator_steps,
        "generator": network(dim, dim),
        "discriminator": network(dim, 1),
    }


def _head(state, game):
    what = game.model.upper()
    lines = [
        f"# {what} on {_named(state)}, seed {state.seed}, {state.step} steps: tfgen explore lab",
        "import keras",
        "import numpy as np",
        "import tensorflow as tf",
        "",
        "from tfgen import networks",
    ]
    if state.data in DRAWN:
        pieces = [state.drawing[i : i + 80] for i in range(0, len(state.drawing), 80)]
        text = "\n".join(f'    "{piece}"' for piece in pieces)
        lines += ["from tfgen.explore.lab.drawn import drawn"]
        made = f'data = drawn(\n    "{state.data}",\n{_indented(text)},\n)'
    else:
        lines += ["from tfgen.explore.densities import density"]
        made = f'data = density("{state.data}")'
    lines += ["from tfgen.model import initial_weights", f"from tfgen.models import {what}", ""]
    return "\n".join([*lines, f"SEED = {state.seed}", f"BATCH = {game.batch}", made, ""])


def _indented(text):
    lines = text.strip().splitlines()
    if len(lines) == 1:
        return f"    {lines[0]}"
    return "\n".join(f"    {line.strip()}" for line in lines)


def _named(state):
    if state.data in DRAWN:
        return drawn(state.data, state.drawing).name
    from tfgen.explore.densities import density

    return density(state.data).name


def _model(game, state, former=""):
    """The constructor's call; the networks are those of `former` where one is named."""
    dim = _dim(state)
    arguments = {k: repr(v) for k, v in _plain(game, dim).items()}
    hidden = f"({game.width}, {game.width})"
    sizes = {"generator": dim, "decoder": dim, "discriminator": 1}
    own = [name for name in sizes if name in arguments]
    lines = []
    if own and not former:
        lines += ["with initial_weights(SEED):"]
        lines += [f'    {n} = networks.mlp(({dim},), {hidden}, ({sizes[n]},), "tanh")' for n in own]
    for name in own:
        arguments[name] = f"{former}.{name}" if former else name
    if "hidden" in arguments:
        arguments["hidden"] = hidden
    given = "".join(f"    {k}={v.replace(chr(39), chr(34))},\n" for k, v in arguments.items())
    call = f"model = {game.model.upper()}(\n    ({dim},),\n    latent_dim={dim},\n{given}"
    return "\n".join([*lines, f"{call}    seed=SEED,\n)"])


def _compiled(game):
    adams = ", ".join(f"{n}=keras.optimizers.Adam({r!r}, 0.5)" for n, r in rates(game).items())
    lines = [f"model.compile({adams})"]
    if len(lines[0]) > _WIDE:
        each = [f"    {n}=keras.optimizers.Adam({r!r}, 0.5)," for n, r in rates(game).items()]
        lines = ["model.compile(", *each, ")"]
    return "\n".join([*lines, "step = tf.function(model.train_step, autograph=False)"])


def _loop(game, alone):
    rows = "BATCH * model.discriminator_steps" if game.model == "gan" else "BATCH"
    draw = f"data.draw(np.random.default_rng([SEED, number]), {rows})"
    body = [f"        points = {draw}", '        step({"image": tf.constant(points)})']
    if not alone:
        head = ["def train(first, last):", "    for number in range(first, last):"]
        return "\n".join(["", *head, *body, "", ""])
    names = OPTIMIZERS[game.model]
    table = [f'    "{player}": "{name}",' for player, name in names.items()]
    return "\n".join(
        [
            "",
            "PLAYERS = {",
            *table,
            "}",
            "",
            "",
            "def train(first, last, only=None):",
            "    for number in range(first, last):",
            "        still = model.optimizers.items() if only else ()",
            "        still = [o for name, o in still if name != PLAYERS[only]]",
            "        kept = [(v, v.numpy()) for o in still for v in o.variables]",
            "        for optimizer in still:",
            "            optimizer.learning_rate = 0.0",
            *body,
            "        for variable, before in kept:",
            "            variable.assign(before)",
            "",
            "",
        ]
    )


def _until(first, last):
    return [f"train({first}, {last})"] if last > first else []


def _change(game, changed, state, name):
    """Lines that go on with other settings and the same weights."""
    if name == "batch":
        return [f"BATCH = {changed.batch}"]
    if name.endswith("_rate"):
        mine, now = rates(game), rates(changed)
        return [
            f"model.{'single_optimizer' if n == 'optimizer' else n}.learning_rate = {now[n]!r}"
            for n in now
            if now[n] != mine[n]
        ]
    if game.model != "gan" or game == changed:
        return []
    own = ", ".join(f"{n}=former.{n}" for n in OPTIMIZERS["gan"].values())
    return [
        "former = model",
        _model(changed, state, "former"),
        "model.compile(",
        *(f"    {part}," for part in own.split(", ")),
        ")",
        "model.step.assign(former.step)",
        "step = tf.function(model.train_step, autograph=False)",
    ]


def _shown(state, game):
    return "\n".join(
        [
            "",
            "z = np.random.default_rng(0).normal(size=(8, data.dim)).astype(np.float32)",
            'print(model.generate(z=tf.constant(z))["image"].numpy())',
        ]
    )
