"""Networks whose features and class probabilities the sample metrics are computed on.

Three come with the package and need no download: "digits8" (8x8 grey), "mnist28" (28x28 grey) and
"cifar32" (32x32 RGB), trained by `tfgen.metrics.train_feature_network` on the training splits of
digits, MNIST and CIFAR-10; the JSON beside the weights tells how well. "inception_v3" is Keras's
own, for larger pictures; any Keras model or SavedModel can be given by its path. Figures of two
networks are never comparable: the hash belongs beside each.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgen.metrics import arrays, given_networks, shipped_networks
from tfgen.metrics.shipped_networks import SHIPPED


class FeatureNetwork:
    """A frozen network on pictures.

    Args:
        name: What it was loaded as.
        function: Pictures in `range` (B, H, W, C) -> (features (B, F), probabilities (B, K) or
            None).
        shape: (H, W, C) of its pictures; H and W None where any size goes.
        hash: SHA-256 of its weights or files, in hexadecimal.
        range: (low, high) of the pixels that `function` takes. Pictures always come in [-1, 1] and
            are brought to it.
        resize: Whether pictures of other sizes are resized, by an antialiased bicubic filter, and
            grey ones repeated to three channels; otherwise they are refused.
    """

    def __init__(
        self,
        name: str,
        function: Callable,
        shape: tuple,
        hash: str,
        range: tuple[float, float] = (-1.0, 1.0),
        resize: bool = False,
    ):
        self.name, self.shape, self.hash = name, tuple(shape), hash
        self.range, self.resize = tuple(map(float, range)), resize
        self._function = tf.function(function, reduce_retracing=True, autograph=False)

    def features(self, images: np.ndarray, batch_size: int = 250) -> np.ndarray:
        """Pictures (N, H, W, C) in [-1, 1] -> (N, F) float32.

        Raises:
            ValueError: Pictures of another size, number of channels or range, or NaN.
        """
        return self._run(images, batch_size)[0]

    def probabilities(self, images: np.ndarray, batch_size: int = 250) -> np.ndarray:
        """Pictures (N, H, W, C) in [-1, 1] -> class probabilities (N, K) float32.

        Raises:
            ValueError: As `features`, or the network has no classes.
        """
        return self.features_and_probabilities(images, batch_size)[1]

    def features_and_probabilities(self, images: np.ndarray, batch_size: int = 250):
        """Both in one pass; arguments and errors as `features` and `probabilities`."""
        found, probabilities = self._run(images, batch_size)
        if probabilities is None:
            raise ValueError(
                f"Feature network {self.name!r} has no class probabilities: load it with `layer`, "
                "so that its own output is taken for them, or use another network."
            )
        return found, probabilities

    def protocol(self) -> dict:
        """Plain values for the stamp beside a figure."""
        return {
            "feature_network": self.name,
            "feature_network_hash": self.hash,
            "pixel_range": list(self.range),
            "resize": f"antialiased bicubic to {_size(self.shape)}" if self.resize else "none",
        }

    def _run(self, images, batch_size):
        (images,) = arrays.pictures(images)
        self._check(images.shape[1:])
        parts, low, high = [], *self.range
        for start in range(0, len(images), batch_size):
            x = tf.constant(images[start : start + batch_size])
            if self.resize:
                x = _resized(x, self.shape)
            parts.append(self._function((x + 1.0) * (0.5 * (high - low)) + low))
        found = np.concatenate([np.asarray(p[0], np.float32) for p in parts])
        probabilities = None
        if parts[0][1] is not None:
            probabilities = np.concatenate([np.asarray(p[1], np.float32) for p in parts])
        return found, probabilities

    def _check(self, shape):
        channels_fit = shape[2] == self.shape[2] or (self.resize and shape[2] == 1)
        sides_fit = self.resize or all(
            own in (None, side) for own, side in zip(self.shape[:2], shape, strict=False)
        )
        if not (channels_fit and sides_fit):
            fitting = [name for name, (own, _) in SHIPPED.items() if own == tuple(shape)]
            advice = f"Use {fitting[0]!r}." if fitting else "Load one with resize=True."
            raise ValueError(
                f"Feature network {self.name!r} takes pictures {_size(self.shape)}. "
                f"Received: {_size(shape)}. {advice}"
            )


def load(
    name: Path | str,
    layer: str | None = None,
    range: tuple[float, float] = (-1.0, 1.0),
    resize: bool | None = None,
) -> FeatureNetwork:  # noqa: A002
    """A feature network by its name or path.

    Args:
        name: "digits8", "mnist28", "cifar32", "inception_v3"; or the path of a Keras file or a
            SavedModel. A Keras model's output (flattened) is the features, unless `layer` is
            given. A SavedModel's serving signature has one input, and an output "features" and
            perhaps "probabilities", or only one, which is the features.
        layer: For a Keras file: the layer whose output is the features; the model's own output is
            then the class probabilities.
        range: For a path: (low, high) of the pixels that the network was trained on.
        resize: Whether pictures of other sizes are resized, antialiased, to the network's; by
            default for "inception_v3" only.

    Raises:
        ValueError: Unknown name, a network without a fixed size that should resize, or weights
            that cannot be fetched.
    """
    if name in SHIPPED:
        if layer is not None or tuple(range) != (-1.0, 1.0):
            raise ValueError(f"layer and range apply to a path only. Received: {name!r}.")
        function, shape, digest = shipped_networks.loaded(str(name))
        return FeatureNetwork(str(name), function, shape, digest, resize=bool(resize))
    if name == "inception_v3":
        function, shape, digest = given_networks.inception()
        return FeatureNetwork(str(name), function, shape, digest, resize=True)
    path = Path(name)
    if path.is_file() and path.suffix in (".keras", ".h5"):
        function, shape, digest = given_networks.from_keras(path, layer)
    elif (path / "saved_model.pb").is_file():
        function, shape, digest = given_networks.from_saved_model(path)
    else:
        raise ValueError(
            f"Unknown feature network {name!r}. Known: {', '.join(SHIPPED)}, inception_v3, or the "
            "path of a .keras file or of a SavedModel folder."
        )
    if resize and None in shape:
        raise ValueError(f"{name}: resize=True needs a network of a fixed size, not {shape}.")
    return FeatureNetwork(str(name), function, shape, digest, range, bool(resize))


def default_for(image_shape: Sequence[int]) -> str:
    """The network whose pictures have this (H, W, C); "inception_v3" where none is shipped."""
    fitting = [name for name, (shape, _) in SHIPPED.items() if shape == tuple(image_shape)]
    return fitting[0] if fitting else "inception_v3"


def _resized(images, shape):
    if shape[2] == 3 and images.shape[-1] == 1:
        images = tf.repeat(images, 3, axis=-1)
    if tuple(images.shape[1:3]) == tuple(shape[:2]):
        return images
    resized = tf.image.resize(images, shape[:2], method="bicubic", antialias=True)
    return tf.clip_by_value(resized, -1.0, 1.0)  # The bicubic filter overshoots at edges.


def _size(shape):
    return "x".join("any" if side is None else str(side) for side in shape)
