"""The command `explore`: the experiments of `tfgen.explore.experiments`, each with its options.

Options are the keyword arguments of the experiment's function, read from its source, so that the
help imports neither TensorFlow nor NumPy.
"""

import argparse
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgen.cli import lab, options, trained
from tfgen.explore.experiments import EXPERIMENTS, WITHOUT_TENSORFLOW

# Arguments that are filled in from a run, or by the command itself.
FROM_RUN = ("model", "models", "train", "test")
OWN = (*FROM_RUN, "progress")


def explore(arguments: argparse.Namespace):
    """Shows what the papers say, with pictures and numbers: one experiment a command."""
    from tqdm import tqdm

    from tfgen.construct import entry

    function = entry(EXPERIMENTS, arguments.experiment)
    given = {k: v for k, v in vars(arguments).items() if k in arguments.accepts}
    given = {k: v for k, v in given.items() if v is not None}
    runs = _runs(arguments)
    out = Path(arguments.out or _place(arguments.experiment, runs))
    begin = time.perf_counter()
    given |= _of_runs(arguments, runs)
    with tqdm(desc=f"explore {arguments.experiment}", unit="", disable=None) as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        explored = function(**given, progress=progress)
    origin = {
        "command": shlex.join(["tfgen", "explore", arguments.experiment, *arguments.parser.given]),
        "runs": runs,
        "seconds": round(time.perf_counter() - begin, 1),
    }
    paths = explored.save(out, origin)
    print(explored.says)
    for path in paths:
        print(path)


def add(commands: Any, command: Callable) -> None:
    """Adds the commands to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    outer = command(commands, "explore", explore)
    experiments = outer.add_subparsers(dest="experiment", required=True, metavar="EXPERIMENT")
    for name, home in EXPERIMENTS.items():
        function = options.read(home)
        one = experiments.add_parser(
            name,
            help=function.first_line,
            description=function.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        wants = [n for n in FROM_RUN if n in function.arguments]
        if wants:
            many = "models" in wants
            free = all(function.arguments[n].optional for n in wants)
            one.add_argument(
                "run",
                metavar="RUN",
                nargs=("*" if free else "+") if many else ("?" if free else None),
                help=f"each {trained.HELP}" if many else trained.HELP,
            )
            one.add_argument(
                "--checkpoint", default="last", help="last, best or a step (default: last)"
            )
        for argument in function.arguments.values():
            if argument.name not in OWN:
                argument.add(one)
        where = f"explore/{name}, in RUN where one is given" if wants else f"explore/{name}"
        one.add_argument("--out", metavar="DIR", help=f"folder of the results (default: {where})")
        one.add_argument(
            "--traceback",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show where an error came from",
        )
        accepts = [n for n in function.arguments if n not in OWN]
        light = name in WITHOUT_TENSORFLOW
        one.set_defaults(parser=one, accepts=accepts, wants=wants, light=light)
    lab.add(experiments)


def _runs(arguments):
    given = getattr(arguments, "run", None) or []
    return [given] if isinstance(given, str) else given


def _place(name, runs):
    """In the folder of a run, where there is one."""
    if len(runs) != 1 or trained.is_of_zoo(runs[0]):
        return Path("explore", name)
    return Path(runs[0], "explore", name)


def _of_runs(arguments, runs):
    """What the experiment asks of a run: its model, and splits of its data."""
    if not runs:
        return {}
    from tfgen import data
    from tfgen.construct import parameters
    from tfgen.explore import examples

    found: dict[str, Any] = {}
    models = {run: trained.load(run, arguments.checkpoint) for run in runs}
    if "models" in arguments.wants:
        found["models"] = models
    if "model" in arguments.wants:
        found["model"] = models[runs[0]]
    accepted = parameters(data.source)
    for split in ("train", "test"):
        if split in arguments.wants:
            settings = trained.config(runs[0])
            source = {k: v for k, v in settings.data.items() if k in accepted}
            # The run's own training split keeps its name, such as "train[:90%]".
            source |= {} if split == "train" else {"split": split}
            form = {k: settings.data.get(k) for k in ("binarize", "crop")}
            found[split] = examples.prepared(data.source(**source), **form, seed=settings.seed)
    return found
