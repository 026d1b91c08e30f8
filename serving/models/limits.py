"""How much may be under way at once, so that memory stays bounded."""

import threading

from tfgen.serving.status import Code, Failure


class Admission:
    """Counts requests and their bytes.

    Args:
        most_requests: Requests under way at once.
        most_bytes: Bytes of all their bodies.
        largest: Bytes of one body.
    """

    def __init__(self, most_requests: int, most_bytes: int, largest: int):
        self.largest = largest
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._requests = 0
        self._bytes = 0

    @property
    def pending(self) -> int:
        """Requests under way."""
        return self._requests

    def enter(self) -> "Ticket":
        """Admits a request.

        Raises:
            Failure: UNAVAILABLE: too many are under way.
        """
        with self._lock:
            if self._requests >= self._most_requests:
                raise Failure(
                    Code.UNAVAILABLE,
                    f"The server has {self._most_requests} requests under way and takes no more "
                    "now. Try again later.",
                )
            self._requests += 1
        return Ticket(self)

    def _add(self, size):
        with self._lock:
            if self._bytes + size > self._most_bytes:
                raise Failure(
                    Code.UNAVAILABLE,
                    "The requests under way fill the memory for them. Try again later.",
                )
            self._bytes += size

    def _leave(self, size):
        with self._lock:
            self._requests -= 1
            self._bytes -= size


class Ticket:
    """One admitted request; a context that ends it."""

    def __init__(self, admission: Admission):
        self._admission = admission
        self._size = 0

    def add(self, size: int) -> None:
        """Counts more bytes of the body.

        Raises:
            Failure: RESOURCE_EXHAUSTED: the body is too large; UNAVAILABLE: all together are.
        """
        if self._size + size > self._admission.largest:
            raise Failure(
                Code.RESOURCE_EXHAUSTED,
                f"The request is larger than {self._admission.largest} bytes",
            )
        self._admission._add(size)
        self._size += size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._admission._leave(self._size)
