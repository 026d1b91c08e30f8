"""The mathematics of evaluation: functions of arrays, and of a model's likelihood.

    tfgen.metrics.nll(model, dataset)
    tfgen.metrics.measures.fid(real, fake)

One module a measure, `measures` with an interval for each; `table` names the metrics of
`tfgen.evaluate`, which decides what applies to a model, draws from it and stamps the figures.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "exact_likelihood": (
            "NLL",
            "nll",
            "per_image",
        ),
        "intervals": ("Value",),
        "table": ("METRICS",),
    },
)
