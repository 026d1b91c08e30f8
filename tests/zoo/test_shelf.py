"""The zoo as files: where it is, what its index says, and what is refused."""

import configparser
import shutil
from pathlib import Path

import pytest

import tfgen
from tfgen import files
from tfgen.cli import main as cli
from tfgen.zoo import shelf

ROOT = Path(__file__).parent.parent.parent
MOST = 40e6  # Bytes of the whole distribution.


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No clone and no installed zoo."""
    monkeypatch.setattr(shelf, "_CLONE", tmp_path / "none")
    monkeypatch.setattr(shelf, "PACKAGE", "tfgen_zoo_that_nobody_installed")


@pytest.fixture
def copy(monkeypatch, tmp_path):
    """A zoo of one model, which a test may break; and the model's name."""
    name = tfgen.zoo.names()[0]
    shutil.copytree(shelf.place() / name, tmp_path / "zoo" / name)
    shelf.write(tmp_path / "zoo", {name: tfgen.zoo.find(name)})
    monkeypatch.setattr(shelf, "_CLONE", tmp_path / "zoo")
    return name


def test_without_the_zoo_there_is_a_line_with_the_command(nowhere, capsys):
    with pytest.raises(FileNotFoundError, match="not installed.*`pip install ./zoo`"):
        tfgen.zoo.load("dcgan-mnist5k")
    for command in (["zoo", "list"], ["sample", "zoo:x"], ["serve", "zoo:x"]):
        assert cli.main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("tfgen: The zoo is not installed") and "pip install ./zoo" in line


def test_the_installed_package_is_found_without_a_clone(monkeypatch, tmp_path):
    known = tfgen.zoo.names()
    monkeypatch.setattr(shelf, "_CLONE", tmp_path / "none")
    monkeypatch.syspath_prepend(str(ROOT / "zoo"))
    assert tfgen.zoo.names() == known
    assert tfgen.zoo.find(known[0]).weights.is_file()


def test_every_file_is_packed():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "zoo" / "setup.cfg")
    package = ROOT / "zoo" / "tfgen_zoo"
    patterns = settings["options.package_data"]["tfgen_zoo"].split()
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    there = {p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert there - packed == {package / "__init__.py"}
    assert settings["options"]["packages"].split() == ["tfgen_zoo"]
    assert settings["metadata"]["version"] == tfgen.__version__
    assert sum(path.stat().st_size for path in there) < MOST


def test_a_changed_weight_file_is_refused(copy, capsys):
    path = tfgen.zoo.find(copy).weights
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"SHA-256 .* expected .* found: .* not loaded"):
        tfgen.zoo.load(copy)
    assert cli.main(["sample", f"zoo:{copy}"]) == 2
    assert "git checkout zoo" in capsys.readouterr().err
    path.unlink()
    with pytest.raises(FileNotFoundError, match="Install the zoo again"):
        tfgen.zoo.load(copy)


def test_a_damaged_index_is_said(copy):
    (shelf.place() / shelf.INDEX).write_text("{}")
    with pytest.raises(ValueError, match="is no index of a zoo"):
        tfgen.zoo.names()


def test_an_unknown_name_has_its_nearest():
    name = tfgen.zoo.names()[0]
    with pytest.raises(ValueError, match=f"Did you mean '{name}'.*`tfgen zoo list`"):
        tfgen.zoo.load(name + "x")


def test_a_checkpoint_of_the_zoo_is_refused(capsys):
    name = tfgen.zoo.names()[0]
    assert cli.main(["sample", f"zoo:{name}", "--checkpoint", "best"]) == 2
    assert "which has one state only" in capsys.readouterr().err


def test_the_list_names_them_all(capsys):
    assert cli.main(["zoo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == tfgen.zoo.names()


def test_what_the_index_says_is_there():
    for entry in shelf.entries():
        assert entry.model in tfgen.models.MODELS and entry.line and entry.license
        assert "(" in entry.data_license, "a licence and whose data they are"
        assert files.sha256(entry.weights) == entry.sha256
        card = (entry.folder / "README.md").read_text()
        assert entry.data_license in card and f'tfgen.zoo.load("{entry.name}")' in card
        assert (entry.folder / shelf.FIGURES).is_file()
    assert {p.parent.name for p in shelf.place().glob("*/config.yaml")} == set(tfgen.zoo.names())


def test_nothing_in_it_names_a_folder_of_the_machine_that_made_it():
    texts = [p for p in shelf.place().glob("*/*") if p.suffix in (".json", ".yaml", ".md")]
    for path in texts:
        text = path.read_text()
        assert "/root/" not in text and "/home/" not in text and '"host"' not in text, path


def test_readers_find_every_model():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in tfgen.zoo.names() if f"`zoo:{name}`" not in readme] == []
