"""PixelCNN++, Salimans, Karpathy, Chen, Kingma 2017, https://arxiv.org/abs/1701.05517.

Minimises -log p(x) in nats, with p(x) the product over pixels, in raster order, of

    P(x | earlier pixels) = sum_k pi_k product_c [ sigmoid((x_c + h - m_kc) / s_kc)
                                                 - sigmoid((x_c - h - m_kc) / s_kc) ]

where h = 1 / (levels - 1) is half a level and the outermost levels reach to infinity (equation 2).
In a pixel the mean of green depends on red, that of blue on red and green, linearly (equation 3).
The parameters come from two streams of gated residual layers at three resolutions with long skips
(figure 2): six blocks of five layers, 192 maps, concatenated ELUs, dropout 0.5, normalised weights
with data-dependent initialisation, Adam (0.95, 0.9995), Polyak averaging; details as in the
authors' code, https://github.com/openai/pixel-cnn.

Differs from the paper: masses of inner levels are computed in a form that stays exact where they
are small, instead of by the density there (`tfgen.probability.likelihoods`); the first convolutions
have no bias, which the channel of ones stands for; the initialisation takes one batch of at most
100 images; sides that cannot be halved are rounded up and cut; samples invert the exact
distribution of a sub-pixel with one uniform number (the authors draw a component and then a
logistic, and round), with cached activations (Ramachandran et al. 2017,
https://arxiv.org/abs/1704.06001).
"""

from functools import partial

import keras
import tensorflow as tf

from tfgen.autoregressive import pixels, raster, stream_sampling
from tfgen.autoregressive.pixels import one_hot_label
from tfgen.autoregressive.shifted import data_dependent_initialization
from tfgen.autoregressive.streams import TwoStreams
from tfgen.losses import total
from tfgen.model import GenerativeModel, initial_weights
from tfgen.optimizers import GeometricDecay, descend
from tfgen.probability.levels import bits_per_dim, level_value
from tfgen.probability.likelihoods import mixture_of_logistics, mixture_width
from tfgen.step import as_batch, drawing, step


@keras.saving.register_keras_serializable("tfgen")
class PixelCNNPlusPlus(GenerativeModel):
    """Two streams of gated layers that give each pixel a mixture of discretised logistics.

    Args:
        image_shape: (H, W, C) of the images, C = 1 or 3.
        levels: Equally spaced values of a sub-pixel in [-1, 1]: 256 for 8 bits, 17 for "digits".
        filters: Maps of each stream.
        block_layers: Gated residual layers in a block.
        halvings: How often the resolution is halved; there are twice this number plus two blocks.
        mixtures: Components of the mixture.
        dropout: Rate in every gated layer.
        num_classes: Classes of p(x|y); None for p(x).
        data_dependent_init: Whether `fit` sets the gains and biases from the first batch before
            the first step (see `initialize`).
        seed: Of the initial weights and of every draw.
    """

    reports = ("nll", "bits_per_dim")
    recomputes = True

    def __init__(
        self,
        image_shape=(32, 32, 3),
        levels=256,
        filters=192,
        block_layers=5,
        halvings=2,
        mixtures=10,
        dropout=0.5,
        num_classes: int | None = None,
        data_dependent_init=True,
        seed=0,
    ):
        super().__init__(seed)
        self.image_shape = tuple(image_shape)
        self.levels = levels
        self.filters = filters
        self.block_layers = block_layers
        self.halvings = halvings
        self.mixtures = mixtures
        self.dropout = dropout
        self.num_classes = num_classes
        self.data_dependent_init = data_dependent_init
        self.check_arguments()
        outputs = mixture_width(self.image_shape[-1], mixtures)
        with initial_weights(seed):
            self.network = TwoStreams(
                self.image_shape,
                outputs,
                block_layers,
                filters,
                halvings,
                dropout,
                num_classes,
                name="network",
            )
            self.network.build((None, *self.image_shape))

    def check_arguments(self):
        least = {"levels": 2, "filters": 1, "block_layers": 1, "halvings": 0, "mixtures": 1}
        for name, smallest in least.items():
            value = self.get_config()[name]
            if value < smallest:
                raise ValueError(f"`{name}` must be at least {smallest}. Received: {value}.")
        if self.image_shape[-1] not in (1, 3):
            raise ValueError(
                f"`image_shape` must have 1 or 3 channels. Received: {self.image_shape}."
            )

    def compile(self, optimizer=None, **keras_arguments):
        optimizer = optimizer or paper_optimizer()
        self.compile_players(keras_arguments, optimizer=(optimizer, self.network))

    def fit(self, x=None, y=None, **arguments):
        if self.data_dependent_init and int(tf.identity(self.step.value)) == 0:
            self.initialize(first_batch(x, y))
        return super().fit(x, y, **arguments)

    def initialize(self, data):
        """Sets gains and biases so that on these images every output has mean 0 and spread 1.

        Spread 0.1 for the last convolution of each layer. Salimans and Kingma 2016, section 3; with
        dropout, as in training and in the authors' code.

        Args:
            data: A batch in any form that `fit` takes; its first 100 images are used.
        """
        batch = {k: v[:100] for k, v in as_batch(data, self.image_shape).items()}
        index, label = self.inputs(batch)
        with data_dependent_initialization(), drawing(self.seed, 0, "initialize"):
            self.parameters(level_value(index, self.levels), label, training=True)

    @step
    def train_step(self, batch):
        with tf.GradientTape() as tape:
            nll = self.nll(*self.inputs(batch), training=True)  # (B,)
            loss = tf.reduce_mean(nll)
        descend(self.single_optimizer, tape, loss, self.network)
        return self.report(nll=nll, bits_per_dim=bits_per_dim(nll, self.image_shape))

    def nll(self, index, label=None, training=False):
        """-log p(x|y) in nats. (B, H, W, C), (B,) -> (B,)"""
        x = level_value(index, self.levels)
        parameters = self.parameters(x, label, training)
        return -total(mixture_of_logistics(x, parameters, self.levels))

    def parameters(self, image, label=None, training=False):
        """Of each pixel's mixture, given the earlier pixels. (B, H, W, C) -> (B, H, W, 3 or 10 K)

        See `tfgen.probability.likelihoods.mixture_of_logistics` for their order.
        """
        condition = one_hot_label(label, self.num_classes)
        return self.network(image, condition, training=training)

    def draw(self, u, label, given=None):
        sample = partial(stream_sampling.sample, self.network, self.levels)
        condition = one_hot_label(label, self.num_classes)
        return raster.in_groups(sample, u, condition, given)

    # What follows from the likelihood and the sampler is the same in every such model.
    inputs, check_values = pixels.inputs, pixels.check_values
    test_step, signatures = pixels.test_step, pixels.signatures
    generate, log_prob = pixels.generate, pixels.log_prob
    complete, class_log_prob = pixels.complete, pixels.class_log_prob


def paper_optimizer():
    return keras.optimizers.Adam(
        GeometricDecay(1e-3, 1.0 / 0.999995, 0.0),
        beta_1=0.95,
        beta_2=0.9995,
        epsilon=1e-8,
        use_ema=True,
        ema_momentum=0.9995,
    )


def first_batch(x, y):
    """What `fit` was given, or its first batch; taking it does not count as an epoch."""
    if isinstance(x, tf.data.Dataset):
        return next(iter(x.from_step(0) if hasattr(x, "from_step") else x))
    return x if y is None else (x, y)
