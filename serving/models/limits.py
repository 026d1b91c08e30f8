"""How much may be under way at once, so that memory stays bounded."""

import threading

from tfgen.serving.status import Code, Failure


class Admission:
    """Counts requests and their bytes.

    Args:
        most_requests: Requests under way at once.
        most_bytes: Bytes of all their bodies and of what is parsed from them.
        largest: Bytes of one body.
    """

    def __init__(self, most_requests: int, most_bytes: int, largest: int):
        self.largest = largest
        self._most_requests = most_requests
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._requests = 0
        self._bytes = 0

    @property
    def pending(self) -> int:
        """Requests under way."""
        return self._requests

    def arriving(self) -> "Ticket":
        """A request whose body is still to come: its bytes count, itself not before `enter`."""
        return Ticket(self)

    def enter(self) -> "Ticket":
        """Admits a request that is there.

        Raises:
            Failure: UNAVAILABLE: too many are under way.
        """
        ticket = self.arriving()
        ticket.enter()
        return ticket

    def _enter(self):
        with self._lock:
            if self._requests >= self._most_requests:
                raise Failure(
                    Code.UNAVAILABLE,
                    f"The server has {self._most_requests} requests under way and takes no more "
                    "now. Try again later.",
                )
            self._requests += 1

    def _add(self, size):
        with self._lock:
            if self._bytes + size > self.most_bytes:
                raise Failure(
                    Code.UNAVAILABLE,
                    "The requests under way fill the memory for them. Try again later.",
                )
            self._bytes += size

    def _leave(self, requests, size):
        with self._lock:
            self._requests -= requests
            self._bytes -= size


class Ticket:
    """One request; a context that ends it."""

    def __init__(self, admission: Admission):
        self._admission = admission
        self._requests = 0
        self._size = self._taken = 0

    def enter(self) -> None:
        """Counts the request, whose body is there.

        Raises:
            Failure: UNAVAILABLE: too many are under way.
        """
        self._admission._enter()
        self._requests = 1

    def reserve(self, size: int) -> None:
        """Counts memory that the request takes beside its body.

        Raises:
            Failure: RESOURCE_EXHAUSTED: more than there ever is; UNAVAILABLE: more than is left.
        """
        if size > self._admission.most_bytes:
            raise Failure(
                Code.RESOURCE_EXHAUSTED,
                f"The request would take {size >> 20} MiB of memory as JSON: send fewer rows at "
                "once, or use gRPC.",
            )
        self._admission._add(size)
        self._taken += size

    def add(self, size: int) -> None:
        """Counts more bytes of the body.

        Raises:
            Failure: RESOURCE_EXHAUSTED: the body is too large; UNAVAILABLE: all together are.
        """
        if self._size + size > self._admission.largest:
            raise Failure(
                Code.RESOURCE_EXHAUSTED,
                f"The request is larger than {self._admission.largest} bytes: send less at once, "
                "or start the server with a larger --max_request_bytes.",
            )
        self._admission._add(size)
        self._size += size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._admission._leave(self._requests, self._size + self._taken)
