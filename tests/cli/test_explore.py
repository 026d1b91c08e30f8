import importlib
import inspect
import json

import pytest

from tfgen.cli import main as cli
from tfgen.cli import options
from tfgen.explore.experiments import EXPERIMENTS, WITHOUT_TENSORFLOW


def test_every_experiment_has_a_page_of_help_and_is_public(capsys):
    (table,) = (a.choices for a in cli.parser()._actions if a.dest == "command")
    (experiments,) = (a.choices for a in table["explore"]._actions if a.dest == "experiment")
    assert list(experiments) == [*EXPERIMENTS, "lab"]
    assert set(WITHOUT_TENSORFLOW) <= set(EXPERIMENTS)
    public = importlib.import_module("tfgen.explore").__all__
    for name, home in EXPERIMENTS.items():
        said, function = options.read(home), home.rpartition(".")[2]
        assert function == name.replace("-", "_") and function in public
        assert said.first_line and {"seed", "progress"} <= set(said.arguments)
        assert all(a.help for a in said.arguments.values()), home
        assert "--out" in experiments[name].format_help()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_options_are_those_of_the_function(name):
    module, _, function = EXPERIMENTS[name].rpartition(".")
    real = inspect.signature(getattr(importlib.import_module(module), function)).parameters
    said = options.read(EXPERIMENTS[name]).arguments
    assert list(said) == list(real)
    for one in said.values():
        default = real[one.name].default
        assert one.optional == (default is not inspect.Parameter.empty)
        if isinstance(default, int | float | str | tuple):
            assert one.default == default


def test_an_experiment_without_a_run(tmp_path, capsys):
    arguments = ["explore", "transposed", "--side", "3", "--out", str(tmp_path / "x")]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out.splitlines()
    assert "3x3 becomes 7x7" in out[0] and out[-1] == str(tmp_path / "x" / "explored.json")
    content = json.loads((tmp_path / "x" / "explored.json").read_text())
    assert content["origin"]["command"].startswith("tfgen explore transposed --side 3")
    assert content["origin"]["runs"] == []


def test_bad_options(tmp_path, capsys):
    assert cli.main(["explore", "transposed", "--side", "9", "--out", str(tmp_path)]) == 2
    assert "`side` must be 1 to 4" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["explore", "transpose"])
    assert "Did you mean 'transposed'?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["explore", "transposed", "--sides", "3"])
    assert "did you mean --side?" in capsys.readouterr().err


def parsed(annotation, *words, default="None"):
    """What an option of this annotation makes of words."""
    import argparse
    import ast

    source = (
        f'def f(a: {annotation} = {default}):\n    """F.\n\n    Args:\n        a: What.\n    """'
    )
    function = options._function(ast.parse(source).body[0])
    parser = argparse.ArgumentParser(exit_on_error=False)
    function.arguments["a"].add(parser)
    return parser.parse_args(words).a


@pytest.mark.parametrize(
    "annotation, words, value",
    [
        ("int", ["--a", "3"], 3),
        ("float | None", ["--a", "0.5"], 0.5),
        ("bool", ["--no-a"], False),
        ("Sequence[int]", ["--a", "0-2,7"], [0, 1, 2, 7]),
        ("Sequence[float]", ["--a", "0.5,2"], [0.5, 2.0]),
        ("Sequence[str] | None", ["--a", "x,y"], ["x", "y"]),
        ("Literal['x', 'y']", ["--a", "y"], "y"),
        (
            "Mapping[str, Sequence[str]]",
            ["--a", "k=1,5", "loss=minimax"],
            {"k": ["1", "5"], "loss": ["minimax"]},
        ),
        ("str", [], None),
    ],
)
def test_annotations_as_options(annotation, words, value):
    assert parsed(annotation, *words) == value


def test_an_annotation_that_is_no_option():
    with pytest.raises(LookupError, match="no option stands for 'object'"):
        parsed("object")


def test_a_model_of_the_zoo_is_explored(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explore", "stages", "zoo:progan-digits"]) == 0
    content = json.loads((tmp_path / "explore" / "stages" / "explored.json").read_text())
    assert content["origin"]["runs"] == ["zoo:progan-digits"]
    assert capsys.readouterr().out.startswith(content["says"])


def test_a_model_for_which_it_makes_no_sense(capsys):
    assert cli.main(["explore", "assemble", "zoo:gan-digits"]) == 2
    said = capsys.readouterr().err
    assert "explore assemble: it makes no sense for GAN: it puts no patches together" in said
