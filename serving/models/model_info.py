"""Status and metadata of models, as messages and as JSON."""

from typing import Any

import orjson
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from tfgen.serving.models.manager import Manager
from tfgen.serving.models.predict import Servable


def status(manager: Manager, name: str, number: int | None):
    """The GetModelStatusResponse.

    Raises:
        Failure: NOT_FOUND.
    """
    response = get_model_status_pb2.GetModelStatusResponse()
    for version in manager.statuses(name, number):
        one = response.model_version_status.add()
        one.version = version.number
        one.state = int(version.state)
        one.status.SetInParent()
        if version.failure is not None:
            one.status.error_code = int(version.failure.code)
            one.status.error_message = version.failure.message
    return response


def metadata(servable: Servable):
    """The GetModelMetadataResponse with all signatures."""
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = servable.name
    response.model_spec.version.value = servable.version
    response.metadata["signature_def"].Pack(signature_map(servable))
    return response


def signature_map(servable: Servable):
    """The SignatureDefMap of a version."""
    made = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in servable.model.signatures.items():
        made.signature_def[name].CopyFrom(signature)
    return made


def as_dict(message: Any) -> dict:
    """A message as plain data: snake_case, defaults shown, 64-bit integers as strings."""
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def status_body(manager: Manager, name: str, number: int | None) -> bytes:
    """The REST answer of a status request."""
    return orjson.dumps(as_dict(status(manager, name, number)), option=orjson.OPT_INDENT_2)


def metadata_body(servable: Servable) -> bytes:
    """The REST answer of a metadata request."""
    body: dict[str, Any] = {
        "model_spec": {
            "name": servable.name,
            "signature_name": "",
            "version": str(servable.version),
        },
        "metadata": {"signature_def": as_dict(signature_map(servable))},
    }
    if servable.model.class_names:  # TensorFlow Serving has no such field.
        body["metadata"]["class_names"] = servable.model.class_names
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)
