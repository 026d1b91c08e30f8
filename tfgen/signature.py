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
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    distribution: str | None = None
    low: float = 0.0
    high: float = 1.0
    num_classes: int | None = None
    choices: tuple[str, ...] | None = None
    is_image: bool = False

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
    def label(cls, num_classes: int) -> "Input":
        """A class number, int32; drawn uniformly where it is not given."""
        return cls((), "int32", distribution="categorical", num_classes=num_classes)

    @classmethod
    def text(cls, choices: Sequence[str] = ()) -> "Input":
        """A text, UTF-8; drawn from `choices` where there are some."""
        return cls((), "string", "choice" if choices else None, choices=tuple(choices) or None)

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
            **given: Inputs by name, each (N, *shape), which are then not drawn.

        Raises:
            ValueError: An input that cannot be drawn is missing, or a given one is unknown or has
                another shape.
        """
        numbers: Any = as_seeds(seeds) if namespace == "numpy" else seeds
        unknown = [name for name in given if name not in self.inputs]
        if unknown:
            raise ValueError(f"Unknown inputs {unknown}. Known: {', '.join(self.inputs)}.")
        missing = [n for n, i in self.inputs.items() if n not in given and not i.distribution]
        if missing:
            raise ValueError(f"These inputs cannot be drawn and must be given: {missing}.")
        xp = random.namespace(namespace)
        drawn = {}
        for name, spec in self.inputs.items():
            if name not in given:
                drawn[name] = spec.draw(xp, numbers, name)
            elif namespace == "numpy":
                drawn[name] = _given(name, spec, given[name], len(numbers))
            else:
                drawn[name] = given[name]
        return drawn

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
    try:
        values = [operator.index(seed) for seed in seeds]
    except TypeError:
        values = None
    if values is None or not all(-_SPAN <= v < 2 * _SPAN for v in values):
        raise ValueError(
            f"Seeds must be integers of 64 bits, such as range(64). Received: {seeds!r}."
        )
    return np.array([v - 2 * _SPAN if v >= _SPAN else v for v in values], np.int64)


def _given(name, spec, value, rows):
    value = np.asarray(value)
    if spec.dtype != "string":
        value = value.astype(spec.dtype)
    expected = (rows, *spec.shape)
    fits = len(value.shape) == len(expected) and all(
        e is None or e == v for e, v in zip(expected, value.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"Input {name!r} must have shape {expected}. Received: {value.shape}.")
    if spec.num_classes and value.size and not (0 <= value.min() <= value.max() < spec.num_classes):
        raise ValueError(
            f"Input {name!r} must lie in 0 .. {spec.num_classes - 1}. "
            f"Received: {value.min()} .. {value.max()}."
        )
    return value
