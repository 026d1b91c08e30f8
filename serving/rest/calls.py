"""TensorFlow Serving's REST API: paths and bodies in, status and body out."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from tfgen.serving import metrics as names
from tfgen.serving.models import examples, model_info
from tfgen.serving.models.core import Core
from tfgen.serving.models.predict import CLASSIFY, REGRESS, predict_plan
from tfgen.serving.models.runner import aside, run
from tfgen.serving.rest import json_examples, json_predict
from tfgen.serving.rest.json_parse import parse
from tfgen.serving.status import Code, Failure, invalid

_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_INFERENCE = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<verb>classify|regress|predict)", re.I | re.A
)
_STATUS = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?P<metadata>/metadata)?", re.I | re.A
)


@dataclass(frozen=True)
class Target:
    """What a path names.

    Args:
        name: Model, decoded; "" where there is none.
        number: Version, where one is given.
        label: Label, where one is given.
        action: "predict", "classify", "regress", "status" or "metadata".
    """

    name: str
    number: int | None
    label: str | None
    action: str


def target(method: str, path: str) -> Target:
    """What a request is for.

    Args:
        method: "GET", "POST" ...
        path: As sent, percent-encoded, with its query string.

    Raises:
        Failure: INVALID_ARGUMENT: no such path, or a version beyond 64 bits.
    """
    pattern = {"POST": _INFERENCE, "GET": _STATUS}.get(method)
    match = pattern.fullmatch(path) if pattern else None
    verb = match and match.groupdict().get("verb")
    # The pattern ignores case, but the verb itself is compared as it stands.
    if match is None or verb not in (None, "predict", "classify", "regress"):
        raise invalid(f"Malformed request: {method} {path}")
    number = None
    if match["version"]:
        number = int(match["version"]) if len(match["version"].lstrip("0")) < 20 else 1 << 63
        if number >= 1 << 63:
            raise invalid(f"Failed to convert version: {match['version']} to numeric.")
    label = _decoded(match["label"]) if match["label"] else None
    action = verb or ("metadata" if match["metadata"] == "/metadata" else "status")
    return Target(_decoded(match["name"] or ""), number, label, action)


def _decoded(text) -> str:
    return unquote_to_bytes(text).decode(errors="surrogateescape")


class Rest:
    """Answers REST requests.

    Args:
        core: The models.
        pool: Threads for runs and for large bodies.
    """

    def __init__(self, core: Core, pool: ThreadPoolExecutor):
        self._core = core
        self._pool = pool
        milliseconds = core.options.rest_api_timeout_in_ms
        self._seconds = milliseconds / 1000 if milliseconds > 0 else None

    async def answer(self, method: str, path: str, body: bytes) -> bytes:
        """The body of a successful answer.

        Raises:
            Failure: What went wrong.
        """
        wanted = target(method, path)
        if wanted.action in ("status", "metadata"):
            return self._describe(wanted)
        start = time.perf_counter()
        metrics = self._core.metrics
        try:
            call = self._predict if wanted.action == "predict" else self._examples
            answer = await call(wanted, body)
        except Failure as failure:
            metrics.count(names.COUNT, wanted.name, failure.code.name)
            raise
        metrics.count(names.COUNT, wanted.name, "OK")
        micros = (time.perf_counter() - start) * 1e6
        metrics.observe(names.LATENCY, micros, wanted.name, wanted.action, "REST")
        return answer

    def _describe(self, wanted):
        if wanted.action == "status":
            if not wanted.name:
                raise invalid("Missing model name in request.")
            # As TensorFlow Serving does, a label is not looked at: all versions are listed.
            return model_info.status_body(self._core.manager, wanted.name, wanted.number)
        if not wanted.name:
            raise invalid("Missing model name in request.")
        lease = self._core.manager.lease(wanted.name, wanted.number, wanted.label)
        try:
            return model_info.metadata_body(lease.servable)
        finally:
            lease.release()

    async def _predict(self, wanted, body):
        document = await aside(self._pool, len(body), parse, body, self._seconds)
        signature = json_predict.signature_name(document)
        lease = self._core.manager.lease(wanted.name, wanted.number, wanted.label)
        try:
            servable = lease.servable
            found = servable.signature(signature, Code.INVALID_ARGUMENT)
            named = await aside(
                self._pool, len(body), json_predict.inputs, document, found.inputs, signature
            )
            plan = predict_plan(servable, signature, named.tensors)
        except BaseException:
            lease.release()
            raise
        arrays = await run(self._core.arrivals, lease, plan, self._pool, self._seconds)
        outputs = dict(zip(plan.aliases, arrays, strict=True))
        size = sum(array.nbytes for array in arrays)
        return await aside(
            self._pool, size, json_predict.answer, outputs, found.outputs, named.is_row
        )

    async def _examples(self, wanted, body):
        document = await aside(self._pool, len(body), parse, body, self._seconds)
        signature = json_predict.signature_name(document)
        rows = await aside(self._pool, len(body), json_examples.serialized, document)
        lease = self._core.manager.lease(wanted.name, wanted.number, wanted.label)
        method = CLASSIFY if wanted.action == "classify" else REGRESS
        try:
            plan = examples.plan(lease.servable, signature, method, rows)
        except BaseException:
            lease.release()
            raise
        arrays = await run(self._core.arrivals, lease, plan, self._pool, self._seconds)
        self._core.metrics.count(names.EXAMPLE_TOTAL, wanted.name, by=len(rows))
        self._core.metrics.observe(names.EXAMPLES, len(rows), wanted.name)
        if method == CLASSIFY:
            return json_examples.classifications(examples.classification(plan, arrays))
        return json_examples.regressions(examples.regression(plan, arrays))
