"""Serving what lies at a path, without a configuration file."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfgen.serving.foreground import run
from tfgen.serving.settings.config import PLATFORM
from tfgen.serving.settings.options import Options
from tfgen.serving.status import Code, Failure, invalid

_MODEL = ("saved_model.pb", "saved_model.pbtxt")


def serve(
    path: Path | str, *, pages: Callable | None = None, on_ready: Callable | None = None, **options
) -> None:
    """Serves an export folder, or all export folders in a folder, until Ctrl-C or SIGTERM.

    Args:
        path: A folder with numbered SavedModels, or one with several such folders. A model is
            called like its folder.
        pages: ASGI application for the paths that TensorFlow Serving does not have.
        on_ready: Called with the `Server` once it takes requests.
        **options: Fields of `Options`. By default REST is on port 8501 and gRPC on 8500, at the
            loopback address, and a model that cannot be loaded is not tried again.

    Raises:
        Failure: There is nothing to serve at the path, or it cannot be served.
    """
    models = found(path)
    given = {"rest_api_port": 8501, "max_num_load_retries": 0, **options}
    with contextlib.ExitStack() as stack:
        if len(models) == 1:
            ((name, base_path),) = models.items()
            chosen = {"model_name": name, "model_base_path": str(base_path)}
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            chosen = {"model_config_file": os.path.join(folder, "models.config")}
            Path(chosen["model_config_file"]).write_text(str(_config(models)))
        run(Options(**{**chosen, **given}), pages, on_ready)


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
    models = {one.name: one for one in sorted(path.iterdir()) if one.is_dir() and _is_export(one)}
    if not models:
        raise Failure(
            Code.NOT_FOUND,
            f"{path} has no SavedModels: expected <version>/saved_model.pb, or "
            "<model>/<version>/saved_model.pb, where a version is a number.",
        )
    return models


def _is_export(path):
    versions = [one for one in path.iterdir() if one.name.isdecimal()]
    return any((one / name).exists() for one in versions for name in _MODEL)


def _config(models):
    config = ModelServerConfig()
    for name, path in models.items():
        config.model_config_list.config.add(name=name, base_path=str(path), model_platform=PLATFORM)
    return config
