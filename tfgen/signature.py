"""What a trained model offers the world, declared once.

SavedModel endpoints, ONNX files, `tfgen sample`, the server's metadata and the parity tests all
derive from the `signatures()` of the model. This module imports without TensorFlow.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tfgen import random

MOST_PIXELS = 1 << 26  # Of picture files that are decoded at once: 192 MiB of colours.
_SPAN = 1 << 63
_ONE = np.zeros(1, np.int64)
_LARGEST = 1.001  # Of a picture in [-1, 1] that was computed and not rounded.


@dataclass(frozen=True)
class Input:
    """One named input: its shape without the batch axis, its dtype and how to draw one.

    Args:
        shape: Shape of one row; None for a free side.
        dtype: Name of the NumPy dtype, or "string".
        distribution: "normal", "uniform", "categorical", "choice", or None: it must be given.
        low: Lower end of "uniform".
        high: Upper end of "uniform" (excluded).
        num_classes: Number of classes of "categorical"; also the valid range of a given label.
        choices: Texts of "choice".
        is_image: Whether it is a picture in [-1, 1], which files may hold too.
        example: A text that the model understands.
        class_names: One name a class, which may be given in place of its number.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    distribution: str | None = None
    low: float = 0.0
    high: float = 1.0
    num_classes: int | None = None
    choices: tuple[str, ...] | None = None
    is_image: bool = False
    example: str | None = None
    class_names: tuple[str, ...] | None = None

    @property
    def limit(self) -> float | None:
        """The largest magnitude of a picture's values, with room for rounding; else None."""
        return _LARGEST if self.is_image else None

    @property
    def is_condition(self) -> bool:
        """Whether it says what to draw, as a label and a text do, and is no noise."""
        if self.distribution == "categorical":
            return self.shape == ()
        return self.distribution in (None, "choice")

    @classmethod
    def noise(cls, *shape: int) -> "Input":
        """Standard normal numbers."""
        return cls(shape, distribution="normal")

    @classmethod
    def uniform(cls, *shape: int, low: float = 0.0, high: float = 1.0) -> "Input":
        """Uniform numbers in [low, high)."""
        return cls(shape, distribution="uniform", low=low, high=high)

    @classmethod
    def image(cls, shape: Sequence[int | None]) -> "Input":
        """A picture, float32 (..., H, W, C) in [-1, 1]; it cannot be drawn."""
        return cls(tuple(shape), is_image=True)

    @classmethod
    def label(cls, num_classes: int, class_names: Sequence[str] | None = None) -> "Input":
        """A class number, int32; drawn uniformly where it is not given.

        Names are those of a data set: of another number of classes, they are not the model's.
        """
        names = tuple(class_names or ())
        return cls(
            (),
            "int32",
            distribution="categorical",
            num_classes=num_classes,
            class_names=names if len(names) == num_classes else None,
        )

    @classmethod
    def text(cls, choices: Sequence[str] = (), example: str | None = None) -> "Input":
        """A text, UTF-8; drawn from `choices` where there are some."""
        distribution, example = "choice" if choices else None, example or next(iter(choices), None)
        return cls((), "string", distribution, choices=tuple(choices) or None, example=example)

    @classmethod
    def tokens(cls, length: int, num_tokens: int) -> "Input":
        """A text as token numbers, int32 (length,); it cannot be drawn."""
        return cls((length,), "int32", num_classes=num_tokens)

    def draw(self, xp: Any, seeds: Any, name: str) -> Any:
        """One row a seed, (N, *shape); a pure function of each seed and the input's name."""
        shape = (seeds.shape[0] if seeds.shape[0] is not None else _size(seeds), *self.shape)
        stream = (0, random.purpose(name))
        if self.distribution == "normal":
            return random.normal(xp, shape, seeds, stream)
        if self.distribution == "uniform":
            u = random.uniform(xp, shape, seeds, stream)
            return u * np.float32(self.high - self.low) + np.float32(self.low)
        if self.distribution == "categorical":
            return random.categorical(xp, shape, seeds, stream, self.num_classes or 0)
        if self.distribution == "choice":
            choices = self.choices or ()
            return _chosen(choices, random.categorical(xp, shape, seeds, stream, len(choices)))
        raise ValueError(f"Input {name!r} cannot be drawn and must be given.")


def _chosen(choices, numbers):
    texts = [text.encode() for text in choices]
    if isinstance(numbers, np.ndarray):
        return np.array(texts, object)[numbers]
    import tensorflow as tf

    return tf.gather(tf.constant(texts), numbers)


