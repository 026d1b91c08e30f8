"""The command line, and a real process: ports, signals, in-flight requests."""

import ast
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

import tfgen.serving
from tests.serving.clients import Rest, predict_request, rest
from tfgen.serving import Failure, Options, Server
from tfgen.serving.__main__ import main
from tfgen.serving.settings import flags


def _parse(*arguments):
    return flags.parse(["--model_base_path=/m", *arguments])


@pytest.mark.parametrize("text", ["", "=true", "=1", "=True"])
def test_switches(text):
    assert _parse(f"--enable_batching{text}").enable_batching
    assert not _parse("--enable_batching=false").enable_batching
    assert not _parse("--enable_model_warmup=0").enable_model_warmup
    assert _parse("--enable_batching", "--port=1").port == 1


def test_defaults_are_tensorflow_servings():
    made = _parse()
    assert (made.port, made.rest_api_port, made.rest_api_timeout_in_ms) == (8500, 0, 30000)
    assert (made.model_name, made.file_system_poll_wait_seconds) == ("default", 1)
    assert (made.max_num_load_retries, made.load_retry_interval_micros) == (5, 60_000_000)
    assert (made.saved_model_tags, made.enable_model_warmup) == ("serve", True)
    assert made.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--no_such_flag=1"], "unrecognized arguments: --no_such_flag=1"),
        (["--port=x"], "invalid int value"),
        (["--enable_batching=maybe"], "must be true or false"),
        (["--prefer_tflite_model"], "--prefer_tflite_model is not supported: SavedModels only"),
        (["--rest_api"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments, text, capsys):
    with pytest.raises(SystemExit) as raised:
        flags.parse(arguments)
    assert raised.value.code == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"model_base_path": ""}, "Both --model_base_path and --model_config_file are empty"),
        ({"port": 8501, "rest_api_port": 8501}, "--rest_api_port cannot be same as --port"),
        ({"port": 0}, "Nothing to serve"),
        ({"batching_parameters_file": "/x"}, "given without --enable_batching"),
        ({"enable_per_model_batching_parameters": True}, "needs --enable_batching"),
        ({"monitoring_config_file": "/nope"}, "NOT_FOUND: /nope"),
        ({"max_pending_requests": 0}, "at least 1"),
        ({"max_num_load_retries": -1}, "at least 0"),
        ({"port": 70000}, "must be a port"),
        ({"model_config_file": "/nope"}, "NOT_FOUND"),
    ],
)
def test_options_that_do_not_go_together(given, text):
    with pytest.raises(Failure, match=re.escape(text)):
        Server(Options(**{"model_base_path": "/m", **given}))


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("model_config_file", "model_config_list { x", "tensorflow.serving.ModelServerConfig"),
        ("model_config_file", "", "INVALID_ARGUMENT"),
        ("monitoring_config_file", "enable: 3", "tensorflow.serving.MonitoringConfig"),
    ],
)
def test_config_files_with_errors(tmp_path, field, text, message):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(Failure, match=message):
        Server(Options(**{"model_base_path": "/m", field: str(path)})).start()


def test_a_taken_port(models):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        base = {"model_base_path": str(models / "half")}
        with pytest.raises(Failure, match=f"127.0.0.1:{port} for REST"):
            Server(Options(port=0, rest_api_port=port, **base)).start()
        with pytest.raises(Failure, match=f"127.0.0.1:{port} for gRPC"):
            Server(Options(port=port, **base)).start()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
def test_tls_for_grpc(models, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    config = tmp_path / "ssl.config"
    pem = [json.dumps(path.read_text()) for path in (key, certificate)]
    config.write_text(f"server_key: {pem[0]} server_cert: {pem[1]}")
    base = {"model_base_path": str(models / "half"), "ssl_config_file": str(config)}
    with Server(Options(port=-1, **base)) as server:
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        name = (("grpc.ssl_target_name_override", "localhost"),)
        address = f"127.0.0.1:{server.grpc_port}"
        with grpc.secure_channel(address, credentials, name) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            request = predict_request("default", x=np.float32([2]))
            assert list(stub.Predict(request).outputs["y"].float_val) == [3.0]
    config.write_text("server_key: 'k'")
    with pytest.raises(Failure, match="server_key and server_cert must be given"):
        Server(Options(port=-1, **base)).start()


def test_it_listens_on_the_loopback_address_only(models):
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), 1, socket.AF_INET)}
    with Server(Options(port=-1, rest_api_port=-1, model_base_path=str(models / "half"))) as server:
        for address in others - {"127.0.0.1"}:
            for port in (server.rest_port, server.grpc_port):
                with pytest.raises(OSError):
                    socket.create_connection((address, port), 1).close()


def test_limits_have_their_codes(models):
    given = {"port": 0, "rest_api_port": -1, "model_base_path": str(models / "half")}
    with Server(Options(max_request_bytes=100, **given)) as server:
        with rest(server) as http:
            answer = http.predict(b" " * 101, "default")
            assert answer.status == 429
            assert "larger than 100 bytes" in answer.error
        with rest(server) as http:
            assert http.predict('{"inputs": [1]}', "default").status == 200
    with Server(Options(max_pending_bytes=10, **given)) as server, rest(server) as http:
        assert http.predict('{"inputs": [1]}', "default").status == 503


