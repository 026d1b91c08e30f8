"""Every Python and shell block of the documentation, page by page and in order, cut down.

A page's Python blocks share their names, as in one session; its commands share one folder.
"""

import functools
import json
import shlex

import pytest
import yaml

import tfgen.export.hub
from tests.docs import small, world
from tests.docs.blocks import PAGES, blocks, commands
from tests.docs.exceptions import ARGUMENTS_ONLY, DRY, FRAGMENTS, NOT_RUN
from tests.export.hub_stand_in import Hub
from tfgen.training import config

pytest.importorskip("tensorflow_serving", reason="needs the extra: pip install -e '.[serving]'")
# Of 120 samples some figures say that they mean little.
pytestmark = [pytest.mark.docs, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, Hub() as hub:
        folder = tmp_path_factory.mktemp("clone")
        world.environment(patch, folder)
        small.install(patch)
        for call in ("push", "pull"):
            of_the_hub = functools.partial(getattr(tfgen.export.hub, call), endpoint=hub.address)
            patch.setattr(tfgen.export.hub, call, of_the_hub)
        one = world.World(folder, patch)
        yield one
        one.close()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_every_block_runs(place, page):
    place.begin(exports=page != "README.md")
    names: dict = {}
    for block in blocks(page):
        if _fragment(block):
            continue
        if block.language == "python":
            code = compile("\n" * (block.line - 1) + place.address(block.text), page, "exec")
            exec(code, names)
        elif block.language == "sh":
            for one in commands(block):
                _run(place, one)
        elif block.language == "yaml":
            assert set(yaml.safe_load(block.text)) <= {*config.SECTIONS}, f"{page}:{block.line}"


def _run(place, one):
    text = one.text
    if text.startswith(tuple(NOT_RUN)):
        return
    words = shlex.split(text.replace("\\\n", " "), comments=True)
    words[0] = words[0].removeprefix(".venv/bin/")
    if words[:2] == ["tfgen", "serve"]:
        if words[2] not in place.served:
            place.serve(words[2])
            place.served.add(words[2])
    elif words[:2] == ["tfgen", "data"] and words[2] != "pack":
        place.serve_data(words)
    elif words[0] == "tfgen":
        place.tfgen(words[1:])
    elif words[:2] == ["python", "-m"]:
        place.module(words[2:], text.startswith(tuple(ARGUMENTS_ONLY)))
    elif words[0] in DRY:
        place.shell(f"make -n -C {world.ROOT} {shlex.join(words[1:])}")
    else:
        printed = place.shell(text)
        if one.output:
            assert json.loads(printed) == json.loads(one.output), text
        else:
            assert '"error"' not in printed, f"{text}\n{printed}"


def _fragment(block):
    return any(block.page == page and block.text.startswith(begin) for page, begin in FRAGMENTS)


def test_exceptions_are_of_what_is_documented():
    found = [block for page in PAGES for block in blocks(page)]
    typed = [one.text for block in found if block.language == "sh" for one in commands(block)]
    for begin in (*NOT_RUN, *ARGUMENTS_ONLY, *DRY):
        assert any(text.startswith(begin) for text in typed), begin
    for page, begin in FRAGMENTS:
        assert any(b.page == page and b.text.startswith(begin) for b in found), begin


def test_blocks_of_a_page_are_found(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(
        "Text\n\n    tfgen list models\n\n    curl a \\\n      b\n"
        '    {"x": 1}\n\nText\n\n    E[x] + 1\n\n```python\nx = 1\n```\n'
    )
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
    shell, formula, python = blocks("page.md")
    assert [one.text for one in commands(shell)] == ["tfgen list models", "curl a \\\n  b"]
    assert commands(shell)[1].output == '{"x": 1}'
    assert (formula.language, python.language) == ("text", "python")
    assert (python.text, python.line) == ("x = 1", 14)
    page.write_text("```\nx\n```\n")
    with pytest.raises(ValueError, match="page.md:1: ```: expected one of"):
        blocks("page.md")
