import contextlib
import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra: pip install -e '.[serving]'")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.test_installed import without
from tfgen.cli.main import main
from tfgen.explore.lab import Server
from tfgen.explore.lab.server import MOST_PAGES

FOLDER = Path(__file__).parents[3] / "tfgen" / "explore" / "lab" / "page"


def got(server, path):
    with urllib.request.urlopen(server.address.rstrip("/") + path) as answer:
        return answer.headers, answer.read().decode()


def socket(server, **options):
    return connect(server.address.replace("http", "ws") + "lab/play", max_size=None, **options)


def asked(page, message):
    page.send(message if isinstance(message, str) else json.dumps(message))
    return json.loads(page.recv())


def test_the_page_and_all_that_it_names(server):
    headers, text = got(server, "/")
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    for source in (text, *(path.read_text() for path in FOLDER.glob("*.js"))):
        for name in re.findall(r'"(/lab/[\w.]+\.\w+)"', source):
            assert got(server, name)[1]
    assert got(server, "/lab/main.js")[0]["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/lab/", "/lab/../server.py", "/lab/%2e%2e/server.py", "/x"])
def test_no_way_out(server, path):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        got(server, path)


def test_no_outside_addresses_and_small_files():
    for path in FOLDER.glob("*.*"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn|@import|eval\(|innerHTML", text), path
        assert len(text.splitlines()) <= 250, path


def test_a_session_over_the_socket(server):
    with socket(server) as page:
        assert "JSON object" in asked(page, "{")["message"]
        assert "JSON object" in asked(page, "[]")["message"]
        assert asked(page, {"do": "run", "steps": 1})["kind"] == "error"
        opened = asked(page, {"do": "open", "link": "#data=normal&a=width:16,batch:16"})
        assert opened["kind"] == "opened" and opened["density"]["name"] == "N(4, 0.5)"
        assert "def train" in asked(page, {"do": "code", "game": 0})["python"]


def test_a_message_that_is_too_long_ends_the_page_and_no_other(server):
    with socket(server) as page, socket(server) as other:
        with pytest.raises(ConnectionClosed):
            asked(page, {"do": "open", "link": "x" * 100_000})
        assert asked(other, {"do": "x"})["kind"] == "error"


def test_another_sites_page_is_refused(server):
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        with socket(server, origin="http://elsewhere.example") as page:
            page.recv()


def test_so_many_pages_and_no_more(server):
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_PAGES):
            asked(stack.enter_context(socket(server)), {"do": "x"})
        with socket(server) as late:
            assert "pages are open here already" in json.loads(late.recv())["message"]


def test_a_port_that_is_taken_is_one_line(server, capsys):
    port = server.address.rstrip("/").rpartition(":")[2]
    assert main(["explore", "lab", "--port", port]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"tfgen: 127.0.0.1:{port}: Address already in use; choose another")
    assert main(["explore", "lab", "--port", "70000"]) == 2
    assert "A port is a number up to 65535" in capsys.readouterr().err


def test_the_command_serves_until_it_is_stopped(monkeypatch, capsys):
    def stop(self):
        assert "<title>tfgen lab</title>" in got(self, "/")[1]
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "wait", stop)
    assert main(["explore", "lab", "--port", "-1"]) == 0
    assert re.match(r"lab  http://127.0.0.1:\d+/\nStopped\.\n$", capsys.readouterr().out)


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "orjson"])
def test_without_the_extra_it_is_one_line(module):
    code = "from tfgen.cli.main import main\nsys.exit(main(['explore', 'lab', '--port', '-1']))"
    done = without(module, code)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"tfgen: {module} is not installed") and "'.[serving]'" in line
