"""Runs whose disk, memory, terminal or files fail them; and runs that go on otherwise."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest

import tfgen
from tfgen.training import checkpoints, config, record, run, weight_files
from tfgen.training.config import ConfigError
from tfgen.training.errors import Interrupted, TrainingError

TEXT = """\
model: {name: gan, image_shape: [8, 8, 1], latent_dim: 4, generator_hidden: [8],
  discriminator_hidden: [8]}
data: {name: digits, batch_size: 128}
compile: {run_eagerly: true}
fit: {epochs: 2, verbose: 0}
run: {checkpoint_steps: 5, sample_epochs: null}
"""
EVALUATING = (
    "model: {name: vae, image_shape: [8, 8, 1], latent_dim: 2, hidden: [8]}\n"
    "data: {name: digits, batch_size: 128, binarize: stochastic}\n"
    "compile:\n"
    "  run_eagerly: true\n"
    "  optimizer: {name: adam, learning_rate: 1.0e-2, use_ema: true, ema_momentum: 0.9}\n"
    "fit: {epochs: 2, verbose: 0}\n"
    "run: {validation: test, best: val_negative_elbo, sample_epochs: null}\n"
)


def silent(line):
    pass


DEEP = pytest.param("[" * 100_000, id="deep")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "gan.yaml"
    path.write_text(TEXT)
    return lambda *overrides: config.load(path, overrides)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    return run.train(settings(), tmp_path_factory.mktemp("whole") / "run", silent)


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole.folder, tmp_path / "run")


def state(model):
    return [checkpoints.array(v) for v in checkpoints.variables(model)]


def assert_identical(one, other):
    for a, b in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_full_disk_is_an_error_and_not_the_end_of_the_process(settings, tmp_path):
    """No file may grow past the second checkpoint's first half: HDF5 would crash at that."""
    folder, yaml = tmp_path / "run", tmp_path / "gan.yaml"
    yaml.write_text(TEXT)
    first = run.train(settings("fit.epochs=1"), folder, silent)
    largest = (folder / "checkpoints" / weight_files.name(first.step)).stat().st_size // 2
    command = [sys.executable, "-m", "tfgen", "train", str(yaml), "--run", str(folder)]
    done = subprocess.run(
        command,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, (done.returncode, done.stderr)
    (line,) = done.stderr.strip().splitlines()
    assert "step-00000015.weights.h5" in line and "File too large" in line
    assert line.endswith("The last good checkpoint is step 10; it is kept.")
    assert not list(folder.rglob(".unfinished*"))
    assert run.train(settings(), folder, silent).step == 20


def test_a_weight_file_holds_its_line_of_the_index(whole):
    store = checkpoints.Checkpoints(whole.folder / "checkpoints")
    for entry in store.entries:
        assert weight_files.entry(store.folder / entry["file"]) == entry


@pytest.mark.parametrize(
    "text", [None, "", '{"checkpoints": [', '{"checkpoints": [{}]}', "[]", DEEP]
)
def test_a_lost_index_is_made_again(settings, whole, copy, text):
    index = copy / "checkpoints/index.json"
    before = json.loads(index.read_text())
    index.unlink()
    if text is not None:
        index.write_text(text)
    with pytest.warns(UserWarning, match=r"index.json: .* made again from the 3 weight files"):
        done = run.train(settings(), copy, silent)
    assert done.step == 20
    assert json.loads(index.read_text()) == before
    assert_identical(done.model, whole.model)


def test_a_lost_index_passes_over_a_damaged_file(settings, whole, copy):
    path = copy / "checkpoints" / weight_files.name(20)
    path.write_bytes(path.read_bytes()[:1000])
    (copy / "checkpoints/index.json").unlink()
    with pytest.warns(UserWarning) as caught:
        done = run.train(settings(), copy, silent)
    said = " ".join(str(w.message) for w in caught)
    assert "step-00000020.weights.h5 is damaged" in said and "Using step 15" in said
    assert_identical(done.model, whole.model)


@pytest.mark.parametrize("name", ["checkpoints", "tensorboard", "samples"])
def test_a_file_in_place_of_a_folder_is_named(settings, copy, name):
    shutil.rmtree(copy / name, ignore_errors=True)
    (copy / name).write_text("")
    with pytest.raises(ConfigError, match=f"{name}: is a file, where a run has a folder"):
        run.train(settings("fit.epochs=3"), copy, silent)


@pytest.mark.parametrize("name", ["config.yaml", "run.json", "metrics.jsonl", "lock"])
def test_a_folder_in_place_of_a_file_is_named(settings, copy, name):
    (copy / name).unlink(missing_ok=True)
    (copy / name).mkdir()
    with pytest.raises(ConfigError, match=f"{name}: is a folder, where a run has a file"):
        run.train(settings("fit.epochs=3"), copy, silent)


def test_an_index_that_lists_none_does_not_cost_the_weights(settings, whole, copy):
    (copy / "checkpoints/index.json").write_text('{"best": null, "checkpoints": []}')
    with pytest.warns(UserWarning, match="it lists none. It is made again from the 3 weight files"):
        done = run.train(settings(), copy, silent)
    assert done.step == 20
    assert_identical(done.model, whole.model)


def test_an_index_without_weight_files_is_named(settings, copy):
    for path in (copy / "checkpoints").glob("step-*"):
        path.unlink()
    (copy / "checkpoints/index.json").write_text("")
    with pytest.raises(ValueError, match="index.json: it is damaged.*no weight files beside it"):
        run.train(settings(), copy, silent)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"seed": 0}', DEEP])
