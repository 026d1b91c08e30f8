"""Versions, policies, labels, swaps, failures and warm-up as folders and files change."""

import os
import shutil

import numpy as np
import pytest
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving import saved_models
from tests.serving.clients import eventually, predict_request, rest
from tfgen.serving import Failure, Options, Server

X = '{"inputs": [0.0]}'


@pytest.fixture
def base(models, tmp_path):
    """A base path with versions 1 and 2."""
    shutil.copytree(models / "half", tmp_path / "half")
    return tmp_path / "half"


def _options(base, **others):
    given = {"port": 0, "rest_api_port": -1, "model_name": "half", "max_num_load_retries": 0}
    return Options(**{**given, "model_base_path": str(base), **others})


def _add(models, base, version, source=2):
    """As an exporter does: written under another name, renamed into place."""
    shutil.copytree(models / "half" / str(source), base / "copying")
    os.rename(base / "copying", base / str(version))


def _states(http, model="half"):
    versions = http.get(f"/v1/models/{model}").json["model_version_status"]
    return {int(one["version"]): one["state"] for one in versions}


def test_versions_come_and_go(models, base):
    (base / "not-a-version").mkdir()
    (base / "12x").mkdir()
    with Server(_options(base)) as server, rest(server) as http:
        assert _states(http) == {2: "AVAILABLE"}
        assert http.predict(X, "half").json == {"outputs": [2.0]}
        _add(models, base, "00000007", source=1)
        eventually(lambda: _states(http) == {7: "AVAILABLE", 2: "END"})
        assert http.predict(X, "half").json == {"outputs": [1.0]}
        assert http.predict(X, "half/versions/2").status == 404
        shutil.rmtree(base / "00000007")
        eventually(lambda: _states(http) == {7: "END", 2: "AVAILABLE"})
        assert http.predict(X, "half").json == {"outputs": [2.0]}
        shutil.rmtree(base / "2")
        shutil.rmtree(base / "1")
        eventually(lambda: http.predict(X, "half").status == 404)
        assert set(_states(http).values()) == {"END"}


def test_a_broken_version_never_displaces_the_one_in_service(models, base):
    with Server(_options(base)) as server, rest(server) as http:
        (base / "3").mkdir()
        eventually(lambda: _states(http).get(3) == "END")
        listed = http.get("/v1/models/half/versions/3").json["model_version_status"][0]
        assert listed["status"]["error_code"] == "NOT_FOUND"
        assert "SavedModel" in listed["status"]["error_message"]
        assert http.predict(X, "half").json == {"outputs": [2.0]}
        _add(models, base, 4, source=1)
        eventually(lambda: _states(http) == {4: "AVAILABLE", 3: "END", 2: "END"})


def test_failed_loads_are_tried_again(models, base):
    options = _options(base, max_num_load_retries=5, load_retry_interval_micros=200_000)
    with Server(options) as server, rest(server) as http:
        (base / "3").mkdir()
        eventually(lambda: _states(http).get(3) == "LOADING")
        shutil.copytree(models / "half" / "1", base / "3", dirs_exist_ok=True)
        eventually(lambda: http.predict(X, "half").json == {"outputs": [1.0]})


