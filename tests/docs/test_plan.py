"""What all pages of a kind have in common."""

import re

import pytest

from tests.docs.blocks import ROOT

MODELS = sorted((ROOT / "docs" / "models").glob("*.md"))


@pytest.mark.parametrize("page", MODELS, ids=lambda page: page.stem)
def test_model_pages_have_the_same_headings_in_the_same_order(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    headings = re.findall(r"^## (.*)$", text, re.M)
    assert headings[:2] == ["Objective", "Use"]
    assert headings[-2:] == ["Measured", "Differs from the paper"]
