"""Feature networks from elsewhere: Keras files, SavedModels and Inception-v3.

Each function returns (function of pictures to features and probabilities or None, shape of its
pictures, its hash).
"""

import hashlib
from pathlib import Path

import keras
import tensorflow as tf

from tfgen import files


def inception():
    """Keras's Inception-v3 with ImageNet's weights.

    Raises:
        ValueError: The weights cannot be fetched.
    """
    try:
        network = keras.applications.InceptionV3(weights="imagenet")
    except Exception as error:  # Keras raises a plain Exception where the download fails.
        if not str(error).startswith("URL fetch failure"):
            raise
        raise ValueError(
            f"The weights of Inception-v3 cannot be fetched ({error}). Put the file of that name "
            "into ~/.keras/models, or use a network that comes with the package: digits8, "
            "mnist28, cifar32."
        ) from error
    outputs = [network.get_layer("avg_pool").output, network.output]
    both = keras.Model(network.input, outputs)
    digest = files.sha256_of_arrays(network.get_weights())
    return (lambda image: tuple(both(image, training=False))), (299, 299, 3), digest


def from_keras(path: Path, layer: str | None):
    """A Keras file; features and probabilities as `tfgen.metrics.feature_networks.load` says."""
    digest = files.sha256(path)
    network = keras.saving.load_model(path, compile=False)
    shape = network.input_shape[1:]
    if layer is None:
        return (lambda image: (_flat(network(image, training=False)), None)), shape, digest
    both = keras.Model(network.inputs[0], [network.get_layer(layer).output, network.outputs[0]])

    def function(image):
        found, probabilities = both(image, training=False)
        return _flat(found), probabilities

    return function, shape, digest


def from_saved_model(path: Path):
    """A SavedModel; its outputs as `tfgen.metrics.feature_networks.load` says."""
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    ((input_name, spec),) = signature.structured_input_signature[1].items()

    def function(image):
        # By way of `loaded`, which must live as long as this: its variables go with it.
        outputs = loaded.signatures["serving_default"](**{input_name: image})
        found = outputs["features"] if "features" in outputs else list(outputs.values())[0]
        return _flat(found), outputs.get("probabilities")

    return function, tuple(spec.shape[1:]), _folder_hash(path)


def _flat(x):
    return tf.reshape(x, (tf.shape(x)[0], -1))


def _folder_hash(folder):
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder)} {files.sha256(path)}\n".encode())
    return digest.hexdigest()
