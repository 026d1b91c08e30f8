"""The plan of the house: who may import whom, read from the sources.

`FLOORS` is the whole rule: a module imports what lies on a lower floor, or its own package. Imports
inside functions count, and those for type checkers too.
"""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"tfgen": "tfgen", "tfgen.export": "export", "tfgen.serving": "serving"}
MODULES_BESIDE_THE_WINGS = 14

# Lowest first; rooms of one floor import nothing of each other. What ends in "/" is a package.
FLOORS = (
    ("construct/",),
    ("lazy", "random", "files", "quiet", "losses", "optimizers/"),
    ("batches/",),
    ("signature", "step"),
    ("keras_face/", "sampling"),
    ("model",),
    ("stages", "pictures/"),
    ("networks/", "data/", "probability/"),
    ("text/", "autoregressive/"),
    ("models/", "metrics/"),
    ("training/", "export/"),
    ("evaluation/", "explore/"),
    ("reports/",),
    ("zoo/",),
    ("bulk/",),
    ("cli/",),
    ("__main__",),
)
SERVING_FLOORS = (
    ("status", "dtypes", "metrics"),
    ("tensor_proto", "studio/"),
    ("settings/", "client/"),
    ("models/", "kit/"),
    ("rest/", "rpc/"),
    ("server",),
    ("foreground",),
    ("serve_path", "__main__"),
)
HOUSES = {"tfgen": FLOORS, "tfgen.serving": SERVING_FLOORS}
# What serving and the edge runtime may use of the rest: modules without TensorFlow or training.
LIGHT = {"tfgen", "tfgen.lazy", "tfgen.random", "tfgen.signature"}
EDGE = {*LIGHT, "tfgen.export.runtimes", "tfgen.pictures.samples", "tfgen.pictures"}


def sources(root):
    """Dotted name -> file, of every module of the library."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in (root / folder).rglob("*.py"):
            parts = path.relative_to(root / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join((package, *parts))] = path
    return found


def imported(path, modules):
    """(line, module of the library) of every import of a file, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            whole = "." * node.level + (node.module or "")
            names = [f"{whole}.{a.name}" if f"{whole}.{a.name}" in modules else whole
                     for a in node.names]  # fmt: skip
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.partition(".")[0] == "tfgen")


def arrows(root):
    """(file, line, importing module, imported module)"""
    modules = sources(root)
    for name, path in sorted(modules.items()):
        for line, target in imported(path, modules):
            yield path.relative_to(root), line, name, target


def room(module):
    """(which house, its room) of a module: a module of the root, or a package with "/"."""
    house = "tfgen.serving" if module.startswith("tfgen.serving") else "tfgen"
    rest = module.removeprefix(house).strip(".")
    first, _, inside = rest.partition(".")
    package = inside or any(f"{first}/" in rooms for rooms in HOUSES[house])
    return house, f"{first}/" if package else first


def floor(place):
    """The number of a room's floor; of `__init__` of a house, None: it hands on, lazily."""
    house, name = place
    if not name:
        return None
    for number, rooms in enumerate(HOUSES[house]):
        if name in rooms:
            return number
    raise AssertionError(
        f"{house}: {name} stands on no floor: give it one in {Path(__file__).name}"
    )


def violations(root):
    """One line for each import that goes upwards or sideways."""
    found = []
    for path, line, name, target in arrows(root):
        here, there = room(name), room(target)
        if here == there or there == ("tfgen", "") or there == ("tfgen.serving", ""):
            continue
        if here[0] != there[0]:  # serving/ is a house of its own; commands open its door.
            allowed = target in LIGHT if here[0] == "tfgen.serving" else here[1] == "cli/"
        else:
            below, own = floor(there), floor(here)
            allowed = own is None or below < own
        if not allowed:
            found.append(f"{path}:{line}: {name} imports {target}")
    return found


def test_imports_run_downwards():
    assert violations(ROOT) == []


def test_there_are_no_circles():
    graph = {}
    for _, _, name, target in arrows(ROOT):
        if name != target:
            graph.setdefault(name, set()).add(target)
    # A package's `__init__` that hands on names lazily imports none of them.
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail("a circle of imports: " + " -> ".join(error.args[1]))


def test_no_model_imports_another():
    within = [
        f"{path}:{line}: {name} imports {target}"
        for path, line, name, target in arrows(ROOT)
        if name.startswith("tfgen.models.") and target.startswith("tfgen.models")
    ]
    assert within == []


def test_serving_and_the_edge_import_nothing_of_the_training_side():
    wrong = [
        f"{path}:{line}: {name} imports {target}"
        for path, line, name, target in arrows(ROOT)
        if name in ("tfgen.export.edge", "tfgen.export.runtimes") and target not in EDGE
    ]
    assert wrong == []


def test_the_root_holds_the_core_only():
    modules = sorted(path.name for path in (ROOT / "tfgen").glob("*.py"))
    assert len(modules) <= MODULES_BESIDE_THE_WINGS, modules
    rooms = {name for rooms in FLOORS for name in rooms if not name.endswith("/")}
    assert {name.removesuffix(".py") for name in modules} == {"__init__", *rooms}
    folders = {f"{p.parent.name}/" for p in (ROOT / "tfgen").glob("*/__init__.py")}
    assert folders == {n for rooms in FLOORS for n in rooms if n.endswith("/")} - {"export/"}
    places = {f"{p.parent.name}/" for p in (ROOT / "serving").glob("*/__init__.py")}
    assert places == {n for rooms in SERVING_FLOORS for n in rooms if n.endswith("/")}


@pytest.mark.parametrize(
    "file, line",
    [
        ("tfgen/losses.py", "from tfgen.models import gan"),
        ("tfgen/models/gan.py", "from tfgen.training import run"),
        ("tfgen/data/shapes.py", "import tfgen.explore.classifiers"),
        ("tfgen/networks/basic.py", "from tfgen.text import tokens"),
        ("serving/rest/calls.py", "from tfgen.training import run"),
        ("serving/models/core.py", "from tfgen.serving.rest import app"),
        ("tfgen/explore/classifiers.py", "from tfgen.evaluation import evaluate"),
    ],
)
def test_a_forbidden_import_is_found(file, line, tmp_path):
    for folder in FOLDERS.values():
        (tmp_path / folder).mkdir()
    for path in sources(ROOT).values():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    (tmp_path / file).write_text(f"def late():\n    {line}\n")
    (found,) = violations(tmp_path)
    assert found.startswith(f"{file}:2: ") and line.split()[1] in found
