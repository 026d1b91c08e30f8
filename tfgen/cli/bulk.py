"""The commands about very many pictures: generate and score. TensorFlow is imported inside them."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgen.cli.trained import HELP


def generate(arguments: argparse.Namespace):
    """Draws the pictures of very many seeds into shards; a restart goes on where it stands."""
    from tqdm import tqdm

    from tfgen import bulk
    from tfgen.bulk import plans
    from tfgen.cli import inputs

    first, last = plans.seeds(arguments.seeds)
    given = inputs.given(arguments.input, arguments.label, 1)
    with tqdm(total=None, desc="Drawing", unit="pictures", disable=None) as bar:
        found = bulk.generate(
            arguments.model,
            arguments.out,
            first=first,
            last=last,
            kind=arguments.format,
            shard_size=arguments.shard_size,
            batch_size=arguments.batch_size,
            signature=arguments.signature,
            given={name: value[0].tolist() for name, value in given.items()},
            checkpoint=arguments.checkpoint,
            part=_part(arguments.part),
            runner=arguments.runner,
            runner_options=arguments.runner_option,
            progress=bar.update,
        )
    if found is None:
        print(f"{arguments.out}: this part is done; others lack")
    else:
        whole = f"{found['pictures']:,} pictures in {len(found['shards']):,} shards"
        print(f"{arguments.out}: {whole}, {Path(arguments.out, plans.MANIFEST)}")


def score(arguments: argparse.Namespace):
    """Frechet and kernel distance of the pictures in shards, however many, and a data set's."""
    import json

    from tfgen import bulk, data

    real = data.source(arguments.data, arguments.split)
    found = bulk.score(
        arguments.shards, real, arguments.features, arguments.runner, arguments.runner_option
    )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    figures = ", ".join(f"{name} {found[name]:.6g}" for name in ("fid", "kid") if name in found)
    print(
        f"{figures}, {found['samples']:,} samples and {found['real']:,} pictures of "
        f"{found['data']} {found['split']}, in features of {found['feature_network']}"
    )


def add(commands: Any, command: Callable) -> None:
    """Adds the commands to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "generate", generate)
    one.add_argument("model", metavar="RUN|EXPORT", help=f"{HELP}, or an export folder")
    one.add_argument("--seeds", required=True, metavar="A-B", help="such as 0-9999999")
    one.add_argument("--out", required=True, metavar="DIR", help="the folder of the shards")
    one.add_argument(
        "--format", default="tfrecord", help="tfrecord, npz or png (default: %(default)s)"
    )
    one.add_argument("--shard-size", type=int, default=10_000, help="seeds (default: %(default)s)")
    one.add_argument("--batch-size", type=int, default=256, help="at once (default: %(default)s)")
    one.add_argument("--signature", help="which served function (default: the first)")
    one.add_argument("--label", help="class of all pictures")
    one.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="any input")
    one.add_argument("--checkpoint", default="last", help="of a run (default: last)")
    one.add_argument(
        "--part",
        default="0/1",
        metavar="K/N",
        help="the K-th of N processes side by side, from 0: every N-th shard (default: all)",
    )
    _runner(one)

    one = command(commands, "score", score)
    one.add_argument("shards", metavar="DIR", help="what `tfgen generate` made")
    one.add_argument("--data", required=True, metavar="NAME", help="a data set")
    one.add_argument("--split", default="test", help="of the data set (default: %(default)s)")
    one.add_argument("--features", help="feature network (default: the shipped one that fits)")
    one.add_argument("--json", metavar="FILE", help="also write the figure with its stamp")
    _runner(one)


def _runner(one):
    one.add_argument("--runner", help="of Apache Beam, such as DirectRunner (default: no Beam)")
    one.add_argument(
        "--runner-option",
        action="append",
        default=[],
        metavar="--OPTION=VALUE",
        help="Beam's own, such as --runner-option=--direct_num_workers=2",
    )


def _part(text):
    number, slash, parts = text.partition("/")
    if not slash or not number.isdigit() or not parts.isdigit():
        raise ValueError(f"--part {text!r}: expected the form 0/2.")
    return int(number), int(parts)
