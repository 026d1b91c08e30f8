"""All models, by class and by the name that configs use."""

from tfgen.models.dcgan import DCGAN
from tfgen.models.gan import GAN
from tfgen.models.vae import VAE

MODELS = {
    "gan": GAN,
    "dcgan": DCGAN,
    "vae": VAE,
}

__all__ = ["DCGAN", "GAN", "MODELS", "VAE"]
