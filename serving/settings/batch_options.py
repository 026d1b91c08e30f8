"""How requests are batched: the fields of a batching parameters file."""

import os
from dataclasses import dataclass, field

from tfgen.serving.status import invalid


@dataclass(frozen=True)
class BatchOptions:
    """The fields of `BatchingParameters`, with TensorFlow Serving's defaults."""

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    thread_pool_name: str = "batch_threads"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0

    @property
    def execution_size(self) -> int:
        """Most rows that run at once."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def check(self) -> None:
        """Raises:
        Failure: INVALID_ARGUMENT for values that do not fit together.
        """
        positive = ("max_batch_size", "max_enqueued_batches", "num_batch_threads")
        for name in positive:
            if getattr(self, name) < 1:
                raise invalid(f"{name} must be positive; was {getattr(self, name)}")
        if self.batch_timeout_micros < 0:
            raise invalid(f"batch_timeout_micros must be >= 0; was {self.batch_timeout_micros}")
        if not self.enable_large_batch_splitting and self.max_execution_batch_size:
            raise invalid("max_execution_batch_size needs enable_large_batch_splitting")
        if not 0 < self.execution_size <= self.max_batch_size:
            raise invalid("max_execution_batch_size must be at most max_batch_size")
        sizes = self.allowed_batch_sizes
        if any(b <= a for a, b in zip(sizes, sizes[1:], strict=False)) or min(sizes, default=1) < 1:
            raise invalid("allowed_batch_sizes entries must be monotonically increasing")
        if sizes and sizes[-1] != self.execution_size:
            raise invalid(
                f"Last entry in allowed_batch_sizes must match max_batch_size; last entry was "
                f"{sizes[-1]}; expected {self.execution_size}"
            )
