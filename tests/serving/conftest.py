"""One server for most tests: every signature, two labelled versions, metrics, health."""

import pytest

pytest.importorskip("tensorflow_serving", reason="needs the extra: pip install -e '.[serving]'")

from tests.serving import saved_models
from tests.serving.clients import Grpc, rest
from tfgen.serving import Options, Server

CONFIG = """
model_config_list {{
  config {{ name: "m" base_path: "{folder}/m" model_platform: "tensorflow" }}
  config {{
    name: "half" base_path: "{folder}/half" model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 1 }}
    version_labels {{ key: "a/b:c" value: 2 }}
  }}
  config {{ name: "a/b:c d" base_path: "{folder}/half" model_platform: "tensorflow" }}
}}
"""


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Folders `m` (version 123) and `half` (versions 1 and 2)."""
    folder = tmp_path_factory.mktemp("models")
    saved_models.save(saved_models.Everything(), folder / "m" / "00000123")
    for version in (1, 2):
        saved_models.save(saved_models.Affine(version), folder / "half" / str(version))
    return folder


@pytest.fixture(scope="session")
def server(models, tmp_path_factory):
    """A running server, on free ports."""
    folder = tmp_path_factory.mktemp("config")
    (folder / "models.config").write_text(CONFIG.format(folder=models))
    (folder / "monitoring.config").write_text("prometheus_config { enable: true }")
    options = Options(
        port=-1,
        rest_api_port=-1,
        model_config_file=str(folder / "models.config"),
        monitoring_config_file=str(folder / "monitoring.config"),
        allow_version_labels_for_unavailable_models=True,
        enable_grpc_healthcheck_service=True,
        file_system_poll_wait_seconds=0,
    )
    with Server(options) as running:
        yield running


@pytest.fixture
def http(server):
    """A REST client of the server, on a connection of its own."""
    with rest(server) as client:
        yield client


@pytest.fixture(scope="session")
def stubs(server):
    """gRPC clients of the server."""
    client = Grpc(server)
    yield client
    client.close()


@pytest.fixture(scope="session")
def painter(tmp_path_factory):
    """(model, export folder `painter`) with every kind of input."""
    from tests.serving import painter

    folder = tmp_path_factory.mktemp("exports") / "painter"
    folder.mkdir()
    return painter.export(folder), folder
