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
        shaped: Further keys that follow the shape of the images: name -> function (generator,
            rows, shape) -> array.
        tolerance: Weights of two replicas against one device.
    """

    model: str
    arguments: dict
    shape: tuple = (8, 8, 1)
    num_classes: int | None = None
    extra: dict = field(default_factory=dict)
    shaped: dict = field(default_factory=dict)
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
        for name, make in self.shaped.items():
            batch[name] = make(generator, rows, self.shape)
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
TEXTS = np.array([b"red three", b"blue three", b"small, left", b"unheard-of red"], object)


def level_extra(levels, shape):
    """Pictures of so many levels, and masks, for the autoregressive models."""

    def image(generator, rows):
        steps = generator.integers(0, levels, (rows, *shape))
        return (steps * 2.0 / (levels - 1) - 1.0).astype("float32")

    def mask(generator, rows):
        return generator.integers(0, 2, (rows, *shape[:2], 1)).astype("int32")

    return {"image": image, "mask": mask}


def patch_images(generator, rows, shape):
    """Three patches of each picture, as large as the picture."""
    return np.tanh(generator.normal(size=(rows, 3, *shape))).astype("float32")


def patch_masks(generator, rows, shape):
    """Where patches were cut out."""
    return generator.integers(0, 2, (rows, *shape[:2], 1)).astype("float32")


def more_images(generator, rows, shape):
    """Pictures of a second domain."""
    return np.tanh(generator.normal(size=(rows, *shape))).astype("float32")


TINY = {
    "cyclegan": Tiny(
        "cyclegan",
        dict(
            image_shape=SHAPE,
            filters=3,
            blocks=1,
            downsamplings=1,
            kernel_size=3,
            discriminator_filters=3,
            discriminator_layers=0,
            pool_size=5,
        ),
        shaped={"image_b": more_images},
        # Biases before instance normalisation have a gradient of rounding errors alone, which Adam
        # brings to full steps; the entry without normalisation is compared more closely.
        tolerance=1.5e-3,
    ),
    "cyclegan_plain": Tiny(
        "cyclegan",
        dict(
            image_shape=SHAPE,
            filters=2,
            blocks=1,
            downsamplings=0,
            kernel_size=3,
            discriminator_filters=2,
            discriminator_layers=1,
            normalization=None,
            loss="non_saturating",
            identity_weight=0.0,
            pool_size=5,
        ),
        shaped={"image_b": more_images},
        tolerance=1e-4,
    ),
    "stargan": Tiny(
        "stargan",
        dict(
            image_shape=SHAPE,
            kind="class",
            num_domains=3,
            filters=2,
            blocks=1,
            kernel_size=3,
            discriminator_filters=3,
            discriminator_layers=2,
            discriminator_steps=2,
        ),
        extra={"label": lambda generator, rows: generator.integers(0, 3, rows)},
        # The middle taps of the maps that show the domain move a whole map, which instance
        # normalisation takes back: their gradient is rounding errors, which Adam brings to steps.
        tolerance=7e-4,
    ),
    "puzzlegan": Tiny(
        "puzzlegan",
        dict(image_shape=SHAPE, latent_dim=3, embedding_dim=4, filters=3, stages=2),
        shaped={"patches": patch_images, "mask": patch_masks},
        tolerance=1e-4,
    ),
    "stargan_joint": Tiny(
        "stargan",
        dict(
            image_shape=SHAPE,
            kind="attributes",
            num_domains=2,
            second_kind="class",
            second_num_domains=3,
            filters=2,
            blocks=1,
            kernel_size=3,
            discriminator_filters=3,
            discriminator_layers=1,
            discriminator_steps=1,
        ),
        extra={
            "attributes": lambda generator, rows: generator.integers(0, 2, (rows, 2)),
            "label_b": lambda generator, rows: generator.integers(0, 3, rows),
            "label_set": lambda generator, rows: np.arange(rows) % 2,
        },
        tolerance=7e-4,  # As above.
    ),
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
    "dcgan_resnet": Tiny(
        "dcgan",
        dict(
            image_shape=SHAPE,
            latent_dim=4,
            latent="normal",
            network="resnet",
            filters=4,
            stages=1,
            loss="least_squares",
            label_smoothing=0.1,
            discriminator_normalization="spectral",
            augmentation=("color", "translation", "cutout"),
            instance_noise=(0.2, 0.1),
            instance_noise_steps=2,
            penalty="r1",
            penalty_interval=2,
        ),
        tolerance=1e-4,
    ),
    "conditionalgan": Tiny(
        "conditionalgan",
        dict(
            image_shape=SHAPE,
            num_classes=3,
            latent_dim=4,
            generator_hidden=(5, 6, 8),
            discriminator_hidden=(4, 3, 4),
            discriminator_activation="leaky_relu",
        ),
        num_classes=3,
    ),
    "conditionalgan_conv": Tiny(
        "conditionalgan",
        dict(
            image_shape=SHAPE,
            num_classes=3,
            latent_dim=4,
            network="conv",
            filters=4,
            dense_units=8,
            fake_labels="uniform",
            discriminator_steps=2,
        ),
        num_classes=3,
        tolerance=1e-4,
    ),
    "infogan": Tiny(
        "infogan",
        dict(
            image_shape=SHAPE,
            noise_dim=3,
            categorical=(3,),
            filters=4,
            dense_units=8,
            recognition_units=6,
        ),
        # Biases before normalisation have a gradient of rounding errors only, of which Adam makes
        # whole steps. The variant without normalisation is held to the strict bound.
        tolerance=6e-3,
    ),
    "infogan_codes": Tiny(
        "infogan",
        dict(
            image_shape=SHAPE,
            noise_dim=3,
            categorical=(2, 3),
            continuous=1,
            continuous_weight=0.1,
            learned_stddev=True,
            network="mlp",
            hidden=(8,),
            recognition_units=6,
            penalty="gradient_penalty",
            discriminator_normalization="spectral",
            loss="least_squares",
        ),
        tolerance=1e-4,
    ),
    "progan": Tiny(
        "progan",
        dict(
            image_shape=SHAPE,
            latent_dim=4,
            feature_maps=16,
            max_feature_maps=8,
            stable_images=(8,),
            fade_images=(16,),
            penalty_target=2.0,
        ),
        tolerance=1e-4,
    ),
    "texttoimage": Tiny(
        "texttoimage",
        dict(
            image_shape=SHAPE,
            latent_dim=4,
            text_encoder="gru",
            vocabulary=("red", "blue", "three", "small", "left"),
            text_length=3,
            embedding_dim=6,
            text_filters=(4, 5),
            text_steps=1,
            text_dim=3,
            generator_filters=4,
            discriminator_filters=4,
            sample_texts=("a red three", "small BLUE"),
        ),
        extra={"text": lambda generator, rows: generator.choice(TEXTS, rows)},
        tolerance=1e-4,
    ),
    "texttoimage_characters": Tiny(
        "texttoimage",
        dict(
            image_shape=SHAPE,
            latent_dim=4,
            text_length=24,
            embedding_dim=6,
            text_filters=(4, 5, 3),
            text_steps=1,
            match="label",
            text_dim=3,
            generator_filters=4,
            discriminator_filters=4,
        ),
        num_classes=3,
        extra={"text": lambda generator, rows: generator.choice(TEXTS, rows)},
        tolerance=1e-4,
    ),
    "vae": Tiny("vae", dict(image_shape=SHAPE, latent_dim=3, hidden=(8,), initial_stddev=0.1)),
    "vae_conv": Tiny(
        "vae", dict(image_shape=SHAPE, latent_dim=3, network="conv", filters=4), tolerance=1e-4
    ),
    "vae_gaussian": Tiny(
        "vae",
        dict(
            image_shape=SHAPE,
            latent_dim=3,
            hidden=(8,),
            initial_stddev=0.1,
            likelihood="gaussian",
            beta=0.5,
            free_bits=0.01,
        ),
    ),
    "vae_mixture": Tiny(
        "vae",
        dict(
            image_shape=SHAPE,
            latent_dim=2,
            hidden=(8,),
            initial_stddev=0.1,
            likelihood={"name": "discretized_logistic", "levels": 17},
            prior={"name": "mixture", "means": [[-1.0, 0.0], [1.0, 0.5]], "weights": [0.3, 0.7]},
            importance_samples=3,
        ),
        extra={"z": lambda generator, rows: generator.normal(size=(rows, 2)).astype("float32")},
    ),
    "autoencoder": Tiny(
        "autoencoder",
        dict(image_shape=SHAPE, latent_dim=3, hidden=(8,), corruption="salt_and_pepper"),
        extra={"z": lambda generator, rows: generator.normal(size=(rows, 3)).astype("float32")},
    ),
    "autoencoder_conv": Tiny(
        "autoencoder",
        dict(
            image_shape=SHAPE,
            latent_dim=3,
            network="conv",
            filters=4,
            loss="bernoulli",
            corruption="gaussian",
        ),
        extra={"z": lambda generator, rows: generator.normal(size=(rows, 3)).astype("float32")},
        tolerance=1e-4,
    ),
    "cvae": Tiny("cvae", dict(image_shape=SHAPE, latent_dim=3, hidden=(8,), alpha=0.5)),
    "cvae_label": Tiny(
        "cvae",
        dict(image_shape=SHAPE, latent_dim=3, hidden=(8,), condition="label", num_classes=3),
        num_classes=3,
    ),
    "cvae_mask": Tiny(
        "cvae",
        dict(image_shape=SHAPE, latent_dim=3, hidden=(8,), condition="mask", alpha=0.0),
        extra={
            "mask": lambda generator, rows: generator.integers(0, 2, (rows, 8, 8, 1)).astype("f4")
        },
    ),
    "aae": Tiny(
        "aae",
        dict(
            image_shape=SHAPE, latent_dim=2, hidden=(8,), initial_stddev=None, posterior="gaussian"
        ),
    ),
    "aae_informed": Tiny(
        "aae",
        dict(
            image_shape=SHAPE,
            latent_dim=2,
            hidden=(8,),
            initial_stddev=None,
            num_classes=3,
            prior={"name": "gaussian_mixture", "components": 3},
            label_informed=True,
        ),
        num_classes=3,
    ),
    "aae_supervised": Tiny(
        "aae",
        dict(
            image_shape=SHAPE,
            latent_dim=2,
            hidden=(8,),
            initial_stddev=None,
            use="supervised",
            num_classes=3,
            posterior="universal",
            noise_dim=2,
            prior="swiss_roll",
        ),
        num_classes=3,
    ),
    "aae_semi": Tiny(
        "aae",
        dict(
            image_shape=SHAPE,
            latent_dim=2,
            hidden=(8, 8),
            initial_stddev=None,
            use="semi_supervised",
            num_classes=3,
            input_noise=0.3,
        ),
        num_classes=3,
    ),
    "pixelcnn": Tiny(
        "pixelcnn",
        dict(image_shape=SHAPE, filters=8, blocks=1, head_filters=4),
        extra=level_extra(2, SHAPE),
    ),
    "pixelcnn_rgb": Tiny(
        "pixelcnn",
        dict(image_shape=(4, 4, 3), levels=5, filters=12, blocks=1, head_filters=6, num_classes=3),
        shape=(4, 4, 3),
        num_classes=3,
        extra=level_extra(5, (4, 4, 3)),
    ),
    "gatedpixelcnn": Tiny(
        "gatedpixelcnn",
        dict(image_shape=SHAPE, filters=4, blocks=2, head_filters=4),
        extra=level_extra(2, SHAPE),
    ),
    "pixelcnnpp": Tiny(
        "pixelcnnpp",
        dict(
            image_shape=(4, 4, 1),
            levels=17,
            filters=4,
            block_layers=1,
            halvings=0,
            mixtures=2,
            num_classes=2,
        ),
        shape=(4, 4, 1),
        num_classes=2,
        extra=level_extra(17, (4, 4, 1)),
        tolerance=1e-4,
    ),
    "pixelcnnpp_halvings": Tiny(
        "pixelcnnpp",
        dict(
            image_shape=(4, 4, 1),
            levels=17,
            filters=4,
            block_layers=1,
            halvings=1,
            mixtures=2,
            num_classes=2,
        ),
        shape=(4, 4, 1),
        num_classes=2,
        extra=level_extra(17, (4, 4, 1)),
        tolerance=1e-4,
    ),
    "pixelrnn": Tiny(
        "pixelrnn",
        dict(image_shape=(6, 6, 1), units=4, depth=1, head_filters=4),
        shape=(6, 6, 1),
        extra=level_extra(2, (6, 6, 1)),
    ),
    "pixelrnn_row_rgb": Tiny(
        "pixelrnn",
        dict(
            image_shape=(4, 4, 3),
            levels=5,
            layer="row_lstm",
            units=6,
            depth=1,
            head_filters=6,
            num_classes=3,
        ),
        shape=(4, 4, 3),
        num_classes=3,
        extra=level_extra(5, (4, 4, 3)),
    ),
    "gatedpixelcnn_rgb": Tiny(
        "gatedpixelcnn",
        dict(
            image_shape=(4, 4, 3),
            levels=5,
            filters=6,
            blocks=2,
            kernel_size=5,
            head_filters=6,
            num_classes=3,
        ),
        shape=(4, 4, 3),
        num_classes=3,
        extra=level_extra(5, (4, 4, 3)),
    ),
}
