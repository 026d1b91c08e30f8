"""The studio with two models, and a real browser for its page."""

import pytest

from tests.chromium import new_context
from tfgen.serving import Options, Server, Studio

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
