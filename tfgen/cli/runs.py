"""The commands about runs: train, cost, sample, translate, assemble. TensorFlow comes inside."""

import argparse
import math
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgen.cli import catalog
from tfgen.cli.trained import HELP


def train(arguments: argparse.Namespace):
    """Trains the model of a config into a run folder, or goes on with it."""
    if arguments.workers is not None:
        return _several(arguments)
    from tfgen.evaluation import AfterTraining
    from tfgen.training import config, hosts, run

    path = catalog.config_path(arguments.config)
    settings = config.load(path, arguments.overrides)
    folder = arguments.run or str(Path("runs", path.stem))
    if arguments.dry_run:
        outline = _outline(run.dry_run(settings))
        if hosts.place().first:
            print(outline)
        return
    done = run.train(
        settings,
        folder,
        measure=AfterTraining(),
        accept_changes=arguments.accept_changes,
        profile=arguments.profile,
    )
    if not hosts.place().first:
        return
    if done.metrics:
        print(_values(done.metrics[-1]))
    print(f"Next: tfgen sample {shlex.quote(folder)} --seeds 0-63 --out grid.png")


def cost(arguments: argparse.Namespace):
    """Says what a config takes: weights, operations, bytes; with a trial or a rate, hours."""
    from tfgen.training import config, trial
    from tfgen.training import cost as costs

    settings = config.load(catalog.config_path(arguments.config), arguments.overrides)
    network = arguments.bandwidth * 1e9, arguments.latency * 1e-6
    devices = tuple(int(count) for count in arguments.devices.split(","))
    rate = None if arguments.rate is None else arguments.rate * 1e9
    if min(devices) < 1 or min(*network, 1.0 if rate is None else rate) <= 0:
        raise ValueError("--devices, --rate, --bandwidth and --latency must be above 0.")
    if arguments.trial is not None and not 0 < arguments.trial < math.inf:
        raise ValueError(f"--trial {arguments.trial}: expected a number of seconds above 0.")
    taken = trial.take(settings, arguments.trial) if arguments.trial else None
    print("\n".join(costs.lines(costs.cost(settings), devices, rate, *network, taken)))


def _several(arguments):
    """The same command as local processes that train together, each a host to the others."""
    from tfgen.training import hosts

    if arguments.workers < 1 or os.environ.get("TF_CONFIG"):
        raise ValueError(
            f"--workers {arguments.workers}: expected 1 or more, and no TF_CONFIG in the "
            "environment, which says itself where the hosts are."
        )
    command = ["-m", "tfgen", "train", arguments.config, *arguments.overrides]
    command += ["--run", arguments.run] if arguments.run else []
    command += ["--profile", str(arguments.profile)] if arguments.profile else []
    flags = {"--dry-run": arguments.dry_run, "--accept-changes": arguments.accept_changes}
    flags["--traceback"] = arguments.traceback
    status = hosts.start([*command, *(f for f, given in flags.items() if given)], arguments.workers)
    if status:
        raise SystemExit(status)


def sample(arguments: argparse.Namespace):
    """Draws samples from the model of a run."""
    from tqdm import tqdm

    from tfgen.cli import inputs, trained
    from tfgen.pictures import class_grids, samples

    if arguments.scale < 1:
        raise ValueError(f"--scale {arguments.scale}: expected a whole number of 1 or more.")
    chosen = samples.seeds(arguments.seeds)
    given = {
        **trained.inputs(arguments.run, arguments.signature, len(chosen)),
        **inputs.given(arguments.input, arguments.label, len(chosen)),
    }
    name = f"seeds-{arguments.seeds}.png"
    if trained.is_of_zoo(arguments.run):
        out = Path(arguments.out or f"{trained.name(arguments.run)}-{name}")
    else:
        out = Path(arguments.out or Path(arguments.run, "samples", name))
    model = trained.load(arguments.run, arguments.checkpoint)
    with tqdm(total=len(chosen), desc="Sampling", unit="rows", disable=None) as bar:
        images = model.sample(chosen, arguments.signature, progress=bar.update, **given)
    folder = str(arguments.out or "").endswith(("/", os.sep))
    table = model.signatures()
    signature = table[arguments.signature or next(iter(table))]
    classes = class_grids.classes_of(signature, signature.draw(chosen, **given))
    print(samples.save(images, chosen, out, folder, arguments.scale, classes))


def translate(arguments: argparse.Namespace):
    """Translates pictures of your own, with CycleGAN or StarGAN."""
    from tfgen.cli import trained, translate

    model = trained.load(arguments.run, arguments.checkpoint)
    number, failures = translate.translate(model, arguments.input, arguments.to, arguments.out)
    for line in failures:
        print(f"tfgen: warning: left out {line}", file=sys.stderr)
    print(f"{arguments.out}: {number} pictures")


