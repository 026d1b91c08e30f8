"""A server in the foreground of a process, until a signal stops it."""

import logging
import signal
import threading
from collections.abc import Callable

from tfgen.serving.server import Server
from tfgen.serving.settings.options import Options
from tfgen.serving.status import Failure

log = logging.getLogger(__name__)


def run(options: Options, pages: Callable | None = None, on_ready: Callable | None = None) -> None:
    """Serves until SIGINT or SIGTERM; requests under way are finished.

    Args:
        options: What to serve, and how.
        pages: ASGI application for the paths that TensorFlow Serving does not have.
        on_ready: Called with the server once it takes requests.

    Raises:
        Failure: It cannot start.
    """
    stop = threading.Event()
    former = {one: signal.signal(one, lambda *_: stop.set()) for one in _SIGNALS}
    server = None
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
        for one, handler in former.items():
            signal.signal(one, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
