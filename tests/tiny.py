"""The smallest useful version of each model, by name: what the conformance suite runs on.

`arguments` build it, `batch` is the shape of its data (rows first, from `rows`), `tolerance` is
how far two replicas may be from one device after three steps (weights, absolute).
"""

from dataclasses import dataclass, field

import numpy as np

from tfgen.models import MODELS


@dataclass(frozen=True)
class Tiny:
    """One entry.

    Args:
        model: Name in MODELS.
        arguments: Of the constructor.
        shape: Of one image.
        num_classes: Of the labels; None for a data set without labels.
        extra: Further keys of a batch: name -> function (generator, rows) -> array.
        tolerance: Weights of two replicas against one device.
    """

    model: str
    arguments: dict
    shape: tuple = (8, 8, 1)
    num_classes: int | None = None
    extra: dict = field(default_factory=dict)
    tolerance: float = 1e-5

    def build(self, **changes):
        return MODELS[self.model](**{**self.arguments, **changes})

    def batch(self, rows, seed=0):
        """A dict batch of real size and range."""
        generator = np.random.default_rng(seed)
        images = np.tanh(generator.normal(size=(rows, *self.shape))).astype("float32")
        batch = {"image": images}
        if self.num_classes:
            batch["label"] = generator.integers(0, self.num_classes, rows).astype("int32")
        return {**batch, **{name: make(generator, rows) for name, make in self.extra.items()}}

    def feeds(self, signature, rows, seed=0):
        """Inputs of a signature: real ones where the batch has them, drawn ones elsewhere."""
        batch = self.batch(rows, seed)
        given = {n: batch[n] for n in signature.inputs if n in batch}
        for name, spec in signature.inputs.items():
            if name not in given and not spec.distribution:
                raise KeyError(f"tests/tiny.py: the batch of {self.model} lacks {name!r}.")
        return signature.draw(range(seed, seed + rows), **given)


SHAPE = (8, 8, 1)

TINY = {
    "gan": Tiny(
        "gan",
        dict(image_shape=SHAPE, latent_dim=4, generator_hidden=(8,), discriminator_hidden=(6,)),
    ),
    "gan_steps": Tiny(
        "gan",
        dict(
            image_shape=SHAPE,
            latent_dim=4,
            generator_hidden=(8,),
            discriminator_hidden=(6,),
            discriminator_activation="leaky_relu",
            loss="minimax",
            discriminator_steps=2,
            generator_steps=2,
        ),
    ),
    "dcgan": Tiny(
        "dcgan", dict(image_shape=SHAPE, latent_dim=4, filters=4, stages=2), tolerance=1e-4
    ),
    "dcgan_penalty": Tiny(
        "dcgan",
        dict(
            image_shape=SHAPE,
            latent_dim=4,
            filters=4,
            stages=2,
            loss="wasserstein",
            penalty="gradient_penalty",
            discriminator_normalization="layer",
            discriminator_steps=2,
        ),
        tolerance=1e-4,
    ),
    "vae": Tiny("vae", dict(image_shape=SHAPE, latent_dim=3, hidden=(8,), initial_stddev=0.1)),
    "vae_conv": Tiny(
        "vae", dict(image_shape=SHAPE, latent_dim=3, network="conv", filters=4), tolerance=1e-4
    ),
}
