"""Models of one sub-pixel after the other: layers that see no later one, and cached samplers.

The causal convolution is in `masked_convolution` (masks A and B), its relatives in `gated`,
`shifted` and `recurrent`; `pixels` is what the models do alike; `raster` draws pixel by pixel with
each activation computed once, and the modules ending in `_sampling` are its two loops for one
network. The four models are in `tfgen.models`.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "masked_convolution": (
            "MaskedConv2D",
            "causal_mask",
            "channel_groups",
        ),
    },
)
