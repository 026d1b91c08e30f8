"""How fast every model trains, against what this machine can do.

    python -m benchmarks.train [CONFIG ...] [--set SECTION.KEY=VALUE] [--seconds 5] [--json FILE]

For each config (by default one of each model that needs no download), in a process of its own:
images/s with one batch held in memory and with the real data pipeline, and their ratio; seconds to
the first step; peak memory; and the fraction of the matrix-product rate, measured in the same
process, that the step reaches. The pipeline should cost less than 5 %: a ratio above 0.95.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

CONFIGS = Path(__file__).parent.parent / "configs"
COLUMNS = (
    ("config", "{}"),
    ("batch", "{}"),
    ("memory_images_per_s", "{:.3g}"),
    ("pipeline_images_per_s", "{:.3g}"),
    ("ratio", "{:.2f}"),
    ("first_step_s", "{:.1f}"),
    ("peak_gib", "{:.2f}"),
    ("gflop_per_step", "{:.2f}"),
    ("of_matmul_rate", "{:.2f}"),
)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("configs", nargs="*", help="YAML files; by default one of each model")
    parser.add_argument("--set", action="append", default=[], help="a change to every config")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--json", help="file for the same figures")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.configs[0], arguments.set, arguments.seconds)))
        return
    rows = []
    print("  ".join(name for name, _ in COLUMNS))
    for path in arguments.configs or usual():
        command = [sys.executable, "-m", "benchmarks.train", "--one", str(path)]
        command += ["--seconds", str(arguments.seconds)]
        command += [f"--set={change}" for change in arguments.set]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{path}: {done.stderr.strip().splitlines()[-1]}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print("  ".join(form.format(rows[-1][name]) for name, form in COLUMNS), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


def usual():
    """The first config of each model whose data needs no download."""
    import yaml

    first = {}
    for path in sorted(CONFIGS.glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        if not values["data"]["name"].startswith(("tfds:", "folder:")):
            first.setdefault(values["model"]["name"], path)
    return list(first.values())


def measure(path, changes, seconds):
    """The row of one config with some changes."""
    from tfgen.training import config, experiment

    settings = config.load(path, changes)
    model = experiment.build(settings)
    stream, _ = experiment.batches(settings)
    pipeline = iter(stream.from_step(0))
    held = next(pipeline)

    import tensorflow as tf

    memory = iter(tf.data.Dataset.from_tensors(held).cache().repeat())
    model.make_train_function()
    step = model.train_function
    begun = time.perf_counter()
    step(memory)
    first = time.perf_counter() - begun
    size = settings.data["batch_size"]
    # Interleaved, so that a neighbour's load falls on both.
    fed, real = [], []
    for _ in range(3):
        fed.append(rate(lambda: step(memory), seconds / 3))
        real.append(rate(lambda: step(pipeline), seconds / 3))
    operations = flops(model, held)
    return {
        "config": Path(path).stem,
        "batch": size,
        "memory_images_per_s": max(fed) * size,
        "pipeline_images_per_s": max(real) * size,
        "ratio": max(real) / max(fed),
        "first_step_s": first,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "gflop_per_step": operations / 1e9,
        "of_matmul_rate": operations * max(fed) / matmul_rate(seconds / 3),
    }


def rate(call, seconds):
    """Calls a second, the result of the last one waited for."""
    for _ in range(2):
        result = call()
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        result = call()
        {name: float(value) for name, value in result.items()}
        done += 1
    return done / (time.perf_counter() - begun)


def flops(model, batch):
    """Operations of one training step on this batch."""
    import tensorflow as tf

    from tfgen.training.flops import count

    graph = tf.function(lambda data: model.train_step(data)).get_concrete_function(batch).graph
    return count(graph)


def matmul_rate(seconds):
    """Operations a second of a float32 matrix product of 2,048 sides."""
    import tensorflow as tf

    side = 2048
    a = tf.random.stateless_normal((side, side), (0, 0))
    product = tf.function(lambda: tf.linalg.matmul(a, a))
    product()
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        product().numpy()
        done += 1
    return 2.0 * side**3 * done / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
