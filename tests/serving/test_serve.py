"""`serve` and `tfgen serve`: what lies at a path, from the first line printed to Ctrl-C."""

import os
import shutil
import signal
import threading

import pytest

from tests.serving.clients import eventually, rest
from tfgen import serving
from tfgen.cli import main as cli
from tfgen.serving.foreground import run
from tfgen.serving.serve_path import found

ANY = {"port": -1, "rest_api_port": -1}
TEXT = """\
model: {name: gan, image_shape: [8, 8, 1], latent_dim: 4, generator_hidden: [8]}
data: {name: digits, batch_size: 256}
fit: {epochs: 1, verbose: 0}
"""


class Visit:
    """Runs while the server is up, then sends the signal that stops it."""

    def __init__(self, work, number=signal.SIGINT):
        self.work, self.number, self.result, self.error = work, number, None, None

    def __call__(self, server):
        threading.Thread(target=self._run, args=(server,)).start()

    def _run(self, server):
        try:
            with rest(server) as http:
                self.result = self.work(http)
        finally:
            os.kill(os.getpid(), self.number)


def test_an_export_folder(models):
    visit = Visit(lambda http: http.predict({"inputs": [2]}, "half").json)
    serving.serve(models / "half", on_ready=visit, **ANY)
    assert visit.result == {"outputs": [3.0]}


def test_a_folder_of_models(models):
    visit = Visit(lambda http: [http.get(f"/v1/models/{n}").status for n in ("m", "half", "x")])
    visit.number = signal.SIGTERM
    serving.serve(models, on_ready=visit, **ANY)
    assert visit.result == [200, 200, 404]


def test_models_that_appear_and_go(models, tmp_path, caplog):
    """In a folder with one model at first, and with none in between."""
    caplog.set_level("INFO", "tfgen.serving")
    shutil.copytree(models / "half", tmp_path / "first")
    studio, body = serving.Studio(found(tmp_path)), {"inputs": [0]}

    def work(http):
        def is_served(name, bias):
            return http.predict(body, name).json == {"outputs": [bias]}

        assert is_served("first", 2.0)
        copying = tmp_path / ".copying"
        shutil.copytree(models / "half" / "1", copying / "1")
        os.rename(copying, tmp_path / "second")
        eventually(lambda: is_served("second", 1.0))
        assert http.get("/studio/models").json == {"models": ["first", "second"]}
        (tmp_path / "broken" / "1").mkdir(parents=True)
        (tmp_path / "broken" / "1" / "saved_model.pb").write_bytes(b"")
        eventually(lambda: http.get("/v1/models/broken").status == 200)
        assert is_served("first", 2.0)
        for name in ("first", "second", "broken"):
            shutil.rmtree(tmp_path / name)
        eventually(lambda: http.predict(body, "first").status == 404)
        eventually(lambda: http.predict(body, "second").status == 404)
        eventually(lambda: http.get("/studio/models").json == {"models": []})
        shutil.copytree(models / "half", tmp_path / "first")
        eventually(lambda: is_served("first", 2.0))
        return True

    visit = Visit(work)
    serving.serve(tmp_path, on_ready=visit, pages=studio, on_models=studio.offer, **ANY)
    assert visit.result
    assert f"Model second has appeared in {tmp_path}: it is served now" in caplog.text
    assert f"Model second has gone from {tmp_path}: it is no longer served" in caplog.text


def test_tfgen_serve_has_metrics_and_cors(models, monkeypatch, capsys):
    def work(http):
        assert http.predict({"inputs": [2]}, "half").headers["access-control-allow-origin"] == "*"
        return http.get("/monitoring/prometheus/metrics").body.decode()

    visit = Visit(work)
    serve = serving.serve

    def visited(path, on_ready, **options):
        return serve(path, on_ready=lambda s: (on_ready(s), visit(s)), **options)

    monkeypatch.setattr(serving, "serve", visited, raising=False)
    arguments = ["--rest-port=-1", "--grpc-port=-1", "--metrics", "--cors"]
    assert cli.main(["serve", str(models / "half"), *arguments]) == 0
    assert ':tensorflow:serving:request_count{model_name="half",status="OK"} 1' in visit.result
    assert "/monitoring/prometheus/metrics" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("half/1", "is one SavedModel. Serve the folder above it"),
        ("half/1/variables", "has no SavedModels: expected <version>/saved_model.pb"),
        ("nope", "There is no folder"),
    ],
)
def test_nothing_to_serve(models, path, text, capsys):
    with pytest.raises(serving.Failure, match=text):
        serving.serve(models / path, **ANY)
    assert cli.main(["serve", str(models / path)]) == 2
    assert text in capsys.readouterr().err


def test_names_and_folders(models):
    assert found(models / "half") == {"half": models / "half"}
    assert found(models) == {"half": models / "half", "m": models / "m"}


def test_signal_handlers_are_put_back(models):
    before = signal.getsignal(signal.SIGINT)
    options = serving.Options(model_base_path=str(models / "half"), **ANY)
    run(options, on_ready=Visit(lambda http: None))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_ends_the_wait_for_a_first_version(tmp_path):
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    options = serving.Options(model_base_path=str(tmp_path / "later"), **ANY)
    run(options, on_ready=lambda server: pytest.fail("there is nothing to serve"))
    timer.join()


def test_tfgen_serve_exports_a_run_first(tmp_path, monkeypatch, capsys):
    config = tmp_path / "gan.yaml"
    config.write_text(TEXT)
    assert cli.main(["train", str(config), "--run", str(tmp_path / "my-run")]) == 0
    body = {"signature_name": "sample", "instances": [1, 2]}
    visit = Visit(lambda http: http.predict(body, "my-run").json)
    serve = serving.serve

    def visited(path, on_ready, **options):
        return serve(path, on_ready=lambda s: (on_ready(s), visit(s)), **options)

    monkeypatch.setattr(serving, "serve", visited, raising=False)
    arguments = ["--rest-port=-1", "--grpc-port=-1", "--batching"]
    assert cli.main(["serve", str(tmp_path / "my-run"), *arguments]) == 0
    assert len(visit.result["predictions"]) == 2
    assert "/v1/models/my-run" in capsys.readouterr().out
