"""Clients that mean no good: slow ones, endless ones, deep ones, and those that speak no HTTP."""

import contextlib
import gzip
import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.serving.clients import Rest, eventually, rest
from tfgen.serving import Failure, Options, Server
from tfgen.serving.models.limits import Admission
from tfgen.serving.rest.json_parse import memory, parse
from tfgen.serving.rest.protocol import log
from tfgen.serving.rest.rapidjson import MOST_DEEP

X = b'{"inputs": [2.0]}'
HEAD = b"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def strict(models):
    """A server with little patience."""
    options = Options(
        port=0,
        rest_api_port=-1,
        model_name="half",
        model_base_path=str(models / "half"),
        max_request_bytes=1 << 20,
        max_pending_requests=8,
        rest_api_read_timeout_in_ms=1500,
        file_system_poll_wait_seconds=0,
    )
    with Server(options) as server:
        yield server


def _connect(server):
    return socket.create_connection(("127.0.0.1", server.rest_port), 20)


def _all(connection):
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(1 << 16):
            received += chunk
    return received


def test_nesting_is_bounded_in_the_parser():
    body = b'{"x": ' + b"[" * (64 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    with pytest.raises(Failure, match=f"More than {MOST_DEEP} lists and objects are nested") as it:
        parse(body)
    assert time.monotonic() - start < 10
    assert it.value.code.name == "INVALID_ARGUMENT"
    # In KiB: a copy of the text and half a million lists, not 64 million.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10


def test_slow_text_has_a_deadline():
    body = b'{"x": [' + b"NaN," * (1 << 22) + b"1]}"
    start = time.monotonic()
    with pytest.raises(Failure, match="DEADLINE_EXCEEDED: Reading the JSON took longer than 0.2"):
        parse(body, 0.2)
    assert time.monotonic() - start < 5


def test_what_a_text_becomes_counts_as_memory():
    body = b"[" + b"[]," * (1 << 20) + b"1]"
    assert 16 * len(body) < memory(body) < 64 * len(body)
    admission = Admission(9, 1 << 20, 1 << 30)
    with admission.arriving() as ticket:
        with pytest.raises(Failure, match="RESOURCE_EXHAUSTED.*MiB of memory as JSON: send fewer"):
            ticket.reserve(memory(body))
        ticket.reserve(1 << 19)
        with admission.arriving() as other, pytest.raises(Failure, match="UNAVAILABLE"):
            other.reserve(1 << 20)
    with admission.arriving() as ticket:
        ticket.reserve(1 << 20)


def test_an_ordinary_body_is_tens_of_megabytes_at_most():
    assert 16 << 20 <= Options().max_request_bytes <= 100 << 20
    assert Options(model_base_path="/m", max_request_bytes=(1 << 31) - 1).check() is None


def test_a_large_content_length_is_refused_before_the_body(strict):
    with _connect(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: 419430400\r\n\r\n")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"larger than 1048576 bytes" in answer and b"--max_request_bytes" in answer


def test_a_body_without_a_length_is_refused_where_it_grows_too_large(strict):
    chunk = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    with _connect(strict) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            connection.sendall(chunk * 40)
        assert connection.recv(4096).startswith(b"HTTP/1.1 429 ")


def test_a_zipped_body_is_bounded_as_any(strict):
    with rest(strict) as http:
        bomb = gzip.compress(b"[" * (2 << 20))
        assert len(bomb) < 1 << 14
        answer = http.predict(bomb, "half", **{"Content-Encoding": "gzip"})
        assert answer.status == 400


def test_clients_that_never_finish_shut_nobody_out(strict):
    """Many times the requests that may be under way, each with headers and one byte."""
    slow = [_connect(strict) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(HEAD + b"Content-Length: 17\r\n\r\n{")
        with rest(strict) as http:
            for _ in range(20):
                assert http.predict(X, "half").json == {"outputs": [3.0]}
        start = time.monotonic()
        answers = [_all(connection) for connection in slow]
        assert time.monotonic() - start < 10
    finally:
        for connection in slow:
            connection.close()
    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ") and b"connection: close" in head.lower()
        assert "did not arrive in time" in json.loads(body)["error"]
    assert strict.core.admission.pending == 0


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", b"P", HEAD, HEAD + b"A: "],
    ids=["nothing", "empty", "letter", "lines", "name"],
)
def test_headers_that_do_not_end(strict, sent):
    with _connect(strict) as connection:
        connection.sendall(sent)
        start = time.monotonic()
        assert _all(connection) == b""
        assert 0.5 < time.monotonic() - start < 10


def test_dripping_headers_do_not_help(strict):
    with _connect(strict) as connection:
        connection.sendall(HEAD)
        start = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - start < 15:
                connection.sendall(b"A: b\r\n")
                time.sleep(0.1)
        assert time.monotonic() - start < 10


def test_headers_are_bounded_in_size(strict):
    with _connect(strict) as connection:
        connection.sendall(HEAD + b"A: " + b"b" * 80_000)
        answer = _all(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"Headers of more than 65536 bytes.")


def test_a_slow_body_that_goes_on_is_read(strict):
    """A second more for each 64 KiB: 512 KiB take as long as they take."""
    body = X[:-1] + b" " * ((512 << 10) - len(X)) + b"}"
    with _connect(strict) as connection:
        connection.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode())
        for part in range(8):
            connection.sendall(body[part << 16 : part + 1 << 16])
            time.sleep(0.3)
        assert b'{"outputs":[3.0]}' in connection.recv(4096)


def test_a_connection_is_used_again_after_a_refusal(strict):
    with rest(strict) as http:
        for _ in range(3):
            assert http.predict(b" " * (1 << 20) + X, "half").status == 429
            assert http.predict(X, "half").status == 200
        time.sleep(0.5)
        assert http.predict(X, "half").status == 200


def test_malformed_lines_are_logged_once_in_a_while(strict):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    log.addHandler(handler)
    try:
        for _ in range(30):
            with _connect(strict) as connection:
                connection.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
                assert _all(connection).startswith(b"HTTP/1.1 400 ")
    finally:
        log.removeHandler(handler)
    assert len([one for one in records if "Invalid HTTP request" in str(one.msg)]) <= 1


def test_slashes_before_the_path_are_one(strict):
    with rest(strict) as http:
        assert http.get("//v1/models/half").status == 200
        assert http.request("POST", "//v1/models/half:predict", X).json == {"outputs": [3.0]}
        assert http.request("POST", "/v1//models/half:predict", X).status == 400


def test_sigterm_ends_whatever_a_thread_does(models):
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    # A run that neither ends nor heeds a deadline, as a thread in a kernel or in a parser may be.
    code = (
        "import sys, threading, tfgen.serving.models.saved_model as it\n"
        "it.SavedModel.run = lambda *_: threading.Event().wait()\n"
        "from tfgen.serving.__main__ import main\n"
        f"sys.exit(main(['--port=0', '--rest_api_port={port}', '--shutdown_seconds=1',"
        f" '--model_base_path={models / 'half'}']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if "Serving REST" in line:
                break
        http = Rest(port)
        eventually(lambda: http.get("/v1/models/default").status == 200)
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            head = HEAD.replace(b"half", b"default")
            waiting.sendall(head + f"Content-Length: {len(X)}\r\n\r\n".encode() + X)
            time.sleep(0.3)
            start = time.monotonic()
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(20) == 1
            assert time.monotonic() - start < 10
        assert "The time to finish is over" in process.stderr.read()
        http.close()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
