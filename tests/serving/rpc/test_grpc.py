"""gRPC: PredictionService, ModelService and health."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    regression_pb2,
)

from tests.serving import saved_models
from tests.serving.clients import Grpc, eventually, predict_request
from tests.serving.saved_models import CARRIED, NOT_CARRIED
from tfgen.serving import Options, Server

Status = grpc.StatusCode


def fails(call, request, code, text="", **keywords):
    """The call ends with the code, and the text in its details."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request, **keywords)
    assert raised.value.code() == code, raised.value.details()
    assert text in raised.value.details()


def test_predict_answers_in_typed_fields_with_what_was_used(stubs):
    response = stubs.prediction.Predict(predict_request("half", x=np.float32([2, 4])))
    assert response.model_spec.name == "half"
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == 2
    assert list(response.outputs) == ["y"]
    assert list(response.outputs["y"].float_val) == [3.0, 4.0]
    assert response.outputs["y"].tensor_content == b""
    assert response.outputs["y"].dtype == tf.float32.as_datatype_enum
    assert [dim.size for dim in response.outputs["y"].tensor_shape.dim] == [2]


@pytest.mark.parametrize(("choice", "bias"), [({"version": 1}, 1), ({"label": "a/b:c"}, 2)])
def test_versions_and_labels(stubs, choice, bias):
    response = stubs.prediction.Predict(predict_request("half", x=np.float32([0]), **choice))
    assert list(response.outputs["y"].float_val) == [bias]
    assert response.model_spec.version.value == bias


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
@pytest.mark.parametrize("dtype", [*CARRIED, *NOT_CARRIED, "bool"])
def test_every_type_in_both_forms(stubs, dtype, shape):
    kind = tf.dtypes.as_dtype(dtype)
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind.as_numpy_dtype)
    content = tf.make_tensor_proto(array)
    typed = tf.compat.v1.make_tensor_proto(array.reshape(-1).tolist(), kind, array.shape)
    for proto in (content, typed):
        request = predict_request("m", dtype, x=proto)
        output = stubs.prediction.Predict(request).outputs["y"]
        assert output.tensor_content == b""
        back = tf.make_ndarray(output)
        assert back.dtype == array.dtype and back.shape == shape
        np.testing.assert_array_equal(back, array)


def test_strings_in_both_forms(stubs):
    values = [b"a", b"", b"\xff\x00" * 200]
    content = tf.make_tensor_proto(values)
    packed = tf.make_tensor_proto([b"x"] * 3)
    del packed.string_val[:]
    packed.tensor_content = bytes([1, 0, 0x90, 3]) + b"".join(values)
    for proto in (content, packed):
        response = stubs.prediction.Predict(predict_request("m", "string", x=proto))
        assert list(response.outputs["y"].string_val) == values


def test_a_short_typed_field_is_filled_up(stubs):
    proto = tf.compat.v1.make_tensor_proto(7.0, tf.float32, [4])
    assert len(proto.float_val) == 1
    response = stubs.prediction.Predict(predict_request("m", "float32", x=proto))
    assert list(response.outputs["y"].float_val) == [7.0] * 4


def _shaped(dtype, dims, **fields):
    proto = tensor_pb2.TensorProto()
    proto.dtype = tf.dtypes.as_dtype(dtype).as_datatype_enum
    for dim in dims:
        proto.tensor_shape.dim.add().size = dim
    for name, value in fields.items():
        setattr(proto, name, value)
    return proto


@pytest.mark.parametrize(
    "proto",
    [
        _shaped("float32", [3], tensor_content=b"1234"),
        _shaped("float32", [-1]),
        _shaped("float32", [1 << 40, 1 << 20]),
        _shaped("float32", [1 << 40]),
        _shaped("float32", [1] * 300),
        _shaped("string", [2], tensor_content=b"\xff\xff"),
        _shaped("string", [2], tensor_content=b"\x01\x09a"),
    ],
    ids=["content", "negative", "overflow", "huge", "deep", "varint", "strings"],
)
def test_bad_tensors(stubs, proto):
    name = "string" if proto.dtype == 7 else "float32"
    fails(stubs.prediction.Predict, predict_request("m", name, x=proto), Status.INVALID_ARGUMENT)
    proto.dtype = 1000
    fails(stubs.prediction.Predict, predict_request("m", name, x=proto), Status.INVALID_ARGUMENT)


