"""Under load: swaps lose no request, and memory does not grow."""

import gc
import os
import shutil
import threading
from pathlib import Path

import numpy as np

from tests.serving import saved_models
from tests.serving.clients import Grpc, eventually, predict_request, rest
from tfgen.serving import Options, Server

PAGE = os.sysconf("SC_PAGE_SIZE")


def test_swaps_under_load_fail_no_request_and_never_go_back(tmp_path):
    base = tmp_path / "half"
    for version in range(1, 6):
        saved_models.save(saved_models.Affine(version), tmp_path / "made" / str(version))
    base.mkdir()
    os.rename(tmp_path / "made" / "1", base / "1")
    options = Options(port=-1, rest_api_port=-1, model_name="half", model_base_path=str(base))
    stop, problems, counts = threading.Event(), [], []

    def client(server, over_grpc):
        answers = [0.0]
        with rest(server) as http:
            stubs = Grpc(server)
            while not stop.is_set():
                try:
                    if over_grpc:
                        request = predict_request("half", x=np.float32([0]))
                        value = stubs.prediction.Predict(request).outputs["y"].float_val[0]
                    else:
                        value = http.predict('{"inputs": [0]}', "half").json["outputs"][0]
                except Exception as error:
                    problems.append(error)
                    return
                answers.append(value)
            stubs.close()
        if answers != sorted(answers):
            problems.append("an answer went back")
        counts.append(len(answers))

    with Server(options) as server:
        threads = [threading.Thread(target=client, args=(server, n % 2)) for n in range(8)]
        for thread in threads:
            thread.start()
        with rest(server) as http:
            for version in range(2, 6):
                os.rename(tmp_path / "made" / str(version), base / str(version))
                wanted = {"outputs": [float(version)]}
                eventually(lambda w=wanted: http.predict('{"inputs": [0]}', "half").json == w)
                shutil.rmtree(base / str(version - 1))
        stop.set()
        for thread in threads:
            thread.join(20)
        statuses = server.core.manager.statuses("half")
        eventually(lambda: [one.state.name for one in statuses] == ["AVAILABLE"] + ["END"] * 4)
    assert not problems
    assert sum(counts) > 100


def _resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def test_memory_does_not_grow(server, http, stubs):
    body = {"instances": np.random.default_rng(0).random((200, 2)).tolist()}
    request = predict_request("m", "float32", x=np.zeros((200, 50), np.float32))

    def work(rounds):
        for turn in range(rounds):
            assert http.predict(body).status == 200
            assert http.predict({"instances": ["x"]}).status == 400
            assert http.predict(b'{"inputs": [NaN, ').status == 400
            assert http.get(f"/v1/models/{turn}").status == 404
            stubs.prediction.Predict(request)

    work(150)
    before = _resident()
    work(400)
    assert _resident() - before < 16 << 20
    assert server.core.admission.pending == 0
