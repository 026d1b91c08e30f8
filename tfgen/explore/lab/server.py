"""The laboratory's server: the page's files, and a socket for each page's session.

GET /          the page
GET /lab/FILE  its files, which are read once: no path reaches the disk
WS  /lab/play  JSON messages of `tfgen.explore.lab.session`, each with one answer, in order
"""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tfgen import files
from tfgen.explore.lab.session import Session

log = logging.getLogger(__name__)

ANY_PORT = -1
MOST_PAGES = 8
LONGEST = 64 << 10  # Bytes of a message; the longest link has a drawing and a log.
_FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # Nothing from elsewhere, and nothing of ours inside other sites.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Server:
    """The page on a port; a context that stops it at the end.

        with Server(port=ANY_PORT) as server:
            print(server.address)

    Args:
        host: The address to listen at.
        port: The port; -1 for any that is free.

    Attributes:
        address: Of the page, while the server runs.

    Raises:
        OSError: The port is taken, or no address of this machine; its text says so.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 8502):
        self.host, self.port = host, port
        self.address = ""
        # Weights begin by Python's one random state, and two sessions at once would share it.
        self._work = ThreadPoolExecutor(1, "lab")
        self._pages = 0
        self._files = {
            f"/lab/{path.name}": (path.read_bytes(), _TYPES[path.suffix])
            for path in _FOLDER.iterdir()
            if path.suffix in _TYPES
        }
        self._files["/"] = self._files["/lab/index.html"]
        routes = [
            WebSocketRoute("/lab/play", self._play),
            Route("/{path:path}", self._file, methods=["GET"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_config=None,
            log_level="warning",
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=LONGEST,
            timeout_graceful_shutdown=2,
        )
        self._uvicorn = _Uvicorn(config)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Server":
        bound = self._bound()
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.address = f"http://{host}:{bound.getsockname()[1]}/"
        self._thread = threading.Thread(
            target=self._uvicorn.run, args=([bound],), name="lab server", daemon=True
        )
        self._thread.start()
        while not self._uvicorn.started:
            if not self._thread.is_alive():
                raise RuntimeError(f"The laboratory's server at {self.address} did not start.")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._work.shutdown(cancel_futures=True)

    def wait(self) -> None:
        """Until the server ends by itself, or an exception such as KeyboardInterrupt comes."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.5)

    def _bound(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.host, 0 if self.port == ANY_PORT else self.port))
        except OSError as error:
            bound.close()
            what = f"{self.host}:{self.port}"
            raise OSError(
                error.errno, f"{error.strerror}; choose another --port, -1 for any", what
            ) from error
        except OverflowError as error:
            bound.close()
            raise ValueError(f"A port is a number up to 65535. Received: {self.port}.") from error
        return bound

    async def _file(self, request):
        found = self._files.get(request.url.path)
        if found is None:
            return JSONResponse({"error": f"There is no {request.url.path} here."}, 404, _HEADERS)
        content, kind = found
        return Response(content, media_type=kind, headers=_HEADERS)

    async def _play(self, page: WebSocket):
        # Another site's script can reach this port too, and would name itself here.
        origin = page.headers.get("origin")
        if origin and urlsplit(origin).netloc != page.headers.get("host"):
            await page.close(1008)
            return
        await page.accept()
        if self._pages >= MOST_PAGES:
            said = f"{MOST_PAGES} pages are open here already: close one, and load this one again."
            await page.send_bytes(orjson.dumps({"kind": "error", "message": said}))
            await page.close(1013)
            return
        self._pages += 1
        try:
            await self._answers(page, Session())
        except WebSocketDisconnect:
            pass
        finally:
            self._pages -= 1

    async def _answers(self, page, session):
        loop = asyncio.get_running_loop()
        while True:
            text = await page.receive_text()
            answer = await loop.run_in_executor(self._work, _answered, session, text)
            await page.send_text(answer)


def _answered(session: Session, text: str) -> str:
    """The answer to a message as JSON; NaN and infinity are null."""
    try:
        message: Any = files.parsed(text)
    except ValueError:
        answer = {"kind": "error", "message": "A message is a JSON object."}
    else:
        try:
            answer = session.answer(message)
        except Exception as error:  # A fault of ours: the page says so, and the server lives on.
            log.exception("A message failed: %.200s", text)
            answer = {"kind": "error", "message": f"The server failed: {error}"}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY).decode()


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its signal handlers: the process around it decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield
