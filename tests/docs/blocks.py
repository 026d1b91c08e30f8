"""The blocks of a page: fenced ones by their language, indented ones that are commands."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
# As a visitor meets them; docs/changelog.md and the like only show files of the root.
PAGES = ("README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")))
LANGUAGES = ("python", "sh", "yaml", "markdown", "text")
# With what an indented block begins that is typed into a terminal; others are formulas and output.
PROGRAMS = tuple("tfgen .venv/bin/ python pip make curl docker kubectl hf ls".split())


class Block(NamedTuple):
    """One block: where it begins (the line of its first word), its language, its text."""

    page: str
    line: int
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page in its order; formulas and output are "text".

    Raises:
        ValueError: A fence that never ends, or of a language that is none of `LANGUAGES`.
    """
    lines = (ROOT / page).read_text(encoding="utf-8").split("\n")
    found, at = [], 0
    while at < len(lines):
        fence = re.match(r"(`{3,})(\w*)$", lines[at])
        first, until = at, at + 1
        if fence:
            if fence[2] not in LANGUAGES:
                raise ValueError(f"{page}:{at + 1}: ```{fence[2]}: expected one of {LANGUAGES}.")
            while lines[until] != fence[1]:
                until += 1
            found.append(Block(page, first + 2, fence[2], "\n".join(lines[first + 1 : until])))
            at = until + 1
        elif lines[at].startswith("    ") and not (first and lines[first - 1].strip()):
            while until < len(lines) and (lines[until].startswith("    ") or not lines[until]):
                until += 1
            text = "\n".join(line[4:] for line in lines[first:until]).rstrip()
            language = "sh" if text.startswith(PROGRAMS) else "text"
            found.append(Block(page, first + 1, language, text))
            at = until
        else:
            at += 1
    return found


class Command(NamedTuple):
    """One command of a block, and what the page shows it to print, if it does."""

    line: int
    text: str
    output: str


def commands(block: Block) -> list[Command]:
    """The commands of a block: lines together as far as the shell needs them.

    A line of JSON after a command is what it prints.
    """
    found: list[Command] = []
    open_lines: list[str] = []
    for number, line in enumerate(block.text.split("\n"), block.line):
        if not open_lines and (not line.strip() or line.startswith("#")):
            continue
        if not open_lines and line.startswith("{"):
            found[-1] = found[-1]._replace(output=line)
            continue
        open_lines.append(line)
        text = "\n".join(open_lines)
        whole = subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0
        if whole and not text.rstrip().endswith(("\\", "|")):
            found.append(Command(number - len(open_lines) + 1, text, ""))
            open_lines = []
    if open_lines:
        raise ValueError(f"{block.page}:{block.line}: the last command has no end.")
    return found
