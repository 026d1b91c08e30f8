"""The commands evaluate, report and compare, and the metrics of a config."""

import json
import re

import pytest

from tfgen.cli import main as cli

TEXT = """\
model: {name: gan, image_shape: [8, 8, 1], latent_dim: 4, generator_hidden: [8]}
data: {name: digits, batch_size: 256}
fit: {epochs: 2, verbose: 0}
metrics: [fid, {name: prdc, nearest: 3}]
evaluation: {samples: 150}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(config file, run folder) of a finished run."""
    folder = tmp_path_factory.mktemp("cli")
    config = folder / "gan.yaml"
    config.write_text(TEXT)
    assert cli.main(["train", str(config), "--run", str(folder / "run")]) == 0
    return config, folder / "run"


def figures(folder):
    return json.loads((folder / "evaluation.json").read_text())["figures"]


def refused(capsys, *arguments):
    capsys.readouterr()
    assert cli.main([str(a) for a in arguments]) == 2
    out, error = capsys.readouterr()
    assert error.startswith("tfgen: ") and "Traceback" not in error + out
    return error


def test_a_config_with_metrics_is_measured_when_training_ends(trained):
    names = [f["name"] for f in figures(trained[1])]
    assert names == [
        f"{name}(digits8)" for name in ("fid", "precision", "recall", "density", "coverage")
    ]
    stamp = figures(trained[1])[0]["stamp"]
    assert stamp["data"]["split"] == "test" and stamp["training"]["split"] == "train"
    assert stamp["samples"]["count"] == 150 and stamp["model"]["step"] == 10
    assert figures(trained[1])[1]["stamp"]["metric"]["nearest"] == 3


def test_a_finished_run_may_change_its_metrics(trained, capsys):
    config, folder = trained
    arguments = ["train", str(config), "--run", str(folder), "metrics=[kid]"]
    assert cli.main([*arguments, "evaluation.samples=60"]) == 0
    assert "finished: 2 epochs" in capsys.readouterr().out


