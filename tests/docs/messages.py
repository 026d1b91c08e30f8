"""The messages that docs/troubleshooting.md quotes, and the texts of the sources."""

import ast
import re

from tests.docs.blocks import ROOT

FOLDERS = ("tfgen", "export", "serving")
# Words of quoted messages that stand for a reader's own, as "..." does.
EXAMPLES = ("generator_loss", "nan", "'best'", "--epochs 5")
HOLE = "\0"  # Where a text of the sources has a value.


def quoted() -> list[tuple[int, str]]:
    """(line, text in backticks) of the first column of every table."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    found = []
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("| ") and not line.startswith("| what") and "|---" not in line:
            cell = re.split(r"(?<!\\)\|", line)[1]
            found += [(number, text) for text in re.findall(r"`([^`]+)`", cell)]
    return found


def fixed(text: str) -> list[str]:
    """The parts of a quoted message that are its own words: what stands between "..."."""
    for example in EXAMPLES:
        text = re.sub(rf"(?<!\w){example}(?!\w)", "...", text)
    return [part.strip(" :,.") for part in text.split("...") if part.strip(" :,.")]


def sources() -> list[str]:
    """Every text of the sources, with `HOLE` for each value in it."""
    found = []
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    found.append("".join(_part(value) for value in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return found


def _part(node):
    return node.value if isinstance(node, ast.Constant) else HOLE