def test_output_filter(stubs):
    request = predict_request("m", "two", a=np.float32([[1, 2]]), b=np.float32([3]))
    assert set(stubs.prediction.Predict(request).outputs) == {"sum", "product"}
    request.output_filter.append("sum")
    assert set(stubs.prediction.Predict(request).outputs) == {"sum"}
    request.output_filter.append("sum")
    fails(stubs.prediction.Predict, request, Status.INVALID_ARGUMENT, "duplicate output tensor")
    request.output_filter[1] = "nope"
    fails(
        stubs.prediction.Predict, request, Status.INVALID_ARGUMENT, "alias not found in signature"
    )


X = {"x": np.float32([1])}


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (predict_request("", **X), Status.INVALID_ARGUMENT, ""),
        (predict_request("nope", **X), Status.NOT_FOUND, "Latest(nope)"),
        (predict_request("half", version=9, **X), Status.NOT_FOUND, "Specific(half, 9)"),
        (predict_request("half", label="L", **X), Status.INVALID_ARGUMENT, "version label: L"),
        (predict_request("m", "S", **X), Status.FAILED_PRECONDITION, '"S"'),
        (
            predict_request("half", **X, q=np.float32([1])),
            Status.INVALID_ARGUMENT,
            "input size does not match signature: 2!=1 len({q,x}) != len({x}). "
            "Sent extra: {q}. Missing but required: {}.",
        ),
        (predict_request("half"), Status.INVALID_ARGUMENT, "Missing but required: {x}"),
        (predict_request("half", q=np.float32([1])), Status.INVALID_ARGUMENT, "Sent extra: {q}"),
        (predict_request("half", x=np.float64([1])), Status.INVALID_ARGUMENT, "float"),
        (
            predict_request("m", x=np.float32([[1, 2, 3]])),
            Status.INVALID_ARGUMENT,
            "Input x takes shape [?,2], but was sent [1,3].",
        ),
    ],
)
def test_codes(stubs, request_, code, text):
    fails(stubs.prediction.Predict, request_, code, text)


def test_missing_model_spec(stubs):
    request = predict_request("m")
    request.ClearField("model_spec")
    fails(stubs.prediction.Predict, request, Status.INVALID_ARGUMENT, "Missing ModelSpec")


def test_large_messages(stubs):
    array = np.arange(3 << 20, dtype=np.float32)
    response = stubs.prediction.Predict(predict_request("m", "float32", x=array))
    assert response.ByteSize() > 12 << 20
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["y"]), array)


def test_the_callers_deadline_bounds_the_run(stubs):
    request = predict_request("m", "slow", x=np.int32([2_000_000_000]))
    fails(stubs.prediction.Predict, request, Status.DEADLINE_EXCEEDED, timeout=0.3)
    eventually(lambda: stubs.prediction.Predict(predict_request("half", **X), timeout=5).outputs)


def _examples(request, *values, context=None):
    target = request.input.example_list
    if context is not None:
        target = request.input.example_list_with_context
        target.context.features.feature["x"].float_list.value.append(context)
    for value in values:
        example = target.examples.add()
        if value is not None:
            example.features.feature["x"].float_list.value.append(value)
    return request


def _spec(request, signature, model="m"):
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    return request


