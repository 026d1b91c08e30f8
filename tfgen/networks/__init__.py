"""Networks and what they are made of: functions that return built Keras models, and layers.

    tfgen.networks.mlp((100,), (256,), (28, 28, 1), "relu", "tanh")
    tfgen.networks.upsampling(100, (64, 64, 3), 128, 4)

One module a family of networks (`coders`, `residual`, `progressive`, `translation`, ...), and what
several use in `layers` and `basic`, whose names are handed on here. A builder takes the `name` of
its network, with which the paths of the weights begin too.

Beside the networks: `game`, the losses, penalties and noise of adversarial models; `augment` and
`pool`, what is done to pictures before a discriminator; `arguments`, checks. What is peculiar to
one paper and short stands in the model's own file; causal convolutions and what is drawn pixel by
pixel are in `tfgen.autoregressive`.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "basic": (
            "HEAD",
            "NORMALIZATIONS",
            "dcgan_init",
            "downsampling",
            "halvings",
            "mlp",
            "normalizing",
            "upsampling",
        ),
    },
)
