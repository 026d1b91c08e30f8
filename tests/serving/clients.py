"""Bare clients: the bytes of a request are just those of the test."""

import contextlib
import http.client
import json
import time

import grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        """The parsed body; Python reads NaN and Infinity too."""
        return json.loads(self.body)

    @property
    def error(self):
        """The message of an error body, which must have nothing else."""
        assert list(self.json) == ["error"]
        return self.json["error"]


class Rest:
    """One keep-alive connection."""

    def __init__(self, port, seconds=30):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)

    def request(self, method, path, body=None, headers=None):
        """Sends and reads; the path goes out as it is."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode(errors="surrogateescape")
        try:
            self._connection.request(method, path, body, headers or {})
            return Answer(self._connection.getresponse())
        except (http.client.HTTPException, OSError):
            self._connection.close()  # The next request starts anew.
            raise

    def get(self, path):
        """GET."""
        return self.request("GET", path)

    def predict(self, body, model="m", verb="predict", **headers):
        """POST to a verb of a model."""
        return self.request("POST", f"/v1/models/{model}:{verb}", body, headers)

    def run(self, signature, key, value):
        """A predict that must succeed: the value under `predictions` or `outputs`."""
        answer = self.predict({"signature_name": signature, key: value})
        assert answer.status == 200, answer.body
        return answer.json["predictions" if key == "instances" else "outputs"]

    def close(self):
        """Closes the connection."""
        self._connection.close()


@contextlib.contextmanager
def rest(server):
    """A REST client of a server."""
    client = Rest(server.rest_port)
    try:
        yield client
    finally:
        client.close()


class Grpc:
    """The stubs of a server, on one channel."""

    def __init__(self, server):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", LARGE)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)

    def close(self):
        """Closes the channel."""
        self.channel.close()


def predict_request(model="m", signature="", version=None, label=None, **inputs):
    """A PredictRequest of arrays or TensorProtos."""
    import tensorflow as tf

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for name, value in inputs.items():
        proto = value if hasattr(value, "tensor_shape") else tf.make_tensor_proto(value)
        request.inputs[name].CopyFrom(proto)
    return request


def eventually(check, seconds=20.0):
    """Waits until a check holds."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
