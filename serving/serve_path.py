"""Serving what lies at a path, without a configuration file."""

import logging
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfgen.serving.foreground import run
from tfgen.serving.server import Server
from tfgen.serving.settings import protos
from tfgen.serving.settings.config import PLATFORM
from tfgen.serving.settings.options import Options
from tfgen.serving.status import Code, Failure, invalid

log = logging.getLogger(__name__)

_MODEL = ("saved_model.pb", "saved_model.pbtxt")


def serve(
    path: Path | str,
    *,
    pages: Callable | None = None,
    on_ready: Callable | None = None,
    on_models: Callable | None = None,
    metrics: bool = False,
    **options,
) -> None:
    """Serves an export folder, or all export folders in a folder, until Ctrl-C or SIGTERM.

    Export folders that appear in a folder of them are served from then on, and those that go are
    dropped; a line is logged for each.

    Args:
        path: A folder with numbered SavedModels, or one with several such folders. A model is
            called like its folder.
        pages: ASGI application for the paths that TensorFlow Serving does not have.
        on_ready: Called with the `Server` once it takes requests.
        on_models: Called with name -> folder when models have appeared or gone.
        metrics: Whether metrics for Prometheus are at /monitoring/prometheus/metrics.
        **options: Fields of `Options`. By default REST is on port 8501 and gRPC on 8500, at the
            loopback address, and a model that cannot be loaded is not tried again.

    Raises:
        Failure: There is nothing to serve at the path, or it cannot be served.
    """
    models = found(path)
    given = {"rest_api_port": 8501, "max_num_load_retries": 0, **options}
    with tempfile.TemporaryDirectory() as folder:
        files = {"model_config_file": _config(models)}
        if metrics:
            files["monitoring_config_file"] = _monitoring()
        chosen = {name: os.path.join(folder, name) for name in files}
        for name, content in files.items():
            Path(chosen[name]).write_text(str(content))
        watch = _Watch(Path(path).absolute(), models, on_models)

        def ready(server):
            watch.start(server)
            if on_ready is not None:
                on_ready(server)

        try:
            run(Options(**{**chosen, **given}), pages, ready)
        finally:
            watch.stop()


class _Watch:
    """Looks for export folders that appear in a folder or go, as often as for versions."""

    def __init__(self, path: Path, models: dict[str, Path], on_models: Callable | None):
        self._path = path
        self._models = models
        self._on_models = on_models
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, server: Server) -> None:
        seconds = server.options.file_system_poll_wait_seconds
        if seconds > 0 and self._path not in self._models.values():
            self._thread = threading.Thread(
                target=self._repeat, args=(server, seconds), name="watch", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _repeat(self, server, seconds):
        while not self._stopped.wait(seconds):
            try:
                self._look(server)
            except OSError as error:  # A folder that goes while it is read: the next look tells.
                log.warning("Cannot look for models in %s: %s", self._path, error)

    def _look(self, server):
        if not self._path.is_dir():  # As where a base path is missing: nothing changes at all.
            return
        former, self._models = self._models, _exports(self._path)
        if self._models == former:
            return
        for name in self._models.keys() - former.keys():
            log.info("Model %s has appeared in %s: it is served now", name, self._path)
        for name in former.keys() - self._models.keys():
            log.info("Model %s has gone from %s: it is no longer served", name, self._path)
        try:
            server.core.reload(_config(self._models), waits=False)
        except Failure as failure:
            log.error("Cannot serve what is in %s now: %s", self._path, failure)
        if self._on_models is not None:
            self._on_models(self._models)


def found(path: Path | str) -> dict[str, Path]:
    """Model name -> folder of its versions, of what can be served at a path.

    Raises:
        Failure: NOT_FOUND: nothing; INVALID_ARGUMENT: a SavedModel that is not a version.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise Failure(Code.NOT_FOUND, f"There is no folder {path} to serve.")
    if any((path / name).exists() for name in _MODEL):
        raise invalid(
            f"{path} is one SavedModel. Serve the folder above it, {path.parent}, in which each "
            "version is a folder whose name is its number."
        )
    if _is_export(path):
        return {path.name: path}
    models = _exports(path)
    if not models:
        raise Failure(
            Code.NOT_FOUND,
            f"{path} has no SavedModels: expected <version>/saved_model.pb, or "
            "<model>/<version>/saved_model.pb, where a version is a number.",
        )
    return models


def _exports(path) -> dict[str, Path]:
    """Name -> folder of the export folders in a folder; hidden ones are unfinished."""
    children = [one for one in sorted(path.iterdir()) if not one.name.startswith(".")]
    return {one.name: one for one in children if one.is_dir() and _is_export(one)}


def _is_export(path):
    versions = [one for one in path.iterdir() if one.name.isdecimal()]
    return any((one / name).exists() for one in versions for name in _MODEL)


def _config(models):
    config = ModelServerConfig()
    config.model_config_list.SetInParent()
    for name, path in models.items():
        config.model_config_list.config.add(name=name, base_path=str(path), model_platform=PLATFORM)
    return config


def _monitoring():
    config = protos.MonitoringConfig()
    config.prometheus_config.enable = True
    return config
