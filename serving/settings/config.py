"""TensorFlow Serving's configuration files: text-format protobuf in, checked values out."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfgen.serving.settings import protos
from tfgen.serving.settings.batch_options import BatchOptions
from tfgen.serving.status import Code, Failure, invalid

PLATFORM = "tensorflow"
METRICS_PATH = "/monitoring/prometheus/metrics"
PER_MODEL_BATCHING = "batching_params.pbtxt"
_Policy = FileSystemStoragePathSourceConfig.ServableVersionPolicy


def read(path: str, message: Any):
    """Reads a text-format file into a message of the given class.

    Raises:
        Failure: NOT_FOUND; INVALID_ARGUMENT, `Error parsing text-format ...` with line and column.
    """
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise Failure(Code.NOT_FOUND, f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise invalid(f"Error parsing text-format {_name(message)}: {path} is not text") from error
    try:
        return text_format.Parse(text, message())
    except text_format.ParseError as error:
        raise invalid(f"Error parsing text-format {_name(message)}: {path}:{error}") from error


def _name(message):
    return message.DESCRIPTOR.full_name


def single_model(name: str, base_path: str) -> ModelServerConfig:
    """The config that `--model_name` and `--model_base_path` stand for."""
    config = ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=base_path, model_platform=PLATFORM)
    return config


@dataclass(frozen=True)
class ModelEntry:
    """One model to serve.

    Args:
        name: As clients name it.
        base_path: Folder whose numbered children are its versions.
        policy: ServableVersionPolicy.
        labels: Label -> version.
    """

    name: str
    base_path: Path
    policy: Any
    labels: dict[str, int]


def entries(config: ModelServerConfig) -> list[ModelEntry]:
    """The models of a config.

    Raises:
        Failure: INVALID_ARGUMENT: no list, a name twice or missing, a relative path, another
            platform.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid("Request does not contain a ModelConfigList.")
    made: dict[str, ModelEntry] = {}
    for one in config.model_config_list.config:
        if not one.name:
            raise invalid("Every model in the config needs a name.")
        if one.name in made:
            raise invalid(f"Illegal to list model {one.name} multiple times in config list")
        platform = one.model_platform or ("tensorflow" if one.model_type == 1 else "")
        if not platform:
            raise invalid(
                "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
                f"ModelServerConfig::model_platform, for model {one.name}."
            )
        if platform != PLATFORM:
            raise invalid(f"Unsupported model_platform {platform!r} of model {one.name}.")
        if not os.path.isabs(one.base_path):
            raise invalid(
                f"Expected model {one.name} to have an absolute path or URI; got base_path()="
                f"{one.base_path}"
            )
        policy = _Policy()
        policy.CopyFrom(one.model_version_policy)
        labels = dict(one.version_labels)
        made[one.name] = ModelEntry(one.name, Path(one.base_path), policy, labels)
    return list(made.values())


def batch_options(path: str | None) -> BatchOptions:
    """The options of a batching parameters file, or the defaults.

    Raises:
        Failure: The file cannot be read, or its values do not fit together.
    """
    given: dict[str, Any] = {}
    if path:
        parameters = read(path, protos.BatchingParameters)
        for descriptor, value in parameters.ListFields():
            name = descriptor.name
            if name == "allowed_batch_sizes":
                given[name] = tuple(value)
            else:
                given[name] = getattr(value, "value", value)
    options = BatchOptions(**given)
    options.check()
    return options


def metrics_path(path: str | None) -> str | None:
    """Where a monitoring config wants the metrics, or None: they are not served."""
    if not path:
        return None
    prometheus = read(path, protos.MonitoringConfig).prometheus_config
    return (prometheus.path or METRICS_PATH) if prometheus.enable else None