def test_classify_and_regress(stubs):
    request = _examples(_spec(classification_pb2.ClassificationRequest(), "classify"), 0.25)
    response = stubs.prediction.Classify(request)
    (classes,) = [row.classes for row in response.result.classifications]
    assert [(one.label, one.score) for one in classes] == [("cat", 0.25), ("dog", 0.75)]
    assert response.model_spec.version.value == 123
    request = _examples(_spec(regression_pb2.RegressionRequest(), "regress"), None, 4, context=1.5)
    response = stubs.prediction.Regress(request)
    assert [one.value for one in response.result.regressions] == [3.0, 8.0]
    assert response.model_spec.signature_name == "regress"


def test_classify_and_regress_faults(stubs):
    empty = _spec(classification_pb2.ClassificationRequest(), "classify")
    fails(stubs.prediction.Classify, empty, Status.INVALID_ARGUMENT, "Input is empty.")
    request = _examples(_spec(regression_pb2.RegressionRequest(), "S"), 1)
    text = "No signature was found with the name: S"
    fails(stubs.prediction.Regress, request, Status.INVALID_ARGUMENT, text)
    request = _examples(_spec(regression_pb2.RegressionRequest(), "classify"), 1)
    fails(stubs.prediction.Regress, request, Status.INVALID_ARGUMENT)


def _multi(*tasks):
    request = _examples(inference_pb2.MultiInferenceRequest(), 0.5)
    for signature, method, model in tasks:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        _spec(task, signature, model)
    return request


def test_multi_inference(stubs):
    request = _multi(("classify", "classify", "m"), ("regress", "regress", "m"))
    first, second = stubs.prediction.MultiInference(request).results
    assert first.classification_result.classifications[0].classes[0].label == "cat"
    assert second.regression_result.regressions[0].value == 1.0
    assert second.model_spec.signature_name == "regress"


@pytest.mark.parametrize(
    ("tasks", "code"),
    [
        ((), Status.INVALID_ARGUMENT),
        ((("regress", "regress", "m"), ("regress", "regress", "half")), Status.INVALID_ARGUMENT),
        ((("regress", "regress", "m"), ("regress", "regress", "m")), Status.INVALID_ARGUMENT),
        ((("regress", "predict", "m"),), Status.UNIMPLEMENTED),
    ],
)
def test_multi_inference_faults(stubs, tasks, code):
    fails(stubs.prediction.MultiInference, _multi(*tasks), code)


def test_metadata(stubs):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    _metadata_spec(request, "half")
    response = stubs.prediction.GetModelMetadata(request)
    assert response.model_spec.version.value == 2
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {"serving_default", "__saved_model_init_op"}
    for fields in ([], ["other"]):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
        _metadata_spec(request, "half")
        fails(stubs.prediction.GetModelMetadata, request, Status.INVALID_ARGUMENT)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    fails(stubs.prediction.GetModelMetadata, request, Status.INVALID_ARGUMENT)
    _metadata_spec(request, "nope")
    fails(stubs.prediction.GetModelMetadata, request, Status.NOT_FOUND)


def _metadata_spec(request, model):
    request.model_spec.name = model


def test_status(stubs):
    request = get_model_status_pb2.GetModelStatusRequest()
    fails(stubs.model.GetModelStatus, request, Status.INVALID_ARGUMENT)
    request.model_spec.name = "half"
    versions = stubs.model.GetModelStatus(request).model_version_status
    assert [(one.version, one.state) for one in versions] == [(2, 30), (1, 30)]
    request.model_spec.version.value = 9
    fails(
        stubs.model.GetModelStatus, request, Status.NOT_FOUND, "Could not find version 9 of model"
    )