def assemble(arguments: argparse.Namespace):
    """Puts patches of your own together, with PuzzleGAN."""
    from tfgen.cli import assemble, trained
    from tfgen.pictures import grids, samples

    chosen = samples.seeds(arguments.seeds)
    model = trained.load(arguments.run, arguments.checkpoint)
    made, masks = assemble.assemble(model, arguments.patches, chosen)
    folder = arguments.out.endswith(("/", os.sep))
    print(samples.save(made, chosen, Path(arguments.out), folder))
    if arguments.mask:
        # The noise has no part in the mask: all seeds have the same.
        grids.save(Path(arguments.mask), 2.0 * masks[0] - 1.0)
        print(f"{arguments.mask}: where the patches are put")


def add(commands: Any, command: Callable) -> None:
    """Adds the commands to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "train", train)
    one.add_argument(
        "config", metavar="CONFIG", help="a YAML file, or a name of `tfgen list configs`"
    )
    one.add_argument("--run", metavar="DIR", help="the run folder (default: runs/ and its name)")
    one.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="N processes on this machine that train together, to try what several hosts do",
    )
    one.add_argument("--dry-run", action="store_true", help="take one step, write nothing")
    one.add_argument(
        "--profile",
        type=_positive,
        metavar="N",
        help="a TensorBoard profile of N executions, a few after the start",
    )
    one.add_argument(
        "--accept-changes",
        action="store_true",
        help="go on with another rate, batch size or number of devices; run.json notes it",
    )
    one.add_argument(
        "overrides", nargs="*", metavar="section.key=value", help="in place of the file's"
    )

    one = command(commands, "cost", cost)
    one.add_argument("config", metavar="CONFIG", help="as for train")
    one.add_argument(
        "--devices", default="1", metavar="1,2,8", help="that share a batch (default: %(default)s)"
    )
    one.add_argument(
        "--trial",
        type=float,
        metavar="SECONDS",
        help="take steps here for so long, such as 3: their time, rate and memory",
    )
    one.add_argument(
        "--rate", type=float, metavar="GFLOPS", help="what a device reaches (default: the trial's)"
    )
    one.add_argument("--bandwidth", type=float, default=1.0, metavar="GB/S", help="(default: 1)")
    one.add_argument("--latency", type=float, default=50.0, metavar="US", help="(default: 50)")
    one.add_argument(
        "overrides", nargs="*", metavar="section.key=value", help="in place of the file's"
    )

    one = command(commands, "sample", sample)
    one.add_argument("run", metavar="RUN", help=HELP)
    one.add_argument("--seeds", default="0-63", help="such as 0-63 or 3,5,9 (default: 0-63)")
    one.add_argument("--out", help="picture (grid), folder/ (one file a seed) or .npy")
    one.add_argument("--signature", help="which served function (default: the first)")
    one.add_argument(
        "--scale", type=int, default=1, help="enlarge pictures, such as 8 (default: 1)"
    )
    one.add_argument("--label", help="class of all samples, or one each: 0,1,2, or their names")
    one.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="any input")
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")

    one = command(commands, "translate", translate)
    one.add_argument("run", metavar="RUN", help=HELP)
    one.add_argument("--input", required=True, metavar="PICTURES", help="a picture or a folder")
    one.add_argument(
        "--to", required=True, metavar="DOMAIN", help="a, b; a number or a name; or 1,0,1"
    )
    one.add_argument("--out", required=True, metavar="DIR", help="the folder of the results")
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")

    one = command(commands, "assemble", assemble)
    one.add_argument("run", metavar="RUN", help=f"{HELP}, of PuzzleGAN")
    one.add_argument("patches", metavar="PATCH", nargs="+", help="pictures, each one patch")
    one.add_argument("--out", required=True, help="picture (grid), folder/ (one a seed) or .npy")
    one.add_argument("--mask", metavar="FILE", help="a picture of where the patches are put")
    one.add_argument("--seeds", default="0", help="such as 0-3, a picture each (default: 0)")
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")


def _positive(text):
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _outline(plan):
    """A dry run as text."""
    data, numbers = plan["data"], plan["parameters"]
    shape = "x".join(str(side) for side in data["image_shape"])
    lines = [
        f"model       {plan['model']}: " + ", ".join(f"{k} {v:,}" for k, v in numbers.items()),
        f"data        {data['name']}, {data['split']}: {data['size']:,} pictures {shape}, "
        f"fingerprint {data['fingerprint'][:12]}",
        *([f"classes     {_classes(data['class_names'])}"] if data["class_names"] else []),
        *(f"batch       {k}: {v[0]} {tuple(v[1:])}" for k, v in plan["batch"].items()),
        f"steps       {plan['steps_per_epoch']:,} an epoch, {plan['steps']:,} in all",
        f"first step  {_values(plan['first_step'])}",
        *(f"note        {note}" for note in data["notes"]),
    ]
    return "\n".join(lines)


def _classes(names):
    text = ", ".join(f"{number} {name}" for number, name in enumerate(names))
    return text if len(text) <= 200 else f"{text[:197]}..."


def _values(values):
    return ", ".join(f"{k} {v:.6g}" for k, v in values.items() if isinstance(v, int | float))
