"""A server: its ports, the event loop behind them, and an end that loses no request."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import uvicorn
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfgen.serving.models.core import Core
from tfgen.serving.rest.app import App
from tfgen.serving.rest.protocol import bounded
from tfgen.serving.rpc.services import ModelService, PredictionService
from tfgen.serving.settings import config, protos
from tfgen.serving.settings.options import ANY_PORT, LARGEST_MESSAGE, Options
from tfgen.serving.status import Code, Failure, from_exception, invalid

log = logging.getLogger(__name__)

_KEEP_ALIVE = 60  # Seconds that an idle connection stays open.
_SERVICES = ("ModelService", "PredictionService")


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its signal handlers: the process around it decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


class Server:
    """Models on REST and gRPC ports; a context that stops it at the end.

        with Server(Options(model_base_path="exports/dcgan", rest_api_port=ANY_PORT)) as server:
            requests.get(f"http://127.0.0.1:{server.rest_port}/v1/models/default")

    Args:
        options: What to serve, and how.
        pages: ASGI application for the paths that TensorFlow Serving does not have.

    Attributes:
        core: The models.
        rest_port: REST's port, None where it is off.
        grpc_port: gRPC's port, None where it is off.

    Raises:
        Failure: Options or files that are wrong.
    """

    def __init__(self, options: Options, pages: Callable | None = None):
        self.core = Core(options)
        self.options = options
        self.rest_port = self.grpc_port = None
        self._pages = pages
        self._rest_pool = ThreadPoolExecutor(options.rest_api_num_threads, "rest")
        self._grpc_pool = ThreadPoolExecutor(options.grpc_max_threads, "grpc")
        self._socket: Any = None
        self._loop: Any = None  # While the server runs, as is the next.
        self._stopping: Any = None
        self._ready = threading.Event()
        self._failure: Failure | None = None
        self._thread = threading.Thread(target=self._serve, name="server", daemon=True)

    def start(self) -> "Server":
        """Loads the models, then opens the ports.

        Raises:
            Failure: A port is taken, or a model cannot be loaded.
        """
        try:
            if self.options.rest_api_port:
                self._socket = self._bound()
                self.rest_port = self._socket.getsockname()[1]
            self.core.start()
            self._thread.start()
            self._ready.wait()
            if self._failure is not None:
                raise self._failure
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Closes the ports, finishes the requests under way and frees the models."""
        self.core.interrupt()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        elif self._socket is not None:
            self._socket.close()
        self._rest_pool.shutdown()
        self._grpc_pool.shutdown()
        self.core.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _bound(self):
        options = self.options
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        # asyncio turns Nagle's delay off only for sockets that say they are TCP.
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = 0 if options.rest_api_port == ANY_PORT else options.rest_api_port
        try:
            made.bind((options.host, port))
        except OSError as error:
            made.close()
            raise Failure(
                Code.UNAVAILABLE,
                f"Cannot listen on {options.host}:{port} for REST: {error.strerror or error}",
            ) from error
        return made

    def _serve(self):
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._main())
        except (Failure, OSError, RuntimeError, ValueError) as error:
            self._failure = from_exception(error)
        finally:
            self._ready.set()

    async def _main(self):
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        seconds = self.options.shutdown_seconds
        rpc = await self._grpc()
        http, serving = None, None
        if self._socket is not None:
            http = _Uvicorn(self._http_config())
            serving = asyncio.create_task(http.serve([self._socket]))
            while not http.started and not serving.done():
                await asyncio.sleep(0.005)
        self._ready.set()
        await self._stopping.wait()
        if http is not None:
            http.should_exit = True
        await asyncio.gather(*([rpc.stop(seconds)] if rpc else []), *([serving] if serving else []))

    def _http_config(self):
        return uvicorn.Config(
            App(self.core, self._rest_pool, self._pages),
            http=bounded(self.options.rest_api_read_timeout_in_ms / 1000),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=max(1, round(self.options.shutdown_seconds)),
        )

    async def _grpc(self):
        options = self.options
        if not options.port and not options.grpc_socket_path:
            return None
        server = grpc.aio.server(options=_grpc_options(options))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(self.core, self._grpc_pool), server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(self.core), server)
        if options.enable_grpc_healthcheck_service:
            await _add_health(server)
        if options.port:
            self.grpc_port = self._add_port(server)
        if options.grpc_socket_path:
            server.add_insecure_port(f"unix:{options.grpc_socket_path}")
        await server.start()
        return server

    def _add_port(self, server):
        options = self.options
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"{host}:{0 if options.port == ANY_PORT else options.port}"
        try:
            if not options.ssl_config_file:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, _credentials(options.ssl_config_file))
        except RuntimeError as error:
            raise Failure(
                Code.UNAVAILABLE, f"Cannot listen on {address} for gRPC: {error}"
            ) from error


async def _add_health(server):
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name in ("", *_SERVICES, *(f"tensorflow.serving.{one}" for one in _SERVICES)):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)


def _grpc_options(options):
    size = min(LARGEST_MESSAGE, options.max_request_bytes)
    made = [
        ("grpc.max_receive_message_length", size),
        ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ("grpc.so_reuseport", 0),
    ]
    for one in filter(None, options.grpc_channel_arguments.split(",")):
        key, separator, value = one.partition("=")
        if not separator:
            raise invalid(f"--grpc_channel_arguments must be key=value,...; was {one!r}")
        made.append((key, int(value) if value.lstrip("-").isdecimal() else value))
    return made


def _credentials(path):
    ssl = config.read(path, protos.SSLConfig)
    if not ssl.server_key or not ssl.server_cert:
        raise invalid(f"{path}: server_key and server_cert must be given")
    authority = ssl.custom_ca.encode() or None
    if ssl.client_verify and not authority:
        raise invalid(f"{path}: client_verify needs custom_ca")
    pair = (ssl.server_key.encode(), ssl.server_cert.encode())
    return grpc.ssl_server_credentials([pair], authority, ssl.client_verify)
