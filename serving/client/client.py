"""A client of TensorFlow Serving, or of the embedded server, that speaks in arrays and pictures."""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tfgen.serving.client.values import Served, as_files, cast, from_png, is_picture, to_pil
from tfgen.serving.status import Code, Failure
from tfgen.signature import Input, Signature, as_seeds

_DEFAULT = "serving_default"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # Seconds between tries.


class Client:
    """One served model.

        client = tfgen.serving.Client("http://127.0.0.1:8501", model="dcgan")
        images = client.sample(seeds=range(16))                      # (16, 28, 28, 1) in [-1, 1]
        pictures = client.sample(seeds=range(16), as_images=True)    # PIL
        outputs = client("discriminate", image=images)               # {"logit": (16, 1)}

    Only TensorFlow Serving's own APIs are used. A server that is overloaded or away (503,
    UNAVAILABLE, no connection) is asked again, later and later, until the deadline. Threads may
    share a client.

    Args:
        address: "http://host:port", "https://...", or "host:port".
        model: Its name on the server.
        protocol: "rest" or "grpc", which carries arrays as bytes.
        version: Ask this version; None: the newest one.
        label: Ask the version with this label.
        timeout: Seconds for one call, tries and pauses included.
        max_rows: Split the calls of `sample`, `generate` and `translate` into requests of at most
            so many rows, for servers that limit a batch; None: one request.
        manifest: The export's `export.json` (a path or its content), by which `generate` draws from
            seeds what is not given, and which names the classes where the server does not.
        credentials: `grpc.ChannelCredentials` for an encrypted channel.

    Raises:
        ValueError: No such protocol, or both version and label.
        Failure: Every method: the code and message of the server's answer, or DEADLINE_EXCEEDED.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:8501",
        model: str = "default",
        *,
        protocol: str = "rest",
        version: int | None = None,
        label: str | None = None,
        timeout: float = 60.0,
        max_rows: int | None = None,
        manifest: dict | Path | str | None = None,
        credentials: Any = None,
    ):
        if version is not None and label is not None:
            raise ValueError("Give `version` or `label`, not both.")
        for name, text in (("address", address), ("model", model)):
            if not isinstance(text, str) or not text:
                raise ValueError(f"`{name}` must be a text. Received: {text!r}.")
        for name, number, least in (("max_rows", max_rows, 1), ("version", version, 0)):
            if number is not None and not (_is_whole(number) and number >= least):
                raise ValueError(
                    f"`{name}` must be a whole number of {least} or more. Received: {number!r}."
                )
        if not isinstance(timeout, int | float) or not timeout > 0:
            raise ValueError(f"`timeout` must be seconds above 0. Received: {timeout!r}.")
        self.address, self.model, self.timeout, self.max_rows = address, model, timeout, max_rows
        if isinstance(manifest, (str, Path)):
            manifest = json.loads(Path(manifest).read_text())
        self._manifest = manifest or {}
        self._signatures: dict[str, Served] | None = None
        if protocol == "rest":
            from tfgen.serving.client.rest import Rest

            url = address if "://" in address else f"http://{address}"
            self._transport: Any = Rest(url, model, version, label)
        elif protocol == "grpc":
            from tfgen.serving.client.rpc import Grpc

            self._transport = Grpc(address, model, version, label, credentials)
        else:
            raise ValueError(f"`protocol` must be 'rest' or 'grpc'. Received: {protocol!r}.")

    def signatures(self) -> dict[str, Served]:
        """Name -> inputs and outputs of every signature, as the server declares them."""
        if self._signatures is None:
            self._signatures = self._named(self._tried(self._transport.signatures))
        return self._signatures

    def status(self) -> list[tuple[int, str, str]]:
        """(version, state, error message) of every version, the newest first."""
        return self._tried(self._transport.status)

    def wait(self) -> None:
        """Waits, at most `timeout` seconds, until a version of the model is available."""

        def ready(seconds):
            try:
                states = [state for _, state, _ in self._transport.status(seconds)]
            except Failure as failure:
                if failure.code != Code.NOT_FOUND:
                    raise
                states = []
            if "AVAILABLE" not in states:
                raise Failure(Code.UNAVAILABLE, f"Model {self.model!r} is not available yet")

        self._tried(ready)

    def __call__(self, signature: str = _DEFAULT, **inputs) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            signature: Its name.
            **inputs: Arrays, lists, texts or PIL pictures by name, with the batch axis.

        Returns:
            Output name -> array; texts and files as an array of bytes.

        Raises:
            ValueError: An unknown signature, or inputs that do not fit it.
        """
        served = self._served(signature)
        unknown, missing = set(inputs) - set(served.inputs), set(served.inputs) - set(inputs)
        if unknown or missing:
            takes = ", ".join(f"{name}: {spec}" for name, spec in sorted(served.inputs.items()))
            raise ValueError(
                f"Signature {signature!r} of model {self.model!r} takes {takes or 'nothing'}. "
                f"Received: {', '.join(sorted(inputs)) or 'nothing'}."
            )
        arrays = {name: cast(name, value, served.inputs[name]) for name, value in inputs.items()}
        try:
            return self._tried(self._transport.predict, signature, served, arrays)
        except Failure:
            self._signatures = None  # Another version may have other signatures.
            raise

    def sample(self, seeds: Sequence[int], as_images: bool = False, **given):
        """The samples of some seeds, one each: (N, ...), or N PIL pictures.

        Args:
            seeds: Integers of 64 bits.
            as_images: Give PIL pictures.
            **given: What says what is drawn, such as `label=3` or `text="a red three"`: one row
                each, or one value for all, where the model serves `sample_label`, `sample_text`.
                Classes by number, or by name where the server or `manifest` names them.

        Raises:
            ValueError: No endpoint takes these beside the seed, or a value does not fit.
        """
        numbers, table = as_seeds(seeds), self.signatures()
        made = {n: set(s.inputs) - {"seed"} for n, s in table.items() if "seed" in s.inputs}
        made = {n: names for n, names in made.items() if n.split("_")[0] == "sample"}
        names = [n for n, others in made.items() if others == set(given) and n[-4:] != "_png"]
        if given and not names:
            known = ", ".join(sorted(n for n in made if n[-4:] != "_png")) or "none"
            raise ValueError(
                f"Model {self.model!r} has no endpoint that takes `seed` with {sorted(given)}. "
                f"Those that take a seed: {known}."
            )
        name = names[0] if given else "sample"
        takes = self._served(name).inputs
        whole = {n: _repeated(value, takes[n], len(numbers)) for n, value in given.items()}
        return self._first(name, {"seed": numbers, **whole}, as_images)

    def generate(self, seeds: Sequence[int] | None = None, as_images: bool = False, **inputs):
        """Samples from inputs such as `z` and `label`: (N, ...), or N PIL pictures.

        Args:
            seeds: Draw the inputs that are not given from these, by the client's `manifest`: the
                same numbers, so the same pictures, as everywhere.
            as_images: Give PIL pictures.
            **inputs: One row each; with seeds, a single value serves all rows.
        """
        name = "generate" if "generate" in self.signatures() else _DEFAULT
        if seeds is not None:
            inputs = self._drawn(name, as_seeds(seeds), inputs)
        return self._first(name, inputs, as_images)

    def translate(self, image: Any, to: Any, as_images: bool = False, **inputs):
        """Pictures in another domain: (N, H, W, C), or N PIL pictures.

        Args:
            image: (N, H, W, C) in [-1, 1], or PIL pictures of the model's size, which are sent as
                PNG where PIL pictures are asked for.
            to: "a" or "b" of a CycleGAN; the domain(s) of a StarGAN, for all rows or one each.
            as_images: Give PIL pictures.
            **inputs: Further inputs of the signature.

        Raises:
            ValueError: The model does not translate, or not to this.
        """
        table = self.signatures()
        directions = {n.rpartition("_to_")[2]: n for n in table if n.count("_to_") == 1}
        directions = {to: n for to, n in directions.items() if not n.endswith("_png")}
        if isinstance(to, str) and to in directions:
            return self._first(directions[to], {"image": image, **inputs}, as_images)
        if "translate" not in table:
            known = f"to {', '.join(sorted(directions))} only" if directions else "no pictures"
            raise ValueError(f"Model {self.model!r} translates {known}. Received: to={to!r}.")
        rows = 1 if is_picture([image]) else len(image)
        domain, spec = np.asarray(to), table["translate"].inputs["domain"]
        if domain.ndim < len(spec.shape or ()):
            domain = np.repeat(domain[np.newaxis], rows, axis=0)
        return self._first("translate", {"image": image, "domain": domain, **inputs}, as_images)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _named(self, table):
        """Signatures with the manifest's names of classes."""
        for name, entry in self._manifest.get("endpoints", {}).items():
            for key, one in entry["inputs"].items():
                if one.get("class_names") and key in (table[name].inputs if name in table else ()):
                    inputs = table[name].inputs
                    inputs[key] = replace(inputs[key], class_names=tuple(one["class_names"]))
        return table

    def _served(self, signature):
        table = self.signatures()
        if signature not in table:
            known = f"It serves: {', '.join(table)}."
            raise ValueError(f"Model {self.model!r} has no signature {signature!r}. {known}")
        return table[signature]

    def _first(self, signature, inputs, as_images):
        """The picture output of a signature, or else its first one."""
        name, png = signature, f"{signature}_png"
        if as_images and png in self.signatures():
            moved = as_files(inputs, self._served(signature), self._served(png))
            name, inputs = (signature, inputs) if moved is None else (png, moved)
        takes = self._served(name).inputs
        arrays = {k: cast(k, v, takes[k]) for k, v in inputs.items() if k in takes}
        rows = max((len(array) for array in arrays.values() if array.ndim), default=0)
        step = self.max_rows or max(rows, 1)
        parts = []
        for start in range(0, max(rows, 1), step):
            cut = {k: v[start : start + step] if v.ndim else v for k, v in arrays.items()}
            parts.append(self(name, **{**inputs, **cut}))
        output = "image" if "image" in parts[0] else next(iter(parts[0]))
        array = np.concatenate([part[output] for part in parts]) if rows else parts[0][output]
        if output == "image_bytes":
            return from_png(array)
        return to_pil(array) if as_images else array

    def _drawn(self, name, seeds, given):
        entry = self._manifest.get("signatures", {}).get(name)
        if entry is None:
            raise ValueError(
                f"Drawing the inputs of {name!r} from seeds needs the export's manifest: "
                "Client(..., manifest='export.json'). Or give them all, without seeds."
            )
        inputs = {n: Input(**{**i, "shape": tuple(i["shape"])}) for n, i in entry["inputs"].items()}
        drawn_from = Signature(None, inputs)  # type: ignore[arg-type]  # And nothing else.
        return drawn_from.draw(seeds, **given)

    def _tried(self, call, *arguments):
        """A call of the transport, again while the server is unavailable and time is left."""
        deadline, pause = time.monotonic() + self.timeout, _FIRST_PAUSE
        while True:
            try:
                return call(*arguments, max(0.001, deadline - time.monotonic()))
            except Failure as failure:
                if failure.code != Code.UNAVAILABLE:
                    raise
                # A random part keeps clients that failed together from coming back together.
                wait = pause * random.uniform(0.5, 1.0)
                if time.monotonic() + wait >= deadline:
                    said = f"not available for {self.timeout:g} s: {failure.message}"
                    raise Failure(failure.code, f"{self.address} was {said}") from failure
                time.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE)


def _is_whole(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _repeated(value, wanted, rows):
    """One value for each row, where there is one for all."""
    is_row = wanted.shape is not None and np.ndim(value) == len(wanted.shape) - 1
    return [value] * rows if is_row else value