def _size(seeds):
    import tensorflow as tf

    return tf.shape(seeds)[0]


@dataclass(frozen=True)
class Signature:
    """A pure function from named batches to a dict of named batches.

    `fn` draws no random numbers: noise is an input like any other. That is what lets one function
    behave identically in Keras, SavedModel, ONNX and onnxruntime.

    Args:
        fn: Called with one keyword argument for each input, each with a batch axis in front.
        inputs: Name -> Input, in order.
        numbers: The same function for runtimes without strings, where an input is a text.
    """

    fn: Callable[..., dict[str, Any]]
    inputs: dict[str, Input]
    numbers: "Numbers | None" = None

    @property
    def drawable(self) -> bool:
        """Whether every input can be drawn, so that seeds alone give samples."""
        return all(i.distribution for i in self.inputs.values())

    def specs(self) -> list:
        """`tf.TensorSpec`s with a free batch axis."""
        import tensorflow as tf

        return [tf.TensorSpec((None, *i.shape), i.dtype, name) for name, i in self.inputs.items()]

    def draw(self, seeds: Iterable[int], namespace: str = "numpy", **given) -> dict[str, Any]:
        """Completes `given` with drawn inputs; row n depends on seeds[n] alone.

        Args:
            seeds: (N,) integers of 64 bits.
            namespace: "numpy", or "tensorflow" inside a graph.
            **given: Inputs by name, each (N, *shape) or one value of that shape for all rows,
                which are then not drawn.

        Raises:
            ValueError: An input that cannot be drawn is missing, or a given one is unknown or is
                refused by `checked`.
        """
        numbers: Any = as_seeds(seeds) if namespace == "numpy" else seeds
        self._check_names(given)
        if namespace == "numpy":
            given = self.given(len(numbers), **given)
        xp = random.namespace(namespace)
        some = namespace != "numpy" or len(numbers) > 0
        drawn = {}
        for name, spec in self.inputs.items():
            if name in given:
                drawn[name] = given[name]
                continue
            drawn[name] = spec.draw(xp, numbers if some else _ONE, name)
            drawn[name] = drawn[name] if some else drawn[name][:0]
        return drawn

    def given(self, rows: int, **given) -> dict[str, np.ndarray]:
        """What is given to `draw`, checked, in batches of so many rows: a view of one value.

        Raises:
            ValueError: As of `draw`.
        """
        self._check_names(given)
        return {
            name: _given(name, spec, given[name], rows)
            for name, spec in self.inputs.items()
            if name in given
        }

    def _check_names(self, given):
        unknown = [name for name in given if name not in self.inputs]
        if unknown:
            raise ValueError(f"Unknown inputs {unknown}. Known: {', '.join(self.inputs)}.")
        missing = [n for n, i in self.inputs.items() if n not in given and not i.distribution]
        if missing:
            raise ValueError(f"These inputs cannot be drawn and must be given: {missing}.")

    def manifest(self) -> dict[str, Any]:
        """The inputs as plain data, enough to draw them without TensorFlow."""
        return {name: asdict(spec) for name, spec in self.inputs.items()}


@dataclass(frozen=True)
class Numbers:
    """A signature whose texts have become numbers: what ONNX gets.

    Args:
        signature: Takes numbers where the other takes texts, and gives the same.
        convert: Inputs by name, of the signature with texts -> of this one.
        files: Name -> contents of the files by which a client converts for itself.
    """

    signature: Signature
    convert: Callable[[dict[str, Any]], dict[str, Any]]
    files: dict[str, str]


def as_seeds(seeds: Iterable[int]) -> np.ndarray:
    """(N,) int64 seeds from any sequence of integers.

    Raises:
        ValueError: Something that is not a 64-bit integer.
    """
    if isinstance(seeds, np.ndarray) and seeds.ndim == 1 and seeds.dtype.kind in "iu":
        return seeds.astype(np.int64)  # What lies above keeps its bits, as below.
    try:
        values = [operator.index(seed) for seed in seeds]
    except TypeError:
        values = None
    if values is None or not all(-_SPAN <= v < 2 * _SPAN for v in values):
        raise ValueError(
            f"Seeds must be integers of 64 bits, such as range(64). Received: {seeds!r}."
        )
    return np.array([v - 2 * _SPAN if v >= _SPAN else v for v in values], np.int64)


def expected(spec: Input) -> str:
    """The shape of a batch of an input, in words: (N, 28, 28, 1), * for a free side."""
    sides = ", ".join("*" if side is None else str(side) for side in spec.shape)
    return f"(N, {sides})" if sides else "(N,)"


