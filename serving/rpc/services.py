"""The gRPC services: PredictionService and ModelService."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tfgen.serving import metrics as names
from tfgen.serving import tensor_proto
from tfgen.serving.models import examples, model_info
from tfgen.serving.models.core import Core
from tfgen.serving.models.predict import CLASSIFY, REGRESS, predict_plan
from tfgen.serving.models.runner import aside, run
from tfgen.serving.models.saved_model import DEFAULT_SIGNATURE
from tfgen.serving.rpc.errors import answered, set_status
from tfgen.serving.status import Failure, invalid

if TYPE_CHECKING:
    import grpc


def _spec(request):
    """The ModelSpec of a request, which must name a model.

    Raises:
        Failure: INVALID_ARGUMENT.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    if not request.model_spec.name:
        raise invalid("ModelSpec has no name specified.")
    return request.model_spec


def _number(spec):
    chosen = spec.WhichOneof("version_choice")
    return spec.version.value if chosen == "version" else None


def _label(spec):
    chosen = spec.WhichOneof("version_choice")
    return spec.version_label if chosen == "version_label" else None


def _fill(spec, servable, signature):
    """The ModelSpec of an answer: what was really used."""
    spec.name = servable.name
    spec.signature_name = signature
    spec.version.value = servable.version


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference and GetModelMetadata.

    Args:
        core: The models.
        pool: Threads for runs and large messages.
    """

    def __init__(self, core: Core, pool: ThreadPoolExecutor):
        self._core = core
        self._pool = pool

    def _lease(self, spec):
        return self._core.manager.lease(spec.name, _number(spec), _label(spec))

    async def Predict(self, request: Any, context: "grpc.ServicerContext"):
        return await self._inference("Predict", self._predict, request, context)

    async def Classify(self, request: Any, context: "grpc.ServicerContext"):
        return await self._inference("Classify", self._classify, request, context)

    async def Regress(self, request: Any, context: "grpc.ServicerContext"):
        return await self._inference("Regress", self._regress, request, context)

    async def MultiInference(self, request: Any, context: "grpc.ServicerContext"):
        return await self._inference("MultiInference", self._multi, request, context)

    async def GetModelMetadata(self, request: Any, context: "grpc.ServicerContext"):
        return await answered(self._metadata, request, context)

    async def _inference(self, api, call, request, context):
        start = time.perf_counter()
        spec = request.tasks[0].model_spec if api == "MultiInference" and request.tasks else None
        spec = spec or getattr(request, "model_spec", None)
        name = spec.name if spec is not None else ""
        metrics = self._core.metrics

        async def counted(request, context):
            try:
                with self._core.admission.enter() as ticket:
                    ticket.add(request.ByteSize())
                    response = await call(request, context)
            except Failure as failure:
                metrics.count(names.COUNT, name, failure.code.name)
                raise
            metrics.count(names.COUNT, name, "OK")
            micros = (time.perf_counter() - start) * 1e6
            metrics.observe(names.LATENCY, micros, name, api, "GRPC")
            return response

        return await answered(counted, request, context)

    async def _predict(self, request, context):
        lease = self._lease(_spec(request))
        try:
            servable = lease.servable
            signature = request.model_spec.signature_name
            servable.signature(signature)
            size = request.ByteSize()
            tensors = await aside(self._pool, size, _arrays, request.inputs)
            plan = predict_plan(servable, signature, tensors, tuple(request.output_filter))
        except BaseException:
            lease.release()
            raise
        arrays = await run(self._core.arrivals, lease, plan, self._pool, context.time_remaining())
        size = sum(array.nbytes for array in arrays)
        return await aside(self._pool, size, self._response, servable, plan, arrays)

    def _response(self, servable, plan, arrays):
        response = predict_pb2.PredictResponse()
        _fill(response.model_spec, servable, plan.signature)
        outputs = servable.model.signatures[plan.signature].outputs
        as_content = self._core.options.enable_serialization_as_tensor_content
        for name, array in zip(plan.aliases, arrays, strict=True):
            tensor_proto.write(array, outputs[name].dtype, response.outputs[name], as_content)
        return response

    async def _examples(self, spec, method, rows, context):
        """The plan of one classify or regress run, what ran it, and its outputs."""
        lease = self._lease(spec)
        servable = lease.servable
        try:
            plan = examples.plan(servable, spec.signature_name, method, rows)
        except BaseException:
            lease.release()
            raise
        arrays = await run(self._core.arrivals, lease, plan, self._pool, context.time_remaining())
        self._core.metrics.count(names.EXAMPLE_TOTAL, spec.name, by=len(rows))
        self._core.metrics.observe(names.EXAMPLES, len(rows), spec.name)
        return plan, servable, arrays

    async def _classify(self, request, context):
        spec, rows = _spec(request), examples.serialized(request.input)
        plan, servable, arrays = await self._examples(spec, CLASSIFY, rows, context)
        response = classification_pb2.ClassificationResponse()
        response.result.CopyFrom(examples.classification(plan, arrays))
        _fill(response.model_spec, servable, plan.signature)
        return response

    async def _regress(self, request, context):
        spec, rows = _spec(request), examples.serialized(request.input)
        plan, servable, arrays = await self._examples(spec, REGRESS, rows, context)
        response = regression_pb2.RegressionResponse()
        response.result.CopyFrom(examples.regression(plan, arrays))
        _fill(response.model_spec, servable, plan.signature)
        return response

    async def _multi(self, request, context):
        examples.check_tasks(request.tasks)
        rows = examples.serialized(request.input)
        response = inference_pb2.MultiInferenceResponse()
        for task in request.tasks:
            spec = _spec(task)
            plan, servable, arrays = await self._examples(spec, task.method_name, rows, context)
            result = response.results.add()
            result.CopyFrom(examples.task_result(plan, task.method_name, arrays))
            _fill(result.model_spec, servable, spec.signature_name or DEFAULT_SIGNATURE)
        return response

    async def _metadata(self, request, context):
        spec = _spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for one in request.metadata_field:
            if one != "signature_def":
                raise invalid(f"Metadata field {one} is not supported")
        lease = self._lease(spec)
        try:
            return model_info.metadata(lease.servable)
        finally:
            lease.release()


def _arrays(inputs):
    return {name: tensor_proto.to_array(proto) for name, proto in inputs.items()}


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, core: Core):
        self._core = core

    async def GetModelStatus(self, request: Any, context: "grpc.ServicerContext"):
        return await answered(self._status, request, context)

    async def _status(self, request, context):
        spec = _spec(request)
        return model_info.status(self._core.manager, spec.name, _number(spec))

    async def HandleReloadConfigRequest(self, request: Any, context: "grpc.ServicerContext"):
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, self._core.reload, request.config)
        except Failure as failure:
            response.status.error_code = int(failure.code)
            response.status.error_message = failure.message
            set_status(context, failure)
        return response
