"""Section by section: paths, verbs, headers, encodings, status and metadata over HTTP."""

import gzip
import json
import socket

import pytest

from tests.serving.clients import eventually, rest
from tfgen.serving import Options, Server

X = '{"inputs": [2.0]}'


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/models/half/versions/1/labels/stable:predict"),
        ("POST", "/v1/models/half/version/1:predict"),
        ("POST", "/v1/models/half/label/stable:predict"),
        ("POST", "/v1/models/half/versions/one:predict"),
        ("POST", "/v1/models/half/versions/-1:predict"),
        ("POST", "/v1/models/half/versions/%D9%A1:predict"),
        ("POST", "/v1/models/half/versions/:predict"),
        ("POST", "/v1/models/half:predicts"),
        ("POST", "/v1/models/half:PREDICT"),
        ("POST", "/v1/models/half:predict/"),
        ("POST", "/v1/models/half:predict?a=1"),
        ("POST", "/v1/models/half"),
        ("POST", "/v1/models/half/metadata"),
        ("POST", "/v1/models"),
        ("POST", "/v1/models/:predict"),
        ("GET", "/v1/models/half:predict"),
        ("GET", "/v1/models/half/"),
        ("GET", "/v1/models/half/metadata/"),
        ("GET", "/v1/models/half/versions/1/labels/stable"),
        ("GET", "/v1/models/a/b"),
        ("GET", "/v1/other"),
        ("GET", "/v1/"),
        ("PUT", "/v1/models/half:predict"),
        ("DELETE", "/v1/models/half"),
        ("PATCH", "/v1/models/half:predict"),
    ],
)
def test_malformed(http, method, path):
    answer = http.request(method, path, X if method != "GET" else None)
    assert answer.status == 400
    assert answer.error.startswith(f"Malformed request: {method} {path}")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "bias"),
    [
        ("/v1/models/half:predict", 2),
        ("/V1/Models/half:predict", 2),
        ("/v1/MODELS/half/Versions/1:predict", 1),
        ("/v1/models/half/versions/0001:predict", 1),
        ("/v1/models/half/versions/00000000000000000000000002:predict", 2),
        ("/v1/models/half/labels/stable:predict", 1),
        ("/v1/models/half/labels/a%2Fb%3Ac:predict", 2),
        ("/v1/models/%68alf:predict", 2),
        ("/v1/models/a%2Fb%3Ac%20d:predict", 2),
    ],
)
def test_paths_that_predict(http, path, bias):
    answer = http.request("POST", path, X)
    assert (answer.status, answer.json) == (200, {"outputs": [1.0 + bias]})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("verb", [":predict", "", "/metadata"])
def test_version_beyond_64_bits(http, verb):
    method = "POST" if verb == ":predict" else "GET"
    number = "9223372036854775808"
    answer = http.request(method, f"/v1/models/half/versions/{number}{verb}", X)
    assert answer.status == 400
    assert answer.error.startswith(f"Failed to convert version: {number}")


def test_missing_model_name(http):
    for path in ("/v1/models", "/v1/models/versions/1"):
        answer = http.get(path)
        assert (answer.status, answer.error) == (400, "Missing model name in request.")


@pytest.mark.parametrize("path", ["/", "/v2/models/half", "/v1", "/metrics", "/%2e%2e/etc/passwd"])
def test_other_paths_are_plain_404(http, path):
    answer = http.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_query_is_part_of_the_name(http):
    answer = http.get("/v1/models/half?x=1")
    assert answer.status == 404
    assert answer.error == "Could not find any versions of model half?x=1"


@pytest.mark.parametrize("name", ["..", "%2e%2e%2f%2e%2e%2fetc", "..%2Fhalf%2F1", "%00", "%ff%fe"])
def test_names_are_no_paths(http, name):
    assert http.get(f"/v1/models/{name}").status == 404
    assert http.request("POST", f"/v1/models/{name}:predict", X).status == 404
    assert http.get(f"/v1/models/{name}/metadata").status == 404


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://a.org", 200), ("https://a.org", 200), ("null", 400), (None, 400)],
)
def test_options(http, origin, status):
    headers = {"Origin": origin} if origin else {}
    answer = http.request("OPTIONS", "/v1/models/half:predict", headers=headers)
    assert answer.status == status
    assert status == 400 or answer.body == b""
    assert "access-control-allow-origin" not in answer.headers


def test_cors_headers_where_switched_on(models):
    options = Options(
        port=0,
        rest_api_port=-1,
        model_name="half",
        model_base_path=str(models / "half"),
        rest_api_enable_cors_support=True,
    )
    with Server(options) as server, rest(server) as http:
        for answer in (http.get("/v1/models/half"), http.predict(X, "nope"), http.get("/v1/x")):
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["access-control-allow-methods"] == "POST, GET"
            assert answer.headers["access-control-allow-headers"] == "Content-Type"


