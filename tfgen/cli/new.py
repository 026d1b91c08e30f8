"""The command new: from a folder of pictures to a config. TensorFlow is imported inside it."""

import argparse
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any


def new(arguments: argparse.Namespace):
    """Looks at a folder of pictures and writes a config that suits it."""
    from tqdm import tqdm

    from tfgen import files, pictures
    from tfgen.data import look
    from tfgen.training import config, recipe, trial, yaml_text

    folder = arguments.folder
    out = Path(arguments.out or Path("configs", f"{Path(folder).absolute().name}.yaml"))
    if out.suffix not in (".yaml", ".yml"):
        raise ValueError(f"--out {out}: expected the name of a config, such as {out}.yaml.")
    if out.exists():
        raise FileExistsError(f"{out}: exists. Give another --out, or remove it.")
    if arguments.minutes <= 0:
        raise ValueError(f"--minutes {arguments.minutes:g}: expected more than 0.")
    with tqdm(desc="Looking", unit="pictures", disable=None) as bar:
        found = look.look(folder, bar.update)
    sheet = out.with_suffix(".png")
    pictures.save(sheet, _sheet(found))
    print("\n".join([*_lines(found), f"contact sheet  {sheet}"]))

    chosen = recipe.choose(found, arguments.size)
    settings = config.parse(yaml_text.read(recipe.text(chosen)))
    seconds = trial.take(settings).seconds
    chosen = recipe.fitted(chosen, seconds, arguments.minutes)
    out.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(out, recipe.text(chosen, seconds, out))
    minutes = max(1, round(chosen.steps * seconds / 60))
    side = f"{chosen.side}x{chosen.side}"
    print(f"trial          ten steps of {chosen.model} at {side} took {10 * seconds:.1f} s")
    print(f"{out}: {chosen.model} at {side}, {chosen.steps:,} steps, about {minutes} minutes here")
    run = Path("runs", out.stem)
    print(f"Next: tfgen train {shlex.quote(str(out))} --run {shlex.quote(str(run))}")


def _sheet(found):
    """The first pictures, a row or more for each class beside its name."""
    from tfgen.pictures import class_grids, grid

    if not found.classes:
        return grid(found.thumbnails)
    return class_grids.of_classes(found.thumbnails, found.thumbnail_labels, [*found.classes])


def _lines(found):
    """What was found, a line a subject, and what is wrong with it."""
    apart = found.count - found.train
    held = f", {apart:,} of them apart as test" if apart else ""
    lines = [f"pictures       {found.count:,} in {found.folder}{held}"]
    if found.classes:
        shown = ", ".join(f"{name} {number:,}" for name, number in found.classes.items())
        lines.append(f"classes        {len(found.classes)}: {_short(shown)}")
    else:
        lines.append("classes        none: pictures lie directly in the folder")
    lines.append(f"sizes          {_sizes(found.sizes)}")
    grey = found.count - found.coloured
    kinds = [f"{n:,} {what}" for n, what in ((found.coloured, "coloured"), (grey, "grey")) if n]
    lines.append(f"colours        {', '.join(kinds)}")
    lines += _some("cannot be read", found.broken)
    lines += _some("copies", [f"{copy} is {first}" for copy, first in found.copies])
    numbers = [*found.classes.values()]
    if numbers and max(numbers) > 5 * min(numbers):
        least = min(found.classes, key=lambda name: found.classes[name])
        lines.append(
            f"unequal        class {least} has {min(numbers):,} pictures, another has "
            f"{max(numbers):,}: a model learns the small ones least"
        )
    return lines


def _sizes(sizes: Counter) -> str:
    if len(sizes) == 1:
        return "all {}x{}".format(*next(iter(sizes)))
    low, high = min(sizes, key=lambda s: s[0] * s[1]), max(sizes, key=lambda s: s[0] * s[1])
    return "{}x{} to {}x{}".format(*low, *high) + f", {len(sizes):,} different ones"


def _some(what, lines):
    if not lines:
        return [f"{what:<14} none"]
    rest = f"; and {len(lines) - 3:,} more" if len(lines) > 3 else ""
    return [f"{what:<14} {len(lines):,}: {_short('; '.join(lines[:3]))}{rest}"]


def _short(text):
    return text if len(text) <= 200 else f"{text[:197]}..."


def add(commands: Any, command: Callable) -> None:
    """Adds the command to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "new", new)
    one.add_argument("folder", metavar="FOLDER", help="pictures, flat or in one folder a class")
    one.add_argument("--out", metavar="FILE", help="the config (default: configs/FOLDER.yaml)")
    one.add_argument("--size", type=int, help="side of the pictures in pixels (default: what fits)")
    one.add_argument(
        "--minutes", type=float, default=50, help="that training may take (default: %(default)s)"
    )
