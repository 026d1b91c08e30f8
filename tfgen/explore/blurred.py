"""Pictures of a VAE and of a GAN side by side, and how sharp they are."""

from typing import Any

import keras
import numpy as np

from tfgen import data, pictures
from tfgen.explore import canvas
from tfgen.models import GAN, VAE

SHOWN, MEASURED, BATCH = 32, 512, 64
EPOCHS = {"vae": 60, "gan": 120}
NAMES = {
    "data": "data",
    "mean": "VAE: mean of p(x|z)",
    "draw": "VAE: a draw from p(x|z)",
    "gan": "GAN",
}


def side_by_side(name: str, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Trains small perceptrons on a data set, and shows what they draw beside the data.

    Returns:
        The picture, and the sharpness of the four: see `sharpness`.
    """
    source = data.source(name, split="train")
    shape = source.image_shape
    vae = VAE(
        shape,
        latent_dim=8,
        likelihood="gaussian",
        hidden=(256,),
        activation="relu",
        initial_stddev=None,
        seed=seed,
    )
    vae.compile(keras.optimizers.Adam(1e-3))
    gan = GAN(
        shape,
        latent_dim=16,
        latent="normal",
        generator_hidden=(128, 128),
        discriminator_hidden=(128, 128),
        discriminator_activation="leaky_relu",
        initializer="glorot",
        dropout=(0.0, 0.0),
        seed=seed,
    )
    gan.compile(keras.optimizers.Adam(5e-4, 0.5), keras.optimizers.Adam(5e-4, 0.5))
    for model, epochs in ((vae, EPOCHS["vae"]), (gan, EPOCHS["gan"])):
        batches = data.batches(source, BATCH, seed=seed, labels=False)
        model.fit(batches, epochs=epochs, verbose=0)
    made = {
        "data": _first(source),
        "mean": vae.sample(range(MEASURED), "generate"),
        "draw": vae.sample(range(MEASURED), "draw"),
        "gan": gan.sample(range(MEASURED)),
    }
    return _draw(made), {k: sharpness(v) for k, v in made.items()} | {"set": name}


def sharpness(images: np.ndarray) -> float:
    """Mean size of the second differences of pictures (N, H, W, C) along both axes."""
    down, across = (np.abs(np.diff(images, 2, axis=axis)).mean() for axis in (1, 2))
    return float(0.5 * (down + across))


def says(found: dict[str, Any]) -> str:
    """The numbers of `side_by_side` in a sentence."""
    return (
        f"On {found['set']} the second differences of neighbouring pixels, a measure of sharpness, "
        f"are {found['data']:.2f} in the data, {found['mean']:.2f} in the mean of the VAE's "
        f"p(x|z), {found['draw']:.2f} in a draw from it and {found['gan']:.2f} in the GAN."
    )


def _first(source):
    images = np.asarray(source.arrays["image"][:MEASURED])
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return images


def _draw(made):
    figure = canvas.new(11, 3.2)
    for axes, (key, title) in zip(figure.subplots(1, 4), NAMES.items(), strict=True):
        grid = pictures.grid(made[key][:SHOWN], 8, columns_are_fixed=True)
        axes.imshow(grid[..., 0] if grid.shape[-1] == 1 else grid, cmap="gray")
        axes.axis("off")
        axes.set_title(title, fontsize=9)
    return canvas.pixels(figure)
