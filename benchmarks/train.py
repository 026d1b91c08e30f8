"""How fast every model trains, against what this machine can do.

    python -m benchmarks.train [CONFIG ...] [--set SECTION.KEY=VALUE] [--seconds 5] [--rounds 5]
                               [--plain] [--json FILE]

For each config (by default one of each model that needs no download; with --plain those that have
a peer), in a process of its own: images/s with one batch held in memory and with the real data
pipeline, and their ratio; seconds to the first step; peak memory; and the fraction of the
matrix-product rate, measured in the same process, that the step reaches. The pipeline should cost
less than 5 %: a ratio above 0.95.

With --plain also the same architecture written plainly in Keras (`benchmarks.plain`), on the same
batch in memory: how many times as fast the library is, with the least and the largest ratio of a
round, and the quotient of the two steps' floating-point operations. All figures are medians over
rounds in which everything takes its turn, so that a neighbour's load falls on all alike.
"""

import argparse
import json
import statistics
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
OF_PLAIN = (
    ("of_plain", "{:.2f}"),
    ("least", "{:.2f}"),
    ("largest", "{:.2f}"),
    ("flop_of_plain", "{:.2f}"),
)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("configs", nargs="*", help="YAML files; by default one of each model")
    parser.add_argument("--set", action="append", default=[], help="a change to every config")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="of each measurement, all rounds"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="beside plain Keras")
    parser.add_argument("--json", help="file for the same figures")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.configs[0], arguments)))
        return
    rows, columns = [], COLUMNS + (OF_PLAIN if arguments.plain else ())
    print("  ".join(name for name, _ in columns))
    for path in arguments.configs or (with_a_peer() if arguments.plain else usual()):
        command = [sys.executable, "-m", "benchmarks.train", "--one", str(path)]
        command += ["--seconds", str(arguments.seconds), "--rounds", str(arguments.rounds)]
        command += ["--plain"] if arguments.plain else []
        command += [f"--set={change}" for change in arguments.set]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{path}: {done.stderr.strip().splitlines()[-1]}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print("  ".join(form.format(rows[-1][name]) for name, form in columns), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


def usual():
    """The first config of each model whose data needs no download."""
    import yaml

    first = {}
    for path in sorted(CONFIGS.glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        # Also as a part: "pairs:A=tfds:...".
        if not any(kind in values["data"]["name"] for kind in ("tfds:", "folder:")):
            first.setdefault(values["model"]["name"], path)
    return list(first.values())


def with_a_peer():
    """The configs that `benchmarks.plain` has a peer of."""
    from benchmarks.plain import PEERS

    return [CONFIGS / f"{name}.yaml" for name in PEERS]


def measure(path, arguments):
    """The row of one config with some changes."""
    from tfgen.training import config, experiment, trial

    settings = config.load(path, arguments.set)
    model = experiment.build(settings)
    stream, _ = experiment.batches(settings)
    pipeline = iter(as_fitted(model, stream.from_step(0)))
    held = next(pipeline)

    import tensorflow as tf

    memory = iter(tf.data.Dataset.from_tensors(held).cache().repeat())
    model.make_train_function()
    begun = time.perf_counter()
    model.train_function(memory)
    first = time.perf_counter() - begun
    size = settings.data["batch_size"]
    steps = {
        "memory": lambda: model.train_function(memory),
        "pipeline": lambda: model.train_function(pipeline),
    }
    peer = plain_peer(path, model) if arguments.plain else None
    if peer is not None:
        peer.make_train_function()
        peer.train_function(memory)
        steps["plain"] = lambda: peer.train_function(memory)
    each = {name: [] for name in steps}
    for _ in range(arguments.rounds):
        for name, step in steps.items():
            each[name].append(rate(step, arguments.seconds / arguments.rounds))
    found = {name: statistics.median(values) for name, values in each.items()}
    operations = flops(model, held)
    row = {
        "config": Path(path).stem,
        "batch": size,
        "memory_images_per_s": found["memory"] * size,
        "pipeline_images_per_s": found["pipeline"] * size,
        "ratio": found["pipeline"] / found["memory"],
        "first_step_s": first,
        "peak_gib": trial.peak() / 2**30,
        "gflop_per_step": operations / 1e9,
        "of_matmul_rate": operations * found["memory"] / matmul_rate(arguments.seconds / 3),
    }
    if peer is not None:
        ratios = [a / b for a, b in zip(each["memory"], each["plain"], strict=True)]
        row["of_plain"] = statistics.median(ratios)
        row["least"], row["largest"] = min(ratios), max(ratios)
        row["flop_of_plain"] = operations / flops(peer, held)
    return row


def as_fitted(model, batches):
    """The batches as a step sees them: `fit` turns texts into tokens."""
    return model.texts.stream(batches) if hasattr(model, "texts") else batches


def plain_peer(path, model):
    """The same model in plain Keras."""
    from benchmarks.plain import PEERS

    name = Path(path).stem
    if name not in PEERS:
        sys.exit(f"{path}: benchmarks.plain has no peer of it. It has: {', '.join(PEERS)}.")
    return PEERS[name](model)


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
