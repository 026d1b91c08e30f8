"""Runs on digits with a GAN of a few thousand weights."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import files, optimizers
from tfgen.training import checkpoints, config, run
from tfgen.training.config import ConfigError
from tfgen.training.errors import Interrupted, TrainingError

# Dropout, moving averages and a schedule: whatever a resume could forget.
TEXT = """\
seed: 5
model:
  name: gan
  image_shape: [8, 8, 1]
  latent_dim: 4
  generator_hidden: [8]
  discriminator_hidden: [8]
data: {name: digits, batch_size: 128, flip: true}
compile:
  generator_optimizer:
    name: adam
    learning_rate: {name: cosine_decay, initial_learning_rate: 1.0e-3, decay_steps: 500}
    use_ema: true
fit: {epochs: 3, verbose: 0}
run: {checkpoint_steps: 3, sample_epochs: null}
"""
STEPS = 10  # 1,297 training digits in batches of 128.


PLAYERS = ("generator", "discriminator")


def silent(line):
    pass


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "gan.yaml"
    path.write_text(TEXT)
    return lambda *overrides: config.load(path, overrides)


def state(model):
    """Every number that training depends on."""
    return [checkpoints.array(v) for v in checkpoints.variables(model)]


def assert_identical(a, b):
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def values(folder):
    """The lines of metrics.jsonl without what the clock says."""
    clock = ("seconds", "images_per_second")
    return [{k: v for k, v in line.items() if k not in clock} for line in lines(folder)]


def damage(folder, step):
    path = folder / "checkpoints" / f"step-{step:08d}.weights.h5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


class Stop(Exception):
    pass


def stop_at(monkeypatch, step, error):
    """Training dies with `error` at the end of this step, before anything is saved."""
    from tfgen.training.callbacks import Guard

    original = Guard.on_train_batch_end

    def fail(self, batch, logs=None):
        original(self, batch, logs)
        if batch is not None and checkpoints.taken(self.model) == step:
            monkeypatch.setattr(Guard, "on_train_batch_end", original)
            raise error

    monkeypatch.setattr(Guard, "on_train_batch_end", fail)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run of TEXT, left alone."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "gan.yaml").write_text(TEXT)
    return run.train(config.load(folder / "gan.yaml"), folder / "run", silent)


def test_the_doctor_looks_on_and_can_end_a_run(settings, tmp_path):
    still = [f"compile.{p}_optimizer={{name: sgd, learning_rate: 0.0}}" for p in PLAYERS]
    eager = ["compile.run_eagerly=true", "data.batch_size=600", "fit.epochs=5"]
    said = []
    with pytest.raises(TrainingError, match="step 6: stopped by run.doctor_stop. The last good"):
        one = settings(*still, *eager, "run.doctor_stop=[dead_player]")
        run.train(one, tmp_path / "run", said.append)
    (line,) = [line for line in said if "weights of the generator have not moved" in line]
    assert line.startswith("doctor, step 6: ") and "Try: a learning rate above 0" in line
    last = lines(tmp_path / "run")[-1]
    assert last["doctor"]["actions"] == ["training stopped"] and last["doctor/diversity"] > 0
    assert {"real_probability", "fake_probability", "real_loss", "fake_loss"} <= last.keys()
    run.train(
        settings(*eager[:2], "fit.epochs=1", "run.doctor_epochs=null"), tmp_path / "b", silent
    )
    assert not [key for key in lines(tmp_path / "b")[-1] if key.startswith("doctor")]


def test_folder_of_a_run(settings, tmp_path):
    done = run.train(
        settings("run.sample_epochs=2", "run.sample_seeds=5", "run.keep=2", "fit.epochs=4"),
        tmp_path / "run",
        silent,
    )
    assert (done.step, done.epochs) == (40, 4) and len(done.metrics) == 4
    folder = done.folder
    assert config.load(folder / "config.yaml").fit["epochs"] == 4
    note = json.loads((folder / "run.json").read_text())
    assert note["data"]["size"] == 1297 and len(note["data"]["fingerprint"]) == 64
    assert note["model"]["parameters"]["generator"] == 4 * 8 + 8 + 8 * 64 + 64
    assert note["starts"][0]["versions"]["tensorflow"] == tf.__version__
    grids = sorted(p.name for p in (folder / "samples").iterdir())
    assert grids == ["epoch-0002.png", "epoch-0004.png"]
    index = json.loads((folder / "checkpoints/index.json").read_text())
    assert [e["step"] for e in index["checkpoints"]] == [39, 40]
    stored = {p.name for p in (folder / "checkpoints").iterdir()}
    assert stored == {"index.json", *(e["file"] for e in index["checkpoints"])}
    assert [line["epoch"] for line in lines(folder)] == [1, 2, 3, 4]
    assert lines(folder)[-1]["discriminator_loss"] > 0
    events = tags(folder)
    assert {"discriminator_loss", "images_per_second", "samples"} <= events
    assert not (folder / "lock").exists()


def tags(folder):
    found = set()
    for path in (folder / "tensorboard").iterdir():
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found |= {value.tag for value in event.summary.value}
    return found


def stored(folder):
    """Name -> every number of the newest checkpoint: weights, slots, averages, step."""
    last = json.loads((folder / "checkpoints/index.json").read_text())["checkpoints"][-1]
    numbers = {}
    with h5py.File(folder / "checkpoints" / last["file"]) as file:
        file.visititems(
            lambda name, item: numbers.update({name: item[()]} if hasattr(item, "dtype") else {})
        )
    return last["step"], numbers


@pytest.mark.slow
def test_kill_and_continue_is_bit_identical(settings, tmp_path):
    """SIGKILL at a random step, against a run that was left alone.

    All three are processes of their own: the order in which TensorFlow's graph optimiser adds the
    terms of a loss goes by the names of its nodes, which count up within a process.
    """

    def started(folder):
        return subprocess.Popen(
            [sys.executable, "-m", "tfgen", "train", str(tmp_path / "gan.yaml")]
            + ["--run", str(folder), "fit.epochs=30", "run.checkpoint_steps=7"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    settings()
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    process = started(folder)
    index, target = folder / "checkpoints/index.json", random.randint(1, 200)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if index.exists() and json.loads(index.read_text())["checkpoints"][-1]["step"] >= target:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    killed_at = json.loads(index.read_text())["checkpoints"][-1]["step"]
    assert target <= killed_at < 30 * STEPS

    both = [started(folder), started(whole)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert f"continuing from step {killed_at} " in said[0]
    (step, done), (last, left_alone) = stored(folder), stored(whole)
    assert step == last == 300
    assert done.keys() == left_alone.keys() and len(done) > 20
    for name in done:
        np.testing.assert_array_equal(done[name], left_alone[name], name)
    assert values(folder) == values(whole)
    assert not list(folder.rglob(".unfinished*"))


@pytest.mark.parametrize("step", [STEPS + 4, 2 * STEPS])
def test_dying_in_an_epoch_is_made_good(settings, whole, tmp_path, monkeypatch, step):
    stop_at(monkeypatch, step, Stop())
    with pytest.raises(Stop):
        run.train(settings(), tmp_path / "run", silent)
    done = run.train(settings(), tmp_path / "run", silent)
    assert_identical(state(done.model), state(whole.model))
    assert values(done.folder) == values(whole.folder)


def test_several_steps_in_one_execution_are_the_same_steps(settings, whole, tmp_path, monkeypatch):
    several, folder = settings("compile.steps_per_execution=5"), tmp_path / "run"
    stop_at(monkeypatch, STEPS + 4, Stop())
    with pytest.raises(Stop):
        run.train(settings(), folder, silent)
    assert checkpoints.taken(run.load(folder)) == 12  # No multiple of 5 is left of the epoch.
    done = run.train(several, folder, silent, accept_changes=True)
    assert_identical(state(done.model), state(whole.model))
    assert values(folder) == values(whole.folder)
    # Checkpoints of steps come at the end of an execution.
    index = json.loads((folder / "checkpoints/index.json").read_text())
    assert [e["step"] for e in index["checkpoints"]] == [20, 25, 30]
    with pytest.raises(ConfigError, match="4 does not divide the 10 steps.*: 1, 2, 5, 10"):
        run.train(settings("compile.steps_per_execution=4"), tmp_path / "odd", silent)


def test_killed_between_metrics_and_checkpoint_writes_no_line_twice(
    settings, tmp_path, monkeypatch
):
    def fail(self, epoch, logs=None):
        raise Stop

    from tfgen.training.callbacks import Saver

    with monkeypatch.context() as patch:
        patch.setattr(Saver, "on_epoch_end", fail)
        with pytest.raises(Stop):
            run.train(settings(), tmp_path / "run", silent)
    with open(tmp_path / "run/metrics.jsonl", "a") as file:
        file.write('{"step": 20, "ep')  # A process killed in the middle of a line.
    done = run.train(settings(), tmp_path / "run", silent)
    assert [line["step"] for line in lines(done.folder)] == [10, 20, 30]


def test_ctrl_c_saves_and_continues(settings, tmp_path, terminal):
    folder = tmp_path / "run"
    before = signal.getsignal(signal.SIGINT)
    terminal(signal.SIGINT, folder / "checkpoints/index.json")
    with pytest.raises(Interrupted, match="which is saved") as caught:
        run.train(settings("fit.epochs=100000"), folder, silent)
    assert caught.value.signal == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before
    step = checkpoints.taken(run.load(folder))
    assert (
        step
        == json.loads((folder / "checkpoints/index.json").read_text())["checkpoints"][-1]["step"]
    )

    epochs = step // STEPS + 2
    done = run.train(settings(f"fit.epochs={epochs}"), folder, silent)
    assert done.step == epochs * STEPS
    whole = run.train(settings(f"fit.epochs={epochs}"), tmp_path / "whole", silent)
    assert_identical(state(done.model), state(whole.model))


def test_full_disk_keeps_what_there_is(settings, whole, tmp_path, monkeypatch):
    original, folder = files.write, tmp_path / "run"

    def full(path, produce):
        if path.name == "step-00000012.weights.h5":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        original(path, produce)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", full)
        with pytest.raises(TrainingError, match="No space left.*last good checkpoint is step 10"):
            run.train(settings(), folder, silent)
    assert checkpoints.taken(run.load(folder)) == 10
    done = run.train(settings(), folder, silent)
    assert_identical(state(done.model), state(whole.model))
    assert values(folder) == values(whole.folder)


def test_a_file_is_complete_or_absent(tmp_path):
    path = tmp_path / "file.txt"
    files.write_text(path, "old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        files.write(path, fail)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_finished_run_says_so_and_more_epochs_go_on(settings, tmp_path):
    folder, said = tmp_path / "run", []
    first = run.train(settings("fit.epochs=1"), folder, silent)
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    again = run.train(settings("fit.epochs=1"), folder, said.append)
    assert "finished: 1 epochs, 10 steps. Raise fit.epochs" in said[0]
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} == before
    assert_identical(state(first.model), state(again.model))
    more = run.train(settings("fit.epochs=2"), folder, silent)
    assert more.step == 20 and config.load(folder / "config.yaml").fit["epochs"] == 2
    assert len(json.loads((folder / "run.json").read_text())["starts"]) == 2


def test_another_config_is_refused_key_by_key(settings, whole):
    folder = whole.folder
    with pytest.raises(ConfigError) as caught:
        run.train(settings("model.latent_dim=9", "data.flip=false", "fit.epochs=9"), folder, silent)
    assert "model.latent_dim: 4 -> 9" in str(caught.value)
    assert "data.flip: True -> False" in str(caught.value)
    assert "epochs" not in str(caught.value)


def test_a_folder_of_other_things_is_refused(settings, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"is not empty and no run \(it holds .*thesis"):
        run.train(settings(), tmp_path, silent)


def test_changed_data_is_refused(settings, whole, tmp_path):
    folder = shutil.copytree(whole.folder, tmp_path / "run")
    note = json.loads((folder / "run.json").read_text())
    note["data"]["fingerprint"] = "0" * 64
    (folder / "run.json").write_text(json.dumps(note))
    with pytest.raises(ValueError, match="the data set has changed since the run began"):
        run.train(settings("fit.epochs=4"), folder, silent)


def test_two_processes_cannot_share_a_folder(settings, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with files.lock(folder):
        with pytest.raises(ValueError, match=f"process {os.getpid()} is training into this folder"):
            run.train(settings(), folder, silent)
    (folder / "lock").write_text("999999")  # What a killed process leaves.
    assert run.train(settings("fit.epochs=1"), folder, silent).step == STEPS


def test_non_finite_loss_names_step_and_term(settings, tmp_path):
    folder = tmp_path / "run"
    wild = settings("compile.discriminator_optimizer={name: sgd, learning_rate: 1.0e+38}")
    with pytest.raises(TrainingError, match=r"step \d+: \w+_loss is (nan|inf|-inf)\."):
        run.train(wild, folder, silent)
    assert run.record.lines(folder / "metrics.jsonl") == []


def test_weights_that_are_not_finite_are_not_saved(whole):
    model = run.load(whole.folder)
    store = checkpoints.Checkpoints(whole.folder / "checkpoints")
    model.step.assign(99)
    weight = model.generator.weights[0]
    weight.assign(np.full(weight.shape, np.nan))
    assert store.save(model, 9) is False
    assert store.last_step == 30 and len(store.entries) == 3


def test_truncated_checkpoint_falls_back(settings, whole, tmp_path):
    folder = shutil.copytree(whole.folder, tmp_path / "run")
    damage(folder, 30)
    with pytest.warns(UserWarning, match="step-00000030.* is damaged .* Using step 27 instead"):
        assert checkpoints.taken(run.load(folder)) == 27
    with pytest.raises(ValueError, match="No checkpoint can be read"):
        run.load(folder, 30)
    with pytest.warns(UserWarning, match="Using step 27 instead"):
        done = run.train(settings(), folder, silent)
    assert_identical(state(done.model), state(whole.model))
    for step in (30, 27, 24):
        damage(folder, step)
    with pytest.raises(ValueError, match="No checkpoint can be read.*00000030.*00000024"):
        run.load(folder)


def test_best_checkpoint_outlives_the_last_ones(settings, tmp_path):
    changes = ("run.best=generator_loss", "run.best_mode=max", "run.keep=1", "fit.epochs=4")
    done = run.train(settings(*changes), tmp_path / "run", silent)
    best = max(done.metrics, key=lambda line: line["generator_loss"])
    assert checkpoints.taken(run.load(done.folder, "best")) == best["step"]
    assert checkpoints.taken(run.load(done.folder)) == 40
    with pytest.raises(ValueError, match="no checkpoint 7.*last, best"):
        run.load(done.folder, 7)


def test_best_must_be_reported(settings, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'generator_loss'"):
        run.train(settings("run.best=generatorloss"), tmp_path / "run", silent)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="run.validation: model 'gan' has no test_step"):
        run.train(settings("run.validation=test"), tmp_path / "run", silent)


def test_loaded_model_samples_as_the_trained_one(whole):
    loaded = run.load(whole.folder)
    np.testing.assert_array_equal(loaded.sample(range(5)), whole.model.sample(range(5)))
    assert_identical(state(loaded), state(whole.model))
    with h5py.File(whole.folder / "checkpoints/step-00000030.weights.h5") as file:
        assert "generator_optimizer" in file and "discriminator_optimizer" in file


def test_missing_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no run here"):
        run.load(tmp_path / "nowhere")


def test_picture_size_of_model_and_data_must_agree(settings, tmp_path):
    with pytest.raises(ConfigError, match=r"model.image_shape: \[9, 8, 1\], but .* \[8, 8, 1\]"):
        run.train(settings("model.image_shape=[9, 8, 1]"), tmp_path / "run", silent)
    with pytest.raises(ValueError, match="batch_size 5000 is larger than data set 'digits'"):
        run.train(settings("data.batch_size=5000"), tmp_path / "run", silent)
    assert not (tmp_path / "run").exists()


def test_validation_repeats_and_resumes(tmp_path, monkeypatch):
    path = tmp_path / "vae.yaml"
    path.write_text(
        "model: {name: vae, image_shape: [8, 8, 1], latent_dim: 2, hidden: [8]}\n"
        "data: {name: digits, batch_size: 128, binarize: stochastic}\n"
        "fit: {epochs: 2, verbose: 0}\n"
        "run: {validation: test, best: val_negative_elbo, sample_epochs: null}\n"
    )
    settings = config.load(path)
    whole = run.train(settings, tmp_path / "whole", silent)
    assert all(line["val_negative_elbo"] > 0 for line in whole.metrics)
    stop_at(monkeypatch, 13, Stop())
    with pytest.raises(Stop):
        run.train(settings, tmp_path / "run", silent)
    done = run.train(settings, tmp_path / "run", silent)
    assert values(done.folder) == values(whole.folder)
    assert_identical(state(done.model), state(whole.model))


@pytest.mark.slow
def test_the_number_of_devices_may_change_at_a_resume(settings, tmp_path):
    common = ("data.batch_size=120", "fit.steps_per_epoch=4")
    whole = run.train(settings(*common), tmp_path / "whole", silent)
    for epochs, devices in enumerate((2, 3, 1), 1):
        options = (*common, f"run.devices={devices}", f"fit.epochs={epochs}")
        done = run.train(settings(*options), tmp_path / "run", silent, accept_changes=True)
    assert done.step == whole.step == 12
    for one, other in zip(whole.model.weights, done.model.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-4, err_msg=one.path)


@pytest.mark.slow
def test_two_devices_continue_too(settings, tmp_path, monkeypatch):
    options = ("run.devices=2", "fit.epochs=1")
    whole = run.train(settings(*options), tmp_path / "whole", silent)
    stop_at(monkeypatch, 5, Stop())
    with pytest.raises(Stop):
        run.train(settings(*options), tmp_path / "run", silent)
    done = run.train(settings(*options), tmp_path / "run", silent)
    assert_identical(state(done.model), state(whole.model))
    with pytest.raises(ConfigError, match="run.devices: 4 asked for, 3 CPU found"):
        run.train(settings("run.devices=4", "data.batch_size=99"), tmp_path / "three", silent)
    with pytest.raises(ConfigError, match="batch_size: 99 cannot be divided among 2 devices"):
        run.train(settings("run.devices=2", "data.batch_size=99"), tmp_path / "odd", silent)


@pytest.mark.slow
def test_mixed_precision_continues(settings, tmp_path, monkeypatch):
    """With loss scaling, whose state must come back too, and that skips the first steps."""
    precision = "mixed_float16"
    monkeypatch.setattr(optimizers.updating, "FIRST_SCALE", 2.0**34)
    options = settings(f"run.precision={precision}", "fit.epochs=2")
    whole = run.train(options, tmp_path / "whole", silent)
    assert whole.model.generator.dtype_policy.name == precision
    skipped = optimizers.skipped_steps(whole.model.optimizers)
    assert 0 < skipped and whole.step + skipped == 2 * STEPS and whole.epochs == 2
    assert [line["epoch"] for line in lines(tmp_path / "whole")] == [1, 2]
    assert lines(tmp_path / "whole")[-1]["skipped_updates"] >= 2 * skipped
    assert keras.config.dtype_policy().name == "float32"
    stop_at(monkeypatch, 5, Stop())
    with pytest.raises(Stop):
        run.train(options, tmp_path / "run", silent)
    assert_identical(state(run.train(options, tmp_path / "run", silent).model), state(whole.model))
    assert run.train(options, tmp_path / "run", silent).step == whole.step  # It was finished.


def test_gradients_that_overflow_at_every_scale_end_a_run(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(optimizers.updating, "FIRST_SCALE", 2.0**-9)
    monkeypatch.setattr(
        optimizers.LossScaling, "check_finite", lambda self, grads: tf.constant(False)
    )
    options = settings("run.precision=mixed_float16", "compile.run_eagerly=true")
    with pytest.raises(TrainingError, match="step 0: .*loss_scale has fallen.*mixed_bfloat16"):
        run.train(options, tmp_path / "run", silent)


def test_dry_run_writes_nothing(settings, tmp_path):
    loaded = settings()
    before = sorted(tmp_path.rglob("*"))
    plan = run.dry_run(loaded)
    assert plan["steps_per_epoch"] == 10 and plan["steps"] == 30
    assert plan["batch"]["image"] == ["float32", 128, 8, 8, 1]
    assert plan["parameters"]["total"] > 0 and plan["first_step"]["generator_loss"] > 0
    assert sorted(tmp_path.rglob("*")) == before