def test_too_many_requests_are_503(models):
    base = {"model_name": "half", "model_base_path": str(models / "half")}
    options = Options(port=0, rest_api_port=-1, max_pending_requests=1, **base)
    with Server(options) as server, rest(server) as http:
        with server.core.admission.enter():
            answer = http.predict({"inputs": [1]}, "half")
            assert (answer.status, "Try again later" in answer.error) == (503, True)
            assert http.get("/v1/models/half").status == 200
        assert http.predict({"inputs": [1]}, "half").status == 200


def test_method_names_are_compared_where_asked(models):
    base = {"model_name": "m", "model_base_path": str(models / "m"), "rest_api_port": -1}
    options = Options(port=0, enable_signature_method_name_check=True, **base)
    with Server(options) as server, rest(server) as http:
        body = {"signature_name": "regress", "examples": [{"x": 1.5}]}
        answer = http.predict(body, verb="regress")
        assert answer.status == 400
        assert "Was: tensorflow/serving/predict" in answer.error
        assert http.predict({"inputs": [[1, 2]]}).status == 200
        # An initialiser has no method name at all.
        answer = http.predict({"signature_name": "__saved_model_init_op", "inputs": 1})
        assert answer.status == 400


@pytest.mark.parametrize(
    "given",
    [
        {"tensorflow_session_parallelism": 1},
        {"tensorflow_intra_op_parallelism": 1, "tensorflow_inter_op_parallelism": 2},
        {"num_load_threads": 2, "num_unload_threads": 2},
        {"grpc_channel_arguments": "grpc.max_concurrent_streams=9,grpc.x=a"},
    ],
)
def test_flags_that_change_how_not_what(models, given):
    base = {"model_name": "m", "model_base_path": str(models / "m")}
    with Server(Options(port=-1, rest_api_port=-1, **base, **given)) as server:
        with rest(server) as http:
            assert http.predict({"inputs": [[1, 2]]}).json == {"outputs": [[1.0, 2.0]]}


def test_parallelism_reaches_the_session():
    from tfgen.serving.models.saved_model import Runtime

    config = Runtime(intra_op_threads=3, inter_op_threads=2, gpu_memory_fraction=0.5).config()
    assert config.intra_op_parallelism_threads == 3
    assert config.inter_op_parallelism_threads == 2
    assert config.use_per_session_threads
    assert config.gpu_options.per_process_gpu_memory_fraction == 0.5
    assert not Runtime().config().use_per_session_threads


def test_unknown_tags_fail_the_start(models):
    base = {"model_base_path": str(models / "half"), "max_num_load_retries": 0}
    with pytest.raises(Failure, match="NOT_FOUND"):
        Server(Options(port=-1, saved_model_tags="gpu", **base)).start()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def test_a_process_finishes_its_requests_before_it_ends(models):
    port = _free_port()
    command = [sys.executable, "-m", "tfgen.serving", "--port=0", f"--rest_api_port={port}"]
    command += ["--model_name=m", f"--model_base_path={models / 'm'}"]
    command += ["--rest_api_timeout_in_ms=120000", "--shutdown_seconds=120"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if "Serving REST" in line:
                break
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        http, answers = Rest(port, 120), []
        body = {"signature_name": "slow", "inputs": [400_000]}
        thread = threading.Thread(target=lambda: answers.append(http.predict(body)))
        thread.start()
        probe = Rest(port)
        assert probe.get("/v1/models/m").status == 200
        time.sleep(0.3)
        probe.close()
        process.send_signal(signal.SIGTERM)
        thread.join(120)
        assert answers[0].json == {"outputs": [400_000]}
        http.close()
        assert process.wait(40) == 0
        drain.join(10)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_server_that_cannot_start_says_why(tmp_path, capsys):
    (tmp_path / "1").mkdir()
    arguments = [f"--model_base_path={tmp_path}", "--port=-1", "--max_num_load_retries=0"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "Failed to start server. Error: " in error
    assert "Traceback" not in error


def test_version_needs_no_tensorflow():
    code = "import sys; from tfgen.serving.__main__ import main; main(['--version']); "
    code += "sys.exit('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "TensorFlow Library: 2." in done.stdout


def test_serving_imports_nothing_of_the_training_side():
    for file in Path(tfgen.serving.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            ours = [name for name in names if name.split(".")[0] == "tfgen"]
            # No TensorFlow in them.
            light = ("tfgen.serving", "tfgen.signature", "tfgen.random", "tfgen.lazy")
            assert all(name == "tfgen" or name.startswith(light) for name in ours), file
            assert not {"pickle", "dill", "joblib", "marshal"} & set(names), file


def test_every_flag_of_the_contract_is_known():
    text = """port rest_api_port model_name model_base_path model_config_file
    model_config_file_poll_wait_seconds file_system_poll_wait_seconds
    allow_version_labels_for_unavailable_models rest_api_timeout_in_ms rest_api_num_threads
    grpc_max_threads rest_api_enable_cors_support enable_batching batching_parameters_file
    enable_per_model_batching_parameters monitoring_config_file enable_model_warmup
    num_request_iterations_for_warmup max_num_load_retries load_retry_interval_micros
    num_load_threads num_unload_threads tensorflow_session_parallelism
    tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism saved_model_tags
    ssl_config_file grpc_channel_arguments grpc_socket_path per_process_gpu_memory_fraction
    enable_signature_method_name_check enable_grpc_healthcheck_service
    enable_serialization_as_tensor_content prefer_tflite_model version"""
    known = {action.dest for action in flags.parser()._actions}
    assert set(text.split()) <= known
