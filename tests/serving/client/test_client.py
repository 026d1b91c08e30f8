"""The client against the embedded server, and against servers that are away."""

import concurrent.futures
import http.server
import io
import json
import subprocess
import sys
import threading
import urllib.request

import grpc
import numpy as np
import pytest
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tfgen.serving import Client, Failure, Options, Server
from tfgen.serving.status import Code


@pytest.fixture(scope="module")
def running(painter):
    options = Options(
        port=-1,
        rest_api_port=-1,
        model_name="painter",
        model_base_path=str(painter[1]),
        enable_model_warmup=False,
    )
    with Server(options) as server:
        yield server


def client(server, protocol, model="m", **arguments):
    port = server.rest_port if protocol == "rest" else server.grpc_port
    return Client(f"127.0.0.1:{port}", model, protocol=protocol, **arguments)


@pytest.fixture(params=["rest", "grpc"])
def to(request):
    """Makes a client by one of the protocols."""
    made = []

    def make(server, **arguments):
        made.append(client(server, request.param, **arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_signatures_and_status(server, to):
    it = to(server)
    two = it.signatures()["two"]
    assert str(two.inputs["a"]) == "float32 (N, 2)" and set(two.outputs) == {"sum", "product"}
    assert it.signatures()["string"].inputs["x"].dtype == "string"
    assert it.status() == [(123, "AVAILABLE", "")]
    it.wait()


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", [[1.5, np.nan], [np.inf, -np.inf]]),
        ("float32", np.float32(0.1)),
        ("float64", [0.1, 1e300]),
        ("int8", [-128, 127]),
        ("int64", [[2**62]]),
        ("uint64", [2**64 - 1]),
        ("uint8", np.zeros((0,), np.uint8)),
        ("bool", [True, False]),
        ("string", [["ü", b"\xff\x00"]]),
    ],
)
def test_every_type_comes_back(server, to, dtype, value):
    got = to(server)(dtype, x=value)["y"]
    if dtype == "string":
        assert got.tolist() == [["ü".encode(), b"\xff\x00"]]
    else:
        wanted = np.asarray(value, dtype)
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)


def test_bytes_and_several_outputs(server, to):
    it = to(server)
    assert it("bytes", x_bytes=[b"\x89PNG\xff"])["y_bytes"].tolist() == [b"\x89PNG\xff"]
    outputs = it("two", a=[[1, 2], [3, 4]], b=[10, 20])
    assert outputs["sum"].tolist() == [13, 27]
    assert outputs["product"].shape == (2, 2)


def test_half_is_for_grpc_only(server):
    x = np.array([0.5], np.float16)
    with client(server, "grpc") as it:
        assert it("float16", x=x)["y"].dtype == np.float16
    with client(server, "rest") as it, pytest.raises(Failure, match="to type: half") as error:
        it("float16", x=x)
    assert error.value.code == Code.UNIMPLEMENTED


def test_versions_and_labels(server, to):
    assert to(server, model="half")(x=[2])["y"].tolist() == [3]
    assert to(server, model="half", version=1)(x=[2])["y"].tolist() == [2]
    assert to(server, model="half", label="a/b:c")(x=[2])["y"].tolist() == [3]
    assert to(server, model="a/b:c d", timeout=5).signatures()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"a": [[1, 2]]}, r"takes a: float32 \(N, 2\), b: float32 \(N\). Received: a"),
        ({"a": [[1, 2]], "b": [1], "c": 1}, "Received: a, b, c"),
        ({"a": [1, 2], "b": [1]}, r"'a' must be float32 \(N, 2\). Received: shape \(2,\)"),
        ({"a": [["x", "y"]], "b": [1]}, "'a' must be float32"),
    ],
)
def test_inputs_that_do_not_fit(server, to, inputs, message):
    with pytest.raises(ValueError, match=message):
        to(server)("two", **inputs)


