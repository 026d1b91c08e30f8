"""A server in the foreground of a process, until a signal stops it."""

import contextlib
import logging
import os
import resource
import signal
import threading
from collections.abc import Callable

from tfgen.serving.server import Server
from tfgen.serving.settings.options import Options
from tfgen.serving.status import Failure

log = logging.getLogger(__name__)


def run(options: Options, pages: Callable | None = None, on_ready: Callable | None = None) -> None:
    """Serves until SIGINT or SIGTERM; requests under way are finished.

    What is not finished `shutdown_seconds` after the signal is not waited for: the process ends,
    with status 1. As many connections are allowed as the process may ask the system for.

    Args:
        options: What to serve, and how.
        pages: ASGI application for the paths that TensorFlow Serving does not have.
        on_ready: Called with the server once it takes requests.

    Raises:
        Failure: It cannot start.
    """
    stop = threading.Event()
    end = threading.Timer(options.shutdown_seconds + _AFTER, _give_up)
    end.daemon = True

    def stopped(*_):
        if not stop.is_set():
            stop.set()
            end.start()

    former = {one: signal.signal(one, stopped) for one in _SIGNALS}
    server = None
    _allow_connections()
    try:
        server = _started(options, pages, stop)
        if server is None:
            return
        for api, port in (("REST", server.rest_port), ("gRPC", server.grpc_port)):
            if port:
                log.info("Serving %s at %s:%d", api, options.host, port)
        if on_ready is not None:
            on_ready(server)
        stop.wait()
        log.info("Stopping: finishing the requests under way")
    finally:
        if server is not None:
            server.stop()
        end.cancel()
        for one, handler in former.items():
            signal.signal(one, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AFTER = 3.0  # Seconds to free what is left, once the requests had their time.


def _give_up():
    log.error("The time to finish is over: the process ends with what still runs.")
    logging.shutdown()
    os._exit(1)


def _allow_connections():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # Systems differ in what they take for the most: what is refused leaves the limit as it was.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _started(options, pages, stop):
    """The running server, or None where a signal came before the models were there."""
    server, failures = Server(options, pages), []

    def start():
        try:
            server.start()
        except Failure as failure:
            failures.append(failure)

    thread = threading.Thread(target=start, name="start", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
        if stop.is_set():
            server.core.interrupt()
            thread.join()
            if not failures:
                server.stop()
            return None
    if failures:
        raise failures[0]
    return server
