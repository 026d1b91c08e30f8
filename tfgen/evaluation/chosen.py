"""The metrics that were asked for."""

from collections.abc import Iterable

from tfgen.construct import ConfigError, construct
from tfgen.metrics.table import METRICS


def chosen_metrics(metrics: str | Iterable | None) -> dict:
    """Name -> metric, of what was asked for; all for None.

    Raises:
        ConfigError: An unknown name or option, or nothing.
    """
    if metrics is None:
        metrics = list(METRICS)
    if isinstance(metrics, str):
        metrics = [m.strip() for m in metrics.split(",") if m.strip()]
    specs = [{"name": m} if isinstance(m, str) else dict(m) for m in metrics]
    if not specs:
        raise ConfigError(f"metrics: none asked for. Known: {', '.join(METRICS)}.")
    return {
        spec.get("name"): construct(METRICS, spec, f"metrics[{n}]") for n, spec in enumerate(specs)
    }
