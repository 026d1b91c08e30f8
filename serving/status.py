"""What went wrong, in the canonical codes that gRPC and TensorFlow share."""

from enum import IntEnum


class Code(IntEnum):
    """The canonical status codes, numbered as in gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_HTTP = {
    Code.OK: 200,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.CANCELLED: 499,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class Failure(Exception):
    """A request, or a load, that failed.

    Args:
        code: Canonical code.
        message: What is said to the client.
    """

    def __init__(self, code: Code, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http(self) -> int:
        """The HTTP status of the code."""
        return _HTTP.get(self.code, 500)

    def __str__(self):
        return f"{self.code.name}: {self.message}"


def invalid(message: str) -> Failure:
    """A request that is wrong in itself."""
    return Failure(Code.INVALID_ARGUMENT, message)


def from_exception(error: BaseException) -> Failure:
    """Any exception of running or loading a model as a `Failure`.

    TensorFlow's errors keep their code and text; an unreadable file is NOT_FOUND or
    PERMISSION_DENIED; everything else is INTERNAL.
    """
    if isinstance(error, Failure):
        return error
    code = getattr(error, "error_code", None)
    if isinstance(code, int) and 0 < code <= 16:
        return Failure(Code(code), str(getattr(error, "message", "") or error))
    if isinstance(error, FileNotFoundError):
        return Failure(Code.NOT_FOUND, str(error))
    if isinstance(error, PermissionError):
        return Failure(Code.PERMISSION_DENIED, str(error))
    if isinstance(error, TimeoutError):
        return Failure(Code.DEADLINE_EXCEEDED, str(error) or "Deadline Exceeded")
    if isinstance(error, MemoryError):
        return Failure(Code.RESOURCE_EXHAUSTED, str(error) or "Out of memory")
    return Failure(Code.INTERNAL, f"{type(error).__name__}: {error}")
