"""Anything at all as body, path or tensor: never a 500, never a hang, always a JSON error."""

import json
import math
import socket

import grpc
import numpy as np
import orjson
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2

from tfgen.serving import Failure
from tfgen.serving.rest import json_text
from tfgen.serving.rest.json_parse import parse
from tfgen.serving.rest.json_tensor import _by_numpy, _walk
from tfgen.serving.rest.rapidjson import Parser

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SIGNATURES = (
    *("", "float32", "int32", "uint8", "uint64", "bool", "string", "bytes", "two", "half"),
    *("scalar", "uneven", "no_inputs", "classify", "regress", "nope"),
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(),
    st.text(max_size=8),
    st.just({"b64": "YQ=="}),
    st.builds(lambda text: {"b64": text}, st.text("YQ=!aA+/-_ ", max_size=6)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["x", "a", "b", "b64", "x_bytes"]), inner, max_size=3),
    ),
    max_leaves=12,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "signature_name": st.one_of(st.sampled_from(SIGNATURES), values),
        "instances": values,
        "inputs": values,
        "examples": values,
        "context": values,
        "other": values,
    },
)


@st.composite
def texts(draw):
    """JSON, cut and changed here and there."""
    text = bytearray(json.dumps(draw(bodies)).encode())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 3))] = draw(
            st.one_of(
                st.sampled_from([b"NaN", b"-Inf", b"[", b"}", b"\\u", b","]), st.binary(max_size=3)
            )
        )
    return bytes(text)


def _checked(answer):
    assert answer.status in (200, 400, 404, 501), (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/json"
    if answer.status != 200:
        assert isinstance(answer.error, str)


@SETTINGS
@given(bodies, st.sampled_from(["predict", "classify", "regress"]))
def test_bodies(http, body, verb):
    _checked(http.predict(body, verb=verb))


@SETTINGS
@given(st.one_of(texts(), st.binary(max_size=40)), st.sampled_from(["predict", "classify"]))
def test_broken_bodies(http, body, verb):
    _checked(http.predict(body, verb=verb))


PIECES = st.sampled_from(
    ["/", "v1", "V1", "models", "m", "half", "versions", "labels", "1", "123", "stable", "metadata"]
    + [
        ":predict",
        ":classify",
        ":",
        "%2F",
        "%3a",
        "%",
        "%zz",
        "%00",
        "%ff",
        "..",
        "//",
        "?",
        "a=b",
        ";",
    ]
)


@SETTINGS
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH"]),
    st.one_of(
        st.lists(PIECES, max_size=9).map("".join),
        st.text(
            st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30
        ),
    ),
)
def test_paths_below_v1(http, method, rest_of_path):
    answer = http.request(method, "/v1/" + rest_of_path, b"" if method == "POST" else None)
    assert answer.status in (200, 400, 404)
    if method != "HEAD" and answer.status != 200:
        assert answer.error


@SETTINGS
@given(st.binary(min_size=1, max_size=60))
def test_bytes_that_are_no_http(server, data):
    with socket.create_connection(("127.0.0.1", server.rest_port), 10) as connection:
        connection.sendall(
            b"GET /v1/" + data + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
    assert not received.startswith(b"HTTP/1.1 5")


def test_the_server_still_answers(http):
    assert http.predict({"inputs": [[1, 2]]}).status == 200


@SETTINGS
@given(st.binary(max_size=80), st.sampled_from(["float32", "string", "half", "bool", "two"]))
def test_tensors_over_grpc(stubs, data, signature):
    request = predict_pb2.PredictRequest()
    try:
        request.inputs["x"].MergeFromString(data)
    except DecodeError:
        request.inputs["x"].tensor_content = data
        request.inputs["x"].dtype = len(data) % 25
    request.model_spec.name = "m"
    request.model_spec.signature_name = signature
    try:
        stubs.prediction.Predict(request, timeout=20)
    except grpc.RpcError as error:
        assert error.code() in (
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.FAILED_PRECONDITION,
        ), error.details()


def _same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isnan(a) and math.isnan(b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and a == b


@SETTINGS
@given(texts())
def test_the_parser_agrees_with_orjson_where_that_reads_a_text(body):
    try:
        wanted = orjson.loads(body)
    except orjson.JSONDecodeError:
        with pytest.raises(Failure) if body == b"" else _either():
            parse(body)
        return
    doubled = json.loads(
        body, object_pairs_hook=lambda pairs: len(pairs) != len(dict(pairs)) or dict(pairs)
    )
    if "true" not in json.dumps(doubled):
        assert _same(Parser(body).document(), wanted)


class _either:
    """A value or a Failure, nothing else."""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is not None and issubclass(kind, Failure)


numbers = st.recursive(
    st.one_of(st.integers(-300, 300), st.integers(-(1 << 63), (1 << 64) - 1), st.floats()),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=10,
)


@SETTINGS
@given(numbers, st.sampled_from(["float", "double", "int8", "uint8", "int32", "int64", "uint64"]))
def test_numpy_builds_what_walking_builds(value, name):
    types = {"float": "float32", "double": "float64"}
    dtype = np.dtype(types.get(name, name))
    fast = _by_numpy(value, name)
    if fast is not None:
        slow = _walk(value, name, dtype)
        np.testing.assert_array_equal(fast.astype(dtype), slow)
        assert fast.shape == slow.shape


@SETTINGS
@given(
    st.lists(st.one_of(st.floats(width=32), st.floats(-2, 2, width=32)), min_size=1, max_size=20)
)
def test_many_floats_print_as_each_alone(numbers):
    text = json_text.floats(np.array(numbers, np.float32))
    assert text.decode() == f"[{','.join(json_text.number(n, 9) for n in numbers)}]"
