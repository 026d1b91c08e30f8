"""All models, by class and by the name that configs use."""

from tfgen.models.aae import AAE
from tfgen.models.autoencoder import Autoencoder
from tfgen.models.conditionalgan import ConditionalGAN
from tfgen.models.cvae import CVAE
from tfgen.models.cyclegan import CycleGAN
from tfgen.models.dcgan import DCGAN
from tfgen.models.gan import GAN
from tfgen.models.gatedpixelcnn import GatedPixelCNN
from tfgen.models.infogan import InfoGAN
from tfgen.models.pixelcnn import PixelCNN
from tfgen.models.pixelcnnpp import PixelCNNPlusPlus
from tfgen.models.pixelrnn import PixelRNN
from tfgen.models.progan import ProgressiveGAN
from tfgen.models.puzzlegan import PuzzleGAN
from tfgen.models.stargan import StarGAN
from tfgen.models.texttoimage import TextToImageGAN
from tfgen.models.vae import VAE

MODELS = {
    "autoencoder": Autoencoder,
    "gan": GAN,
    "dcgan": DCGAN,
    "conditionalgan": ConditionalGAN,
    "infogan": InfoGAN,
    "progan": ProgressiveGAN,
    "texttoimage": TextToImageGAN,
    "cyclegan": CycleGAN,
    "stargan": StarGAN,
    "puzzlegan": PuzzleGAN,
    "vae": VAE,
    "cvae": CVAE,
    "aae": AAE,
    "pixelcnn": PixelCNN,
    "gatedpixelcnn": GatedPixelCNN,
    "pixelcnnpp": PixelCNNPlusPlus,
    "pixelrnn": PixelRNN,
}

__all__ = [
    "AAE",
    "CVAE",
    "Autoencoder",
    "ConditionalGAN",
    "CycleGAN",
    "DCGAN",
    "GAN",
    "GatedPixelCNN",
    "InfoGAN",
    "MODELS",
    "PixelCNN",
    "PixelCNNPlusPlus",
    "PixelRNN",
    "ProgressiveGAN",
    "TextToImageGAN",
    "PuzzleGAN",
    "StarGAN",
    "VAE",
]
