"""Several hosts: which one this is, what is refused, and two that train as one device does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import yaml

import tfgen
from tests.docs.blocks import blocks
from tfgen.construct import ConfigError
from tfgen.training import config as experiments
from tfgen.training import devices, hosts, record, run

MANIFESTS = Path(__file__).parents[2] / "deploy" / "kubernetes"


def config(role="worker", index=0, **cluster):
    return json.dumps({"cluster": cluster, "task": {"type": role, "index": index}})


@pytest.mark.parametrize(
    ("text", "index", "count"),
    [
        (None, 0, 1),
        (json.dumps({"cluster": {}, "task": {}}), 0, 1),
        (config(worker=["a:1", "b:1"]), 0, 2),
        (config(index=1, worker=["a:1", "b:1"]), 1, 2),
        (config(index=1, chief=["a:1"], worker=["b:1", "c:1"]), 2, 3),
        (config(role="chief", chief=["a:1"], worker=["b:1"]), 0, 2),
    ],
)
def test_the_place_is_that_of_the_cluster(text, index, count, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    place = hosts.place()
    assert (place.index, place.count) == (index, count)
    assert place.first == (index == 0) and place.alone == (count == 1)


@pytest.mark.parametrize(
    "text", ["no json", config(index=2, worker=["a:1"]), config(role="ps", worker=["a:1"]), "[1]"]
)
def test_a_tf_config_without_a_place_is_refused(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError, match="TF_CONFIG: names no chief or worker"):
        hosts.place()


def test_a_number_of_devices_of_several_hosts_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config(worker=["a:1", "b:1"]))
    with pytest.raises(ConfigError, match="run.devices: 3 asked for on each of 2 hosts"):
        devices.replicas(3, 12)


def test_when_one_process_ends_badly_the_others_are_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(hosts, "GRACE", 0.5)
    script = tmp_path / "one.py"
    script.write_text(
        "import json, os, sys, time\n"
        "task = json.loads(os.environ['TF_CONFIG'])['task']\n"
        "time.sleep(30 * (task['index'] != 1))\n"
        "sys.exit(7)\n"
    )
    begun = time.monotonic()
    assert hosts.start([str(script)], 3) == 7
    assert time.monotonic() - begun < 20
    script.write_text("import os\nassert os.environ['TF_CONFIG']\n")
    assert hosts.start([str(script)], 2) == 0


def documents():
    return {p.stem: list(yaml.safe_load_all(p.read_text())) for p in MANIFESTS.glob("*.yaml")}


def test_manifests_fit_the_schemas_of_kubernetes():
    validate = pytest.importorskip("kubernetes_validate", reason="needs the extra `test`")
    found = documents()
    assert set(found) == {"generate-job", "tfjob", "train-job"}
    for one in (*found["train-job"], *found["generate-job"]):
        validate.validate(one, "1.37", strict=True)
    (job,) = found["tfjob"]
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "TFJob")
    (worker,) = job["spec"]["tfReplicaSpecs"].values()
    # The operator's own schema is that of its cluster; what it hands on is a pod.
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **worker["template"]}
    pod["spec"] = {**pod["spec"], "restartPolicy": worker["restartPolicy"]}
    validate.validate(pod, "1.37", strict=True)
    assert pod["spec"]["containers"][0]["name"] == "tensorflow"


def test_the_indexed_job_says_where_the_hosts_are(monkeypatch, tmp_path):
    service, job = documents()["train-job"]
    spec = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == spec["subdomain"]
    (container,) = spec["containers"]
    (count,) = (e["value"] for e in container["env"] if e["name"] == "HOSTS")
    assert int(count) == job["spec"]["completions"] == job["spec"]["parallelism"]
    (tmp_path / "tfgen").write_text('#!/bin/sh\necho "$TF_CONFIG"\n')
    (tmp_path / "tfgen").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOSTS": count, "JOB_COMPLETION_INDEX": "1"}
    command = [*container["command"], *container["args"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    monkeypatch.setenv("TF_CONFIG", done.stdout)
    assert hosts.place() == hosts.Place(1, 2)
    addresses = json.loads(done.stdout)["cluster"]["worker"]
    assert addresses[1] == f"{job['metadata']['name']}-1.{service['metadata']['name']}:2222"


KINDS = {
    "gan": "name: gan, latent_dim: 4, generator_hidden: [8], discriminator_hidden: [6], "
    "discriminator_steps: 2",
    "vae": "name: vae, latent_dim: 3, hidden: [8]",
    "dcgan": "name: dcgan, latent_dim: 4, filters: 4, stages: 2",
    "progan": "name: progan, latent_dim: 4, feature_maps: 16, max_feature_maps: 8, "
    "stable_images: [96], fade_images: [96]",
    "pixelcnn": "name: pixelcnn, filters: 8, blocks: 1, head_filters: 4",
    # A pool of two batches: from the third step on it is drawn from.
    "cyclegan": "name: cyclegan, filters: 3, blocks: 1, downsamplings: 0, kernel_size: 3, "
    "discriminator_filters: 3, discriminator_layers: 1, pool_size: 96",
}
DATA = {"pixelcnn": "name: digits, binarize: threshold", "cyclegan": "name: inverted-digits"}
# A bias before a normalisation has no gradient but rounding, and Adam's first steps are signs: by a
# larger epsilon what is rounding stays it.
SMOOTH = "name: adam, learning_rate: 2.0e-4, beta_1: 0.5, epsilon: 1.0e-2"
COMPILE = {
    "cyclegan": f"{{generator_optimizer: {{{SMOOTH}}}, discriminator_optimizer: {{{SMOOTH}}}}}"
}


def written(folder, kind):
    path = folder / f"{kind}.yaml"
    path.write_text(
        f"model: {{{KINDS[kind]}, image_shape: [8, 8, 1]}}\n"
        f"data: {{{DATA.get(kind, 'name: digits')}, batch_size: 48}}\n"
        f"compile: {COMPILE.get(kind, '{}')}\n"
        "fit: {epochs: 2, steps_per_epoch: 4, verbose: 0}\n"
        "run: {sample_epochs: null, checkpoint_steps: 3, doctor_epochs: null}\n"
    )
    return path


def command(path, folder, *more):
    return [sys.executable, "-m", "tfgen", "train", str(path), "--run", str(folder), *more]


def weights(folder):
    (*_, last) = sorted((folder / "checkpoints").glob("step-*.weights.h5"))
    found = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fi":
            found[name] = item[()]

    with h5py.File(last) as file:
        file.visititems(take)
    return last.name, found


def agree(one, other, atol):
    (name, expected), (other_name, found) = weights(one), weights(other)
    assert name == other_name and expected.keys() == found.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=atol, err_msg=key)


SLOW = [pytest.param(kind, 2, marks=pytest.mark.slow) for kind in KINDS if kind != "vae"]
SLOW += [pytest.param(kind, 3, marks=pytest.mark.slow) for kind in ("gan", "vae")]


@pytest.mark.optimised
@pytest.mark.parametrize(("kind", "count"), [("vae", 2), *SLOW])
def test_processes_train_as_one_device(kind, count, tmp_path):
    path = written(tmp_path, kind)
    run.train(experiments.load(path), tmp_path / "one", say=lambda line: None)
    done = subprocess.run(
        command(path, tmp_path / "all", "--workers", str(count)),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    for host in range(2, count + 1):
        said = f"host {host} of {count}: takes its part of each step; the first host writes"
        assert said in done.stdout
    agree(tmp_path / "one", tmp_path / "all", 1e-4)
    lines = (record.lines(tmp_path / name / "metrics.jsonl") for name in ("one", "all"))
    for one, several in zip(*lines, strict=True):
        for key in one.keys() - {"seconds", "images_per_second"}:
            np.testing.assert_allclose(several[key], one[key], rtol=1e-3, err_msg=key)


@pytest.mark.slow
def test_the_script_of_the_documentation_trains_two_processes_alike(tmp_path):
    (block,) = (b for b in blocks("docs/scaling.md") if b.language == "python")
    script, text = tmp_path / "script.py", block.text
    # Adagrad's first step is the gradient's sign, which rounding decides at pixels without ink.
    smooth = "compile(optimizer=keras.optimizers.Adagrad(0.02, initial_accumulator_value=1.0))"
    changes = {
        "import tfgen": "import keras\nimport tfgen",
        "compile()": smooth,
        ", epochs=5, steps_per_epoch=31": ", epochs=1, steps_per_epoch=4",
    }
    for whole, small in changes.items():
        assert text.count(whole) == 1
        text = text.replace(whole, small)
    script.write_text(
        f"{text}\nimport json, os, numpy\n"
        "index = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
        f"numpy.savez(f'{tmp_path}/{{index}}.npz', *model.get_weights())\n"
    )
    assert hosts.start([str(script)], 2) == 0
    model = tfgen.models.VAE(image_shape=(28, 28, 1))
    model.compile(optimizer=keras.optimizers.Adagrad(0.02, initial_accumulator_value=1.0))
    model.fit(tfgen.data.load("mnist-5k", batch_size=128, start=0), steps_per_epoch=4, verbose=0)
    found = [np.load(tmp_path / f"{index}.npz") for index in (0, 1)]
    for n, expected in enumerate(model.get_weights()):
        np.testing.assert_array_equal(found[0][f"arr_{n}"], found[1][f"arr_{n}"])
        np.testing.assert_allclose(found[0][f"arr_{n}"], expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_killed_host_ends_the_other_and_one_alone_goes_on(tmp_path):
    path = written(tmp_path, "vae")
    long = ("fit.epochs=4000", "run.checkpoint_epochs=5")
    addresses = [f"127.0.0.1:{port}" for port in hosts.free_ports(2)]
    pair = [
        subprocess.Popen(
            command(path, tmp_path / "run", *long),
            env={**os.environ, "TF_CONFIG": config(index=index, worker=addresses)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    while not list((tmp_path / "run").glob("checkpoints/step-*")):
        assert all(p.poll() is None for p in pair)
        time.sleep(0.05)
    pair[1].send_signal(signal.SIGKILL)
    begun = time.monotonic()
    _, said = pair[0].communicate(timeout=hosts.GRACE)
    assert time.monotonic() - begun < hosts.GRACE
    pair[1].communicate()
    assert pair[0].returncode == 2
    assert "tfgen: another host is gone. The same command" in said and "Traceback" not in said
    assert "The last good checkpoint is step" in said
    name, _ = weights(tmp_path / "run")
    steps = int(name.partition("-")[2].partition(".")[0])
    for name in ("run", "whole"):  # One alone goes on; another takes all steps by itself.
        epochs = f"fit.epochs={steps // 4 + 2}"
        more = (epochs, "run.checkpoint_epochs=5")
        done = subprocess.run(command(path, tmp_path / name, *more), timeout=120)
        assert done.returncode == 0
    agree(tmp_path / "whole", tmp_path / "run", 1e-3)
