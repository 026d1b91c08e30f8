"""A local stand-in for the Hugging Face Hub: the calls by which its client pushes and pulls."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """A context: a server at `address`, whose `repos` hold files by name."""

    def __init__(self):
        self.repos: dict[str, dict[str, bytes]] = {}
        self.messages: list[str] = []
        self.denied = False

    def __enter__(self):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *words):
                pass

            def do_POST(self):
                size = int(self.headers.get("Content-Length") or 0)
                hub.post(self, self.rfile.read(size))

            def do_GET(self):
                hub.get(self)

            do_HEAD = do_GET

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, call, body, status=200, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        call.send_response(status)
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        for name, value in {"Content-Type": kind, **headers}.items():
            call.send_header(name.replace("_", "-"), value)
        call.send_header("Content-Length", str(len(data)))
        call.end_headers()
        if call.command != "HEAD":
            call.wfile.write(data)

    def post(self, call, body):
        if self.denied:
            return self.answer(call, {"error": "Invalid username or password."}, 401)
        if call.path == "/api/repos/create":
            given = json.loads(body)
            name = "/".join(part for part in (given.get("organization"), given["name"]) if part)
            self.repos.setdefault(name, {})
            return self.answer(call, {"url": f"{self.address}/{name}", "id": name})
        if call.path == "/api/validate-yaml":
            return self.answer(call, {"errors": [], "warnings": []})
        name = re.match(r"/api/models/([^/]+/[^/]+)/", call.path)[1]
        if "/preupload/" in call.path:
            files = json.loads(body)["files"]
            modes = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files
            ]
            return self.answer(call, {"files": modes})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                self.messages.append(value["summary"])
            elif line["key"] == "file":
                self.repos[name][value["path"]] = base64.b64decode(value["content"])
        commit = {"commitUrl": f"{self.address}/{name}/commit/{self.sha(name)}", "success": True}
        return self.answer(call, {**commit, "commitOid": self.sha(name)})

    def get(self, call):
        path = call.path.partition("?")[0]
        match = re.match(r"/api/models/([^/]+/[^/]+)(/.*)?$", path)
        if match:
            if match[1] not in self.repos:
                missing = {"X_Error_Code": "RepoNotFound"}
                return self.answer(call, {"error": "Repository not found"}, 404, **missing)
            files = self.repos[match[1]]
            if "/tree/" in path:
                tree = [
                    {"type": "file", "path": n, "size": len(b), "oid": hashlib.sha1(b).hexdigest()}
                    for n, b in files.items()
                ]
                return self.answer(call, tree)
            siblings = [{"rfilename": n, "size": len(b)} for n, b in files.items()]
            about = {"id": match[1], "sha": self.sha(match[1]), "siblings": siblings}
            return self.answer(call, {**about, "private": False, "tags": []})
        name, _, file = re.match(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.*)$", path).groups()
        data = self.repos[name][file]
        etag = f'"{hashlib.sha1(data).hexdigest()}"'
        return self.answer(call, data, ETag=etag, X_Repo_Commit=self.sha(name))

    def sha(self, name):
        return hashlib.sha1(repr(sorted(self.repos[name].items())).encode()).hexdigest()
