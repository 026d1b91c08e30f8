"""The laboratory's server, and a page on it in a real browser."""

import pytest

from tests.chromium import new_context


@pytest.fixture(scope="package")
def server():
    """On a free port."""
    pytest.importorskip("starlette", reason="needs the extra: pip install -e '.[serving]'")
    from tfgen.explore.lab.server import ANY_PORT, Server

    with Server(port=ANY_PORT) as running:
        yield running


@pytest.fixture
def opened(browser, server):
    """A function (link, options of the window) -> its page once the link's step is reached.

    At the end there must have been no error and no request elsewhere.
    """
    faults, contexts = [], []

    def open_page(link="", **options):
        context = new_context(browser, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda one: one.url.startswith((server.address, "blob:")) or faults.append(one.url),
        )
        page.goto(f"{server.address}#{link}")
        stands_at(page, link.partition("step=")[2] or "0")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def stands_at(page, step):
    """Waits until the page is at a step, its code with it, and does not play."""
    page.wait_for_selector(f'body[data-step="{step}"][data-playing="false"]')
    shown = f"{int(step):,}"
    page.locator("#of").filter(has_text=f"step {shown}.").wait_for()
