"""The studio with two models, and a real browser for its page."""

import shutil

import pytest

from tfgen.serving import Options, Server, Studio

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 90  # Seconds: the tests wait for conditions, on a busy machine longer.
CONFIG = 'config {{ name: "{name}" base_path: "{folder}" model_platform: "tensorflow" }}'


def serving(models, folder):
    """A server of the studio with models, name -> export folder; its config goes into `folder`."""
    lines = [CONFIG.format(name=name, folder=path) for name, path in models.items()]
    config = folder / "models.config"
    config.write_text(f"model_config_list {{ {' '.join(lines)} }}")
    options = Options(
        port=0, rest_api_port=-1, model_config_file=str(config), enable_model_warmup=False
    )
    return Server(options, pages=Studio(models))


@pytest.fixture(scope="session")
def studio(painter, tmp_path_factory):
    """`painter`; its `twin`; and `plain`, the same files as a SavedModel of somebody else."""
    plain = tmp_path_factory.mktemp("plain")
    (plain / "1").symlink_to(painter[1] / "1")
    models = {"painter": painter[1], "plain": plain, "twin": painter[1]}
    with serving(models, plain) as server:
        yield server


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


@pytest.fixture
def page(browser, studio):
    """Opens the page; at the end there must have been no error and no request elsewhere."""
    faults, context = [], new_context(browser, viewport={"width": 1100, "height": 800})
    page = context.new_page()
    base = f"http://127.0.0.1:{studio.rest_port}/"
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda one: one.url.startswith((base, "data:", "blob:")) or faults.append(one.url),
    )
    page.open = lambda address="": page.goto(base + address)
    yield page
    context.close()
    assert not faults
