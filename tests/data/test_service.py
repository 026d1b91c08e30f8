"""Batches by TensorFlow's data service are those without it."""

import contextlib
import gc
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from tfgen import data
from tfgen.cli import main
from tfgen.data import service


@contextlib.contextmanager
def started(*words):
    """A process of `tfgen data`, and the end of the first line it printed."""
    command = [sys.executable, "-m", "tfgen", "data", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def dispatcher():
    """The address of a dispatcher."""
    with started("dispatcher", "--port", "0") as line:
        yield "localhost:" + re.search(r"on port (\d+)", line)[1]


@pytest.fixture(scope="module")
def address():
    """Of a dispatcher with two workers, each a process."""
    with dispatcher() as place, started("worker", "--dispatcher", place):
        with started("worker", "--dispatcher", place):
            yield f"grpc://{place}"


def same(one, other):
    for a, b in zip(one, other, strict=True):
        assert set(a) == set(b)
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


@pytest.mark.parametrize(
    "options",
    [
        {"flip": True, "crop": 6, "binarize": "stochastic"},
        {"labelled": 100, "labelled_batch_size": 20},
        {"labels": False},
    ],
    ids=["draws", "labelled", "unlabelled"],
)
def test_batches_are_the_same_from_any_step(options, address, monkeypatch):
    monkeypatch.setattr(service, "JOB", 16)  # Several jobs, and epochs that end within one.
    here = data.load("digits", batch_size=64, seed=3, start=5, **options)
    there = data.load("digits", batch_size=64, seed=3, start=5, service=address, **options)
    assert there.element_spec == here.element_spec
    assert there.cardinality() == here.cardinality() == tf.data.INFINITE_CARDINALITY
    assert there.steps_per_epoch == here.steps_per_epoch
    same(here.take(45), there.take(45))
    same(here.from_step(70).take(3), there.from_step(70).take(3))


def test_epochs_and_two_domains_are_the_same(address):
    here = data.load("inverted-digits", batch_size=64, seed=1)
    there = data.load("inverted-digits", batch_size=64, seed=1, service=address)
    assert there.cardinality() == here.cardinality() == here.steps_per_epoch
    for _ in range(2):
        same(here, there)


def test_who_stops_listening_ends_its_job(address):
    def reading():
        return [t for t in threading.enumerate() if t.name == f"batches of {address}"]

    batches = data.load("digits", batch_size=64, start=0, service=address)
    begun = iter(batches)
    next(begun)
    assert reading()
    del begun
    for _ in range(300):
        gc.collect()
        if not reading():
            return
        time.sleep(0.1)
    raise AssertionError("its thread goes on")


def test_a_batch_that_does_not_come_is_named(address):
    def lacking(batches, places):
        arriving = ((tf.constant(k), {"image": k}) for k in places)
        return [batch["image"] for batch in service._in_order(arriving, address, batches)]

    assert lacking(3, [2, 0, 1]) == [0, 1, 2]
    for batches, places in ((3, [1, 0]), (None, [0, 2, 3])):
        with pytest.raises(ConnectionError, match="did not come from grpc://.*[Tt]he same command"):
            lacking(batches, places)
    # An endless stream does not wait for ever.
    with pytest.raises(ConnectionError, match="batch 0 did not come.*1025 later ones"):
        lacking(None, range(1, 10**9))


def test_what_cannot_work_is_refused(address, monkeypatch):
    with pytest.raises(ValueError, match=r"such as 'grpc://localhost:5050'. Received: 'here:1'"):
        data.load("digits", service="here:1")
    with pytest.raises(ConnectionError, match="nothing answers at grpc://localhost:1 .*dispatcher"):
        data.load("digits", service="grpc://localhost:1")
    with pytest.raises(ValueError, match="service needs drop_remainder=True"):
        data.load("digits", "test", service=address)
    monkeypatch.setattr(service, "_TRAVELS", 1000)
    with pytest.raises(
        ValueError, match="the data set has .* MB, and at most .*Leave data.service"
    ):
        data.load("digits", service=address)


@pytest.mark.slow
def test_a_service_without_workers_is_said(monkeypatch):
    monkeypatch.setattr(service, "_PATIENCE", 0.1)
    with dispatcher() as place, contextlib.ExitStack() as late:

        def start_late(text):
            if not said:
                late.enter_context(started("worker", "--dispatcher", place))
            said.append(text)

        said = []
        monkeypatch.setattr(service, "_warn", start_late)
        batches = data.load("digits", batch_size=64, start=0, service=f"grpc://{place}")
        assert next(iter(batches))["image"].shape == (64, 8, 8, 1)
        assert re.search("no batch from grpc.* for 0 s: are there workers", said[0])


@pytest.mark.slow
def test_a_worker_that_is_lost_ends_the_stream(monkeypatch):
    monkeypatch.setattr(service, "_PATIENCE", 2.0)
    monkeypatch.setattr(service, "_END_OF_PATIENCE", 4.0)
    monkeypatch.setattr(service, "_warn", lambda text: None)
    with dispatcher() as place, started("worker", "--dispatcher", place):
        with started("worker", "--dispatcher", place):
            batches = data.load("digits", batch_size=64, start=0, service=f"grpc://{place}")
            begun = iter(batches)
            next(begun)
        with pytest.raises(tf.errors.UnknownError, match="ConnectionError: service: "):
            for _ in range(service.JOB):
                next(begun)


@pytest.mark.trace
@pytest.mark.parametrize("devices", [1, 2])
def test_a_run_has_the_same_weights_and_goes_on_without(devices, address, tmp_path):
    changes = ["fit.epochs=1", "fit.steps_per_epoch=4", "run.sample_epochs=null"]
    changes += [f"run.devices={devices}"]
    drawn = []
    for name, more in (("here", []), ("there", [f"data.service={address}"])):
        run = str(tmp_path / name)
        assert main.main(["train", "vae_digits", "--run", run, *changes, *more]) == 0
        assert main.main(["sample", run, "--seeds", "0-3", "--out", f"{run}.png"]) == 0
        drawn.append((tmp_path / f"{name}.png").read_bytes())
    assert drawn[0] == drawn[1]
    # Who makes the batches is no part of what a run is.
    assert main.main(["train", "vae_digits", "--run", run, *changes, "fit.epochs=2"]) == 0


@pytest.mark.slow
def test_a_run_that_gets_no_batch_ends_with_a_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(service, "_PATIENCE", 1.0)
    monkeypatch.setattr(service, "_END_OF_PATIENCE", 2.0)
    monkeypatch.setattr(service, "_warn", lambda text: None)
    with dispatcher() as place:
        run = ["train", "vae_digits", "--run", str(tmp_path), f"data.service=grpc://{place}"]
        assert main.main(run) == 2
    (said,) = [one for one in capsys.readouterr().err.splitlines() if "service" in one]
    assert re.fullmatch(r"tfgen: service: no batch from grpc.* There was no checkpoint yet\.", said)


def test_a_run_without_a_dispatcher_is_refused(tmp_path, capsys):
    run = ["train", "vae_digits", "--run", str(tmp_path), "data.service=grpc://localhost:1"]
    assert main.main(run) == 2
    assert "tfgen: service: nothing answers at grpc://localhost:1" in capsys.readouterr().err
