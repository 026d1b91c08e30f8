"""A model as SavedModel: its signatures, `sample` from seeds alone, and pictures as files.

Endpoint        inputs          outputs
<signature>     as declared     as declared; the first one is `serving_default` too
sample          seed int64 (N,) those of the first signature, where all its inputs can be drawn
<name>_png      as <name>, but  image_bytes (N,): PNG, where <name> gives an `image`; else as <name>
                image_bytes (N,): PNG or JPEG for each picture `image`

`<name>_png` is there where <name> takes or gives a picture of 1, 3 or 4 channels. TensorFlow
Serving carries what is named in `_bytes` as base64.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.export import aside, parity, picture_files, probes, warmup
from tfgen.export.errors import ExportError
from tfgen.export.names import PNG, SAMPLE
from tfgen.model import GenerativeModel
from tfgen.signature import Input, Signature


@dataclass(frozen=True)
class Endpoint:
    """One function of a SavedModel.

    Args:
        signature: What it computes, from which inputs.
        function: Its graph, traced with a free batch axis.
        source: The model's signature behind it.
        is_seeded: Whether its input is `seed`, from which the inputs of `source` are drawn.
        is_png: Whether its one output is `image_bytes`.
        plain: The same with pictures as numbers, where some of its inputs are files.
    """

    signature: Signature
    function: Any
    source: str
    is_seeded: bool = False
    is_png: bool = False
    plain: Signature | None = None

    def typical(
        self,
        seeds: Sequence[int] = probes.SEEDS,
        examples: dict[str, np.ndarray] | None = None,
    ) -> dict[str, Any]:
        """Ordinary inputs, as `probes.typical`."""
        feeds = probes.typical(self.plain or self.signature, seeds, examples)
        return picture_files.packed(self.plain, feeds) if self.plain else feeds

    def extreme(self, examples: dict[str, np.ndarray] | None = None) -> dict[str, Any]:
        """Inputs at the ends of what is valid, as `probes.extreme`."""
        feeds = probes.extreme(self.plain or self.signature, examples)
        return picture_files.packed(self.plain, feeds) if self.plain else feeds


def saved_model(
    model: GenerativeModel,
    path: Path | str,
    examples: dict[str, dict[str, np.ndarray]] | None = None,
) -> Path:
    """Writes a SavedModel and verifies it in a fresh process.

    Args:
        model: A `GenerativeModel`. Moving averages of the weights are used where they are on;
            mixed precision is left behind, the export computes in float32.
        path: The folder to make, such as "exports/dcgan/1": TensorFlow Serving takes its name as
            the version.
        examples: Signature -> input -> (7, ...) array to verify with, for inputs that are not drawn
            and for which random numbers in [-1, 1] would not do.

    Returns:
        The folder.

    Raises:
        ExportError: `path` exists or cannot be written, or the export differs from the model.
    """
    path = Path(path)
    if path.exists():
        raise ExportError(f"{path} exists. Give the number of a new version, or delete it first.")
    with aside.folder(path.parent) as temporary, exporting(model):
        table = endpoints(model)
        write(table, temporary / path.name)
        parity.check_saved_model(model, table, temporary / path.name, examples)
        aside.rename_new(temporary / path.name, path)
    return path


@contextlib.contextmanager
def exporting(model: GenerativeModel) -> Iterator[None]:
    """The model as it is exported: averaged weights, computing in float32."""
    mixed = [x for x in model._flatten_layers() if x.compute_dtype != x.variable_dtype]
    policies = [layer.dtype_policy for layer in mixed]
    traced = dict(model._served)  # Graphs hold the precision they were traced in.
    with model.averaged():
        try:
            if mixed:
                model._served.clear()
            for layer in mixed:
                layer.dtype_policy = layer.variable_dtype
            yield
        finally:
            for layer, policy in zip(mixed, policies, strict=True):
                layer.dtype_policy = policy
            if mixed:
                model._served.clear()
                model._served.update(traced)


def endpoints(model: GenerativeModel) -> dict[str, Endpoint]:
    """Name -> Endpoint, the default first.

    Raises:
        ExportError: No signatures, or one with a name that is taken.
    """
    signatures = declared(model)
    table = {name: Endpoint(s, traced(name, s), name) for name, s in signatures.items()}
    default = next(iter(signatures))
    if signatures[default].drawable:
        sample = sampled(signatures[default])
        table[SAMPLE] = Endpoint(sample, traced(SAMPLE, sample), default, is_seeded=True)
    for name, endpoint in list(table.items()):
        is_shown = picture_files.shown(endpoint.function)
        takes_files = bool(picture_files.taken(endpoint.signature))
        if is_shown or takes_files:
            png = picture_files.as_files(endpoint.signature, endpoint.function, is_shown)
            table[name + PNG] = replace(
                endpoint,
                signature=png,
                function=traced(name + PNG, png),
                is_png=is_shown,
                plain=endpoint.signature if takes_files else None,
            )
    return table


def declared(model: GenerativeModel) -> dict[str, Signature]:
    """The model's own signatures, checked."""
    signatures = model.signatures()
    if not signatures:
        raise ExportError(f"{type(model).__name__}.signatures() is empty: nothing to export.")
    for name in signatures:
        if name in (SAMPLE, "serving_default") or name.endswith(PNG):
            raise ExportError(
                f"The signature name {name!r} is taken: the export adds {SAMPLE!r}, "
                f"'serving_default' and names that end in {PNG!r} itself. Rename the signature."
            )
    return signatures


def sampled(signature: Signature) -> Signature:
    """The same outputs, from seeds alone."""

    def sample(seed):
        return signature.fn(**signature.draw(seed, namespace="tensorflow"))

    return Signature(sample, {"seed": Input((), "int64")})


def traced(name: str, signature: Signature):
    """The concrete function, with inputs and outputs by name.

    Raises:
        ExportError: The function does not return a dict of tensors.
    """

    @tf.function(autograph=False)
    def served(**inputs):
        outputs = signature.fn(**inputs)
        if not isinstance(outputs, dict) or not outputs:
            raise ExportError(
                f"Signature {name!r} must return a dict of named tensors. Received: {outputs!r}."
            )
        return {key: full_precision(value) for key, value in outputs.items()}

    return served.get_concrete_function(**{spec.name: spec for spec in signature.specs()})


def full_precision(value: tf.Tensor) -> tf.Tensor:
    """Half precisions as float32: JSON clients of TensorFlow Serving cannot carry them."""
    value = tf.convert_to_tensor(value)
    return tf.cast(value, tf.float32) if value.dtype in (tf.float16, tf.bfloat16) else value


def write(table: dict[str, Endpoint], folder: Path) -> None:
    """Writes the SavedModel with its warm-up requests; it holds only the weights that it uses."""
    module = tf.Module()
    used = {id(v): v for endpoint in table.values() for v in endpoint.function.graph.variables}
    module.served_weights = list(used.values())
    functions = {name: endpoint.function for name, endpoint in table.items()}
    default = next(iter(functions.values()))
    tf.saved_model.save(module, str(folder), signatures={**functions, "serving_default": default})
    warmup.write(folder, {name: endpoint.typical([0]) for name, endpoint in table.items()})
