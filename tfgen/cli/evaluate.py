"""The commands that measure: evaluate, report and compare. TensorFlow is imported inside them."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def evaluate(arguments: argparse.Namespace):
    """Measures runs; several of them together give intervals over them."""
    from tfgen.cli import trained
    from tfgen.evaluation import combine, of_run, store
    from tfgen.evaluation.chosen import chosen_metrics
    from tfgen.evaluation.measuring import Options, measure
    from tfgen.pictures import samples

    metrics = chosen_metrics(arguments.metrics)
    seeds = samples.seeds(arguments.seeds)
    options = Options(
        arguments.samples,
        seeds,
        _features(arguments),
        arguments.seen,
        arguments.batch_size,
        signature=arguments.signature,
    ).checked()
    reports, shared = [], {}
    for folder in arguments.runs:
        one = trained.subject(folder, arguments.split, arguments.checkpoint)
        report = measure(one, metrics, arguments.metrics is not None, options, shared)
        reports.append(report)
        of_zoo = trained.is_of_zoo(folder)
        path = folder if of_zoo else of_run.keep(report, folder)
        if len(arguments.runs) > 1:
            print(f"{folder}\n{report.table()}\n")
        print(f"{path}: {len(report.figures)} figures\n")
        if of_zoo:
            print("\n".join([*trained.beside_the_card(folder, report), ""]))
    whole = combine.over_models(reports)
    print(whole.table())
    if arguments.json:
        from tfgen import files

        text = json.dumps(whole.as_dict(), indent=1, allow_nan=False) + "\n"
        files.write_text(Path(arguments.json), text)
    if not whole.figures:
        raise ValueError(f"No metric applies to {arguments.runs[0]}; {store.NAME} has no figures.")


def _features(arguments):
    """The feature network that was asked for, by its name where nothing else is said of it."""
    name, layer, pixels = arguments.features, arguments.layer, arguments.range
    if not (arguments.resize or layer or pixels):
        return name
    if not name:
        raise ValueError("--resize, --layer and --range are about --features: give both.")
    from tfgen.metrics import feature_networks

    return feature_networks.load(name, layer, pixels or (-1.0, 1.0), arguments.resize or None)


def _range(text):
    """ "0,255" -> (0.0, 255.0)"""
    low, _, high = text.partition(",")
    found = float(low), float(high)
    if not found[0] < found[1]:
        raise ValueError(text)
    return found


def report(arguments: argparse.Namespace):
    """Writes report.html into the folder of a run."""
    from tfgen.reports import page

    print(page.write(arguments.run, arguments.split, arguments.checkpoint))


def compare(arguments: argparse.Namespace):
    """Shows measured runs side by side: a table, and a figure."""
    from tfgen.reports import compare

    found = compare.figures(arguments.runs)
    print(compare.table(found))
    print(compare.draw(found, arguments.out))


def add(commands: Any, command: Callable) -> None:
    """Adds the commands to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "evaluate", evaluate)
    one.add_argument("runs", metavar="RUN", nargs="+", help="run folders, or zoo:NAME")
    one.add_argument("--metrics", help="such as fid,kid,nll (default: all that apply)")
    one.add_argument("--samples", type=int, default=10_000, help="default: %(default)s")
    one.add_argument("--split", default="test", help="of the run's data (default: %(default)s)")
    one.add_argument(
        "--seeds", default="0", help="sets of samples, such as 0-2 (default: %(default)s)"
    )
    one.add_argument("--features", help="a feature network's name or path (default: what fits)")
    one.add_argument("--resize", action="store_true", help="resize pictures to that network's size")
    one.add_argument("--layer", help="of a Keras file: its output is the features")
    one.add_argument(
        "--range",
        type=_range,
        metavar="LOW,HIGH",
        help="pixels that a network of yours was trained on, such as 0,255 (default: -1,1)",
    )
    one.add_argument("--seen", action="store_true", help="even on pictures that it was trained on")
    one.add_argument(
        "--signature", help="whose pictures are measured, such as generate or draw (default: fits)"
    )
    one.add_argument("--batch-size", type=int, default=100, help="pictures generated at once")
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")
    one.add_argument("--json", metavar="FILE", help="write the figures with their stamps there too")

    one = command(commands, "report", report)
    one.add_argument("run", metavar="RUN", help="a run folder")
    one.add_argument("--split", default="test", help="whose pictures are shown (default: test)")
    one.add_argument("--checkpoint", default="last", help="last, best or a step (default: last)")

    one = command(commands, "compare", compare)
    one.add_argument("runs", metavar="RUN", nargs="+", help="run folders that were evaluated")
    one.add_argument("--out", default="comparison.png", help="the figure (default: %(default)s)")
