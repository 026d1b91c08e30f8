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
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIGS = Path(__file__).parents[1] / "configs"
CHOSEN = ("vae_mnist5k", "conditionalgan_digits", "wgangp_mnist5k", "pixelcnn_digits")
CHOSEN = (*CHOSEN, "cyclegan_digits")
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
        arguments.json.write_text(json.dumps({"network": network, "rows": rows}, indent=2) + "\n")


def line(row):
    """One row for the eye."""
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
        process = subprocess.Popen(command("train", *training(path, folder, steps)))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            sys.exit(f"{path}: the run ended with {status}.")
        found = second_epoch(folder) / steps
    return {
        "step_said": said["seconds"],
        "step_found": found,
        "peak_said": said["peak_bytes"],
        "peak_found": usage.ru_maxrss * 1024,
    }


def of_processes(path, counts, network, seconds):
    """Rows of so many processes each, the plan of each from the rate of one."""
    from tfgen.training import config
    from tfgen.training.cost import cost

    settings = config.load(path)
    found, rows, rate = cost(settings), [], None
    steps = 20
    for count in [1, *counts]:
        with tempfile.TemporaryDirectory() as folder:
            arguments = training(path, folder, steps)
            if settings.data["batch_size"] % count:
                arguments.append(f"data.batch_size={settings.data['batch_size'] // count * count}")
            started(count, "pinned", *arguments)
            step = second_epoch(folder) / steps
        if rate is None:  # Once more with as many steps as fill the epoch.
            rate, steps = found.step_flop / step, max(10, round(seconds / step))
            continue
        rows.append({"processes": count, "step_found": step})
        if count == 1:
            rate = found.step_flop / step
        share = -(-count // (os.cpu_count() or 1))
        rows[-1]["step_said"] = found.seconds(count, rate / share, *network)
    return rows


def training(path, folder, steps):
    """Arguments of `tfgen train`: two epochs, and nothing in them but steps."""
    settings = [f"fit.epochs=2 fit.steps_per_epoch={steps} fit.verbose=0 run.sample_epochs=null"]
    settings += ["run.checkpoint_epochs=2 run.validation=null run.best=null run.doctor_epochs=null"]
    return [str(path), "--run", f"{folder}/run", *" ".join(settings).split()]


def second_epoch(folder):
    """Seconds of the second epoch of a run."""
    lines = Path(folder, "run", "metrics.jsonl").read_text().splitlines()
    return json.loads(lines[1])["seconds"]


def measured_network():
    """Bytes a second and seconds of a message between two processes of this machine."""
    small, large = json.loads(output("reduce", count=2))
    # Of two, a ring sends a message of half the numbers twice.
    return 4 * LARGE / (large - small), small / 2


def command(*arguments):
    return [sys.executable, "-m", "benchmarks.plan", "--child", *arguments]


def started(count, *arguments, **options):
    from tfgen.training import hosts

    if status := hosts.start(command(*arguments)[1:], count):
        sys.exit(f"{' '.join(arguments)} ended with {status}.")


def output(*arguments, count=1):
    """The last line that a child, or the first of several, has written to its file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "found")
        started(count, *arguments, str(file))
        return file.read_text()


def child(arguments):
    """What a process of its own does: a trial, a training, one on a single core, or sums."""
    what, *rest = arguments
    place = json.loads(os.environ["TF_CONFIG"])["task"]["index"] if what != "train" else 0
    if what in ("pinned", "reduce"):
        os.sched_setaffinity(0, {place % (os.cpu_count() or 1)})
    if what == "trial":
        del os.environ["TF_CONFIG"]
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

        if what == "pinned" and len(json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]) == 1:
            del os.environ["TF_CONFIG"]  # A host alone is a process without a strategy.
        sys.exit(cli.main(["train", *rest]))


def sums():
    """Seconds of a sum over hosts of few numbers and of many, each the least of twenty."""
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
        for _ in range(21):
            begun = time.perf_counter()
            strategy.experimental_local_results(once())[0].numpy()
            times.append(time.perf_counter() - begun)
        found.append(min(times[1:]))
    return found


if __name__ == "__main__":
    main()