def test_reload(models, tmp_path):
    options = Options(port=-1, model_name="half", model_base_path=str(models / "half"))
    with Server(options) as server:
        stubs = Grpc(server)
        request = model_management_pb2.ReloadConfigRequest()
        fails(stubs.model.HandleReloadConfigRequest, request, Status.INVALID_ARGUMENT)
        entries = request.config.model_config_list.config
        entries.add(name="new", base_path=str(models / "half"), model_platform="tensorflow")
        response = stubs.model.HandleReloadConfigRequest(request)
        assert (response.status.error_code, response.status.error_message) == (0, "")
        stubs.prediction.Predict(predict_request("new", **X))
        gone = predict_request("half", **X)
        fails(stubs.prediction.Predict, gone, Status.NOT_FOUND)
        entries[0].version_labels["a"] = 1
        text = "not currently available for inference"
        fails(stubs.model.HandleReloadConfigRequest, request, Status.FAILED_PRECONDITION, text)
        entries[0].version_labels["a"] = 2
        stubs.model.HandleReloadConfigRequest(request)
        assert stubs.prediction.Predict(predict_request("new", label="a", **X)).outputs
        entries.add(name="new", base_path="/x", model_platform="tensorflow")
        fails(stubs.model.HandleReloadConfigRequest, request, Status.INVALID_ARGUMENT, "new")
        entries[1].name = "b"
        entries[1].base_path = "relative"
        fails(stubs.model.HandleReloadConfigRequest, request, Status.INVALID_ARGUMENT, "absolute")
        entries[1].base_path = str(tmp_path)
        entries[1].model_platform = ""
        fails(stubs.model.HandleReloadConfigRequest, request, Status.INVALID_ARGUMENT, "platform")
        stubs.close()


def test_reload_of_a_broken_model_is_told_and_the_others_stay(models, tmp_path):
    (tmp_path / "broken" / "1").mkdir(parents=True)
    options = Options(
        port=-1, model_name="half", model_base_path=str(models / "half"), max_num_load_retries=0
    )
    with Server(options) as server:
        stubs = Grpc(server)
        request = model_management_pb2.ReloadConfigRequest()
        for name, path in (("half", models / "half"), ("b", tmp_path / "broken")):
            request.config.model_config_list.config.add(
                name=name, base_path=str(path), model_platform="tensorflow"
            )
        call = stubs.model.HandleReloadConfigRequest
        fails(call, request, Status.UNKNOWN, "Some models did not become available")
        assert stubs.prediction.Predict(predict_request("half", **X)).outputs
        stubs.close()


@pytest.mark.parametrize("service", ["", "ModelService", "PredictionService"])
def test_health(stubs, service):
    health = health_pb2_grpc.HealthStub(stubs.channel)
    response = health.Check(health_pb2.HealthCheckRequest(service=service))
    assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_health_is_off_by_default_and_content_is_an_option(models, tmp_path):
    path = tmp_path / "socket"
    options = Options(
        port=-1,
        grpc_socket_path=str(path),
        model_name="half",
        model_base_path=str(models / "half"),
        enable_serialization_as_tensor_content=True,
    )
    with Server(options) as server:
        stubs = Grpc(server)
        health = health_pb2_grpc.HealthStub(stubs.channel)
        fails(health.Check, health_pb2.HealthCheckRequest(), Status.UNIMPLEMENTED)
        output = stubs.prediction.Predict(predict_request("half", **X)).outputs["y"]
        assert not output.float_val and output.tensor_content == np.float32([2.5]).tobytes()
        stubs.close()
        stubs.channel = grpc.insecure_channel(f"unix:{path}")
        with stubs.channel:
            health = health_pb2_grpc.HealthStub(stubs.channel)
            fails(health.Check, health_pb2.HealthCheckRequest(), Status.UNIMPLEMENTED)


def test_inputs_with_a_default_may_be_left_out(tmp_path):
    folder = tmp_path / "m" / "1"
    saved_models.save(saved_models.Affine(1), folder)
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    signature = model.meta_graphs[0].signature_def["serving_default"]
    signature.defaults["x"].CopyFrom(tf.make_tensor_proto(np.float32([4])))
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    with Server(Options(port=-1, model_base_path=str(folder.parent))) as server:
        stubs = Grpc(server)
        response = stubs.prediction.Predict(predict_request("default"))
        assert list(response.outputs["y"].float_val) == [3.0]
        stubs.close()