def test_request_content_type_is_ignored(http):
    for kind in ("application/x-www-form-urlencoded", "text/plain", "image/png"):
        assert http.predict(X, "half", **{"Content-Type": kind}).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate, gzip"])
def test_gzip_body(http, encoding):
    answer = http.predict(gzip.compress(X.encode()), "half", **{"Content-Encoding": encoding})
    assert answer.json == {"outputs": [3.0]}
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(X.encode())[:-9], b"", gzip.compress(b" " * ((100 << 20) + 1))],
    ids=["other", "cut", "empty", "bomb"],
)
def test_gzip_that_does_not_unpack_counts_as_empty(http, body):
    answer = http.predict(body, "half", **{"Content-Encoding": "gzip"})
    assert answer.status == 400
    assert answer.error == "JSON Parse error: The document is empty"


def test_answers_are_not_compressed(http):
    answer = http.predict(X, "half", **{"Accept-Encoding": "gzip"})
    assert answer.json == {"outputs": [3.0]}


def _raw(server, text):
    with socket.create_connection(("127.0.0.1", server.rest_port), 10) as connection:
        connection.sendall(text)
        received = b""
        while b"outputs" not in received:
            chunk = connection.recv(4096)
            assert chunk, received
            received += chunk
    return received


def test_chunked_body(server):
    head = b"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = _raw(
        server, head + b"9\r\n" + X[:9].encode() + b"\r\n8\r\n" + X[9:].encode() + b"\r\n0\r\n\r\n"
    )
    assert b"200 OK" in answer and b'{"outputs":[3.0]}' in answer


def test_expect_continue(server):
    head = f"POST /v1/models/half:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(X)}\r\n"
    with socket.create_connection(("127.0.0.1", server.rest_port), 10) as connection:
        connection.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
        assert b"100 Continue" in connection.recv(4096)
        connection.sendall(X.encode())
        assert b"200 OK" in connection.recv(4096)


def test_status(http):
    wanted = {
        "model_version_status": [
            {
                "version": str(number),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
            for number in (2, 1)
        ]
    }
    assert http.get("/v1/models/half").json == wanted
    assert http.get("/v1/models/half/labels/stable").json == wanted
    wanted["model_version_status"].pop(0)
    assert http.get("/v1/models/half/versions/1").json == wanted


def test_status_of_what_is_not_there(http):
    answer = http.get("/v1/models/nope")
    assert (answer.status, answer.error) == (404, "Could not find any versions of model nope")
    answer = http.get("/v1/models/half/versions/9")
    assert (answer.status, answer.error) == (404, "Could not find version 9 of model half")


def test_metadata(http):
    answer = http.get("/v1/models/half/labels/stable/metadata").json
    assert list(answer) == ["model_spec", "metadata"]
    assert answer["model_spec"] == {"name": "half", "signature_name": "", "version": "1"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {"serving_default", "__saved_model_init_op"}
    default = signatures["serving_default"]
    assert default["method_name"] == "tensorflow/serving/predict"
    assert default["defaults"] == {}
    info = default["inputs"]["x"]
    assert info["dtype"] == "DT_FLOAT"
    assert info["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert info["name"].endswith(":0")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("nope", 404, "Servable not found for request: Latest(nope)"),
        ("half/versions/7", 404, "Servable not found for request: Specific(half, 7)"),
        ("half/labels/x", 400, "Unrecognized servable version label: x"),
        ("nope/labels/x", 400, "Unrecognized servable version label: x"),
    ],
)
def test_metadata_of_what_is_not_there(http, path, status, text):
    answer = http.get(f"/v1/models/{path}/metadata")
    assert (answer.status, answer.error) == (status, text)


def test_timeout(models):
    options = Options(
        port=0,
        rest_api_port=-1,
        model_name="m",
        model_base_path=str(models / "m"),
        rest_api_timeout_in_ms=300,
    )
    with Server(options) as server, rest(server) as http:
        answer = http.predict({"signature_name": "slow", "inputs": [2_000_000_000]})
        assert answer.status == 504
        assert answer.error
        eventually(lambda: http.predict({"inputs": [[1, 2]]}).status == 200)


def test_pages_may_be_mounted_beside_the_api(models):
    async def pages(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    options = Options(port=0, rest_api_port=-1, model_base_path=str(models / "half"))
    with Server(options, pages) as server, rest(server) as http:
        assert http.get("/studio").body == b"/studio"
        assert json.loads(http.get("/v1/models/x").body)["error"]
