"""What `tfgen cost` says beforehand beside what a run then takes, and its plan beside processes.

    python -m benchmarks.plan [CONFIG ...] [--seconds 15] [--json FILE]
    python -m benchmarks.plan --processes 1,2,3 [CONFIG ...]

First form, for each config: the seconds of a step and the peak of memory that a trial of three
seconds gives (`tfgen cost CONFIG --trial 3`, a process of its own), and those of `tfgen train`
for two epochs of so many seconds, the second one timed.

Second form: each process is held to one core, the k-th to core k modulo their number. One process
gives the rate, two processes that do nothing but sum give latency and bandwidth of the loopback
address, and `tfgen.training.cost` plans a step for n processes from these; measured is the second
epoch of `tfgen train` as n hosts. Where n is above the number of cores some share one, and the plan
takes a rate that is as much smaller.
"""

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

CONFIGS = Path(__file__).parents[1] / "configs"
CHOSEN = (
    "vae_mnist5k",
    "conditionalgan_digits",
    "wgangp_mnist5k",
    "pixelcnn_digits",
    "cyclegan_digits",
)
SMALL, LARGE = 256, 4_000_000  # float32 numbers of a sum.


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("configs", nargs="*", default=CHOSEN, help="names or YAML files")
    parser.add_argument("--seconds", type=float, default=15.0, help="of an epoch")
    parser.add_argument("--processes", help="such as 1,2,3")
    parser.add_argument("--json", type=Path, help="file for the same figures")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments.child)
    rows = []
    counts = [int(n) for n in arguments.processes.split(",")] if arguments.processes else None
    network = measured_network() if counts else None
    if network:
        print(f"loopback: {network[0] / 1e9:.2f} GB/s, {network[1] * 1e6:.0f} us a message")
    for name in arguments.configs:
        path = name if Path(name).exists() else CONFIGS / f"{name}.yaml"
        if counts:
            found = of_processes(path, counts, network, arguments.seconds)
        else:
            found = [of_config(path, arguments.seconds)]
        for row in found:
            rows.append({"config": Path(path).stem, **row})
            print(line(rows[-1]), flush=True)
        if arguments.json:
            text = json.dumps({"network": network, "rows": rows}, indent=2)
            arguments.json.write_text(f"{text}\n")


def line(row):
    """A row as text."""
    parts = [f"{row['config']:22}", f"{row['processes']} process(es)" if "processes" in row else ""]
    parts += [f"step {row['step_said'] * 1e3:.1f} ms said, {row['step_found'] * 1e3:.1f} found"]
    parts += [f"({row['step_said'] / row['step_found'] - 1:+.0%})"]
    if "peak_said" in row:
        both = row["peak_said"] / 1e6, row["peak_found"] / 1e6
        parts += [
            f"memory {both[0]:.0f} MB said, {both[1]:.0f} found ({both[0] / both[1] - 1:+.0%})"
        ]
    return " ".join(part for part in parts if part)


def of_config(path, seconds):
    """A trial of a config beside a run of it."""
    said = json.loads(output("trial", str(path)))
    steps = max(10, round(seconds / said["seconds"]))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "peak")
        started(1, "train", str(file), *training(path, folder, steps))
        found, peak = second_epoch(folder) / steps, int(file.read_text())
    return {
        "step_said": said["seconds"],
        "step_found": found,
        "peak_said": said["peak_bytes"],
        "peak_found": peak,
    }


def of_processes(path, counts, network, seconds):
    """Rows of so many processes each, the plan of each from the rate of one."""
    from tfgen.training import config
    from tfgen.training.cost import cost

    settings = config.load(path)
    # One batch for all, that divides among them, and among a GAN's minibatches there.
    whole = math.lcm(*counts) * (settings.model.get("discriminator_steps") or 1)
    batch = f"data.batch_size={-(-settings.data['batch_size'] // whole) * whole}"
    found, rows, rate = cost(config.load(path, [batch])), [], None
    steps = 20
    for count in [1, *counts]:
        with tempfile.TemporaryDirectory() as folder:
            started(count, "pinned", *training(path, folder, steps), batch)
            step = second_epoch(folder) / steps
        if rate is None:  # Once more with as many steps as fill the epoch.
            rate, steps = found.step_flop / step, max(10, round(seconds / step))
            continue
        rows.append({"processes": count, "step_found": step})
        if count == 1:
            rate = found.step_flop / step
        share = -(-count // len(os.sched_getaffinity(0)))
        rows[-1]["step_said"] = found.seconds(count, rate / share, *network)
    return rows


def training(path, folder, steps):
    """Arguments of `tfgen train`: two epochs, and nothing in them but steps."""
    settings = [
        "fit.epochs=2",
        f"fit.steps_per_epoch={steps}",
        "fit.verbose=0",
        "run.sample_epochs=null",
        "run.checkpoint_epochs=2",
        "run.validation=null",
        "run.best=null",
        "run.doctor_epochs=null",
    ]
    return [str(path), "--run", f"{folder}/run", *settings]


def second_epoch(folder):
    """Seconds of the second epoch of a run."""
    lines = Path(folder, "run", "metrics.jsonl").read_text().splitlines()
    return json.loads(lines[1])["seconds"]


def measured_network():
    """Bytes a second and seconds of a message between two processes of this machine."""
    small, large = json.loads(output("reduce", count=2))
    # Of two, a ring sends a message of half the numbers twice.
    return 4 * LARGE / (large - small), small / 2


def started(count, *arguments):
    """So many children that are hosts to each other have done their work."""
    from tfgen.training import hosts

    if status := hosts.start(["-m", "benchmarks.plan", "--child", *arguments], count):
        sys.exit(f"{' '.join(arguments)} ended with {status}.")


def output(*arguments, count=1):
    """What a child, or the first of several, has written to its file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "found")
        started(count, *arguments, str(file))
        return file.read_text()


def child(arguments):
    """What a process of its own does: a trial, a training, one on a single core, or sums."""
    what, *rest = arguments
    told = json.loads(os.environ["TF_CONFIG"])
    place, cores = told["task"]["index"], sorted(os.sched_getaffinity(0))
    if len(told["cluster"]["worker"]) == 1:
        del os.environ["TF_CONFIG"]  # A host alone is a process without a strategy.
    if what in ("pinned", "reduce"):
        os.sched_setaffinity(0, {cores[place % len(cores)]})
    if what == "trial":
        from tfgen.training import config, trial

        path, file = rest
        taken = trial.take(config.load(path))
        found = {"seconds": taken.seconds, "peak_bytes": taken.peak_bytes}
        Path(file).write_text(json.dumps(found))
    elif what == "reduce":
        found = sums()
        if place == 0:
            Path(rest[0]).write_text(json.dumps(found))
    else:
        from tfgen.cli import main as cli
        from tfgen.training.trial import peak

        file = rest.pop(0) if what == "train" else None
        status = cli.main(["train", *rest])
        if file:
            Path(file).write_text(str(peak()))
        sys.exit(status)


def sums():
    """Seconds of a sum over hosts of few numbers and of many, medians of forty."""
    import tensorflow as tf

    from tfgen.training import hosts

    strategy = hosts.strategy()
    found = []
    for size in (SMALL, LARGE):

        @tf.function
        def once(size=size):
            def one():
                return tf.distribute.get_replica_context().all_reduce("sum", tf.ones([size]))

            return strategy.run(one)

        times = []
        for _ in range(41):
            begun = time.perf_counter()
            strategy.experimental_local_results(once())[0].numpy()
            times.append(time.perf_counter() - begun)
        found.append(statistics.median(times[1:]))
    return found


if __name__ == "__main__":
    main()
