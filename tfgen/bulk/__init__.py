"""Pictures by the million: drawn into shards by any number of processes, and scored from them.

    tfgen.bulk.generate("runs/dcgan", "pictures", last=999_999)
    tfgen.bulk.score("pictures", tfgen.data.source("mnist-5k", "test"))

A seed is a picture, so a shard is a pure function of its seeds: whoever draws it, it is the same
file. Importing this package does not import TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "generation": ("generate",),
        "scoring": ("score",),
    },
)
