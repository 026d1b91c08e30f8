"""Experiments: what papers and lecture notes say, seen with one's own eyes; models looked into.

    tfgen.explore.transposed().save("explore/transposed")
    tfgen.explore.interpolate(model).save("explore/interpolate")

`tfgen explore` runs those in `tfgen.explore.experiments`.

Figures that rank models are in `tfgen.evaluation`.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ablation": ("ablate",),
        "autoregression": ("order",),
        "bayes": ("classify",),
        "captions": ("sentences",),
        "classifiers": ("cluster_error",),
        "explored": (
            "Explored",
            "Film",
        ),
        "feature_maps": ("filters",),
        "feature_probe": (
            "ProbeResult",
            "linear_probe",
        ),
        "fitted_gaussian": ("divergences",),
        "line_game": ("game",),
        "probes": ("probe",),
        "puzzles": ("assemble",),
        "tails": ("heavy_tails",),
        "the_bound": ("elbo",),
        "growth": ("stages",),
        "interpolation": ("interpolate",),
        "inversion": ("invert",),
        "latent_directions": ("directions",),
        "nearest_neighbours": ("nearest",),
        "odd_pictures": ("outliers",),
        "transposed_convolution": ("transposed",),
        "translations": ("domains",),
        "traversals": ("traverse",),
        "vector_arithmetic": ("arithmetic",),
    },
)
