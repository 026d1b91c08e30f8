"""push and pull by the client of the Hub, against a local stand-in."""

import json

import pytest

from tests.export.hub_stand_in import Hub
from tests.reports.test_reports import NOTE, RECORD, figure
from tfgen.cli import main as cli
from tfgen.export import hub
from tfgen.reports import card


@pytest.fixture
def standing(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with Hub() as one:
        yield one


@pytest.fixture
def export(tmp_path):
    folder = tmp_path / "export"
    (folder / "2" / "variables").mkdir(parents=True)
    (folder / "2" / "variables" / "data").write_bytes(bytes(range(256)) * 40)
    (folder / "export.json").write_text(json.dumps(RECORD))
    (folder / "README.md").write_text(card.text(RECORD, NOTE, [figure()], "apache-2.0"))
    return folder


def test_an_export_comes_back_as_it_went(standing, export, tmp_path):
    url = hub.push(export, "me/digits", endpoint=standing.address)
    assert url.startswith(f"{standing.address}/me/digits/commit/")
    assert standing.messages == ["GAN at step 40"]
    sent = {str(p.relative_to(export)) for p in export.rglob("*") if p.is_file()}
    assert set(standing.repos["me/digits"]) == sent
    back = hub.pull("me/digits", tmp_path / "deep" / "back", endpoint=standing.address)
    for name in sent:
        assert (back / name).read_bytes() == (export / name).read_bytes()
    assert {str(p.relative_to(back)) for p in back.rglob("*") if p.is_file()} == sent
    with pytest.raises(FileExistsError, match="exists. Give another --to"):
        hub.pull("me/digits", back, endpoint=standing.address)


def test_what_cannot_be_pushed_is_said_in_one_line(standing, export, tmp_path):
    with pytest.raises(ValueError, match="there is no export here.*tfgen export RUN --to"):
        hub.push(tmp_path, "me/digits", endpoint=standing.address)
    with pytest.raises(ValueError, match="me/di gits: the Hub did not take"):
        hub.push(export, "me/di gits", endpoint=standing.address)
    standing.denied = True
    with pytest.raises(ValueError, match=r"Log in with `hf auth login`, or set HF_TOKEN\.$"):
        hub.push(export, "me/digits", endpoint=standing.address)
    (export / "README.md").write_text("# mine\n")
    with pytest.raises(ValueError, match="no front matter"):
        hub.push(export, "me/digits", endpoint=standing.address)
    (export / "README.md").unlink()
    with pytest.raises(ValueError, match="README.md: is missing"):
        hub.push(export, "me/digits", endpoint=standing.address)


def test_what_cannot_be_pulled_leaves_no_folder(standing, tmp_path):
    to = tmp_path / "x"
    with pytest.raises(ValueError, match="me/none: cannot be downloaded"):
        hub.pull("me/none", to, endpoint=standing.address)
    standing.repos["me/other"] = {"README.md": b"another thing"}
    with pytest.raises(ValueError, match="me/other: holds no export of tfgen"):
        hub.pull("me/other", to, endpoint=standing.address)
    assert not to.exists() and not list(tmp_path.glob(".pull-*"))


def test_a_hub_that_is_not_there(export, capsys, monkeypatch):
    with pytest.raises(ConnectionError, match="the Hub cannot be reached"):
        hub.push(export, "me/digits", endpoint="http://127.0.0.1:9")
    assert cli.main(["push", str(export.parent), "me/digits"]) == 2
    assert capsys.readouterr().err.startswith(f"tfgen: {export.parent}: there is no export here")
