"""Classic generative models on TensorFlow and Keras 3 that read like their papers.

    model = tfgen.models.DCGAN(image_shape=(28, 28, 1))
    model.compile()
    model.fit(tfgen.data.load("mnist-5k", batch_size=128), epochs=20)
    images = model.sample(seeds=range(64))

Shapes in comments use these letters:

    B      batch
    H W C  height, width and channels of an image
    Z      latent vector
    K      classes
    T      tokens or time
    L      levels of a quantised value

Importing this package does not import TensorFlow; its modules are imported when they are used.
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "config",
    "data",
    "evaluation",
    "export",
    "layers",
    "losses",
    "model",
    "models",
    "networks",
    "optimizers",
    "pictures",
    "probe",
    "random",
    "reports",
    "run",
    "serving",
    "signature",
    "step",
)

# Functions that are shown at the top: name -> module.
_FUNCTIONS = {"evaluate": "tfgen.evaluation.evaluate"}

__all__ = ["__version__", *_MODULES, *_FUNCTIONS]


def __getattr__(name):
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")


def __dir__():
    return sorted({*globals(), *_MODULES, *_FUNCTIONS})
