"""The studio: a page at `/` to explore the served models in a browser, from files of this package.

It talks to the models by TensorFlow Serving's REST API alone. What it needs beyond `/metadata`, how
inputs are drawn from seeds, it reads from the export's manifest, of which a part is given out here.
"""

import json
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import orjson
from starlette.responses import Response

_FOLDER = Path(__file__).parent
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_MANIFEST = "/studio/manifest/"
_KEPT = ("version", "default", "signatures", "endpoints", "seed_rule", "created")
_HEADERS = {
    # Nothing from elsewhere, and nothing of ours inside other sites.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Studio:
    """ASGI application of the page, for `Server(options, pages=Studio(models))`.

        GET /                        the page
        GET /studio/FILE             its files, which are read once: no path reaches the disk
        GET /studio/models           the names of the models
        GET /studio/manifest/NAME    signatures and how their inputs are drawn

    Args:
        models: Name -> export folder.
    """

    def __init__(self, models: Mapping[str, Path]):
        self.offer(models)
        self._files = {
            f"/studio/{path.name}": (path.read_bytes(), _TYPES[path.suffix])
            for path in _FOLDER.iterdir()
            if path.suffix in _TYPES
        }
        self._files["/"] = self._files["/studio/index.html"]

    def offer(self, models: Mapping[str, Path]) -> None:
        """Shows these models, and no others, from now on."""
        self._models = {name: Path(folder) for name, folder in models.items()}

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable, send: Callable
    ) -> None:
        response = self._answer(scope["method"], scope["path"])
        await response(scope, receive, send)

    def _answer(self, method, path):
        if method not in ("GET", "HEAD"):
            return _json({"error": f"The studio takes no {method}."}, 405, {"Allow": "GET, HEAD"})
        if path in self._files:
            content, kind = self._files[path]
            return Response(content, media_type=kind, headers=_HEADERS)
        if path == "/studio/models":
            return _json({"models": sorted(self._models)})
        name = path.removeprefix(_MANIFEST)
        if path.startswith(_MANIFEST) and name in self._models:
            return _json(_manifest(self._models[name]))
        return _json({"error": f"There is no {path} here."}, 404)


def _manifest(folder):
    """The public part of an export's record; empty for a SavedModel that is not of tfgen."""
    try:
        record = json.loads((folder / "export.json").read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict):
        return {}
    model = record.get("model")
    kind = {"class": model["class"]} if isinstance(model, dict) and "class" in model else {}
    about = {"about": _about(record)}
    return {**{key: record[key] for key in _KEPT if key in record}, **kind, **about}


def _about(record):
    """What the model was trained on, when and how far, its figures and the size of its version."""
    model, extra, files = (
        found if isinstance(found, dict) else {}
        for found in (record.get(key) for key in ("model", "extra", "files"))
    )
    version = f"{record.get('version')}/"
    sizes = [entry["bytes"] for name, entry in files.items() if name.startswith(version)]
    told = {key: extra[key] for key in ("data", "trained", "figures") if extra.get(key)}
    return {"step": model.get("step"), "bytes": sum(sizes) or None, **told}


def _json(content, status=200, headers=None):
    body = orjson.dumps(content)
    return Response(body, status, {**_HEADERS, **(headers or {})}, media_type="application/json")
