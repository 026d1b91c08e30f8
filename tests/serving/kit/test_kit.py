"""The kit for TensorFlow Serving: its configs are read by our server, its manifests by schemas."""

import shutil

import pytest
import yaml

from tests.serving.clients import rest
from tfgen import serving
from tfgen.serving import Options, Server
from tfgen.serving.kit import files as kit_files
from tfgen.serving.settings import config, protos

jsonschema = pytest.importorskip("jsonschema", reason="needs the extra: pip install -e '.[test]'")
kubernetes_validate = pytest.importorskip(
    "kubernetes_validate", reason="needs the extra: pip install -e '.[test]'"
)

# What an InferenceService must have; KServe publishes its schema only as a resource of a cluster.
INFERENCE_SERVICE = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "serving.kserve.io/v1beta1"},
        "kind": {"const": "InferenceService"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "required": ["predictor"],
            "additionalProperties": False,
            "properties": {
                "predictor": {
                    "type": "object",
                    "required": ["model"],
                    "additionalProperties": False,
                    "properties": {
                        "minReplicas": {"type": "integer", "minimum": 0},
                        "maxReplicas": {"type": "integer", "minimum": 1},
                        "scaleTarget": {"type": "integer"},
                        "scaleMetric": {"enum": ["concurrency", "rps", "cpu", "memory"]},
                        "model": {
                            "type": "object",
                            "required": ["modelFormat", "storageUri"],
                            "additionalProperties": False,
                            "properties": {
                                "modelFormat": {"type": "object", "required": ["name"]},
                                "protocolVersion": {"enum": ["v1", "v2", "grpc-v1", "grpc-v2"]},
                                "storageUri": {"type": "string", "pattern": "^[a-z0-9]+://.+"},
                                "args": {"type": "array", "items": {"type": "string"}},
                                "resources": {"type": "object"},
                            },
                        },
                    },
                }
            },
        },
    },
}


@pytest.fixture(scope="module")
def kit(painter, tmp_path_factory):
    """The kit in a copy of an export, under a name that Kubernetes would not take."""
    folder = tmp_path_factory.mktemp("kit") / "Painter_8x8"
    shutil.copytree(painter[1], folder)
    return kit_files.write(folder, cores=3, batch=48)


def test_files(kit):
    found = {p.relative_to(kit).as_posix() for p in kit.rglob("*") if p.is_file()}
    names = ("configmap", "deployment", "service", "autoscaler")
    assert found == {
        "docker-compose.yml",
        *(f"{name}.config" for name in ("models", "batching", "monitoring")),
        *(f"kubernetes/{name}.yaml" for name in names),
        "kserve/inferenceservice.yaml",
    }
    assert not [p for p in kit.rglob("*") if p.is_file() and "${" in p.read_text()]
    from tfgen.serving.serve_path import found as served

    assert served(kit.parent) == {"Painter_8x8": kit.parent}


def test_the_server_reads_the_configs(kit, tmp_path):
    (entry,) = config.entries(config.read(str(kit / "models.config"), config.ModelServerConfig))
    assert (entry.name, str(entry.base_path)) == ("Painter_8x8", "/models/Painter_8x8")
    batching = config.batch_options(str(kit / "batching.config"))
    assert (batching.max_batch_size, batching.num_batch_threads) == (48, 3)
    assert batching.allowed_batch_sizes == (1, 2, 4, 8, 16, 32, 48)
    text = (kit / "models.config").read_text().replace("/models/", f"{kit.parent.parent}/")
    (tmp_path / "models.config").write_text(text)
    options = Options(
        port=0,
        rest_api_port=-1,
        model_config_file=str(tmp_path / "models.config"),
        monitoring_config_file=str(kit / "monitoring.config"),
        batching_parameters_file=str(kit / "batching.config"),
        enable_batching=True,
    )
    with Server(options) as server, rest(server) as http:
        deployment = yaml.safe_load((kit / "kubernetes/deployment.yaml").read_text())
        template = deployment["spec"]["template"]
        probe = template["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"]
        assert http.get(probe).status == 200
        body = {"signature_name": "sample", "instances": [1, 2, 3]}
        assert len(http.predict(body, "Painter_8x8").json["predictions"]) == 3
        metrics = http.get(template["metadata"]["annotations"]["prometheus.io/path"])
        assert b":tensorflow:serving:request_count" in metrics.body


@pytest.mark.parametrize("name", ["configmap", "deployment", "service", "autoscaler"])
def test_kubernetes_schemas(kit, name):
    manifest = yaml.safe_load((kit / "kubernetes" / f"{name}.yaml").read_text())
    kubernetes_validate.validate(manifest, "1.37", strict=True)
    assert manifest["metadata"]["name"].startswith("painter-8x8")


def test_manifests_fit_each_other(kit):
    read = {p.stem: yaml.safe_load(p.read_text()) for p in kit.rglob("*.y*ml")}
    deployment, service = read["deployment"]["spec"], read["service"]["spec"]
    pod = deployment["template"]
    assert deployment["selector"]["matchLabels"] == pod["metadata"]["labels"] == service["selector"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {p["targetPort"]: p["port"] for p in service["ports"]} == ports
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == read["configmap"]["metadata"]["name"]
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    target = read["autoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == read["deployment"]["metadata"]["name"]
    assert "cpu" in container["resources"]["requests"]  # The autoscaler's measure is a part of it.
    for name, message in (
        ("models.config", config.ModelServerConfig),
        ("batching.config", protos.BatchingParameters),
        ("monitoring.config", protos.MonitoringConfig),
    ):
        path = kit / name
        assert read["configmap"]["data"][name] == path.read_text()
        assert config.read(str(path), message).ListFields()


def test_kserve(kit):
    manifest = yaml.safe_load((kit / "kserve/inferenceservice.yaml").read_text())
    jsonschema.validate(manifest, INFERENCE_SERVICE)
    claims = yaml.safe_load((kit / "kubernetes/deployment.yaml").read_text())
    claim = claims["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert manifest["spec"]["predictor"]["model"]["storageUri"] == f"pvc://{claim}/"


def test_compose(kit):
    compose = yaml.safe_load((kit / "docker-compose.yml").read_text())["services"]["serving"]
    assert compose["image"] == kit_files.IMAGE
    assert all(port.startswith("127.0.0.1:") for port in compose["ports"])
    mounts = dict(volume.split(":")[:2] for volume in compose["volumes"])
    assert mounts["./models.config"] == "/config/models.config"
    assert (kit / "..").resolve() == kit.parent and mounts[".."] == "/models/Painter_8x8"
    known = {f"--{one}" for one in Options.__dataclass_fields__}
    assert {flag.partition("=")[0] for flag in compose["command"]} <= known


@pytest.mark.parametrize(
    ("name", "made"), [("dcgan", "dcgan"), ("A_b..c", "a-b-c"), ("9", "model-9"), ("x" * 99, 56)]
)
def test_resource_names(name, made):
    found = kit_files.resource_name(name)
    assert found == made or len(found) == made


def test_what_is_refused(painter, tmp_path):
    with pytest.raises(serving.Failure, match="There is no export folder"):
        kit_files.write(tmp_path / "no")
    for changes in ({"name": "a b"}, {"name": "a: b"}, {"cores": 0}, {"batch": 0}):
        with pytest.raises(serving.Failure, match="INVALID_ARGUMENT"):
            kit_files.write(tmp_path, **changes)
    assert not list(tmp_path.iterdir())
