"""The ASGI application: REST below /v1/, metrics, and whatever pages are mounted beside them."""

import asyncio
import logging
import re
import zlib
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from tfgen.serving.models.core import Core
from tfgen.serving.models.limits import Ticket
from tfgen.serving.models.runner import INLINE, aside
from tfgen.serving.rest.calls import Rest
from tfgen.serving.rest.json_examples import error
from tfgen.serving.rest.json_parse import memory
from tfgen.serving.status import Code, Failure, invalid

log = logging.getLogger(__name__)

_REST = re.compile(r"/v1/.*", re.I | re.A)
_LARGEST_UNZIPPED = 100 << 20
_SLOWEST = 64 << 10  # Bytes a second of a body that is waited for.
_NOT_FOUND = (
    "<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD><BODY><H1>Not Found</H1></BODY></HTML>\n"
)
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


class App:
    """The application of one server.

    Args:
        core: The models.
        pool: Threads for runs and large bodies.
        pages: ASGI application for every path that is neither REST nor metrics; None: 404.
    """

    def __init__(self, core: Core, pool: ThreadPoolExecutor, pages: Callable | None = None):
        self._core = core
        self._rest = Rest(core, pool)
        self._pool = pool
        self._pages = pages
        self._headers = _CORS if core.options.rest_api_enable_cors_support else {}

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable, send: Callable
    ) -> None:
        if scope["type"] != "http":
            return
        path = _path(scope)
        if _REST.fullmatch(path):
            response = await self._answer(Request(scope, receive), path)
        elif self._core.metrics_path and path.partition("?")[0] == self._core.metrics_path:
            response = PlainTextResponse(self._core.metrics.page())
        elif self._pages is not None:
            await self._pages(scope, receive, send)
            return
        else:
            response = HTMLResponse(_NOT_FOUND, 404)
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, request, path):
        try:
            if request.method == "OPTIONS":
                return self._options(request)
            if request.method != "POST":  # Status must be told however busy the models are.
                return self._json(await self._rest.answer(request.method, path, b""), 200)
            with self._core.admission.arriving() as ticket:
                try:
                    body = await self._body(request, ticket)
                except TimeoutError:
                    return self._too_slow(request)
                ticket.enter()
                if len(body) > INLINE:
                    ticket.reserve(await aside(self._pool, len(body), memory, body))
                return self._json(await self._rest.answer("POST", path, body), 200)
        except ClientDisconnect:
            return None
        except Failure as failure:
            return self._json(error(failure.message), failure.http)
        except Exception as unforeseen:
            # The outermost place: a defect of ours must not cost the client its answer.
            log.exception("%s %s", request.method, path)
            ours = Failure(Code.INTERNAL, f"Internal error: {type(unforeseen).__name__}")
            return self._json(error(ours.message), ours.http)

    def _too_slow(self, request):
        arrived = f"The body of {request.method} {_path(request.scope)} did not arrive in time"
        text = error(f"{arrived}: see --rest_api_read_timeout_in_ms.")
        headers = {**self._headers, "Connection": "close"}
        return Response(text, 408, headers, media_type="application/json")

    def _options(self, request):
        origin = request.headers.get("origin", "")
        if "http://" in origin or "https://" in origin:
            return Response(b"", 200, self._headers, media_type="application/json")
        raise invalid(f"Malformed request: OPTIONS {_path(request.scope)}")

    def _json(self, body, code):
        return Response(body, code, self._headers, media_type="application/json")

    async def _body(self, request, ticket: Ticket) -> bytes:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._core.admission.largest:
            ticket.add(int(declared))
        chunks, size, stream = [], 0, request.stream()
        milliseconds = self._core.options.rest_api_read_timeout_in_ms
        end = asyncio.get_running_loop().time() + milliseconds / 1000
        while True:
            async with asyncio.timeout_at(end + size / _SLOWEST if milliseconds else None):
                chunk = await anext(stream, None)
            if chunk is None:
                break
            ticket.add(len(chunk))
            chunks.append(chunk)
            size += len(chunk)
        body = b"".join(chunks)
        if "gzip" in request.headers.get("content-encoding", ""):
            limit = min(_LARGEST_UNZIPPED, self._core.admission.largest)
            body = await aside(self._pool, len(body), _unzipped, body, limit)
            ticket.add(len(body))
        return body


def _path(scope) -> str:
    """The path as sent, with its query string, which is part of what is matched.

    Slashes before it are one: `http://host//v1/...` comes of addresses that are put together.
    """
    raw = b"/" + (scope.get("raw_path") or scope["path"].encode()).lstrip(b"/")
    query = scope.get("query_string", b"")
    return (raw + b"?" + query if query else raw).decode("latin-1")


def _unzipped(body: bytes, limit: int) -> bytes:
    """The gzip's content; empty, which no request may be, where it is broken or too large."""
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = unzip.decompress(body, limit + 1)
    except zlib.error:
        return b""
    return content if unzip.eof and len(content) <= limit else b""
