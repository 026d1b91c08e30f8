"""Counters and histograms under TensorFlow Serving's names, as a Prometheus page."""

import bisect
import itertools
import re
import threading

_NAME = re.compile("[^a-zA-Z0-9_]")
_LATENCY = tuple(10 * 1.8**k for k in range(33))  # Microseconds, up to 20 minutes.
_EXAMPLES = tuple(float(1 << k) for k in range(15))

COUNT = "/tensorflow/serving/request_count"
LATENCY = "/tensorflow/serving/request_latency"
RUNTIME = "/tensorflow/serving/runtime_latency"
EXAMPLES = "/tensorflow/serving/request_example_counts"
EXAMPLE_TOTAL = "/tensorflow/serving/request_example_count_total"
WARMUP = "/tensorflow/serving/model_warmup_latency"
QUEUING = "/tensorflow/serving/batching_session/queuing_latency"
BATCH_SIZE = "/tensorflow/serving/batching_session/processed_batch_size"
PADDING = "/tensorflow/serving/batching_session/padding_size"
LOADS = "/tensorflow/core/saved_model/load_attempt_count"

_COUNTERS = {
    COUNT: ("model_name", "status"),
    EXAMPLE_TOTAL: ("model",),
    LOADS: ("model_path", "status"),
}
_HISTOGRAMS = {
    LATENCY: (("model_name", "API", "entrypoint"), _LATENCY),
    RUNTIME: (("model_name", "API", "runtime"), _LATENCY),
    EXAMPLES: (("model",), _EXAMPLES),
    WARMUP: (("model_path", "status"), _LATENCY),
    QUEUING: (("thread_pool_name",), _LATENCY),
    BATCH_SIZE: (("thread_pool_name",), _EXAMPLES),
    PADDING: (("thread_pool_name",), _EXAMPLES),
}
_SERIES = 10_000  # Label values come from requests; more of them are not recorded.


class Metrics:
    """All series of one server."""

    def __init__(self):
        self._lock = threading.Lock()
        self._counters = {}
        self._histograms = {}

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Adds to a counter."""
        key = (name, labels)
        with self._lock:
            if key in self._counters or len(self._counters) < _SERIES:
                self._counters[key] = self._counters.get(key, 0) + by

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Adds a value to a histogram."""
        limits = _HISTOGRAMS[name][1]
        with self._lock:
            cell = self._histograms.get((name, labels))
            if cell is None:
                if len(self._histograms) >= _SERIES:
                    return
                cell = self._histograms[name, labels] = [[0] * (len(limits) + 1), 0.0]
            cell[0][bisect.bisect_right(limits, value)] += 1
            cell[1] += value

    def page(self) -> str:
        """The text for Prometheus."""
        with self._lock:
            counters = sorted(self._counters.items())
            histograms = sorted((k, (list(c[0]), c[1])) for k, c in self._histograms.items())
        lines = []
        for name, cells in itertools.groupby(counters, lambda cell: cell[0][0]):
            shown = _NAME.sub(":", name)
            lines.append(f"# TYPE {shown} counter")
            for (_, labels), value in cells:
                lines.append(f"{shown}{{{_labels(_COUNTERS[name], labels)}}} {value}")
        for name, cells in itertools.groupby(histograms, lambda cell: cell[0][0]):
            shown = _NAME.sub(":", name)
            lines.append(f"# TYPE {shown} histogram")
            for (_, labels), (buckets, total) in cells:
                lines += _histogram(shown, name, labels, buckets, total)
        return "\n".join(lines) + "\n"


def _histogram(shown, name, labels, buckets, total):
    names, limits = _HISTOGRAMS[name]
    common = _labels(names, labels)
    count = 0
    for limit, inside in zip([f"{x:g}" for x in limits] + ["+Inf"], buckets, strict=True):
        count += inside
        yield f'{shown}_bucket{{{common},le="{limit}"}} {count}'
    yield f"{shown}_sum{{{common}}} {total:g}"
    yield f"{shown}_count{{{common}}} {count}"


def _labels(names, values):
    return ",".join(f'{n}="{_escape(v)}"' for n, v in zip(names, values, strict=True))


def _escape(value):
    safe = value.encode(errors="replace").decode()
    return safe.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
