"""Every message that docs/troubleshooting.md quotes is one that the sources say."""

import pytest

from tests.docs import messages

TEXTS = messages.sources()
QUOTED = messages.quoted()


@pytest.mark.parametrize("line, text", QUOTED, ids=[f"{n}: {text}"[:40] for n, text in QUOTED])
def test_a_quoted_message_is_in_the_sources(line, text):
    lacking = [part for part in messages.fixed(text) if not any(part in one for one in TEXTS)]
    assert not lacking, f"docs/troubleshooting.md:{line}: no source says {lacking}"


def test_the_check_sees_what_is_not_there():
    assert len(QUOTED) > 15
    assert messages.fixed("step ...: generator_loss is nan. Try: ...") == ["step", "is", "Try"]
    assert messages.fixed("...: no checkpoint 'best'. There are: ...") == [
        "no checkpoint",
        "There are",
    ]
    assert not any("the folder holds another experiment" in one for one in TEXTS)
    assert any(f"out of memory or disk: {messages.HOLE}" in one for one in TEXTS)
