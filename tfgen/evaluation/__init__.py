"""What a trained model is worth: one call that measures every family, `tfgen.evaluate`.

Every figure comes with an interval and with a stamp that says how it was made. Metrics are the
small classes named in `tfgen.metrics.table`; the mathematics is in `tfgen.metrics`. Importing
this package does not import TensorFlow.
"""

from tfgen.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "of_run": ("AfterTraining",),
        "report": (
            "Figure",
            "Report",
        ),
    },
)
