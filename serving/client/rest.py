"""TensorFlow Serving's REST API as a client calls it."""

from urllib.parse import quote

import numpy as np
import urllib3

from tfgen.serving.client.values import NO_SIGNATURE, Served, Tensor, decode, encode, received
from tfgen.serving.status import Code, Failure

_CODES = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    409: Code.ABORTED,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    501: Code.UNIMPLEMENTED,
    502: Code.UNAVAILABLE,  # A proxy's word for a server that is not there.
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}
# Types that NumPy calls otherwise.
_NAMES = {"float": "float32", "double": "float64", "half": "float16"}


class Rest:
    """One model over REST; connections are kept and shared by threads.

    Args:
        address: "http://host:port" or "https://host:port", a path prefix may follow.
        model: Its name.
        version: Number of a version, or None.
        label: Label of a version, or None.

    Raises:
        ValueError: An address that goes on to a model, whose name is an argument of its own.
    """

    def __init__(self, address: str, model: str, version: int | None, label: str | None):
        base, path, _ = address.partition("/v1/models")
        if path:
            raise ValueError(
                f"The address ends before '/v1/models'. Received: {address!r}; write "
                f"Client({base!r}, model=...), and the signature's name in the call."
            )
        self._pool = urllib3.PoolManager(maxsize=64, retries=False)
        self._model = f"{address.rstrip('/')}/v1/models/{quote(model, safe='')}"
        self._target = self._model
        if version is not None:
            self._target += f"/versions/{version}"
        elif label is not None:
            self._target += f"/labels/{quote(label, safe='')}"

    def signatures(self, seconds: float) -> dict[str, Served]:
        """The signatures of the model."""
        answer = self._request("GET", f"{self._target}/metadata", None, seconds)
        table = answer["metadata"]["signature_def"]["signature_def"]
        named = answer["metadata"].get("class_names", {})  # From tfgen's own server only.
        found = {}
        for name, entry in table.items():
            if name != NO_SIGNATURE:
                inputs = _tensors(entry.get("inputs"), named.get(name))
                found[name] = Served(inputs, _tensors(entry.get("outputs")))
        return found

    def status(self, seconds: float) -> list[tuple[int, str, str]]:
        """(version, state, error message) of every version, the newest first."""
        answer = self._request("GET", self._target, None, seconds)
        return [
            (int(one["version"]), one["state"], one.get("status", {}).get("error_message", ""))
            for one in answer["model_version_status"]
        ]

    def predict(
        self, signature: str, served: Served, arrays: dict[str, np.ndarray], seconds: float
    ) -> dict[str, np.ndarray]:
        """The outputs of a signature, by name."""
        body = encode(signature, arrays)
        outputs = self._request("POST", f"{self._target}:predict", body, seconds)["outputs"]
        if len(served.outputs) == 1:
            outputs = {next(iter(served.outputs)): outputs}
        if set(outputs) != set(served.outputs):
            raise Failure(
                Code.FAILED_PRECONDITION,
                f"The model changed: {signature!r} gave {sorted(outputs)} instead of "
                f"{sorted(served.outputs)}.",
            )
        return {name: received(outputs[name], spec) for name, spec in served.outputs.items()}

    def close(self) -> None:
        """Closes the connections."""
        self._pool.clear()

    def _request(self, method, url, body, seconds):
        try:
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers={"Content-Type": "application/json"},
                timeout=seconds,
                redirect=False,
            )
        except urllib3.exceptions.NewConnectionError as error:
            raise Failure(Code.UNAVAILABLE, f"Cannot connect to {url}: {error}") from error
        except urllib3.exceptions.TimeoutError as error:
            message = f"No answer from {url} within {seconds:.1f} s"
            raise Failure(Code.DEADLINE_EXCEEDED, message) from error
        except urllib3.exceptions.LocationValueError as error:
            raise ValueError(f"{url!r} is no address: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise Failure(Code.UNAVAILABLE, f"Lost {url}: {error}") from error
        try:
            content = decode(answer.data)
        except ValueError:
            content = None
        if answer.status != 200:
            said = content.get("error") if isinstance(content, dict) else None
            said = said or f"HTTP {answer.status} from {url}: {answer.data[:200]!r}"
            raise Failure(_CODES.get(answer.status, Code.UNKNOWN), str(said))
        if not isinstance(content, dict):
            raise Failure(
                Code.UNKNOWN, f"{url} answered with something else than JSON: is it the REST port?"
            )
        return content


def _tensors(entries, class_names=None):
    made = {}
    for name, entry in (entries or {}).items():
        dtype = entry["dtype"].removeprefix("DT_").lower()
        shape = entry.get("tensor_shape", {})
        free = shape.get("unknown_rank", False)
        sides = [int(dim["size"]) for dim in shape.get("dim", [])]
        known = None if free else tuple(None if side < 0 else side for side in sides)
        names = (class_names or {}).get(name)
        made[name] = Tensor(_NAMES.get(dtype, dtype), known, names and tuple(names))
    return made
