"""A config for a folder of one's own pictures: what suits how many there are, and why."""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path

from tfgen.data.look import Look

LEAST = 16
# From so many pictures on D no longer learns them by heart in the time that a recipe trains.
MANY = 10_000
# Fewer pictures of a class than this, and no class of its own is learnt.
LEAST_OF_A_CLASS = 20
EPOCHS = 40
STEPS = (1_000, 40_000)


@dataclass(frozen=True)
class Recipe:
    """What was chosen for a folder.

    Args:
        look: What the folder holds.
        model: "conditionalgan" or "dcgan".
        side: Of the pictures, in pixels.
        channels: 1 or 3.
        batch_size: Pictures in a batch.
        flip: Whether pictures are mirrored.
        augmentation: Of all that D sees.
        steps_per_epoch: Steps between two sample grids, of which there are `EPOCHS`.
    """

    look: Look
    model: str
    side: int
    channels: int
    batch_size: int
    flip: bool
    augmentation: tuple[str, ...]
    steps_per_epoch: int = 100

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.steps_per_epoch * EPOCHS


def choose(look: Look, side: int | None = None) -> Recipe:
    """The recipe for a folder.

    Args:
        look: What it holds.
        side: Of the pictures; by default 32, or less where the pictures are smaller.

    Raises:
        ValueError: Too few pictures, or a side that cannot be halved twice.
    """
    if look.train < LEAST:
        raise ValueError(
            f"{look.folder}: {look.train} pictures to train on are too few for a model: the least "
            f"is {LEAST}, and from some hundreds on samples begin to be new pictures."
        )
    side = side or (32 if look.side >= 32 else max(8, look.side // 4 * 4))
    if side % 4 or side < 8:
        raise ValueError(f"--size {side}: expected a multiple of 4 from 8 on, such as 32.")
    colour = look.coloured > look.count / 100
    few = look.train < MANY
    enough = len(look.classes) > 1 and min(look.classes.values()) >= LEAST_OF_A_CLASS
    return Recipe(
        look,
        "conditionalgan" if enough else "dcgan",
        side,
        3 if colour else 1,
        min(32, 2 ** int(math.log2(look.train))),
        colour,
        (("color",) if colour else ()) * few + ("translation", "cutout") * few,
    )


def fitted(recipe: Recipe, seconds_per_step: float, minutes: float) -> Recipe:
    """The recipe with as many steps as fit into `minutes`, within `STEPS`."""
    steps = min(max(minutes * 60 / seconds_per_step, STEPS[0]), STEPS[1])
    per_epoch = max(STEPS[0] // EPOCHS, int(steps / EPOCHS) // 5 * 5)
    return Recipe(**{**vars(recipe), "steps_per_epoch": per_epoch})


def text(recipe: Recipe, seconds_per_step: float | None = None, out: Path | None = None) -> str:
    """The config as YAML, with a comment at each choice.

    Args:
        recipe: What was chosen.
        seconds_per_step: As measured; None leaves out what it takes.
        out: Where it will lie, for the line that says how it is run.
    """
    look, classes = recipe.look, recipe.look.classes
    held = f"{look.train:,} of them to train on" if look.train < look.count else "all to train on"
    lines = [f"# {look.count:,} pictures of {look.folder}, {held}{_of_classes(classes)}."]
    if seconds_per_step:
        whole = recipe.steps * seconds_per_step / 60
        lines.append(
            f"# Expect: about {max(1, round(whole)):,} minutes for {recipe.steps:,} steps on the "
            f"machine where ten steps took {10 * seconds_per_step:.1f} s."
        )
    if out is not None:
        file, run = shlex.quote(str(out)), shlex.quote(str(Path("runs", out.stem)))
        lines.append(f"# Run:    tfgen train {file} --run {run}")
    lines += ["seed: 0", *_model(recipe), *_data(recipe), *_training(recipe)]
    return "\n".join(lines) + "\n"


def _of_classes(classes):
    if not classes:
        return ""
    shown = ", ".join(f"{name} {number}" for name, number in [*classes.items()][:6])
    return f"; classes: {shown}{', ...' if len(classes) > 6 else ''}"


def _model(recipe):
    few = f"{recipe.look.train:,} pictures"
    conditional = recipe.model == "conditionalgan"
    classes = recipe.look.classes
    if conditional:
        why = "a class is asked for: tfgen sample --label NAME"
    elif len(classes) > 1:
        why = f"a class has fewer than {LEAST_OF_A_CLASS} pictures, so classes are not told apart"
    else:
        why = "there are no classes"
    lines = [
        "model:",
        f"  name: {recipe.model}  # {why[0].upper()}{why[1:]}.",
        f"  image_shape: [{recipe.side}, {recipe.side}, {recipe.channels}]",
        "  latent_dim: 64",
        "  latent: normal",
    ]
    if conditional:
        lines += [f"  num_classes: {len(classes)}", "  network: conv", "  dense_units: 256"]
    lines += [
        "  filters: 32  # 64 draws finer pictures and takes three to four times as long.",
        "  discriminator_normalization: layer  # The penalty is of single pictures, so not batch.",
        "  penalty: r1  # Keeps D from winning where it has few pictures to tell.",
        "  penalty_weight: 0.05",
        "  penalty_interval: 4",
    ]
    if recipe.augmentation:
        lines += [
            f"  # D would learn {few} by heart: it sees each shifted, cut and recoloured.",
            f"  augmentation: [{', '.join(recipe.augmentation)}]",
        ]
    return lines


def _data(recipe):
    mirrored = "Mirrored ones count as new; set it to false for writing." if recipe.flip else ""
    return [
        "data:",
        f"  name: {_quoted(f'folder:{recipe.look.folder}')}",
        "  split: train",
        f"  image_size: {recipe.side}",
        f"  channels: {recipe.channels}",
        f"  batch_size: {recipe.batch_size}",
        f"  flip: {str(recipe.flip).lower()}{f'  # {mirrored}' if mirrored else ''}",
    ]


def _training(recipe):
    return [
        "compile:",
        "  # G learns at a quarter of D's rate: at the same one D is soon blind. Samples come from",
        "  # averaged weights (use_ema), which flicker less.",
        "  generator_optimizer:",
        "    {name: adam, learning_rate: 1.0e-4, beta_1: 0.0, beta_2: 0.99, use_ema: true,",
        "     ema_momentum: 0.998}",
        "  discriminator_optimizer: {name: adam, learning_rate: 4.0e-4, beta_1: 0.0, beta_2: 0.99}",
        f"fit: {{epochs: {EPOCHS}, steps_per_epoch: {recipe.steps_per_epoch}}}",
        "run: {sample_epochs: 2, checkpoint_epochs: 2}",
    ]


def _quoted(text):
    return "'" + text.replace("'", "''") + "'"
