"""Models at hand: small trained ones of the distribution tfgen-zoo, by name, checked by hash.

    model = tfgen.zoo.load("dcgan-mnist5k")
    images = model.sample(seeds=range(64))

`shelf` finds the distribution and knows what lies in it, `weights` is its float16 files, `loading`
makes a model of an entry, `inputs` the pictures and texts that a model needs to draw at all. `add`
makes an entry of a run (`python -m tfgen.zoo.add`), `wall` one picture of all families
(`python -m tfgen.zoo.wall`). Importing this package does not import TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "loading": ("load",),
        "shelf": (
            "Entry",
            "find",
            "names",
        ),
    },
)
