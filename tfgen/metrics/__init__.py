"""What a trained model is measured by: functions of a model and data."""

from tfgen.metrics.nll import NLL, nll, per_image

__all__ = ["NLL", "nll", "per_image"]
