"""The table of experiments: commands that are there, pictures, and one content in two languages."""

import re
import shlex

import pytest

from tests.docs.blocks import ROOT
from tfgen.cli import main as cli
from tfgen.explore.experiments import EXPERIMENTS

PAGES = ("explore.md", "explore.ko.md")
FOLDER = ROOT / "docs" / "explore"


def rows(page):
    """(statement, command, seconds) of the table."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.findall(r"^\| (.+) \| `(tfgen explore .+)` \| (.*) \|$", text, re.M)
    return [(statement, command.replace("\\|", "|"), time) for statement, command, time in found]


def pictures(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"!\[.+?\]\(explore/(.+?)\)", text)


@pytest.mark.parametrize("page", PAGES)
def test_the_table_has_every_experiment_as_a_command_that_parses(page):
    commands = [shlex.split(command) for _, command, _ in rows(page)]
    for command in commands:
        assert cli.parser().parse_args(command[1:]).experiment == command[2]
    assert {command[2] for command in commands} == set(EXPERIMENTS)
    assert all(re.fullmatch(r"\d+", time) for _, _, time in rows(page))


def test_both_languages_have_the_same_commands_times_and_pictures():
    english, korean = ([row[1:] for row in rows(page)] for page in PAGES)
    assert english == korean
    assert pictures(PAGES[0]) == pictures(PAGES[1])
    assert all(re.search("[가-힣]", statement) for statement, _, _ in rows(PAGES[1]))


def test_every_picture_is_there_and_shown():
    assert set(pictures(PAGES[0])) == {path.name for path in FOLDER.iterdir()}