def test_a_damaged_note_is_named_and_the_weights_are_used(settings, copy, text):
    note = copy / "run.json"
    note.unlink()
    if text is not None:
        note.write_text(text)
    with pytest.raises(ValueError, match=r"run.json is (missing|damaged)"):
        record.read(copy)
    with pytest.warns(UserWarning, match="run.json is missing or damaged: it is written anew"):
        done = run.train(settings("fit.epochs=3"), copy, silent)
    assert done.step == 30 and record.read(copy)["starts"][0]["step"] == 20
    kept = copy / "run.json.damaged"
    assert kept.read_text() == text if text is not None else not kept.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data", None),
        ("data", {"fingerprint": 5}),
        ("data", {"fingerprint": "", "class_names": 5}),
        ("starts", "x"),
        ("starts", []),
        ("starts", [{}]),
        ("steps_per_epoch", "six"),
        ("steps_per_epoch", 0),
        ("shift", None),
    ],
)
def test_a_note_with_odd_values_is_a_damaged_one(copy, key, value):
    note = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**note, key: value}))
    with pytest.raises(ValueError, match=f"run.json is damaged: `{key}.*` is none"):
        record.read(copy)
    assert record.read(copy, strict=False) == {}
    assert run.load(copy).sample([0]).shape == (1, 8, 8, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step", "six"),
        ("file", "../checkpoints/step-00000020.weights.h5"),
        ("file", None),
        ("values", 3),
        ("sha256", 5),
    ],
)
def test_an_index_with_odd_values_is_made_again(copy, key, value):
    path = copy / "checkpoints/index.json"
    index = json.loads(path.read_text())
    index["checkpoints"][-1][key] = value
    path.write_text(json.dumps(index))
    with pytest.warns(UserWarning, match="an entry lacks fields, or has others.* made again"):
        store = checkpoints.Checkpoints(path.parent)
    assert store.last_step == 20


def test_damaged_lines_of_metrics_are_named_and_kept(settings, copy):
    path = copy / "metrics.jsonl"
    path.write_bytes(
        b"\xff\xfe\n" + path.read_bytes() + b'5\n{"step": 9}\n{"step": 2' + b"[" * 100_000
    )
    with pytest.warns(UserWarning, match="metrics.jsonl: lines 1, 4, 5 cannot be read"):
        found = record.lines(path)
    assert [line["step"] for line in found] == [10, 20]
    before = path.read_bytes()
    with pytest.warns(UserWarning, match="kept as metrics.jsonl.damaged"):
        done = run.train(settings("fit.epochs=3"), copy, silent)
    assert [line["step"] for line in done.metrics] == [10, 20, 30]
    assert (copy / "metrics.jsonl.damaged").read_bytes() == before


def test_lost_metrics_and_lost_checkpoints_are_said(settings, copy):
    (copy / "metrics.jsonl").write_text("")
    said = []
    run.train(settings("fit.epochs=3"), copy, said.append)
    assert any("metrics.jsonl: is missing or empty" in line for line in said)
    shutil.rmtree(copy / "checkpoints")
    said.clear()
    run.train(settings("fit.epochs=1"), copy, said.append)
    assert any("there is no checkpoint" in line for line in said)


def test_hangup_saves(settings, tmp_path, terminal):
    folder = tmp_path / "run"
    terminal(signal.SIGHUP, folder / "checkpoints/index.json")
    with pytest.raises(Interrupted, match="which is saved") as caught:
        run.train(settings("fit.epochs=100000"), folder, silent)
    assert caught.value.signal == signal.SIGHUP
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_hangup_that_nohup_ignores_stays_ignored(settings, tmp_path):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGHUP)).start()
        assert run.train(settings(), tmp_path / "run", silent).step == 20
    finally:
        signal.signal(signal.SIGHUP, former)


