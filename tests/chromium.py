"""A real browser for the tests of pages."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 90  # Seconds: the tests wait for conditions, on a busy machine longer.


@pytest.fixture(scope="session")
def browser():
    """A chromium."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install -e '.[test]'"
    )
    if CHROMIUM is None:
        pytest.skip("needs the browser chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        one = playwright.chromium.launch(
            executable_path=CHROMIUM, args=options, timeout=PATIENCE * 1000
        )
        yield one
        one.close()


def new_context(browser, **options):
    """A window that waits for conditions, however busy the machine is."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    context.set_default_navigation_timeout(PATIENCE * 1000)
    return context