def test_numbers_that_the_type_cannot_hold(server, to):
    it = to(server)
    for signature, value in (("int8", [300]), ("int32", [0.5]), ("bool", [1]), ("uint8", [-1])):
        with pytest.raises(ValueError, match="Input 'x' "):
            it(signature, x=value)


def test_values_of_another_kind_are_refused_and_not_cast(server, to):
    it = to(server)
    for signature, value, said in (
        ("string", [5], "'x' takes texts, or files as bytes. Received: 5"),
        ("string", [None], "'x' takes texts, or files as bytes. Received: None"),
        ("int32", [True], "'x' must be int32 .* Received: bool values"),
        ("float32", [[1], [2, 3]], "'x': its rows have different shapes"),
    ):
        with pytest.raises(ValueError, match=said):
            it(signature, x=value)


def test_errors_of_the_server(server, to):
    with pytest.raises(ValueError, match=r"no signature 'nope'. It serves: .*two"):
        to(server)("nope", x=1)
    with pytest.raises(Failure, match="Servable not found") as error:
        to(server, model="absent")(x=1)
    assert error.value.code == Code.NOT_FOUND


def test_a_seed_and_a_class_by_curl(running, painter):
    rows = [{"seed": 0, "label": 2}, {"seed": 7, "label": 1}]
    body = {"signature_name": "sample_label", "instances": rows}
    url = f"http://127.0.0.1:{running.rest_port}/v1/models/painter:predict"
    with urllib.request.urlopen(url, json.dumps(body).encode()) as answer:
        images = json.loads(answer.read())["predictions"]
    np.testing.assert_allclose(images, painter[0].sample([0, 7], label=[2, 1]), atol=1e-5)


def test_sample_and_generate(running, painter, to):
    model, folder = painter
    it = to(running, model="painter", manifest=folder / "export.json")
    expected = model.sample(range(5))
    np.testing.assert_allclose(it.sample(seeds=range(5)), expected, atol=1e-5)
    np.testing.assert_allclose(it.generate(seeds=range(5)), expected, atol=1e-5)
    labelled = model.sample(range(5), label=np.full(5, 2))
    np.testing.assert_allclose(it.generate(seeds=range(5), label=2), labelled, atol=1e-5)
    np.testing.assert_allclose(it.sample(range(5), label=2), labelled, atol=1e-5)
    np.testing.assert_allclose(it.sample(range(5), label=[2] * 5), labelled, atol=1e-5)
    assert len(it.sample(range(5), label=2, as_images=True)) == 5
    with pytest.raises(ValueError, match=r"takes `seed` with \['text'\].*sample, sample_label"):
        it.sample([1], text="red")
    np.testing.assert_allclose(it.sample(iter(range(5))), expected, atol=1e-5)
    for wrong in (5, 1.5, ["a"]):
        with pytest.raises(ValueError, match="Seeds must be integers of 64 bits"):
            it.sample(wrong)
    with pytest.raises(Failure, match="must lie in 0 .. 3"):
        it.sample([1], label=4)
    for wrong in (1.5, "three", [[1]]):
        with pytest.raises(ValueError, match="Input 'label'"):
            it.sample([1], label=wrong)
    for wrong in (1.5, 4, [0, 1]):
        with pytest.raises(ValueError, match="Input 'label'"):
            it.generate(seeds=[1], label=wrong)
    np.testing.assert_allclose(it.sample(range(5), label="sun"), labelled, atol=1e-5)
    np.testing.assert_allclose(it.generate(seeds=range(5), label="sun"), labelled, atol=1e-5)
    np.testing.assert_allclose(it.sample(range(5), label=["sun"] * 5), labelled, atol=1e-5)
    z = np.ones((2, 3), np.float32)
    assert it.generate(z=z, label=[0, 3]).shape == (2, 8, 8, 1)
    bare = to(running, model="painter")
    with pytest.raises(ValueError, match="manifest='export.json'"):
        bare.generate(seeds=[1])
    with pytest.raises(ValueError, match="takes label: int32 .*, z: float32"):
        bare.generate(z=z)


