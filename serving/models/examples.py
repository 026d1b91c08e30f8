"""Classify, Regress and MultiInference: serialized tf.Examples in, classes or values out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from tfgen.serving import dtypes
from tfgen.serving.models.predict import CLASSIFY, REGRESS, Plan, Servable
from tfgen.serving.models.saved_model import DEFAULT_SIGNATURE
from tfgen.serving.status import Code, Failure, invalid

INPUTS, CLASSES, SCORES, OUTPUTS = "inputs", "classes", "scores", "outputs"


def serialized(request_input: Any) -> list[bytes]:
    """The examples of an Input message, its context merged into each.

    Raises:
        Failure: INVALID_ARGUMENT without examples.
    """
    kind = request_input.WhichOneof("kind")
    context, examples = b"", ()
    if kind == "example_list":
        examples = request_input.example_list.examples
    elif kind == "example_list_with_context":
        context = request_input.example_list_with_context.context.SerializeToString()
        examples = request_input.example_list_with_context.examples
    if not examples:
        raise invalid("Input is empty.")
    return [context + one.SerializeToString() for one in examples]


def plan(servable: Servable, signature_name: str, method: str, examples: list[bytes]) -> Plan:
    """The run that a classify or regress request asks for.

    Args:
        servable: What runs it.
        signature_name: As requested, "" for the default.
        method: CLASSIFY or REGRESS.
        examples: Serialized.

    Raises:
        Failure: INVALID_ARGUMENT: no such signature, or one of another form or shape.
    """
    name = signature_name or DEFAULT_SIGNATURE
    signature = servable.model.signatures.get(name)
    if signature is None:
        raise invalid(f"No signature was found with the name: {name}")
    if servable.checks_method and signature.method_name != method:
        raise invalid(
            f"Expected signature method_name to be {method}. Was: {signature.method_name}"
        )
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if INPUTS not in signature.inputs:
        what = "classification" if method == CLASSIFY else "regression"
        raise invalid(f"No {what} inputs found in SignatureDef: {name}")
    info = signature.inputs[INPUTS]
    if dtypes.name(info.dtype) != "string":
        raise invalid(f"Input Tensor must be of string type, but is {dtypes.name(info.dtype)}")
    aliases = _outputs(signature, method, name)
    feed = np.empty(len(examples), object)
    feed[:] = examples
    servable.check(INPUTS, feed, info)
    fetches = tuple(signature.outputs[alias].name for alias in aliases)
    whole = len(aliases) == len(signature.outputs)
    api = "Classify" if method == CLASSIFY else "Regress"
    return Plan(name, {info.name: feed}, aliases, fetches, whole, api)


def _outputs(signature, method, name):
    if method == REGRESS:
        if len(signature.outputs) != 1:
            raise invalid("Expected one output Tensor.")
        if OUTPUTS not in signature.outputs:
            raise invalid(f"No regression outputs found in SignatureDef: {name}")
        return (OUTPUTS,)
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    aliases = tuple(alias for alias in (CLASSES, SCORES) if alias in signature.outputs)
    if not aliases:
        raise invalid(
            f"Expected classification signature outputs to contain at least one of "
            f'"{CLASSES}" or "{SCORES}". Signature: {name}'
        )
    return aliases


def classification(run: Plan, arrays: Sequence[np.ndarray]):
    """The ClassificationResult of a run.

    Raises:
        Failure: INVALID_ARGUMENT: outputs of another type or shape.
    """
    (examples,) = run.feeds.values()
    outputs = dict(zip(run.aliases, arrays, strict=True))
    shape: Any = None
    for alias, array in outputs.items():
        if array.dtype != (np.dtype(object) if alias == CLASSES else np.dtype(np.float32)):
            raise invalid(f"Expected {alias} Tensor of another type. Got: {array.dtype}")
        if array.ndim != 2 or len(array) != len(examples) or shape not in (None, array.shape):
            raise invalid(
                f"Expected output Tensor shape to be [batch_size num_classes] with batch_size "
                f"{len(examples)}. Got: {list(array.shape)}"
            )
        shape = array.shape
    result = classification_pb2.ClassificationResult()
    for row in range(shape[0]):
        classes = result.classifications.add().classes
        for column in range(shape[1]):
            one = classes.add()
            if CLASSES in outputs:
                one.label = _text(outputs[CLASSES][row, column])
            if SCORES in outputs:
                one.score = float(outputs[SCORES][row, column])
    return result


def _text(label):
    return label.decode(errors="replace") if isinstance(label, bytes) else label


def regression(run: Plan, arrays: Sequence[np.ndarray]):
    """The RegressionResult of a run.

    Raises:
        Failure: INVALID_ARGUMENT: an output of another type or shape.
    """
    (examples,), (array,) = run.feeds.values(), arrays
    if array.dtype != np.float32:
        raise invalid(f"Expected output Tensor of float type. Got: {array.dtype}")
    if array.ndim not in (1, 2) or array.ndim == 2 and array.shape[1] != 1:
        raise invalid(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{list(array.shape)}"
        )
    if len(array) != len(examples):
        raise invalid(f"Expected output batch size to be {len(examples)}. Got: {len(array)}")
    result = regression_pb2.RegressionResult()
    for value in array.reshape(-1).tolist():
        result.regressions.add().value = value
    return result


def check_tasks(tasks: Sequence) -> None:
    """Refuses a MultiInferenceRequest whose tasks do not belong together.

    Raises:
        Failure: INVALID_ARGUMENT: several models, a signature twice, none at all; UNIMPLEMENTED:
            another method.
    """
    if not tasks:
        raise invalid("Inference request has no tasks.")
    if len({task.model_spec.name for task in tasks}) > 1:
        raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    seen = set()
    for task in tasks:
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        if task.method_name not in (CLASSIFY, REGRESS):
            raise Failure(
                Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}"
            )


def task_result(run: Plan, method: str, arrays: Sequence[np.ndarray]):
    """The InferenceResult of one task, without its model_spec."""
    result = inference_pb2.InferenceResult()
    if method == CLASSIFY:
        result.classification_result.CopyFrom(classification(run, arrays))
    else:
        result.regression_result.CopyFrom(regression(run, arrays))
    return result
