"""Pictures for people: grids and their files, latent spaces, traversals, samples with their seeds.

    tfgen.pictures.save("grid.png", tfgen.pictures.grid(images))

These functions draw arrays; what draws from a model is its `sample`. Importing this package does
not import TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "grids": (
            "grid",
            "save",
            "to_uint8",
        ),
        "traversals": ("traversal",),
    },
)
