"""A model as SavedModel: its signatures, `sample` from seeds alone, and pictures as files.

Endpoint        inputs          outputs
<signature>     as declared     as declared; the first one is `serving_default` too
sample          seed int64 (N,) those of the first signature, where all its inputs can be drawn
sample_<input>  seed, <input>   the same, for a label, a text or what else says what is drawn
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
from tfgen.export.guards import guarded
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
        is_seeded: Whether it takes `seed`, from which the other inputs of `source` are drawn.
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
    for conditions in conditioned(signatures[default]):
        name = "_".join((SAMPLE, *conditions))
        sample = sampled(signatures[default], table[default].function, conditions)
        table[name] = Endpoint(sample, traced(name, sample), default, is_seeded=True)
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
    first = signatures[next(iter(signatures))]
    taken = {"serving_default", *("_".join((SAMPLE, *names)) for names in conditioned(first))}
    for name in signatures:
        if name in {SAMPLE, *taken} or name.endswith(PNG):
            raise ExportError(
                f"The signature name {name!r} is taken: the export adds {SAMPLE!r}, "
                f"'serving_default' and names that end in {PNG!r} itself. Rename the signature."
            )
    return signatures


def conditioned(signature: Signature) -> list[tuple[str, ...]]:
    """The sets of inputs that `sample` endpoints take beside the seed.

    None of them, each one and all together, where the seed draws the others. TensorFlow Serving
    asks for every input of a signature, so each set is an endpoint.
    """
    conditions = tuple(n for n, i in signature.inputs.items() if i.is_condition and n != "seed")
    noise = [i for n, i in signature.inputs.items() if n not in conditions]
    if not all(i.distribution for i in noise):
        return []
    alone = [(name,) for name in conditions]
    sets = [(), *alone, *([conditions] if len(conditions) > 1 else [])]
    return [
        given
        for given in sets
        if (noise or len(given) < len(conditions) or not given)
        and all(i.distribution or n in given for n, i in signature.inputs.items())
    ]


def sampled(signature: Signature, function: Any, conditions: Sequence[str] = ()) -> Signature:
    """The same outputs, from seeds and conditions.

    Args:
        signature: Whose other inputs are drawn.
        function: Its traced function.
        conditions: Names of the inputs that are given beside `seed`.
    """

    def sample(seed, **given):
        return function(**signature.draw(seed, namespace="tensorflow", **given))

    inputs = {name: signature.inputs[name] for name in conditions}
    return Signature(sample, {"seed": Input((), "int64"), **inputs})


def traced(name: str, signature: Signature, guards: bool = True):
    """The concrete function, with inputs and outputs by name.

    Args:
        name: What messages call it.
        signature: What it computes.
        guards: Whether the graph checks its inputs, see `tfgen.export.guards`.

    Raises:
        ExportError: The function does not return a dict of tensors.
    """

    @tf.function(autograph=False)
    def served(**inputs):
        rows = None
        if guards:
            inputs, rows = guarded(signature.inputs, inputs)
        outputs = signature.fn(**inputs)
        if not isinstance(outputs, dict) or not outputs:
            raise ExportError(
                f"Signature {name!r} must return a dict of named tensors. Received: {outputs!r}."
            )
        outputs = {key: full_precision(value) for key, value in outputs.items()}
        return outputs if rows is None else {k: v[: rows[0]] for k, v in outputs.items()}

    return served.get_concrete_function(**{spec.name: spec for spec in signature.specs()})


def full_precision(value: tf.Tensor) -> tf.Tensor:
    """Half precisions as float32: JSON clients of TensorFlow Serving cannot carry them."""
    value = tf.convert_to_tensor(value)
    return tf.cast(value, tf.float32) if value.dtype in (tf.float16, tf.bfloat16) else value


def write(table: dict[str, Endpoint], folder: Path) -> None:
    """Writes the SavedModel with its warm-up requests; it holds only the weights that it uses.

    Beside the signatures, which take keywords, the loaded object has a function of each name that
    takes a dict, or a tensor where there is one input: what `keras.layers.TFSMLayer` calls.
    """
    module = tf.Module()
    used = {id(v): v for endpoint in table.values() for v in endpoint.function.graph.variables}
    module.served_weights = list(used.values())
    functions = {name: endpoint.function for name, endpoint in table.items()}
    default = next(iter(functions))
    for name, function in {**functions, "serving_default": functions[default]}.items():
        if not hasattr(module, name):
            setattr(module, name, taking_dicts(function, table.get(name, table[default]).signature))
    signatures = {**functions, "serving_default": functions[default]}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    warmup.write(folder, {name: endpoint.typical([0]) for name, endpoint in table.items()})


def taking_dicts(function: Any, signature: Signature) -> Any:
    """A `tf.function` of one argument: inputs by name, or the only one."""
    # Of any shape, so that what is wrong is refused by name where the graph runs.
    specs = {n: tf.TensorSpec(None, i.dtype, n) for n, i in signature.inputs.items()}
    only = next(iter(specs))

    @tf.function(autograph=False)
    def called(inputs):
        return function(**(inputs if isinstance(inputs, dict) else {only: inputs}))

    called.get_concrete_function(specs)
    if len(specs) == 1:
        called.get_concrete_function(specs[only])
    return called
