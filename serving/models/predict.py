"""One servable version, and what a prediction feeds and fetches, checked against its signature."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfgen.serving import dtypes
from tfgen.serving import metrics as names
from tfgen.serving.metrics import Metrics
from tfgen.serving.models.batching import BatchOptions, Queue, Scheduler
from tfgen.serving.models.input_checks import check_files, check_finite, check_shape, explained
from tfgen.serving.models.saved_model import DEFAULT_SIGNATURE, SavedModel
from tfgen.serving.status import Code, Failure, invalid

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
PREDICT = "tensorflow/serving/predict"


@dataclass(frozen=True)
class Plan:
    """One run of a signature.

    Args:
        signature: Its resolved name.
        feeds: Tensor name -> array.
        aliases: Output names, in order.
        fetches: Their tensor names.
        is_whole: Whether all outputs of the signature are fetched: such runs can be batched.
        api: "Predict", "Classify" or "Regress", for metrics.
    """

    signature: str
    feeds: dict[str, np.ndarray]
    aliases: tuple[str, ...]
    fetches: tuple[str, ...]
    is_whole: bool = True
    api: str = "Predict"


class Servable:
    """A loaded version of a model.

    Args:
        name: The model's name.
        version: Its number.
        model: The SavedModel.
        metrics: Where runs are recorded.
        scheduler: Runs batches; None without batching.
        options: Sizes and limits of its queues.
        checks_method: Whether a signature's method_name must fit the request.
    """

    def __init__(
        self,
        name: str,
        version: int,
        model: SavedModel,
        metrics: Metrics,
        scheduler: Scheduler | None = None,
        options: BatchOptions | None = None,
        checks_method: bool = False,
    ):
        self.name = name
        self.version = version
        self.model = model
        self.checks_method = checks_method
        self._metrics = metrics
        self._scheduler: Any = scheduler  # Of batches; None where every run is alone.
        self._options = options
        self._queues: dict[str, Queue] = {}
        self._lock = threading.Lock()

    def signature(self, name: str, code: Code = Code.FAILED_PRECONDITION):
        """The SignatureDef of a name, "" for the default one.

        Raises:
            Failure: There is none; the text is REST's or gRPC's according to the code.
        """
        name = name or DEFAULT_SIGNATURE
        found = self.model.signatures.get(name)
        if found is None and code == Code.INVALID_ARGUMENT:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        if found is None:
            raise Failure(code, f'Serving signature key "{name}" not found.')
        return found

    def check(self, name: str, array: np.ndarray, info: Any) -> None:
        """Compares what is fed with the signature, for every API.

        Args:
            name: Of the input.
            array: What is fed, of the input's type.
            info: Its TensorInfo.

        Raises:
            Failure: INVALID_ARGUMENT.
        """
        check_shape(name, array, info)
        check_files(name, array)
        if self.model.is_export:
            check_finite(name, array)

    def run(self, plan: Plan, timeout_ms: int = 0) -> list[np.ndarray]:
        """The outputs of a plan, at once and alone."""
        start = time.perf_counter()
        try:
            outputs = self.model.run(plan.feeds, plan.fetches, timeout_ms)
        except Failure as failure:
            raise explained(failure, plan.feeds.values()) from failure
        micros = (time.perf_counter() - start) * 1e6
        self._metrics.observe(names.RUNTIME, micros, self.name, plan.api, "TF1")
        return outputs

    def submit(self, plan: Plan):
        """The future outputs in a batch with others, or None where the plan is run alone.

        Alone go runs that no queue is for: part of the outputs, no rows, no inputs.
        """
        if self._scheduler is None or not plan.is_whole or not plan.feeds or not plan.fetches:
            return None
        if any(array.ndim and not len(array) for array in plan.feeds.values()):
            return None
        return self._queue(plan).submit(tuple(plan.feeds.values()))

    def _queue(self, plan):
        with self._lock:
            queue = self._queues.get(plan.signature)
            if queue is None:
                feeds, fetches, signature = tuple(plan.feeds), plan.fetches, plan.signature

                def run(arrays):
                    together = dict(zip(feeds, arrays, strict=True))
                    return self.run(Plan(signature, together, (), fetches, api=plan.api))

                queue = self._scheduler.queue(run, self._options)
                self._queues[signature] = queue
            return queue

    def close(self) -> None:
        """Frees the model. No request may be using it."""
        for queue in self._queues.values():
            self._scheduler.remove(queue)
        self.model.close()


def predict_plan(
    servable: Servable,
    signature_name: str,
    tensors: dict[str, np.ndarray],
    output_filter: Iterable[str] = (),
) -> Plan:
    """The run that a predict request asks for.

    Args:
        servable: What runs it.
        signature_name: As requested, "" for the default.
        tensors: Input name -> array.
        output_filter: Names of the wanted outputs; none: all.

    Raises:
        Failure: INVALID_ARGUMENT for inputs or outputs that the signature does not have, and for
            inputs that do not fit it; FAILED_PRECONDITION without the signature.
    """
    signature_name = signature_name or DEFAULT_SIGNATURE
    signature = servable.signature(signature_name)
    if servable.checks_method and signature.method_name not in (PREDICT, CLASSIFY, REGRESS):
        raise Failure(
            Code.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{PREDICT}, {CLASSIFY}, "
            f"{REGRESS}}}. Was: {signature.method_name}",
        )
    defaults = servable.model.defaults[signature_name]
    _check_names(tensors, signature.inputs, defaults)
    feeds = {}
    for name in sorted(signature.inputs):
        info = signature.inputs[name]
        array = tensors[name] if name in tensors else defaults[name]
        if array.dtype != dtypes.numpy(info.dtype):
            raise invalid(
                f"Input {name} must be of type {dtypes.name(info.dtype)}, but is {array.dtype}"
            )
        servable.check(name, array, info)
        feeds[info.name] = array
    aliases = _aliases(signature, output_filter)
    fetches = tuple(signature.outputs[name].name for name in aliases)
    return Plan(signature_name, feeds, aliases, fetches, not output_filter)


def _check_names(tensors, inputs, defaults):
    extra = sorted(set(tensors) - set(inputs))
    missing = sorted(set(inputs) - set(tensors) - set(defaults))
    if extra or missing:
        raise invalid(
            f"input size does not match signature: {len(tensors)}!={len(inputs)} "
            f"len({{{','.join(sorted(tensors))}}}) != len({{{','.join(sorted(inputs))}}}). "
            f"Sent extra: {{{','.join(extra)}}}. Missing but required: {{{','.join(missing)}}}."
        )


def _aliases(signature, output_filter):
    seen = set()
    for alias in output_filter:
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in "
                f"the set {{{','.join(sorted(signature.outputs))}}}."
            )
        if alias in seen:
            raise invalid(f"duplicate output tensor alias: {alias}")
        seen.add(alias)
    return tuple(output_filter) or tuple(sorted(signature.outputs))