def test_evaluate_prints_a_table_and_keeps_earlier_figures(trained, tmp_path, capsys):
    folder, before = trained[1], figures(trained[1])
    common = ["evaluate", str(folder), "--metrics", "fid,parzen", "--samples", "100"]
    assert cli.main([*common, "--json", str(tmp_path / "x.json"), "--seeds", "0-1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^fid\(digits8\) +[\d.]+ +\[[\d.]+, [\d.]+\]", out, re.MULTILINE), out
    assert "nats" in out and "digits, test, 500 pictures" in out and "seeds 0,1" in out
    assert len(figures(folder)) == len(before) + 2 and figures(folder)[: len(before)] == before
    written = json.loads((tmp_path / "x.json").read_text())["figures"]
    assert [f["name"] for f in written] == ["fid(digits8)", "parzen"] and len(
        written[0]["parts"]
    ) == 2
    assert cli.main([*common, "--seeds", "0-1"]) == 0
    assert len(figures(folder)) == len(before) + 2  # By the same protocol: in its place.


@pytest.mark.slow
def test_two_runs_give_an_interval_over_them(trained, tmp_path, capsys):
    other = tmp_path / "other"
    assert cli.main(["train", str(trained[0]), "--run", str(other), "seed=1", "metrics=[]"]) == 0
    both = [str(trained[1]), str(other)]
    assert cli.main(["evaluate", *both, "--metrics", "fid", "--samples", "80"]) == 0
    assert "t interval over 2 models" in capsys.readouterr().out
    picture = tmp_path / "both.png"
    assert cli.main(["compare", *both, "--out", str(picture)]) == 0
    assert "run" in capsys.readouterr().out.splitlines()[0] and picture.stat().st_size > 1000


def test_report_is_one_file_that_asks_for_nothing(trained, capsys):
    folder = trained[1]
    assert cli.main(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text()
    assert str(folder / "report.html") in capsys.readouterr().out
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert sources and all(s.startswith("data:image/png;base64,") for s in sources)
    assert "http://" not in page and "https://" not in page and "<script" not in page
    for text in (
        "gan on digits",
        "latent_dim: 4",
        "samples",
        "generator_loss",
        "fid",
        "pictures a",
    ):
        assert text in page, text
    # Pictures come first, then words; figures with their theory and all keys are folded.
    places = [page.index(text) for text in ("<img", "What the figures say", "of the samples lie")]
    places += [page.index(text) for text in ("<details>", "Training", "Every key")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metrics", "fidd"], "unknown name 'fidd'. Did you mean 'fid'"),
        (["--metrics", "nll"], "'nll' does not apply to GAN on 'digits': the model has no exact"),
        (["--split", "train"], "The model was trained on 100% of the pictures"),
        (["--split", "all", "--metrics", "fid"], "The model was trained on 72% of the pictures"),
        (["--split", "nowhere"], "has no split 'nowhere'"),
        (["--seeds", "x"], "--seeds 'x': expected a form"),
        (["--samples", "1"], "`samples` must be at least 2"),
        (["--features", "mnist28", "--metrics", "fid"], "takes pictures 28x28x1"),
        (["--resize"], "give both"),
        (
            ["--signature", "draw"],
            "The model has no signature 'draw' to draw samples by. Known: gen",
        ),
    ],
    ids=lambda a: " ".join(a) if isinstance(a, list) else "",
)
def test_evaluate_refuses(trained, capsys, arguments, message):
    before = figures(trained[1])
    assert message in refused(capsys, "evaluate", trained[1], *arguments)
    assert figures(trained[1]) == before


def test_seen_pictures_can_be_asked_for(trained, capsys):
    options = ["--split", "train", "--seen", "--metrics", "kid", "--samples", "60"]
    assert cli.main(["evaluate", str(trained[1]), *options]) == 0
    assert "trained on 100.0% of them" in capsys.readouterr().out


def test_a_feature_network_of_yours(trained, tmp_path, capsys):
    import keras

    image = keras.Input((8, 8, 1))
    hidden = keras.layers.Dense(3, name="hidden")(keras.layers.Flatten()(image))
    keras.Model(image, keras.layers.Dense(4, "softmax")(hidden)).save(tmp_path / "m.keras")
    network = ["--features", str(tmp_path / "m.keras"), "--layer", "hidden", "--range", "0,255"]
    arguments = ["evaluate", str(trained[1]), *network, "--metrics", "kid,is", "--samples", "60"]
    assert cli.main(arguments) == 0 and "m.keras" in capsys.readouterr().out
    last = figures(trained[1])[-1]
    assert last["name"] == "is_of_real(m)"  # A network's file, without its folders.
    stamp = last["stamp"]
    assert stamp["features"]["pixel_range"] == [0.0, 255.0] and stamp["pixel_range"] == [-1.0, 1.0]
    with pytest.raises(SystemExit):
        cli.main([*arguments, "--range", "255,0"])
    assert "invalid" in capsys.readouterr().err


def test_metrics_that_could_not_be_measured_stop_before_training(trained, tmp_path, capsys):
    config, folder = trained[0], tmp_path / "run"
    said = refused(capsys, "train", config, "--run", folder, "metrics=[nll]")
    assert "'nll' does not apply to GAN" in said and not folder.exists()
    said = refused(capsys, "train", config, "--run", folder, "evaluation.split=train")
    assert "trained on 100% of the pictures" in said and not folder.exists()


def test_folders_without_a_run_or_figures_are_named(tmp_path, capsys):
    assert "there is no run here" in refused(capsys, "evaluate", tmp_path)
    assert "there is no run here" in refused(capsys, "report", tmp_path)
    assert "nothing was measured" in refused(capsys, "compare", tmp_path)


def test_list_metrics(capsys):
    assert cli.main(["list", "metrics"]) == 0
    assert "fid " in capsys.readouterr().out
