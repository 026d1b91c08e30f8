"""The command `list`: what there is, read from the source files without importing TensorFlow."""

import argparse
import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent.parent


def models() -> list[tuple[str, str]]:
    """(name, first line of its file) of each entry of `tfgen.models.MODELS`, in order."""
    tree = _tree(_PACKAGE / "models" / "__init__.py")
    homes = {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return [(name, _first_line(homes[value.id])) for name, value in _table(tree, "MODELS")]


def datasets() -> list[tuple[str, str]]:
    """(name, its line) of each entry of `tfgen.data.DATASETS`, in order."""
    tree = _tree(_PACKAGE / "data" / "__init__.py")
    return [(name, value.args[0].value) for name, value in _table(tree, "DATASETS")]


def metrics() -> list[tuple[str, str]]:
    """(name, first line of its class) of each entry of `tfgen.metrics.table.METRICS`."""
    found = []
    for name, value in _table(_tree(_PACKAGE / "metrics" / "table.py"), "METRICS"):
        module, _, wanted = value.value.rpartition(".")
        tree = _tree(_PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py"))
        (home,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == wanted)
        found.append((name, _first(home)))
    return found


LISTS = {"models": models, "datasets": datasets, "metrics": metrics}


def show(arguments: argparse.Namespace) -> None:
    """Lists the models, the data sets or the metrics."""
    entries = LISTS[arguments.what]()
    width = max(len(name) for name, _ in entries)
    for name, line in entries:
        print(f"{name:<{width}}  {line}")


def add(commands: Any, command: Callable) -> None:
    """Adds the commands to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "list", show)
    one.add_argument("what", choices=tuple(LISTS))


def _tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _first(node):
    return (ast.get_docstring(node) or "").partition("\n")[0]


def _table(tree, name):
    """(key, node of the value) of the literal mapping of this name."""
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
            continue
        if getattr(node.targets[0], "id", None) == name:
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return [(ast.literal_eval(key), value) for key, value in pairs if key]
    raise LookupError(f"There is no table {name}.")


def _first_line(module):
    path = _PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    return _first(_tree(path))