def test_the_embedded_server_names_the_classes(running, painter):
    url = f"http://127.0.0.1:{running.rest_port}/v1/models/painter/metadata"
    with urllib.request.urlopen(url) as answer:
        named = json.loads(answer.read())["metadata"]["class_names"]
    names = ["sky", "sea", "sun", "sand"]
    assert named["sample_label"] == named["generate"] == {"label": names}
    with client(running, "rest", model="painter") as it:
        expected = painter[0].sample(range(2), label=[1, 3])
        np.testing.assert_allclose(it.sample(range(2), label=["sea", "sand"]), expected, atol=1e-5)
        assert it.signatures()["generate"].inputs["label"].class_names == tuple(names)
    with client(running, "grpc", model="painter") as it:  # Its metadata has no place for names.
        with pytest.raises(ValueError, match="Input 'label' must be int32"):
            it.sample(range(2), label=["sea", "sand"])


def test_pictures(running, painter, to):
    it = to(running, model="painter")
    pictures = it.sample(seeds=[3, 4], as_images=True)
    assert [p.size for p in pictures] == [(8, 8), (8, 8)] and pictures[0].mode == "L"
    levels = (painter[0].sample([3, 4])[..., 0] + 1) * 127.5
    assert np.abs(np.stack([np.asarray(p) for p in pictures]) - levels).max() <= 0.501
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    (inverted,) = it.translate(image, to="b", as_images=True)
    np.testing.assert_array_equal(np.asarray(inverted), 255 - np.asarray(image))
    np.testing.assert_allclose(
        it.translate([image, image], to=[0, 2])[0, :, :, 0],
        np.asarray(image) / 127.5 - 1,
        atol=1e-6,
    )
    assert not it.translate(image, to=2).any()
    assert it("encode", image=image)["code"].shape == (1, 3)
    with pytest.raises(ValueError, match=r"must be float32 \(N, 8, 8, 1\)"):
        it("encode", image=image.resize((9, 9)))
    with pytest.raises(ValueError, match="not pictures"):
        it("decode", z=image)


def test_pictures_as_files(running, painter, to, monkeypatch):
    it = to(running, model="painter")
    levels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    image = Image.fromarray(levels)
    asked = []
    predict = it._transport.predict
    monkeypatch.setattr(
        it._transport, "predict", lambda name, *rest: asked.append(name) or predict(name, *rest)
    )
    one, two = it.translate([image, image.convert("RGB")], to=[0, 2], as_images=True)
    np.testing.assert_array_equal(one, levels)
    assert (np.asarray(two) == 128).all()
    exact = levels[None, :, :, None] / np.float32(127.5) - 1  # Files would round other numbers.
    it.translate(exact, to="b", as_images=True)
    assert asked == ["translate_png", "a_to_b"]
    target = io.BytesIO()
    image.save(target, "PNG")
    code = it("encode_png", image_bytes=[target.getvalue()])["code"]
    np.testing.assert_allclose(code, it("encode", image=image)["code"], rtol=1e-5)
    for bad, message in ((image.resize((9, 9)), "8 high and 8 wide"), (b"GIF89a", "PNG and JPEG")):
        with pytest.raises(Failure, match=message) as error:
            it("encode_png", image_bytes=[bad] if isinstance(bad, bytes) else bad)
        assert error.value.code == Code.INVALID_ARGUMENT


def test_rows_are_split_between_requests(running, to):
    it = to(running, model="painter")
    whole = it.sample(seeds=range(7))
    split = to(running, model="painter", max_rows=3)
    calls, call = [], split._transport.predict
    split._transport.predict = lambda *a: calls.append(len(a[2]["seed"])) or call(*a)
    np.testing.assert_allclose(split.sample(seeds=range(7)), whole, atol=1e-6)
    assert calls == [3, 3, 1]


def test_threads_share_a_client(server, to):
    it = to(server)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: it("float32", x=[n])["y"][0], range(64)))
    assert got == list(range(64))


