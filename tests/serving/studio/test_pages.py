"""What the studio gives out."""

import json
import re
from pathlib import Path

import pytest

from tests.serving.clients import rest
from tfgen.serving import Options, Server, Studio

FOLDER = Path(__file__).parents[3] / "serving" / "studio"


def test_files_and_headers(studio):
    with rest(studio) as http:
        answer = http.get("/")
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        for text in (answer.body.decode(), *(path.read_text() for path in FOLDER.glob("*.js"))):
            for name in re.findall(r'"/(studio/[\w.]+)"', text):
                assert http.get(f"/{name}").status == 200
        assert http.get("/studio/main.js").headers["content-type"].startswith("text/javascript")
        assert http.get("/studio/models").json == {"models": ["painter", "plain", "twin"]}
        assert http.request("POST", "/studio/models", b"{}").status == 405


def test_the_manifest_gives_no_more_than_the_page_needs(studio):
    with rest(studio) as http:
        manifest = http.get("/studio/manifest/painter").json
    assert manifest["default"] == "generate" and manifest["class"] == "Painter"
    label = manifest["signatures"]["generate"]["inputs"]["label"]
    assert label["num_classes"] == 4 and label["class_names"] == ["sky", "sea", "sun", "sand"]
    table = manifest["signatures"]["caption"]["tokenizer"]
    assert table["length"] == 4
    assert list(table["tokens"]) == ["a", "red", "blue", "circle", "square"]
    assert not {"extra", "packages", "files", "model"} & set(manifest)


@pytest.mark.parametrize(
    "path",
    [
        "/studio/../app.py",
        "/studio/%2e%2e/app.py",
        "/studio/..%2fapp.py",
        "/studio/manifest/",
        "/studio/manifest/..%2f..%2fetc",
        "/studio/manifest/painter/../../x",
        "/studio/manifest/other",
        "/studio/",
        "/export.json",
        "/studio/manifest/painter%00",
    ],
)
def test_no_way_out(studio, path):
    with rest(studio) as http:
        answer = http.get(path)
    assert answer.status == 404 and "error" in answer.json


def test_a_saved_model_that_is_not_of_tfgen(models):
    options = Options(port=0, rest_api_port=-1, model_base_path=str(models / "half"))
    with Server(options, pages=Studio({"half": models / "half"})) as server, rest(server) as http:
        assert http.get("/studio/manifest/half").json == {}


def test_no_outside_addresses():
    for path in FOLDER.glob("*.*"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn|@import|eval\(|innerHTML", text), path


def test_what_the_manifest_says_about_a_model(tmp_path):
    record = {
        "version": 2,
        "model": {"class": "GAN", "config": {"secret": 1}, "step": 30},
        "files": {"1/a": {"bytes": 9}, "2/a": {"bytes": 5}, "2/b": {"bytes": 2}},
        "extra": {"data": {"name": "digits"}, "figures": [], "config": {"run": "x"}},
    }
    (tmp_path / "export.json").write_text(json.dumps(record))
    answer = Studio({"gan": tmp_path})._answer("GET", "/studio/manifest/gan")
    assert json.loads(answer.body) == {
        "version": 2,
        "class": "GAN",
        "about": {"step": 30, "bytes": 7, "data": {"name": "digits"}},
    }


def test_files_stay_small():
    for path in FOLDER.glob("*.js"):
        assert len(path.read_text().splitlines()) <= 250, path
