"""TensorFlow Serving's gRPC API as a client calls it."""

import functools
from typing import Any

import grpc
import numpy as np
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfgen.serving import dtypes, tensor_proto
from tfgen.serving.client.values import NO_SIGNATURE, Served, Tensor
from tfgen.serving.status import Code, Failure

_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_NAMES = {"float": "float32", "double": "float64", "half": "float16"}


class Grpc:
    """One model over gRPC; the channel is shared by threads.

    Args:
        address: "host:port", or what else gRPC resolves, such as "unix:/path".
        model: Its name.
        version: Number of a version, or None.
        label: Label of a version, or None.
        credentials: `grpc.ChannelCredentials`; None: no encryption.

    Raises:
        ValueError: A web address.
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | None,
        label: str | None,
        credentials: Any = None,
    ):
        if address.startswith(("http://", "https://")):
            raise ValueError(
                f"gRPC takes 'host:port' (TensorFlow Serving's is 8500). Received: {address!r}."
            )
        if credentials is None:
            self._channel = grpc.insecure_channel(address, _UNLIMITED)
        else:
            self._channel = grpc.secure_channel(address, credentials, _UNLIMITED)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._spec = predict_pb2.PredictRequest().model_spec
        self._spec.name = model
        if version is not None:
            self._spec.version.value = version
        elif label is not None:
            self._spec.version_label = label

    def signatures(self, seconds: float) -> dict[str, Served]:
        """The signatures of the model."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec, metadata_field=["signature_def"]
        )
        answer = _called(self._prediction.GetModelMetadata, request, seconds)
        table = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(table)
        return {
            name: Served(_tensors(entry.inputs), _tensors(entry.outputs))
            for name, entry in table.signature_def.items()
            if name != NO_SIGNATURE
        }

    def status(self, seconds: float) -> list[tuple[int, str, str]]:
        """(version, state, error message) of every version, the newest first."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec)
        answer = _called(self._models.GetModelStatus, request, seconds)
        names = get_model_status_pb2.ModelVersionStatus.State.Name
        return [
            (one.version, names(one.state), one.status.error_message)
            for one in answer.model_version_status
        ]

    def predict(
        self, signature: str, served: Served, arrays: dict[str, np.ndarray], seconds: float
    ) -> dict[str, np.ndarray]:
        """The outputs of a signature, by name."""
        request = predict_pb2.PredictRequest(model_spec=self._spec)
        request.model_spec.signature_name = signature
        for name, array in arrays.items():
            number = _number(served.inputs[name].dtype)
            as_content = served.inputs[name].dtype != "string"
            tensor_proto.write(array, number, request.inputs[name], as_content)
        answer = _called(self._prediction.Predict, request, seconds)
        return {name: tensor_proto.to_array(proto) for name, proto in answer.outputs.items()}

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()


def _called(method, request, seconds):
    try:
        return method(request, timeout=seconds)
    except grpc.RpcError as error:
        code = Code(error.code().value[0])
        raise Failure(code, error.details() or code.name) from error


@functools.cache
def _number(dtype):
    """TensorFlow's DataType value of a type's name."""
    import tensorflow as tf

    return tf.dtypes.as_dtype(dtype).as_datatype_enum


def _tensors(entries):
    made = {}
    for name, entry in entries.items():
        dtype = dtypes.name(entry.dtype)
        shape = entry.tensor_shape
        sides = tuple(None if dim.size < 0 else dim.size for dim in shape.dim)
        made[name] = Tensor(_NAMES.get(dtype, dtype), None if shape.unknown_rank else sides)
    return made
