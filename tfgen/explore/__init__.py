"""Looking into trained models: what their features know, and what their clusters mean.

    tfgen.explore.probe(model)

Figures that rank models are in `tfgen.evaluation`.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "classifiers": ("cluster_error",),
        "feature_probe": (
            "ProbeResult",
            "probe",
        ),
    },
)