@pytest.mark.parametrize("start", [run.dry_run, lambda s: run.train(s, "never", silent)])
def test_out_of_memory_while_building_is_one_line(settings, start):
    wide = settings("model.generator_hidden=[1000000, 1000000000]")
    with pytest.raises(TrainingError, match="out of memory.* Use a smaller model") as caught:
        start(wide)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["folder:{}", "captions:{}", "pairs:A=folder:{},B=digits"])
def test_a_run_among_its_pictures_is_refused(settings, tmp_path, name):
    (tmp_path / "pictures").mkdir()
    asked = settings(f"data.name={name.format(tmp_path / 'pictures')!r}")
    for folder in (tmp_path / "pictures" / "runs" / "gan", tmp_path / "pictures"):
        with pytest.raises(ConfigError, match="the run folder lies inside the pictures"):
            run.train(asked, folder, silent)
    assert not (tmp_path / "pictures" / "runs").exists()


@pytest.mark.slow
def test_validation_best_and_evaluate_speak_of_the_averages(tmp_path):
    (tmp_path / "vae.yaml").write_text(EVALUATING)
    done = run.train(config.load(tmp_path / "vae.yaml"), tmp_path / "run", silent)
    reported = done.metrics[-1]["val_negative_elbo"]
    stream = tfgen.data.load("digits", "test", batch_size=128, binarize="stochastic", seed=0)
    test = stream.from_step(0).take(stream.steps_per_epoch)  # The same at every iteration.
    before = state(done.model)

    def measured(evaluate, *model):
        return evaluate(*model, test, return_dict=True, verbose=0)["negative_elbo"]

    assert measured(run.load(done.folder).evaluate) == pytest.approx(reported, rel=1e-6)
    with done.model.averaged():
        assert measured(done.model.evaluate) == pytest.approx(reported, rel=1e-6)
    for a, b in zip(before, state(done.model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert measured(keras.Model.evaluate, done.model) != pytest.approx(reported, rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        "run.keep=9",
        "run.sample_seeds=3",
        "run.checkpoint_steps=null",
        "run.best=generator_loss",
        "fit.verbose=2",
    ],
)
def test_what_touches_no_weight_may_change(settings, copy, change):
    done = run.train(settings("fit.epochs=3", change), copy, silent)
    changes = record.read(copy)["starts"][-1]["changes"]
    assert done.step == 30 and any(line.startswith(change.partition("=")[0]) for line in changes)


def test_a_rate_changes_with_the_flag_only(settings, copy, tmp_path):
    rate = "compile.generator_optimizer={name: sgd, learning_rate: 1.0e-3}"
    folder = tmp_path / "sgd"
    run.train(settings("fit.epochs=1", rate), folder, silent)
    faster = settings("fit.epochs=2", rate.replace("e-3", "e-2"))
    with pytest.raises(ConfigError, match=r"accept it \(--accept-changes\)"):
        run.train(faster, folder, silent)
    done = run.train(faster, folder, silent, accept_changes=True)
    assert float(done.model.generator_optimizer.learning_rate) == pytest.approx(1e-2)
    start = record.read(folder)["starts"][-1]
    assert (
        "compile.generator_optimizer.learning_rate: 0.001 -> 0.01" in start["changes"]
    ) and start["step"] == 10
    assert run.train(faster, folder, silent).step == 20


@pytest.mark.slow
def test_batch_size_changes_with_the_flag_and_keeps_the_place(settings, copy):
    smaller = settings("data.batch_size=64", "fit.epochs=3")
    with pytest.raises(ConfigError, match="data.batch_size: 128 -> 64"):
        run.train(smaller, copy, silent)
    said = []
    done = run.train(smaller, copy, said.append, accept_changes=True)
    assert "continuing from step 20 (epoch 2.00 of 3)" in said[0]
    assert done.step == 20 + 20 and done.metrics[-1]["epoch"] == 3
    said.clear()
    again = run.train(settings("data.batch_size=64", "fit.epochs=4"), copy, said.append)
    assert again.step == 60 and [line["epoch"] for line in again.metrics] == [1, 2, 3, 4]


def test_another_model_is_refused_with_the_flag_too(settings, copy):
    for change in ("model.latent_dim=9", "seed=1", "data.split=all"):
        with pytest.raises(ConfigError, match="another config. Give another folder, or undo"):
            run.train(settings(change), copy, silent, accept_changes=True)


def test_an_edited_config_in_the_folder_is_noticed(settings, copy):
    path = copy / "config.yaml"
    path.write_text(path.read_text().replace("batch_size: 128", "batch_size: 64"))
    with pytest.raises(ConfigError, match="data.batch_size: 128 -> 64"):
        run.train(config.load(path), copy, silent)
    with pytest.warns(UserWarning, match="config.yaml was edited since the run wrote it"):
        run.load(copy)
    assert run.train(settings("fit.epochs=3"), copy, silent).step == 30
    assert run.read(copy).data["batch_size"] == 128
