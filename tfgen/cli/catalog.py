"""The command `list`: what there is, read from the source files without importing TensorFlow."""

import argparse
import ast
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgen.construct import no_such

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


def configs() -> list[tuple[str, str]]:
    """(name, first line) of each experiment that `tfgen train` takes by name."""
    return [(name, _comment(path)) for name, path in sorted(_configs().items())]


def config_path(given: str) -> Path:
    """The file of a config that is given by its path or by a name of `configs`.

    Raises:
        FileNotFoundError: Neither; the nearest name is said.
    """
    path, known = Path(given), _configs()
    if path.is_file() or path.suffix or len(path.parts) != 1:
        return path  # What is not there is said by whoever reads it.
    if given not in known:
        raise FileNotFoundError(
            f"{given}: no such file. {no_such('config', given, known)} `tfgen list configs` says "
            "what each of them is."
        )
    return known[given]


def _configs():
    """Name -> file; those of the folder where one is come before the library's own."""
    folders = (_PACKAGE / "configs", _PACKAGE.parent / "configs", Path("configs"))
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def _comment(path):
    """What a config says of itself, up to its first "# Word: ..." line."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or re.match(r"# [A-Z]\w+:", line):
            break
        found.append(line.lstrip("# "))
    return textwrap.shorten(" ".join(found), 110, placeholder=" ...")


LISTS = {"configs": configs, "models": models, "datasets": datasets, "metrics": metrics}


def show(arguments: argparse.Namespace) -> None:
    """Lists the configs, the models, the data sets or the metrics."""
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
