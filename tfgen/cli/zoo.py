"""The command `zoo`: what trained models there are."""

import argparse
from collections.abc import Callable
from typing import Any


def show(arguments: argparse.Namespace) -> None:
    """Lists the trained models of the zoo, which other commands take as zoo:NAME."""
    from tfgen.zoo import shelf

    found = shelf.entries()
    width = max((len(entry.name) for entry in found), default=0)
    for entry in found:
        shape = "x".join(map(str, entry.image_shape))
        size = entry.weights.stat().st_size / 1e6 if entry.weights.is_file() else 0.0
        print(f"{entry.name:<{width}}  {entry.line} ({entry.data}, {shape}, {size:.2f} MB)")


def add(commands: Any, command: Callable) -> None:
    """Adds the command to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "zoo", show)
    one.add_argument("what", choices=("list",))