def checked(name: str, spec: Input, value: Any, rows: int | None = None) -> np.ndarray:
    """A given batch of an input as its array.

    Args:
        name: Of the input.
        spec: What is asked for.
        value: (N, *shape), an array or lists. Whole numbers pass as floats, float64 as float32 and
            names of classes as their numbers; nothing else is converted.
        rows: N; None for any number.

    Raises:
        ValueError: Another kind of values, another shape, labels outside 0 .. num_classes - 1,
            numbers that are not finite, or a picture outside [-1, 1].
    """
    array = _typed(name, spec, value)
    wanted = (rows, *spec.shape)
    fits = array.ndim == len(wanted) and all(
        e is None or e == v for e, v in zip(wanted, array.shape, strict=True)
    )
    if not fits:
        shape = wanted if rows is not None else expected(spec)
        raise ValueError(f"Input {name!r} must have shape {shape}. Received: {array.shape}.")
    if not array.size or spec.dtype == "string":
        return array
    low, high = array.min(), array.max()
    if spec.num_classes and not 0 <= low <= high < spec.num_classes:
        raise ValueError(
            f"Input {name!r} must lie in 0 .. {spec.num_classes - 1}. Received: {low} .. {high}."
        )
    array = _narrowed(name, spec, array)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"Input {name!r} must be finite. Received NaN or infinity.")
    if spec.limit is not None and not -spec.limit <= low <= high <= spec.limit:
        raise ValueError(
            f"Input {name!r} is a picture and must lie in [-1, 1]. Received: {low} .. {high}."
            + (" For levels of 8 bits give x / 127.5 - 1." if 0 <= low and high <= 255 else "")
        )
    return array


def numbered(name: str, class_names: Sequence[str] | None, value: Any) -> Any:
    """A label with numbers for names of classes; anything else as it is.

    Raises:
        ValueError: A name that no class has.
    """
    if not class_names:
        return value
    array = np.asarray(value, object)
    texts = [t.decode() if isinstance(t, bytes) else t for t in array.ravel().tolist()]
    if not texts or not all(isinstance(text, str) for text in texts):
        return value
    numbers = {text: number for number, text in enumerate(class_names)}
    unknown = [text for text in texts if text not in numbers]
    if unknown:
        known = ", ".join(class_names)
        raise ValueError(
            f"Input {name!r} has no class {unknown[0]!r}. Known: "
            f"{known if len(known) <= 200 else known[:197] + '...'}."
        )
    return np.array([numbers[text] for text in texts], np.int32).reshape(array.shape)


def _typed(name, spec, value):
    """The array, of a kind that the input takes."""
    value = numbered(name, spec.class_names, value)
    try:
        array = np.asarray(value, object if spec.dtype == "string" else None)
    except ValueError as error:
        raise ValueError(f"Input {name!r}: the rows have different shapes: {error}.") from error
    if spec.dtype == "string":
        if not all(isinstance(text, (str, bytes)) for text in array.ravel().tolist()):
            raise ValueError(f"Input {name!r} takes texts. Received: {_sample(array)}.")
        return array
    kinds = "iuf" if np.dtype(spec.dtype).kind == "f" else "iu"
    if array.dtype.kind not in kinds and array.size:
        raise ValueError(
            f"Input {name!r} takes {'whole ' if kinds == 'iu' else ''}numbers ({spec.dtype}). "
            f"Received: {array.dtype}, {_sample(array)}."
        )
    return array if array.size else array.astype(spec.dtype)


def _narrowed(name, spec, array):
    """The array in the type of the input."""
    target = np.dtype(spec.dtype)
    if target.kind in "iu":
        limits, low, high = np.iinfo(target), array.min(), array.max()
        if not int(limits.min) <= int(low) <= int(high) <= int(limits.max):
            raise ValueError(
                f"Input {name!r} takes {target} numbers, from {limits.min} to {limits.max}. "
                f"Received: {low} .. {high}."
            )
    with np.errstate(over="ignore"):  # What leaves the range becomes infinite, and is refused.
        return array.astype(target, copy=False)


def _sample(array):
    flat = array.ravel()[:3].tolist()
    return repr(flat)[:80]


def _given(name, spec, value, rows):
    """A batch, checked; a single value serves all rows."""
    array = _typed(name, spec, value)
    if array.ndim == len(spec.shape):
        one = checked(name, spec, array[np.newaxis], 1)
        return np.broadcast_to(one, (rows, *one.shape[1:]))
    return checked(name, spec, array, rows)
