"""The Prometheus page."""

import re

import numpy as np
import pytest

from tests.serving.clients import predict_request, rest
from tfgen.serving import Options, Server
from tfgen.serving.metrics import COUNT, LATENCY, Metrics

PATH = "/monitoring/prometheus/metrics"


def test_requests_are_counted(http, stubs):
    before = http.get(PATH).body.decode()
    http.predict({"inputs": [1.0]}, "half")
    http.predict({"inputs": ["x"]}, "half")
    http.predict({"inputs": [1.0]}, "unknown")
    stubs.prediction.Predict(predict_request("half", x=np.float32([1])))
    answer = http.get(PATH)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    after = answer.body.decode()

    def grown(series):
        old, new = (re.findall(re.escape(series) + r" (\d+)", page) for page in (before, after))
        return int(new[0]) - int(old[0] if old else 0)

    count = ":tensorflow:serving:request_count"
    assert f"# TYPE {count} counter" in after
    assert grown(f'{count}{{model_name="half",status="OK"}}') == 2
    assert grown(f'{count}{{model_name="half",status="INVALID_ARGUMENT"}}') == 1
    assert grown(f'{count}{{model_name="unknown",status="NOT_FOUND"}}') == 1
    latency = ":tensorflow:serving:request_latency"
    assert f"# TYPE {latency} histogram" in after
    rest_ = f'{latency}_count{{model_name="half",API="predict",entrypoint="REST"}}'
    assert grown(rest_) == 1
    grpc_ = f'{latency}_count{{model_name="half",API="Predict",entrypoint="GRPC"}}'
    assert grown(grpc_) == 1
    runtime = ':tensorflow:serving:runtime_latency_count{model_name="half",API="Predict"'
    assert runtime in after


def test_examples_are_counted(http):
    http.predict({"signature_name": "regress", "examples": [{"x": 1.5}] * 3}, verb="regress")
    page = http.get(PATH).body.decode()
    assert re.search(r':tensorflow:serving:request_example_count_total{model="m"} \d+', page)
    assert ':tensorflow:serving:request_example_counts_bucket{model="m",le="4"}' in page


def test_histograms_are_cumulative_and_labels_escaped():
    metrics = Metrics()
    for value in (5.0, 15.0, 1e12):
        metrics.observe(LATENCY, value, 'a"b\\c', "predict", "REST")
    metrics.count(COUNT, "\udcff\n", "OK")
    lines = metrics.page().splitlines()
    buckets = [line for line in lines if "_bucket" in line]
    assert len(buckets) == 34
    assert 'model_name="a\\"b\\\\c"' in buckets[0]
    assert [int(line.split()[-1]) for line in buckets][:2] == [1, 2]
    assert 'le="+Inf"} 3' in buckets[-1]
    assert lines[-1].endswith(" 3") and "_count{" in lines[-1]
    assert all(len(line.split("} ")) == 2 for line in lines if not line.startswith("#"))


def test_label_values_from_requests_do_not_fill_memory():
    metrics = Metrics()
    for name in range(20_000):
        metrics.count(COUNT, f"random{name}", "NOT_FOUND")
        metrics.observe(LATENCY, 1.0, f"random{name}", "predict", "REST")
    assert metrics.page().count("random") < 10_000 * (1 + 36) + 1


@pytest.mark.parametrize(
    ("config", "path", "status"),
    [
        (None, PATH, 404),
        ("prometheus_config { enable: false }", PATH, 404),
        ('prometheus_config { enable: true, path: "/m" }', "/m", 200),
        ('prometheus_config { enable: true, path: "/m" }', PATH, 404),
    ],
)
def test_only_where_it_is_configured(models, tmp_path, config, path, status):
    file = tmp_path / "monitoring.config"
    if config:
        file.write_text(config)
    options = Options(
        port=0,
        rest_api_port=-1,
        model_base_path=str(models / "half"),
        monitoring_config_file=str(file) if config else "",
    )
    with Server(options) as server, rest(server) as http:
        assert http.get(path).status == status
