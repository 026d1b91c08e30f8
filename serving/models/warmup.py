"""Replays the warm-up requests that a SavedModel carries, before it takes real ones."""

import time

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from tfgen.serving import metrics as names
from tfgen.serving import tensor_proto
from tfgen.serving.metrics import Metrics
from tfgen.serving.models import examples
from tfgen.serving.models.predict import CLASSIFY, REGRESS, Servable, predict_plan
from tfgen.serving.status import Code, Failure, from_exception, invalid

FILE = "assets.extra/tf_serving_warmup_requests"
MOST = 1000


def replay(servable: Servable, iterations: int, metrics: Metrics) -> int:
    """Runs every record of the version's warm-up file.

    Args:
        servable: The version.
        iterations: How often each record runs; 0 is 1.
        metrics: Where the time is recorded.

    Returns:
        How many records there were.

    Raises:
        Failure: The file, a record or a run is bad; the version must then not be served.
    """
    path = servable.model.path / FILE
    if not path.exists():
        return 0
    start, count = time.perf_counter(), 0
    status = "OK"
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            count += 1
            if count > MOST:
                raise invalid(f"Number of warmup records exceeds the maximum ({MOST}) at {path}")
            for _ in range(iterations or 1):
                _run(servable, _parsed(record, path))
    except (tf.errors.OpError, Failure) as error:
        failure = from_exception(error)
        status = failure.code.name
        raise Failure(failure.code, f"Warm-up of {path}: {failure.message}") from error
    finally:
        micros = (time.perf_counter() - start) * 1e6
        metrics.observe(names.WARMUP, micros, str(servable.model.path), status)
    return count


def _parsed(record, path):
    try:
        return PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record from {path}") from error


def _run(servable, log):
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        tensors = {name: tensor_proto.to_array(proto) for name, proto in request.inputs.items()}
        name = request.model_spec.signature_name
        servable.run(predict_plan(servable, name, tensors, tuple(request.output_filter)))
    elif kind == "classify_log":
        _run_examples(servable, log.classify_log.request, CLASSIFY)
    elif kind == "regress_log":
        _run_examples(servable, log.regress_log.request, REGRESS)
    elif kind == "multi_inference_log":
        request = log.multi_inference_log.request
        examples.check_tasks(request.tasks)
        rows = examples.serialized(request.input)
        for task in request.tasks:
            plan = examples.plan(servable, task.model_spec.signature_name, task.method_name, rows)
            examples.task_result(plan, task.method_name, servable.run(plan))
    else:
        raise Failure(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")


def _run_examples(servable, request, method):
    rows = examples.serialized(request.input)
    plan = examples.plan(servable, request.model_spec.signature_name, method, rows)
    examples.task_result(plan, method, servable.run(plan))
