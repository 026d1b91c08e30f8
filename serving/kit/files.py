"""Files by which TensorFlow Serving itself runs an export: written, not started.

    serving-kit/docker-compose.yml        tensorflow/serving on this machine
    serving-kit/models.config             which model, from where
    serving-kit/batching.config           requests together
    serving-kit/monitoring.config         metrics for Prometheus
    serving-kit/kubernetes/*.yaml         Deployment, Service, HorizontalPodAutoscaler, ConfigMap
    serving-kit/kserve/*.yaml             InferenceService

The text-format files are made from TensorFlow Serving's messages, the manifests from the templates
in the folder `kit` of this package.
"""

import os
import re
import tempfile
from pathlib import Path
from string import Template
from urllib.parse import quote

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfgen.serving.settings import protos
from tfgen.serving.settings.config import METRICS_PATH, PLATFORM
from tfgen.serving.status import Code, Failure, invalid

FOLDER = "serving-kit"
IMAGE = "tensorflow/serving:2.20.0"
_TEMPLATES = Path(__file__).parent


def write(
    export: Path | str,
    *,
    name: str | None = None,
    image: str = IMAGE,
    cores: int = 2,
    batch: int = 64,
) -> Path:
    """Writes `serving-kit/` into an export folder, over an older one of its files.

    Args:
        export: The export folder, with numbered versions.
        name: Of the model, as clients will call it; None: the folder's.
        image: Of TensorFlow Serving; one that ends in "-gpu" for GPUs.
        cores: Of one replica, which are also the threads that run batches.
        batch: Most rows that run together.

    Returns:
        The kit's folder.

    Raises:
        Failure: NOT_FOUND: no such folder; INVALID_ARGUMENT: a name or number that cannot be.
        OSError: It cannot be written.
    """
    export = Path(export).absolute()
    if not export.is_dir():
        raise Failure(Code.NOT_FOUND, f"There is no export folder {export}.")
    name = export.name if name is None else name
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise invalid(
            f"{name!r} cannot be a model's name in these files: use letters, digits, '-', '_', '.'."
        )
    if cores < 1 or batch < 1:
        raise invalid(f"cores and batch must be at least 1; were {cores} and {batch}")
    texts = configs(name, cores, batch)
    values = {
        "name": name,
        "encoded": quote(name, safe=""),
        "resource": resource_name(name),
        "image": image,
        "cores": cores,
        "metrics_path": METRICS_PATH,
        **{key: _indented(texts[f"{key}.config"]) for key in ("models", "batching", "monitoring")},
    }
    for path in sorted(_TEMPLATES.rglob("*.y*ml")):
        relative = path.relative_to(_TEMPLATES).as_posix()
        texts[relative] = Template(path.read_text()).substitute(values)
    for relative, text in texts.items():
        _replace(export / FOLDER / relative, text)
    return export / FOLDER


def configs(name: str, cores: int, batch: int) -> dict[str, str]:
    """File name -> text of the three configurations of TensorFlow Serving."""
    models = ModelServerConfig()
    models.model_config_list.config.add(
        name=name, base_path=f"/models/{name}", model_platform=PLATFORM
    )
    batching = protos.BatchingParameters()
    batching.max_batch_size.value = batch
    batching.batch_timeout_micros.value = 2000
    batching.num_batch_threads.value = cores
    batching.max_enqueued_batches.value = 16 * cores
    # Few sizes: a graph prepares itself for each shape that it meets for the first time.
    batching.allowed_batch_sizes.extend(n for n in (1 << k for k in range(31)) if n < batch)
    batching.allowed_batch_sizes.append(batch)
    monitoring = protos.MonitoringConfig()
    monitoring.prometheus_config.enable = True
    monitoring.prometheus_config.path = METRICS_PATH
    made = {"models": models, "batching": batching, "monitoring": monitoring}
    return {f"{key}.config": text_format.MessageToString(one) for key, one in made.items()}


def resource_name(name: str) -> str:
    """A name that Kubernetes takes for a Service: lower case, digits and hyphens, 63 at most.

    The kit adds at most 7 characters to it.
    """
    made = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:56].strip("-")
    return made if made[:1].isalpha() else f"model-{made}".rstrip("-")[:56]


def _indented(text):
    return "\n".join(f"    {line}" for line in text.splitlines())


def _replace(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".unfinished-", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