def test_a_version_whose_files_arrive_slowly_is_tried_again(models, base, caplog):
    source = models / "half" / "1"
    with Server(_options(base)) as server, rest(server) as http:
        (base / "3").mkdir()
        shutil.copy(source / "saved_model.pb", base / "3")
        eventually(lambda: _states(http).get(3) == "END")
        assert http.predict(X, "half").json == {"outputs": [2.0]}
        variables = base / "3" / "variables"
        variables.mkdir()
        data = (source / "variables" / "variables.data-00000-of-00001").read_bytes()
        (variables / "variables.data-00000-of-00001").write_bytes(data[: len(data) // 2])
        shutil.copy(source / "variables" / "variables.index", variables)
        eventually(lambda: caplog.text.count("Cannot load half version 3") >= 2)
        assert http.predict(X, "half").json == {"outputs": [2.0]}
        (variables / "variables.data-00000-of-00001").write_bytes(data)
        eventually(lambda: http.predict(X, "half").json == {"outputs": [1.0]})
        assert _states(http)[3] == "AVAILABLE"
        tries = caplog.text.count("Cannot load half version 3")
        (base / "4").mkdir()
        eventually(lambda: _states(http).get(4) == "END")
        server.core.poll()
        server.core.poll()
        assert caplog.text.count("Cannot load half version 4") == 1  # Nothing of it has changed.
        assert caplog.text.count("Cannot load half version 3") == tries


def test_a_missing_base_path_stops_that_poll_for_all(models, base, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(models / "half", other)
    config = tmp_path / "models.config"
    config.write_text(_config(("half", base, ""), ("other", other, "")))
    with Server(_options(base, model_config_file=str(config))) as server, rest(server) as http:
        shutil.rmtree(other)
        _add(models, base, 3)
        with pytest.raises(AssertionError):
            eventually(lambda: 3 in _states(http), 2.5)
        assert http.predict(X, "other").json == {"outputs": [2.0]}
        other.mkdir()
        eventually(lambda: _states(http).get(3) == "AVAILABLE")
        eventually(lambda: http.predict(X, "other").status == 404)


def _config(*entries):
    return (
        "model_config_list {"
        + "".join(
            f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" {rest} }}'
            for name, path, rest in entries
        )
        + "}"
    )


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("", {3}),
        ("latest {}", {3}),
        ("latest { num_versions: 2 }", {2, 3}),
        ("latest { num_versions: 9 }", {1, 2, 3}),
        ("all {}", {1, 2, 3}),
        ("specific { versions: 1 versions: 3 }", {1, 3}),
    ],
)
def test_policies(models, base, tmp_path, policy, versions):
    _add(models, base, 3)
    path = tmp_path / "models.config"
    path.write_text(_config(("half", base, f"model_version_policy {{ {policy} }}")))
    with Server(_options(base, model_config_file=str(path))) as server, rest(server) as http:
        assert set(_states(http)) == versions
        assert http.predict(X, "half/versions/3").status == 200


def test_config_file_is_read_again(models, base, tmp_path):
    path = tmp_path / "models.config"
    path.write_text(_config(("half", base, "")))
    options = _options(base, model_config_file=str(path), model_config_file_poll_wait_seconds=1)
    with Server(options) as server, rest(server) as http:
        path.write_text("model_config_list { config {")
        path.write_text(_config(("new", base, 'version_labels { key: "l" value: 2 }')))
        path.write_text(_config(("new", base, "")))
        eventually(lambda: http.predict(X, "new").status == 200)
        eventually(lambda: http.predict(X, "half").status == 404)


def test_labels_in_the_first_config_need_the_flag(base, tmp_path):
    path = tmp_path / "models.config"
    path.write_text(_config(("half", base, 'version_labels { key: "l" value: 2 }')))
    with pytest.raises(Failure, match="FAILED_PRECONDITION.*not currently available for inference"):
        Server(_options(base, model_config_file=str(path))).start()
    options = _options(
        base, model_config_file=str(path), allow_version_labels_for_unavailable_models=True
    )
    with Server(options) as server, rest(server) as http:
        assert http.predict(X, "half/labels/l").json == {"outputs": [2.0]}


def test_the_start_fails_with_a_model_that_does_not_load(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(Failure, match="Some models did not become available"):
        Server(_options(tmp_path)).start()


def test_the_start_waits_for_a_version(models, tmp_path):
    import threading

    base = tmp_path / "later"
    server = Server(_options(base))
    thread = threading.Thread(target=server.start)
    thread.start()
    shutil.copytree(models / "half", tmp_path / "copying")
    os.rename(tmp_path / "copying", base)
    thread.join(20)
    with rest(server) as http:
        assert http.predict(X, "half").json == {"outputs": [2.0]}
    server.stop()


def _log(**inputs):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request("any name", **inputs))
    return log


def _session_run():
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    return log


def _classify():
    log = prediction_log_pb2.PredictionLog()
    request = log.classify_log.request
    request.model_spec.signature_name = "classify"
    feature = request.input.example_list.examples.add().features.feature["x"]
    feature.float_list.value.append(1.0)
    return log


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([_log(x=np.float32([1]))], None),
        ([_log(x=np.float32([1]))] * 1000, None),
        ([_log(x=np.float32([1]))] * 1001, "INVALID_ARGUMENT"),
        ([_log(q=np.float32([1]))], "INVALID_ARGUMENT"),
        ([b"\xff\xff\xff"], "INVALID_ARGUMENT"),
        ([_session_run()], "UNIMPLEMENTED"),
    ],
    ids=["one", "most", "too many", "wrong", "no message", "kind"],
)
def test_warm_up(base, records, code):
    saved_models.warm_up(base / "2", *records)
    server = Server(_options(base, num_request_iterations_for_warmup=2))
    if code:
        with pytest.raises(Failure, match=code):
            server.start()
        return
    with server:
        page = server.core.metrics.page()
    assert ":tensorflow:serving:model_warmup_latency_count" in page
    labels = '{model_name="half",API="Predict",runtime="TF1"}'
    assert f":tensorflow:serving:runtime_latency_count{labels} {2 * len(records)}" in page


def test_warm_up_of_examples(models, tmp_path):
    shutil.copytree(models / "m", tmp_path / "m")
    saved_models.warm_up(tmp_path / "m" / "00000123", _classify())
    with Server(_options(tmp_path / "m")) as server:
        assert 'API="Classify"' in server.core.metrics.page()


def test_warm_up_that_is_no_record_file(base):
    (base / "2" / "assets.extra").mkdir()
    (base / "2" / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"junk" * 10)
    with pytest.raises(Failure, match="DATA_LOSS"):
        Server(_options(base)).start()
    with Server(_options(base, enable_model_warmup=False)) as server, rest(server) as http:
        assert http.predict(X, "half").status == 200