class Busy(http.server.BaseHTTPRequestHandler):
    """Answers 503 as often as the server's `busy` says, then with metadata and one output."""

    def do_GET(self):
        """Metadata."""
        tensor = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}]}}
        entry = {"inputs": {"x": tensor}, "outputs": {"y": tensor}}
        table = {"signature_def": {"signature_def": {"serving_default": entry}}}
        self.answer(200, {"metadata": table})

    def do_POST(self):
        """Busy, or not any more."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.busy -= 1
        if self.server.busy >= 0:
            self.answer(503, {"error": "The batch scheduling queue is full"})
        else:
            self.answer(200, {"outputs": [1.0]})

    def answer(self, status, content):
        """Sends JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def busy():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_busy_server_is_asked_again(busy):
    busy.busy = 3
    with Client(f"http://127.0.0.1:{busy.server_port}") as it:
        assert it(x=[1])["y"].tolist() == [1]
    assert busy.busy == -1


def test_it_gives_up_at_the_deadline(busy):
    busy.busy = 1000
    with Client(f"127.0.0.1:{busy.server_port}", timeout=0.4) as it:
        with pytest.raises(Failure, match="not available for 0.4 s: .*queue is full") as error:
            it(x=[1])
    assert error.value.code == Code.UNAVAILABLE and busy.busy < 998


def test_a_busy_grpc_server_is_asked_again():
    class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
        busy = 2

        def Predict(self, request, context):
            Prediction.busy -= 1
            if Prediction.busy >= 0:
                context.abort(grpc.StatusCode.UNAVAILABLE, "full")
            return predict_pb2.PredictResponse(outputs=request.inputs)

    pool = concurrent.futures.ThreadPoolExecutor(1)
    server = grpc.server(pool)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    from tfgen.serving.client.values import Served, Tensor

    with Client(f"127.0.0.1:{port}", protocol="grpc", timeout=10) as it:
        x = {"x": Tensor("float32", (None,))}
        it._signatures = {"serving_default": Served(x, x)}
        assert it(x=[1])["x"].tolist() == [1]
    server.stop(None).wait()


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_nobody_is_there(protocol):
    with Client("127.0.0.1:9", protocol=protocol, timeout=0.3) as it:
        with pytest.raises(Failure, match="127.0.0.1:9 was not available for 0.3 s"):
            it.status()


def test_wrong_arguments(server):
    with pytest.raises(ValueError, match="must be 'rest' or 'grpc'"):
        Client(protocol="http")
    with pytest.raises(ValueError, match="not both"):
        Client(version=1, label="x")
    for wrong, said in (
        ({"max_rows": 0}, "`max_rows` must be a whole number of 1 or more. Received: 0"),
        ({"max_rows": 1.5}, "`max_rows` .* Received: 1.5"),
        ({"version": "1"}, "`version` must be a whole number of 0 or more. Received: '1'"),
        ({"timeout": -1}, "`timeout` must be seconds above 0. Received: -1"),
        ({"timeout": "a"}, "`timeout` must be seconds above 0. Received: 'a'"),
        ({"address": None}, "`address` must be a text. Received: None"),
        ({"address": 8501}, "`address` must be a text. Received: 8501"),
        ({"model": ""}, "`model` must be a text. Received: ''"),
    ):
        with pytest.raises(ValueError, match=said):
            Client(**wrong)
    with pytest.raises(ValueError, match=r"write Client\('http://host:8501', model="):
        Client("http://host:8501/v1/models/dcgan:predict")
    with pytest.raises(ValueError, match=r"gRPC takes 'host:port'"):
        Client("http://host:8500", protocol="grpc")
    with Client(f"127.0.0.1:{server.grpc_port}", timeout=1) as it, pytest.raises(Failure):
        it.status()  # The gRPC port does not speak REST.


def test_a_rest_client_needs_no_tensorflow():
    code = (
        "import sys; from tfgen.serving import Client; Client('127.0.0.1:9');"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
