"""The command about data sets: data pack. TensorFlow is imported inside it."""

import argparse
from collections.abc import Callable
from typing import Any


def data(arguments: argparse.Namespace):
    """Packs a data set into sharded TFRecords, which `tfrecord:DIR` names as a data set."""
    from tfgen import data
    from tfgen.data import tfrecord

    size = arguments.image_size and [int(side) for side in arguments.image_size.split("x")]
    options: dict[str, Any] = {"channels": arguments.channels, "resize": arguments.resize}
    options["image_size"] = tuple(size * 2)[:2] if size else None
    options["data_dir"] = arguments.data_dir
    for split in arguments.splits.split(","):
        source = data.source(arguments.source, split.strip(), **options)
        found = tfrecord.pack(source, arguments.to, min(arguments.shards, source.size))
        print(
            f"{arguments.to}/{source.split}: {found['size']:,} pictures in "
            f"{len(found['shards'])} shards, fingerprint {found['fingerprint'][:12]}"
        )
    print(f"Next: data.name='tfrecord:{arguments.to}' in a config")


def add(commands: Any, command: Callable) -> None:
    """Adds the command to the parser.

    Args:
        commands: What argparse's `add_subparsers` gave.
        command: Function (commands, name, function) -> the parser of one.
    """
    one = command(commands, "data", data)
    one.add_argument("action", choices=["pack"], help="what to do")
    one.add_argument("source", metavar="SOURCE", help="a data set, such as folder:pictures")
    one.add_argument("--to", required=True, metavar="DIR", help="a folder, or gs://bucket/folder")
    one.add_argument("--shards", type=int, default=16, help="files a split (default: %(default)s)")
    one.add_argument("--splits", default="train,test", help="(default: %(default)s)")
    one.add_argument("--image-size", metavar="N|HxW", help="as data.image_size of a config")
    one.add_argument("--channels", type=int, help="as data.channels")
    one.add_argument("--resize", default="crop", help="as data.resize (default: %(default)s)")
    one.add_argument("--data-dir", help="for tfds:, where prepared sets lie")
