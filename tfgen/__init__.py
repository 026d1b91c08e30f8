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

import sys
import warnings

from tfgen.lazy import attach, namesake

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "evaluation.evaluate": ("evaluate",),
        "model": (
            "GenerativeModel",
            "initial_weights",
        ),
        "optimizers": ("descend",),
        "signature": (
            "Input",
            "Signature",
        ),
    },
)

if _said := namesake(sys.path):
    warnings.warn(_said, stacklevel=2)
