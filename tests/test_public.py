"""What documents name is there, what is promised is what packages hand on, and all is packed."""

import ast
import configparser
import functools
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tfgen

ROOT = Path(__file__).parent.parent
FOLDERS = {"tfgen": "tfgen", "tfgen.export": "export", "tfgen.serving": "serving"}
# The change log is not among them: it names what is gone.
PAGES = ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "docs/*.txt", "configs/*.yaml")
WINGS = (
    "tfgen",
    "tfgen.models",
    "tfgen.data",
    "tfgen.networks",
    "tfgen.text",
    "tfgen.probability",
    "tfgen.autoregressive",
    "tfgen.pictures",
    "tfgen.training",
    "tfgen.bulk",
    "tfgen.evaluation",
    "tfgen.metrics",
    "tfgen.explore",
    "tfgen.export",
    "tfgen.serving",
    "tfgen.zoo",
)

# No address or file (a/tfgen.x, x-tfgen.y), and nothing left open (`tfgen.models.<name>`).
NAME = re.compile(r"(?<![\w./-])tfgen(?:\.[A-Za-z_]\w*)+(?!\w|\.?[<*{])")
# Properties of an ONNX file, and the model that docs/new_model.md tells how to add.
OTHERS = {"tfgen.version", "tfgen.variant", "tfgen.models.hingegan"}

RESOLVE = """
import functools, json, sys
import tfgen
heavy = [name for name in ("tensorflow", "keras", "onnx") if name in sys.modules]
missing = []
for name in json.load(sys.stdin):
    try:
        functools.reduce(getattr, name.split(".")[1:], tfgen)
    except AttributeError as error:
        missing.append([name, str(error)])
print(json.dumps([heavy, missing]))
"""


def said():
    """(file, text) of the pages, and of every string of the sources: docstrings and messages."""
    for pattern in PAGES:
        for page in sorted(ROOT.glob(pattern)):
            yield page, page.read_text(encoding="utf-8")
    for folder in FOLDERS.values():
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield path, node.value


def named():
    """Dotted name -> a file that says it."""
    found = {}
    for path, text in said():
        for match in NAME.finditer(text):
            if match.group() not in OTHERS:
                found.setdefault(match.group(), path.relative_to(ROOT).as_posix())
    return found


def promised():
    """Package or module -> the names that docs/api.md has under it."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^## ", page, flags=re.M)[1:]:
        cells = re.findall(r"^\| (`.*?) \|", part, flags=re.M)
        found[part.split("`")[1]] = [name for cell in cells for name in re.findall("`(.*?)`", cell)]
    return found


def test_every_name_in_documents_and_messages_is_an_attribute():
    """In a process of its own, after `import tfgen` and nothing else."""
    names = named()
    assert len(names) > 100, "the pattern finds nothing"
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE],
        input=json.dumps(sorted(names)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    heavy, missing = json.loads(done.stdout.splitlines()[-1])
    assert heavy == [], "imported by `import tfgen`"
    assert [f"{names[name]} says {name}: {error}" for name, error in missing] == []


@pytest.mark.parametrize("package", WINGS)
def test_a_package_hands_on_what_is_promised(package):
    names = promised()[package]
    assert sorted(names) == sorted(set(import_module(package).__all__))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("module", sorted(set(promised()) - set(WINGS)))
def test_a_module_has_what_is_promised(module):
    found = functools.reduce(getattr, module.split(".")[1:], tfgen)
    assert [name for name in promised()[module] if not hasattr(found, name)] == []


def test_all_packages_are_packed():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    packed = settings["options"]["packages"].split()
    there = {
        ".".join((package, *path.parent.relative_to(ROOT / folder).parts))
        for package, folder in FOLDERS.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert packed == sorted({*there, "tfgen.configs"})  # Files alone: `tfgen train NAME`.
